// What the chapter `javascript` of the benches asks for: `node bench.mjs OBJECTS`, microseconds an object.
import { readFile } from "node:fs/promises";
import { MemoryStore, Node, Stream, authorBytes, decode, hazmat, idBytes, init, objectId, preimage } from "streams-core";

const ROUNDS = 5;
const file = await readFile(process.argv[2]);
const parts = [];
for (let at = 0; at < file.length; ) {
  const length = file.readUInt32BE(at);
  parts.push(new Uint8Array(file.subarray(at + 4, (at += 4 + length))));
}
await init();

/** The best of some rounds: the compiler needs the first. */
async function per(count, run) {
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    await run();
    best = Math.min(best, ((performance.now() - start) * 1000) / count);
  }
  console.log(best);
}

await per(parts.length, () => parts.forEach((parts) => objectId(parts)));

const store = new MemoryStore();
const node = Node.open(store);
const id = await node.create(parts[0]);
for (let at = 1; at < parts.length; at += 2000) await node.ingest(id, parts.slice(at, at + 2000));
await per(parts.length, async () => {
  const node = Node.open(store);
  const { length } = await node.summary(id);
  if (length !== parts.length) throw new Error(`${length} objects`);
  node.free();
});

const items = parts.slice(1, 1001).map((parts) => {
  const { id, values, signature } = decode(parts);
  return { key: authorBytes(values["author:s"]), message: preimage("object", idBytes(id)), signature };
});
await per(items.length, () => {
  if (!hazmat.verifyBatch(items)) throw new Error("a signature");
});

await per(parts.length, () => {
  const stream = Stream.open(parts[0]);
  for (let at = 1; at < parts.length; at += 2000) stream.ingestAll(parts.slice(at, at + 2000));
  if (stream.length !== parts.length) throw new Error(`${stream.length} objects`);
  stream.free();
});
