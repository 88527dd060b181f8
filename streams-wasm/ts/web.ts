// Browsers, workers, and whatever bundles for them.

import { findBy } from "./core.js";

findBy(() => new URL("./streams.wasm", import.meta.url));

export * from "./index.js";
