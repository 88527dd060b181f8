// Installs the package as npm makes it, builds it in each of the usual ways, and runs what was built:
// `node packages.mjs [CHROMIUM]`. In Node as a module and as CommonJS; in Deno; in workerd, which is what Cloudflare's
// workers run on; in a browser from Vite, from esbuild, and as it is.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build as bundle } from "esbuild";
import { chromium } from "playwright-core";
import { build as vite } from "vite";

const here = fileURLToPath(new URL(".", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "streams-packages-"));
const run = (program, ...args) => execFileSync(program, args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();

/** Serves a folder to this machine alone. */
async function serve(root) {
  const types = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };
  const server = createServer((request, response) => {
    const path = new URL(request.url, "http://localhost").pathname;
    try {
      const body = readFileSync(join(root, path === "/" ? "index.html" : path));
      response.writeHead(200, { "content-type": types[extname(path)] ?? "text/html" }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return server;
}

const tool = (name) => join(here, "../../node_modules/.bin", name);

/** A worker that answers to this machine alone. */
const WORKER = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [
    (name = "worker.mjs", esModule = embed "worker.mjs"),
    (name = "streams.wasm", wasm = embed "streams.wasm"),
  ],
  compatibilityDate = "2026-01-01",
);
`;

const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: process.argv[2] ?? "/usr/bin/chromium", args: flags });

/** Opens the page of a folder, and waits for what it says. */
async function open(root) {
  const server = await serve(root);
  const page = await browser.newPage();
  try {
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    await page.waitForFunction(() => document.title !== "not yet", undefined, { timeout: 20_000 });
    return await page.title();
  } finally {
    await page.close();
    server.close();
  }
}

const ways = {
  "Node, as a module": () => run("node", "main.mjs"),
  "Node, as CommonJS": () => run("node", "main.cjs"),
  "Node, as CommonJS without modules that can be required": () => run("node", "--no-experimental-require-module", "main.cjs"),
  Deno: () => run(tool("deno"), "run", "--allow-read", "--no-remote", "--node-modules-dir=manual", "main.mjs"),
  async workerd() {
    // Its packager leaves the WebAssembly as a module beside the worker.
    const out = join(folder, "workerd");
    await bundle({ entryPoints: [join(folder, "worker.mjs")], bundle: true, format: "esm", conditions: ["workerd"], external: ["*.wasm"], outdir: out, outExtension: { ".js": ".mjs" }, logLevel: "warning" });
    cpSync(join(folder, "node_modules/streams-core/dist/streams.wasm"), join(out, "streams.wasm"));
    writeFileSync(join(out, "config.capnp"), WORKER);
    const worker = spawn(tool("workerd"), ["serve", join(out, "config.capnp"), "--control-fd=3"], { stdio: ["ignore", "inherit", "inherit", "pipe"] });
    try {
      const [said] = await once(worker.stdio[3], "data");
      const { port } = JSON.parse(String(said));
      return await (await fetch(`http://127.0.0.1:${port}/`)).text();
    } finally {
      worker.kill();
    }
  },
  async Vite() {
    await vite({ root: folder, logLevel: "warn", build: { outDir: "vite", target: "es2022" } });
    return open(join(folder, "vite"));
  },
  async esbuild() {
    const out = join(folder, "esbuild");
    await bundle({ entryPoints: [join(folder, "main.mjs")], bundle: true, format: "esm", outfile: join(out, "main.mjs"), logLevel: "warning" });
    // esbuild leaves the address of the WebAssembly as it is: it stands beside the bundle.
    cpSync(join(folder, "node_modules/streams-core/dist/streams.wasm"), join(out, "streams.wasm"));
    cpSync(join(folder, "index.html"), join(out, "index.html"));
    return open(out);
  },
  async "a plain module script"() {
    const out = join(folder, "plain");
    mkdirSync(out);
    for (const file of ["streams.js", "streams.wasm"]) cpSync(join(folder, "node_modules/streams-core/dist", file), join(out, file));
    writeFileSync(join(out, "main.mjs"), readFileSync(join(folder, "main.mjs"), "utf8").replace('"streams-core"', '"./streams.js"'));
    cpSync(join(folder, "index.html"), join(out, "index.html"));
    return open(out);
  },
};

try {
  for (const file of ["main.mjs", "worker.mjs", "main.cjs", "index.html"]) cpSync(join(here, file), join(folder, file));
  writeFileSync(join(folder, "package.json"), '{ "private": true }');
  const [{ filename }] = JSON.parse(run("npm", "pack", join(here, "../.."), "--json", "--silent"));
  run("npm", "install", "--no-audit", "--no-fund", "--loglevel=error", "--offline", filename);
  for (const [way, build] of Object.entries(ways)) {
    assert.equal(await build(), "2 objects", way);
    console.log(`ok: ${way}`);
  }
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}
