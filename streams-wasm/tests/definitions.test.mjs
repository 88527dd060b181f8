// Types made of a definition: what other languages wrote is read, and written again as it was.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { authenticate, encode, fromJson, init, objectId } from "streams-core";

const wasm = fileURLToPath(new URL("..", import.meta.url));
const definitions = join(wasm, "../streams-core/tests/definitions");
const tool = (name, args) => execFileSync(join(wasm, "node_modules/.bin", name), args, { stdio: "inherit" });
let folder, types;
before(async () => {
  await init();
  folder = mkdtempSync(join(tmpdir(), "streams-definitions-"));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(wasm, join(folder, "node_modules/streams-core"));
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  copyFileSync(join(definitions, "everything.ts"), join(folder, "everything.ts"));
  symlinkSync(join(wasm, "node_modules/@types"), join(folder, "node_modules/@types"));
  const compilerOptions = {
    strict: true, noUnusedLocals: true, exactOptionalPropertyTypes: true, target: "es2023", module: "nodenext",
    lib: ["es2023", "esnext.disposable", "dom", "dom.iterable", "dom.asynciterable"], types: ["node"], outDir: "out", rootDir: ".",
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["everything.ts"] }));
  tool("tsc", ["-p", folder]);
  types = await import(pathToFileURL(join(folder, "out/everything.js")));
});
after(() => rmSync(folder, { recursive: true }));

const NAMES = { Created: "EverythingCreated", Said: "EverythingSaid", Odd: "EverythingOdd", Tag: "Tag" };

test("what is written is read and written again", () => {
  const cases = JSON.parse(readFileSync(join(definitions, "objects.json"), "utf8"));
  for (const { type, object, data } of cases) {
    const name = NAMES[type.split(".").at(-1)];
    const read = authenticate(fromJson(JSON.stringify(object))).data;
    assert.ok(types[`is${name}`](read), type);
    assert.equal(objectId(encode(types[`write${name}`](read))), data, type);
  }
  assert.equal(types.EVERYTHING_SAID_TYPE, "example.org/everything.Said");
  assert.equal(cases.length, 5);
});

test("a guard knows what it does not guard", () => {
  assert.ok(types.isTag({ label: "red" }));
  for (const other of [null, [], "red", {}, { label: 1 }, new Uint8Array(1)]) assert.ok(!types.isTag(other));
  const person = { name: "Ada", friends: [] };
  assert.ok(types.isEverythingPerson({ ...person, friends: [person], parent: person }));
  for (const other of [{ friends: [1] }, { parent: {} }, { friends: undefined }]) assert.ok(!types.isEverythingPerson({ ...person, ...other }));
});

test("it is formatted", () => {
  tool("prettier", ["--no-config", "--check", join(definitions, "everything.ts")]);
});
