// Makes the package's modules from the face and the glue, one for each place where they run; and tells what they weigh.
import { build } from "esbuild";
import { copyFile, readFile, readdir, writeFile } from "node:fs/promises";
import { brotliCompressSync, constants } from "node:zlib";

/** How each place finds the WebAssembly beside the module. */
const FIND = {
  browser: (name) => `() => new URL("./${name}.wasm", import.meta.url)`,
  node: (name) => `async () => new Uint8Array(await (await import("node:fs/promises")).readFile(new URL("./${name}.wasm", import.meta.url)))`,
  workerd: () => "() => wasm",
};

/** One module: the face, told how it finds its WebAssembly. */
async function module(name, place, format = "esm") {
  const face = place === "node" && name === "streams" ? "index.node" : name === "streams" ? "index" : name;
  const out = `dist/${name}${place === "browser" ? "" : `.${place}`}.${format === "cjs" ? "cjs" : "js"}`;
  const imported = place === "workerd" ? `import wasm from "./${name}.wasm";\n` : "";
  await build({
    stdin: {
      contents: `${imported}import { findBy } from "./ts/core.ts";\nfindBy(${FIND[place](name)});\nexport * from "./ts/${face}.ts";\n`,
      resolveDir: ".",
    },
    outfile: out,
    bundle: true,
    minify: true,
    target: "es2022",
    format,
    platform: place === "node" ? "node" : "browser",
    external: place === "workerd" ? ["./*.wasm"] : [],
    alias: { "#instance": `./glue/${name}/instance.js` },
    legalComments: "none",
    logLevel: "warning",
    ...(format === "cjs" && {
      define: { "import.meta.url": "here" },
      banner: { js: 'const here = require("node:url").pathToFileURL(__filename).href;' },
    }),
  });
  return out;
}

for (const name of ["streams", "verify"]) {
  await module(name, "browser");
  await module(name, "workerd");
  await module(name, "node");
  await module(name, "node", "cjs");
}
await build({ entryPoints: ["ts/oh1.ts"], outdir: "dist", bundle: true, minify: true, target: "es2022", format: "esm", platform: "neutral", logLevel: "warning" });

/** What a file weighs on its way to a browser. */
async function weight(file) {
  const bytes = await readFile(file);
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  return brotliCompressSync(bytes, { params }).length;
}
const sizes = {};
for (const name of ["streams", "verify"]) {
  const [wasm, face] = [await weight(`dist/${name}.wasm`), await weight(`dist/${name}.js`)];
  sizes[name] = { wasm, face, together: wasm + face };
}
await writeFile("dist/sizes.json", JSON.stringify(sizes, null, 2) + "\n");
for (const [name, { wasm, face, together }] of Object.entries(sizes)) {
  const kB = (bytes) => (bytes / 1000).toFixed(1);
  console.log(`${name}: ${kB(together)} kB with brotli (the WebAssembly ${kB(wasm)}, the face ${kB(face)})`);
}

// The types name the glue as a neighbour.
await copyFile("glue/streams/core.d.ts", "dist/types/glue.d.ts");
for (const file of await readdir("dist/types")) {
  const text = await readFile(`dist/types/${file}`, "utf8");
  if (text.includes('"#glue"')) await writeFile(`dist/types/${file}`, text.replaceAll('"#glue"', '"./glue.js"'));
}
