// The page in a browser, over a store that `streams` fills and changes meanwhile. STREAMS_PICTURE=FILE keeps its picture.
import assert from "node:assert/strict"
import { execFileSync, spawn } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { after, before, test } from "node:test"
import { fileURLToPath } from "node:url"
import { browser } from "../../../streams-wasm/tests/browser/browser.mjs"

const target = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL("../../../target", import.meta.url))
const binary = process.env.STREAMS_CLI ?? join(target, "debug/streams")
const folder = mkdtempSync(join(tmpdir(), "streams-skin-"))
const env = { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder, STREAMS_PASSPHRASE: "of a test" }
const streams = (...args) => execFileSync(binary, args, { env, cwd: folder, encoding: "utf8" })

const notes = {
  "analytical-engine.md": "# The Analytical Engine\n\nIt weaves algebraical patterns just as the Jacquard loom weaves flowers and leaves. It has no pretensions to originate anything; it can do whatever we know how to order it to perform.",
  "bernoulli.md": "# Numbers of Bernoulli\n\nA table of how the engine would compute them: operation by operation, which variables are acted upon, and which receive the results.",
  "cards.md": "# Cards\n\nOne set for the operations, another for the variables. The order of the cards is the order of the work; a group of them may be backed, and used again.",
  "markup.md": "<img src=x onerror=\"document.title='owned'\"> is text, and <b>not bold</b>.",
}
let [server, at, chromium] = []

before(async () => {
  if (!existsSync(binary)) throw new Error("no `streams`: `cargo build -p streams-cli`, or say where it is in STREAMS_CLI")
  mkdirSync(join(folder, "notes"))
  for (const [name, text] of Object.entries(notes)) writeFileSync(join(folder, "notes", name), text)
  streams("stream", "create", "notes", "--person", "ada", "--from", "notes", "--to", "attic", "--title", "Notes on engines", "--description", "What I write down while I build.", "--now")
  streams("stream", "create", "letters", "--owner", "ada", "--title", "Letters")
  streams("stream", "write", "letters", "--title", "To Mr. Babbage", "--text", "I want to put in something about Bernoulli's numbers, in one of my notes, as an example of how an implicit function may be worked out by the engine.")
  server = spawn(binary, ["skin", "serve", "--listen", "127.0.0.1:0", "--json"], { env, cwd: folder, stdio: ["ignore", "pipe", "inherit"] })
  const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]()
  at = JSON.parse((await lines.next()).value).listening
  assert.equal(JSON.parse((await lines.next()).value).items, 5)
  chromium = await browser()
})

after(async () => {
  await chromium?.close()
  server?.kill()
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
})

const titles = (page) => page.$$eval("#found .title", (titles) => titles.map((title) => title.textContent))
const found = (page, count) => page.waitForFunction((count) => document.querySelectorAll("#found > li").length === count, count)

test("what is typed is searched, an item is shown with its proof, and the address leads there again", async () => {
  const page = await chromium.tab(at)
  await found(page, 5)
  assert.equal(await page.title(), "Search", "what is text stays text")
  await page.locator("#words").pressSequentially("bern num")
  await found(page, 2)
  assert.deepEqual(await page.$$eval("#found mark", (marks) => [...new Set(marks.map((mark) => mark.textContent.toLowerCase()))].sort()), ["bernoulli", "numbers"])
  if (process.env.STREAMS_PICTURE) {
    await page.setViewportSize({ width: 1120, height: 460 })
    await page.locator("#words").fill("engin")
    await found(page, 3)
    await page.screenshot({ path: process.env.STREAMS_PICTURE })
    await page.locator("#words").fill("bern num")
    await found(page, 2)
  }
  await page.locator("#found a", { hasText: "bernoulli.md" }).click()
  const dialog = page.locator("dialog[open]")
  await dialog.waitFor()
  const text = await dialog.textContent()
  for (const part of ["Numbers of Bernoulli", "bafyr4i", "z6Mk", "it counts", "not yet: no checkpoint has it", "attic"]) assert.ok(text.includes(part), part)
  const again = await chromium.tab(page.url())
  await again.locator("dialog[open]").waitFor()
  await again.keyboard.press("Escape")
  await again.waitForFunction(() => !location.hash.includes("item="))
  await found(again, 2)
  await again.fill("#words", "nothing has this")
  await again.locator("#nothing").waitFor()
})

test("a stream is shown with its sources and copies; what comes, edits and hides is seen without asking", async () => {
  const page = await chromium.tab(at)
  await page.locator("#streams a", { hasText: "Notes on engines" }).click()
  await found(page, 4)
  const card = await page.locator("#stream").textContent()
  for (const part of ["Notes on engines", "of ada", "folder:", "attic", "objects in"]) assert.ok(card.includes(part), `${part} in ${card}`)
  writeFileSync(join(folder, "notes", "cards.md"), "# Cards, again\n\nNow in another order.")
  writeFileSync(join(folder, "notes", "new.md"), "# A new thought")
  streams("archiver", "run", "--once", "--again", "--json", "--log", "off")
  await found(page, 5)
  await page.fill("#words", "another order")
  await found(page, 1)
  // Another stream is searched for the same words.
  await page.locator("#streams a", { hasText: "Letters" }).click()
  await page.locator("#nothing", { hasText: "another order" }).waitFor()
  await page.goBack()
  await found(page, 1)
  await page.fill("#words", "backed")
  await page.locator("#nothing").waitFor()
  streams("stream", "create", "later", "--owner", "ada", "--title", "Later")
  await page.locator("#streams a", { hasText: "Later" }).waitFor()
})

test("on a narrow page, in the dark, by the keyboard", async () => {
  const page = await chromium.tab(at)
  await page.setViewportSize({ width: 380, height: 700 })
  await page.emulateMedia({ colorScheme: "dark" })
  await page.waitForSelector("#found > li")
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing is beside the page")
  await page.locator("#found a").first().focus()
  await page.keyboard.press("/")
  assert.equal(await page.evaluate(() => document.activeElement.id), "words")
  await page.keyboard.type("loom")
  await found(page, 1)
  await page.keyboard.press("Tab")
  await page.keyboard.press("Tab")
  assert.deepEqual(await titles(page), ["analytical-engine.md"])
})
