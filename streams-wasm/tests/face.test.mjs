// What people use: the face, in Node.
import assert from "node:assert/strict";
import { appendFile, mkdtemp, readFile, rm, stat, truncate } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  FileStore, Fold, InternalError, MemoryStore, Node, NotAuthorizedError, Redacted, RefusedError, Rule, SigningKey, Stream, StreamsError,
  StoreError, TransportError, UnsoundError, WebCryptoSigner, authenticate, blockId, init, isReady, maps, memoryLink, objectId, readPage, redact,
  root, verify,
} from "streams-core";
import * as verifier from "streams-core/verify";

const TYPE = "example.org/list.Added";
let folder;
before(async () => {
  assert.throws(() => SigningKey.generate(), InternalError, "nothing works before init");
  assert.equal(isReady(), false);
  await Promise.all([init(), init()]);
  folder = await mkdtemp(join(tmpdir(), "streams-"));
});
after(() => rm(folder, { recursive: true }));

/** A stream that is open to all. */
const begin = (key) => root(key, { type: "example.org/list", policies: [Rule.openToAll()] });

test("two replicas replay the same", () => {
  const [alice, bob] = [SigningKey.generate(), SigningKey.generate()];
  const first = begin(alice);
  const [here, there] = [Stream.open(first), Stream.open(first)];
  const milk = here.append(alice, TYPE, { item: "milk" });
  const rice = there.append(bob, TYPE, { item: "rice" });
  assert.deepEqual(here.ingest(rice), { outcome: "admitted", then: [] });
  assert.equal(there.ingest(milk.parts).outcome, "admitted");
  assert.equal(there.ingest(milk.parts).outcome, "known");
  const list = (stream) => stream.replay([], (list, { data }) => (data?.item ? [...list, data.item] : list));
  assert.deepEqual(list(here), list(there));
  assert.deepEqual(here.orderDigest(), there.orderDigest());
});

test("objects are plain and frozen, and their bytes are copies", () => {
  const alice = SigningKey.generate();
  const stream = Stream.open(begin(alice));
  const data = { text: "é", count: 3, "ratio:f": 2, big: 2n ** 60n, "large:u": 2n ** 64n - 1n, bytes: Uint8Array.of(1, 2), nested: { list: [1, 2] }, "empty:as": [], yes: true, absent: undefined, "answers:r": stream.id };
  const object = stream.append(alice, TYPE, data, { timestamp: 1700000000000 });
  assert.deepEqual(
    { ...object.data, nested: { ...object.data.nested } },
    { text: "é", count: 3, ratio: 2, big: 2n ** 60n, large: 2n ** 64n - 1n, bytes: Uint8Array.of(1, 2), nested: { list: [1, 2] }, empty: [], yes: true, answers: stream.id },
  );
  for (const value of [object, object.data, object.data.nested, object.data.empty, object.parents]) assert.ok(Object.isFrozen(value));
  assert.equal(object.timestamp, 1700000000000);
  object.parts.fill(0);
  assert.equal(stream.entry(object.id).object.id, object.id, "the stream has its own bytes");
  assert.equal(objectId(stream.entry(object.id).object.parts), object.id);
});

test("what has no hint is told how to write it", () => {
  const alice = SigningKey.generate();
  const stream = Stream.open(begin(alice));
  const refused = (data, name, code) => assert.throws(() => stream.append(alice, TYPE, data), { name, code });
  refused({ ratio: 0.5 }, "NoHintError", "no-hint");
  refused({ list: [] }, "EmptyListError", "empty-list");
  refused({ list: [1, "a"] }, "MisfitError", "mixed-list");
  refused({ list: [null] }, "NoHintError", "no-hint");
  refused({ "a:u": -1 }, "IntegerRangeError", "integer-range");
  refused({ "a:f": Infinity }, "NotFiniteError", "not-finite");
  refused({ "a:s": 1 }, "MisfitError", "written-hint");
  refused({ "a:q": 1 }, "MisfitError", "hint");
  refused({ when: new Date() }, "NoHintError", "no-hint");
  refused({ text: "\ud800" }, "UnsoundError", "utf8");
  refused({ ["x".repeat(200)]: "" }, "MisfitError", "name");
  const deep = (depth) => (depth ? { m: deep(depth - 1) } : {});
  refused(deep(40), "MisfitError", "too-deep");
});

