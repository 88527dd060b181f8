// What is loaded does not grow unnoticed: in bytes with brotli, the WebAssembly and the face together. What grows for a
// reason raises its bound here.
import { readFile } from "node:fs/promises";

const BOUNDS = { streams: 294_000, verify: 118_000 };

const sizes = JSON.parse(await readFile(new URL("../dist/sizes.json", import.meta.url), "utf8"));
for (const [name, bound] of Object.entries(BOUNDS)) {
  const { together } = sizes[name];
  if (together > bound) {
    console.error(`${name} weighs ${together} bytes, above its bound of ${bound}`);
    process.exitCode = 1;
  }
}
