// The examples in documents, checked by the compiler as their readers write them: strictly, against the types of the
// package. An example continues those before it in its document.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "streams-examples-"));
try {
  const modules = join(folder, "node_modules");
  mkdirSync(modules);
  symlinkSync(join(root, "streams-wasm"), join(modules, "streams-core"));
  symlinkSync(join(root, "streams-wasm/node_modules/@types"), join(modules, "@types"));
  const documents = [join(root, "streams-wasm/README.md"), ...readdirSync(join(root, "docs")).map((file) => join(root, "docs", file))];
  let count = 0;
  for (const document of documents.filter((file) => file.endsWith(".md"))) {
    const text = readFileSync(document, "utf8");
    const examples = [...text.matchAll(/^```(?:js|ts)\n(.*?)^```/gms)].map(([, code]) => code);
    if (!examples.length) continue;
    count += examples.length;
    // An import stands once, however many examples have it.
    const imports = new Set();
    const body = examples.join("\n").replace(/^import .*?;$/gms, (line) => (imports.add(line), ""));
    writeFileSync(join(folder, `example${count}.mts`), [...imports, body].join("\n"));
  }
  const options = {
    compilerOptions: { strict: true, noEmit: true, target: "es2023", module: "nodenext", lib: ["es2023", "esnext.disposable", "dom", "dom.iterable", "dom.asynciterable"], types: ["node"], skipLibCheck: false },
    include: ["*.mts"],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(options));
  if (!count) throw new Error("no example was found");
  execFileSync(join(root, "streams-wasm/node_modules/.bin/tsc"), ["-p", folder], { stdio: "inherit" });
  console.log(`ok: ${count} examples are as strict as their readers`);
} finally {
  rmSync(folder, { recursive: true });
}