test("errors are classes with codes", () => {
  const [alice, bob] = [SigningKey.generate(), SigningKey.generate()];
  const stream = Stream.open(root(alice, { type: "example.org/list" }));
  let error;
  try {
    stream.append(bob, TYPE, {});
  } catch (thrown) {
    error = thrown;
  }
  for (const Class of [NotAuthorizedError, RefusedError, StreamsError, Error]) assert.ok(error instanceof Class);
  assert.equal(error.name, "NotAuthorizedError");
  assert.equal(error.code, "not-authorized");
  assert.match(error.message, /ask who governs/);
  assert.throws(() => authenticate(Uint8Array.of(1, 2, 3)), UnsoundError);
  assert.throws(() => stream.explain("bafy"), { name: "IdError", code: "id" });
  assert.throws(() => SigningKey.fromBytes(new Uint8Array(31)), { name: "LengthError" });
  stream.free();
  stream.free();
  assert.throws(() => stream.summary(), StreamsError);
});

test("who was removed is void, and it is told why", () => {
  const [alice, bob] = [SigningKey.generate(), SigningKey.generate()];
  const stream = Stream.open(root(alice, { type: "example.org/list" }));
  stream.govern(alice, [Rule.invite(bob.author)]);
  const before = stream.append(bob, TYPE, { item: "before" });
  const removal = stream.govern(alice, [Rule.remove(bob.author)]);
  const late = stream.append(bob, TYPE, { item: "late" });
  assert.equal(stream.explain(before.id).why, "allowed");
  const verdict = stream.explain(late.id);
  assert.deepEqual({ effective: verdict.effective, why: verdict.why, by: verdict.by, rule: verdict.rule }, { effective: false, why: "denied", by: removal.id, rule: 0 });
  stream.adopt(alice, [late.id]);
  assert.ok(stream.replay([], (ids, { id }) => [...ids, id]).includes(late.id));
});

test("a map is dropped, and its id holds", () => {
  const alice = SigningKey.generate();
  const stream = Stream.open(begin(alice));
  const object = stream.append(alice, TYPE, { secret: { text: "forget me" } });
  const [map] = [...maps(object.parts).here].filter(([, block]) => new TextDecoder().decode(block).includes("forget me")).map(([id]) => id);
  const less = authenticate(redact(object.parts, map));
  assert.equal(less.id, object.id);
  assert.deepEqual(less.data.secret, new Redacted(map));
  assert.equal(stream.redact(object.id, map).data.secret.map, map);
});

test("a key that cannot be extracted signs elsewhere", async () => {
  const signer = await WebCryptoSigner.generate();
  assert.equal(signer.keys.privateKey.extractable, false);
  const stream = Stream.open(await root(signer, { type: "example.org/list" }));
  const object = await stream.append(signer, TYPE, { item: "milk" });
  assert.equal(object.author, signer.author);
  assert.equal(stream.length, 2);
  const message = Uint8Array.of(1);
  assert.ok(verify(signer.author, "object", message, await signer.sign("object", message)));
  assert.ok(!verify(signer.author, "archive", message, await signer.sign("object", message)));
});

test("a key that cannot be extracted proves who one is to peers", async () => {
  const [signer, bob] = [await WebCryptoSigner.generate(), SigningKey.generate()];
  const [here, there] = [Node.open(new MemoryStore()), Node.open(new MemoryStore())];
  const stream = await here.create(await root(signer, { type: "example.org/list" }));
  await here.append(stream, signer, TYPE, { item: "milk" });
  let [one, other] = memoryLink();
  const [peer, served] = await Promise.all([there.sync(one, { key: bob, takesUnknown: true }), here.serve(other, { key: signer })]);
  assert.deepEqual([peer, served], [signer.author, bob.author]);
  assert.deepEqual(await there.orderDigest(stream), await here.orderDigest(stream));
  assert.equal((await there.completeness(stream)).peers[0].peer, signer.author, "what it stated is signed too");

  // Who signs for somebody else is nobody, and who does not sign is told so.
  [one, other] = memoryLink();
  const impostor = { author: SigningKey.generate().author, sign: (domain, message) => signer.sign(domain, message) };
  const met = await Promise.allSettled([there.sync(one, { key: impostor }), here.serve(other, { key: bob })]);
  assert.deepEqual(met.map(({ reason }) => reason.code), ["by-peer", "proof"]);
  const locked = { author: signer.author, sign: async () => { throw new Error("locked"); } };
  [one, other] = memoryLink();
  const serving = here.serve(other, { key: bob });
  await assert.rejects(there.sync(one, { key: locked }), /locked/);
  await assert.rejects(serving, StreamsError);
});

