// docs/javascript.md, done as it says: the two files it gives, in Vite, in two tabs; and then every example behind them.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { createServer } from "vite";
import { browser } from "./browser.mjs";
import { peer } from "./peer.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const text = readFileSync(here("../../../docs/javascript.md"), "utf8");
const blocks = (language) => [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "gms"))].map(([, code]) => code);

let [folder, vite, chromium] = [];
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "streams-document-"));
  const installed = join(folder, "node_modules/streams-core");
  mkdirSync(installed, { recursive: true });
  for (const file of ["package.json", "dist"]) cpSync(here(`../../${file}`), join(installed, file), { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }');
  vite = await createServer({ root: folder, configFile: false, logLevel: "warn", server: { port: 0, host: "127.0.0.1", hmr: false } });
  await vite.listen();
  chromium = await browser();
});
after(async () => {
  await chromium?.close();
  await vite?.close();
  rmSync(folder, { recursive: true });
});

const at = () => `http://127.0.0.1:${vite.httpServer.address().port}/`;
const items = (page, count) => page.waitForFunction((count) => document.querySelectorAll("li").length === count, count);
const shown = (page) => page.$$eval("li", (items) => items.map((item) => item.textContent));

test("two tabs in sync", async () => {
  const [html, main] = [blocks("html")[0], blocks("ts")[0]];
  writeFileSync(join(folder, "index.html"), html);
  writeFileSync(join(folder, "main.ts"), main);
  const one = await chromium.tab(at());
  await one.waitForFunction(() => location.hash);
  const other = await chromium.tab(one.url());
  const write = async (page, item) => {
    await page.fill("input", item);
    await page.press("input", "Enter");
  };
  await write(one, "milk");
  await items(other, 1);
  await write(other, "<b>rice</b>");
  await items(one, 2);
  assert.deepEqual(await shown(one), await shown(other));
  await Promise.all([write(one, "bread"), write(other, "salt")]);
  for (const page of [one, other]) await items(page, 4);
  assert.deepEqual(await shown(one), await shown(other));
  await one.close();
  await other.close();
});

test("every example runs, each behind those before it", async () => {
  const program = await peer();
  try {
    const server = await program.serve("--take-all");
    const examples = blocks("ts").filter((code) => !code.includes("FileStore"));
    const imports = new Set();
    const body = examples.join("\n").replaceAll("ws://127.0.0.1:7701/", server).replace(/^import .*?;$/gms, (line) => (imports.add(line), ""));
    writeFileSync(join(folder, "all.ts"), [...imports, body, "leaving.abort();", 'document.title = "done";'].join("\n"));
    writeFileSync(join(folder, "all.html"), blocks("html")[0].replace("main.ts", "all.ts"));
    const page = await chromium.context.newPage();
    const [said, failed] = [[], []];
    page.on("console", (message) => said.push(message.text()));
    page.on("pageerror", (error) => failed.push(error));
    await page.goto(`${at()}all.html`);
    await page.waitForFunction(() => document.title === "done", undefined, { timeout: 20_000 }).catch((error) => assert.fail(`${error}: ${failed} ${said.join("\n")}`));
    assert.deepEqual(failed, []);
    for (const line of ["true allowed", "ask to be invited", "5 objects, 0 damaged places"]) assert.ok(said.includes(line), `${line}: ${said.join("\n")}`);
    assert.equal((await program.streams("log", "--store", program.store, "--json")).trim().split("\n").length >= 2, true, "the server has it");
    await page.close();
  } finally {
    await program.close();
  }
});

test("the store in a file, in Node", () => {
  const [code] = blocks("ts").filter((code) => code.includes("FileStore"));
  writeFileSync(join(folder, "file.mjs"), `import { Node, init } from "streams-core";\n${code.replace("\n\n", "\n\nawait init();\n")}`);
  assert.equal(execFileSync("node", ["file.mjs"], { cwd: folder, encoding: "utf8" }).trim(), "[]");
});
