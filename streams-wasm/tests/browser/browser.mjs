// Debian's Chromium, driven by playwright-core: no browser is downloaded.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { answer, serve } from "../../../examples/browser/serve.mjs";

const executablePath = [process.env.STREAMS_CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  (path) => path && existsSync(path),
);

/** Files of a test, and the page's own behind them. A file is a URL, or a page or a script that is written out. */
const answers = (files) => async (request, response) => {
  const file = files[request.url];
  if (file === undefined) return answer(request, response);
  const type = request.url.endsWith(".html") ? "text/html" : request.url.endsWith(".json") ? "application/json" : "text/javascript";
  response.writeHead(200, { "content-type": type });
  response.end(file instanceof URL ? await readFile(file) : file);
};

/** A browser with a profile of its own, and the page's server. What is open is closed by `close`. */
export async function browser(options = {}) {
  if (!executablePath) throw new Error("no chromium: `apt-get install chromium`, or say where it is in STREAMS_CHROMIUM");
  const folder = await mkdtemp(join(tmpdir(), "streams-browser-"));
  // Chromium refuses its sandbox to root; what it opens here is our own pages alone.
  const args = ["--no-sandbox", "--disable-dev-shm-usage", ...(options.args ?? [])];
  const context = await chromium.launchPersistentContext(folder, { executablePath, args, viewport: { width: 1200, height: 900 }, ...options.context });
  const server = await serve(0, answers(options.files ?? {}));
  const at = `http://127.0.0.1:${server.address().port}`;
  return {
    context,
    at,
    /** A new tab; an error in it that nobody catches fails the test. */
    async tab(path = "/") {
      const page = await context.newPage();
      page.on("pageerror", (error) => {
        throw error;
      });
      await page.goto(new URL(path, at).href);
      return page;
    },
    async close() {
      await context.close();
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/**
 * Counts the tasks of a page's own thread from now on; the answer ends it, and tells how many milliseconds of the processor
 * each long one took. (By the clock, tasks are as long as the machine is busy with something else.)
 */
export async function tasks(page) {
  const session = await page.context().newCDPSession(page);
  const [names, long] = [new Map(), []];
  session.on("Tracing.dataCollected", ({ value }) => {
    for (const { name, pid, tid, tdur, args } of value) {
      if (name === "thread_name") names.set(`${pid} ${tid}`, args.name);
      else if (tdur > 10_000 && name.endsWith("RunTask")) long.push({ thread: `${pid} ${tid}`, took: tdur / 1000 });
    }
  });
  await session.send("Tracing.start", { transferMode: "ReportEvents", traceConfig: { includedCategories: ["toplevel", "__metadata"] } });
  return async () => {
    const complete = new Promise((done) => session.once("Tracing.tracingComplete", done));
    await session.send("Tracing.end");
    await complete;
    return long.filter(({ thread }) => names.get(thread) === "CrRendererMain").map(({ took }) => took);
  };
}
