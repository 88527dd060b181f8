// Serves the page to this machine: its files, and the package beside them. Any server of files does the same.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, normalize } from "node:path";

const TYPES = { ".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript", ".wasm": "application/wasm", ".svg": "image/svg+xml" };
const here = new URL("./", import.meta.url);
const installed = new URL("./node_modules/streams-core/dist/", here);
const built = new URL("../../streams-wasm/dist/", here);

/** Answers one request. */
export async function answer(request, response) {
  const path = normalize(new URL(request.url ?? "/", "http://host").pathname).slice(1) || "index.html";
  const places = path.startsWith("streams-core/")
    ? [installed, built].map((folder) => new URL(`./${path.slice("streams-core/".length)}`, folder))
    : [new URL(`./${path}`, here)];
  for (const place of places) {
    try {
      const body = await readFile(place);
      response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "application/octet-stream", "cache-control": "no-cache" });
      response.end(body);
      return;
    } catch {
      // The next place, then.
    }
  }
  response.writeHead(404).end();
}

/** A server for this machine alone; port 0 is any that is free. */
export function serve(port = 0, answers = answer) {
  const server = createServer(answers);
  return new Promise((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", () => resolve(server)));
}

if (import.meta.filename === process.argv[1]) {
  const server = await serve(Number(process.env.PORT ?? 8080));
  console.log(`http://127.0.0.1:${server.address().port}/`);
}
