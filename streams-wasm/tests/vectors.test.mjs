// All vectors, in Node.
import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { before, test } from "node:test";
import * as S from "streams-core";
import { oh1 } from "streams-core/oh1";
import { runner } from "./vectors.mjs";

const folder = new URL("../../streams-core/tests/vectors/", import.meta.url);
before(() => S.init());

for (const file of (await readdir(folder)).filter((file) => file.endsWith(".json"))) {
  test(file, async () => {
    const { passed, failures } = await runner(S, oh1)(file, JSON.parse(await readFile(new URL(file, folder), "utf8")));
    assert.equal(failures.length, 0, failures.slice(0, 5).join("\n"));
    assert.ok(passed > 0);
  });
}
