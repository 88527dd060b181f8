// Node, Deno and Bun have a file store too.

export * from "./index.js";
export { FileStore } from "./file.js";