test("peers become equal, and stay so", async () => {
  const [alice, bob] = [SigningKey.generate(), SigningKey.generate()];
  const [here, there] = [Node.open(new MemoryStore()), Node.open(new MemoryStore())];
  const stream = await here.create(begin(alice));
  for (let at = 0; at < 50; at++) await here.append(stream, alice, TYPE, { at });
  const events = [];
  let [one, other] = memoryLink();
  const [peer, served] = await Promise.all([
    there.sync(one, { key: bob, takesUnknown: true, onEvent: (event) => events.push(event) }),
    here.serve(other, { key: alice }),
  ]);
  assert.deepEqual([peer, served], [alice.author, bob.author]);
  assert.ok(events.some((event) => event.what === "synced" && event.stream === stream));
  assert.deepEqual(await there.order(stream), await here.order(stream));

  // From now on, until it is given up.
  [one, other] = memoryLink();
  const stop = new AbortController();
  const following = there.follow(one, { key: bob, streams: [stream], signal: stop.signal });
  const serving = here.serve(other, { key: alice });
  const news = there.watch({ streams: [stream] }, { signal: stop.signal });
  const seen = [];
  const late = await here.append(stream, alice, TYPE, { item: "late" });
  for await (const event of news) {
    if (event.what === "added") seen.push(event.stored.object.id);
    if (seen.includes(late.id)) break;
  }
  stop.abort();
  await assert.rejects(following, { name: "AbortError" });
  await serving.catch(() => {});
  await assert.rejects(there.sync(memoryLink()[0], { key: bob, signal: AbortSignal.abort() }), { name: "AbortError" });
});

test("a fold that is kept up to date is a replay", () => {
  const keys = [1, 2, 3].map((byte) => SigningKey.fromBytes(new Uint8Array(32).fill(byte)));
  const first = root(keys[0], { type: "example.org/list", nonce: new Uint8Array(16), policies: [Rule.openToAll()] });
  const [all, here] = [Stream.open(first), Stream.open(first)];
  // Written side by side, so that much comes late; with a removal, and an adoption of what it voids.
  const branches = keys.map(() => Stream.open(first));
  for (let at = 0; at < 60; at++) branches[at % 3].append(keys[at % 3], TYPE, { at });
  const removal = branches[0].govern(keys[0], [Rule.remove(keys[1].author)]);
  for (const branch of branches) for (const { object } of branch) all.ingest(object);
  const void_ = [...all].filter(({ effective }) => !effective).map(({ object }) => object.id);
  assert.ok(void_.length > 10);
  all.adopt(keys[0], void_.slice(0, 5));
  all.checkpoint(keys[0]);

  here.watch();
  let applied = 0;
  const fold = new Fold(here, [], (ids, { id }) => (applied++, [...ids, id]));
  const objects = [...all].slice(1).map(({ object }) => object);
  const order = objects.map((object, at) => [(at * 37) % 101, object]).sort(([one], [other]) => one - other);
  for (const [, object] of order) {
    here.ingest(object);
    assert.deepEqual(fold.update(here.takeChanges()), [...here.replayed()].map(({ id }) => id));
  }
  assert.deepEqual(here.orderDigest(), all.orderDigest());
  assert.ok(fold.state.includes(void_[0]) && !fold.state.includes(void_[9]) && fold.state.includes(removal.id));
  const before = applied;
  here.append(keys[0], TYPE, { at: "end" });
  fold.update(here.takeChanges());
  assert.ok(applied - before <= 2, `${applied - before} for one at the end`);
});

