// Makes the package's modules from the face and the glue: `node pack.mjs`.
import { build } from "esbuild";
import { readFile, writeFile } from "node:fs/promises";

const common = {
  bundle: true,
  minify: true,
  target: "es2022",
  alias: { "#glue": "./dist/glue/core.js" },
  legalComments: "none",
  logLevel: "warning",
};
await build({ ...common, entryPoints: { web: "ts/web.ts" }, format: "esm", outdir: "dist", platform: "browser" });
await build({ ...common, entryPoints: { node: "ts/node-entry.ts" }, format: "esm", outdir: "dist", platform: "node" });
await build({
  ...common,
  entryPoints: { node: "ts/node-entry.ts" },
  format: "cjs",
  outdir: "dist",
  outExtension: { ".js": ".cjs" },
  platform: "node",
  define: { "import.meta.url": "here" },
  banner: { js: 'const here = require("node:url").pathToFileURL(__filename).href;' },
});
