// Node, Deno and Bun.

import { readFile } from "node:fs/promises";
import { findBy } from "./core.js";

findBy(async () => new Uint8Array(await readFile(new URL("./streams.wasm", import.meta.url))));

export * from "./index.js";
export { FileStore } from "./file.js";