test("state from a store is read on behind what is final", async () => {
  const alice = SigningKey.generate();
  const node = Node.open(new MemoryStore());
  const stream = await node.create(begin(alice));
  for (let at = 0; at < 20; at++) await node.append(stream, alice, TYPE, { at });
  await node.checkpoint(stream, alice);
  const ids = (list, { id }) => [...list, id];
  const all = await node.replayFrom(stream, undefined, [], ids);
  assert.equal(all.state.length, 22);
  const { id } = await node.append(stream, alice, TYPE, { at: "later" });
  let applied = 0;
  const more = await node.replayFrom(stream, all.snapshot, [], (list, object) => (applied++, ids(list, object)));
  assert.deepEqual(more.state, [...all.state, id]);
  assert.equal(applied, more.state.length - all.snapshot.objects);
  assert.deepEqual(await node.replay(stream, [], ids), more.state);
  await assert.rejects(node.replay(stream, 0, () => { throw new RangeError("of theirs"); }), /of theirs/);
  assert.equal(await node.replay(stream, 0, (count) => count + 1), 23, "the node goes on");
});

test("who has a stream is found by way of peers", async () => {
  const [alice, bob, carol] = [SigningKey.generate(), SigningKey.generate(), SigningKey.generate()];
  const [here, middle, there] = [1, 2, 3].map(() => Node.open(new MemoryStore()));
  const stream = await there.create(begin(carol));
  const dial = async (address) => {
    const [one, other] = memoryLink();
    const served = { "at:middle": [middle, bob], "at:there": [there, carol] }[address];
    if (!served) throw new TransportError("unreachable", "nobody answers");
    served[0].serve(other, { key: served[1] }).catch(() => {});
    return one;
  };
  await middle.sync(await dial("at:there"), { key: bob, address: "at:there", takesUnknown: false });
  const found = await here.find([stream], dial, { key: alice, at: ["at:nowhere", "at:middle"] });
  assert.deepEqual(found.places, [{ address: "at:there", peer: carol.author, streams: [stream] }]);
  assert.deepEqual(found.silent.map(({ address, error }) => [address, error.code]), [["at:nowhere", "unreachable"]]);
});

test("a feed goes on where it was", async () => {
  const alice = SigningKey.generate();
  const store = new MemoryStore();
  const node = Node.open(store);
  const stream = await node.create(begin(alice));
  let cursor;
  for await (const event of node.watch()) {
    ({ cursor } = event);
    if (event.what === "caughtUp") break;
  }
  const { id } = await node.append(stream, alice, TYPE, { item: "new" });
  for await (const event of node.watch({}, { since: cursor })) {
    assert.equal(event.what, "added");
    assert.equal(event.stored.object.id, id);
    break;
  }
  for await (const event of Node.open(new MemoryStore()).watch({}, { since: cursor })) {
    assert.deepEqual([event.what, event.why], ["reset", "other-store"]);
    break;
  }
});

test("an archive restores, is vouched for, and damage is told", async () => {
  const alice = SigningKey.generate();
  const node = Node.open(new MemoryStore());
  const stream = await node.create(begin(alice));
  for (let at = 0; at < 3000; at++) await node.append(stream, alice, TYPE, { at });
  const archive = await node.archive(stream);
  const bytes = await archive.bytes();
  const vouching = archive.vouch(alice);
  const again = Node.open(new MemoryStore());
  const restored = await again.restore(new Blob([bytes]).stream(), { vouching });
  assert.deepEqual([restored.admitted, restored.faults, restored.manifest.id], [3001, [], archive.manifest]);
  assert.deepEqual(await again.orderDigest(stream), await node.orderDigest(stream));
  // By its index, a page is read without the rest.
  const order = await node.order(stream);
  let read = 0;
  const ranges = async (start, end) => {
    read += end - start;
    return bytes.subarray(start, end);
  };
  const page = await readPage(ranges, archive.index, { from: 1500, limit: 20 });
  assert.deepEqual(page.map(({ id }) => id), order.slice(1500, 1520));
  assert.ok(read < bytes.length / 4, `${read} of ${bytes.length}`);
  assert.deepEqual((await readPage(new Blob([bytes]), archive.index, { from: 2990 })).map(({ id }) => id), order.slice(2990));
  assert.deepEqual(await readPage(bytes, archive.index, { from: 1e6 }), []);
  await assert.rejects(readPage(bytes, new Uint8Array(100)), { code: "index" });
  bytes[bytes.length >> 1] ^= 1;
  const damaged = await Node.open(new MemoryStore()).restore(bytes);
  assert.ok(damaged.faults.length > 0 && damaged.faults[0].error.code);
});

test("a file keeps everything, and a torn end is cut off", async () => {
  const alice = SigningKey.generate();
  const path = join(folder, "store");
  let node = Node.open(await FileStore.open(path));
  await assert.rejects(FileStore.open(path), { name: "StoreError", code: "busy" });
  const stream = await node.create(begin(alice));
  const first = await node.append(stream, alice, TYPE, { secret: { text: "forget me" } });
  await node.close();
  const whole = (await stat(path)).size;
  await appendFile(path, Uint8Array.of(0, 0, 1, 0, 7, 7));
  node = Node.open(await FileStore.open(path));
  assert.equal((await stat(path)).size, whole);
  assert.equal((await node.head(stream)).objects, 2);
  assert.deepEqual((await node.verify(stream)).faults, []);
  const map = [...maps(first.parts).here].find(([, block]) => new TextDecoder().decode(block).includes("forget me"))[0];
  await node.redact(stream, first.id, map);
  assert.ok(!(await readFile(path)).includes("forget me"), "of what was dropped nothing remains");
  await node.append(stream, alice, TYPE, { item: "after" });
  await node.close();
  await assert.rejects(node.store.head(new Uint8Array(32)), { code: "closed" });
  // Damage in the middle is no crash.
  const file = await readFile(path);
  await truncate(path, file.length);
  const torn = Buffer.from(file);
  torn[60] ^= 1;
  const other = join(folder, "torn");
  await appendFile(other, torn);
  await assert.rejects(FileStore.open(other), { name: "StoreError", code: "corrupt" });
  assert.ok(StoreError.prototype instanceof StreamsError);
});

test("what only verifies is smaller, and answers the same", async () => {
  await verifier.init();
  const alice = SigningKey.generate();
  const stream = Stream.open(begin(alice));
  stream.append(alice, TYPE, { item: "milk" });
  const same = verifier.Stream.open(stream.entry(stream.id).object.parts);
  for (const { object } of stream) same.ingest(object.parts);
  assert.deepEqual(same.orderDigest(), stream.orderDigest());
  const sizes = JSON.parse(await readFile(new URL("../dist/sizes.json", import.meta.url), "utf8"));
  assert.ok(sizes.verify.together < sizes.streams.together / 2);
});

test("CommonJS has the same", async () => {
  const S = createRequire(import.meta.url)("../dist/streams.node.cjs");
  await S.init();
  assert.equal(S.SigningKey.generate().author.length, 48);
});

// Last: everything that was open dies with the instance.
test("an instance that died is made anew", async () => {
  const alice = SigningKey.generate();
  const [stream, store] = [Stream.open(begin(alice)), new MemoryStore()];
  const node = Node.open(store);
  const list = await node.create(begin(alice));
  const waiting = node.append(list, alice, TYPE, { item: "under way" });
  // More than the instance can have in memory: there is nothing else known that ends it.
  assert.throws(() => blockId(new Uint8Array(2 ** 31)), InternalError);
  assert.equal(isReady(), false);
  assert.throws(() => stream.summary(), InternalError);
  assert.throws(() => SigningKey.generate(), { name: "InternalError", message: /call init\(\) again/ });
  await assert.rejects(node.head(list), InternalError);
  await Promise.race([waiting.catch(() => {}), new Promise((done) => setTimeout(done, 100))]);
  await init();
  assert.equal(isReady(), true);
  assert.throws(() => stream.summary(), InternalError, "it was of the other instance");
  stream.free();
  const again = Node.open(store);
  await again.append(list, SigningKey.generate(), TYPE, { item: "after" });
  assert.deepEqual((await again.verify(list)).faults, []);
});
