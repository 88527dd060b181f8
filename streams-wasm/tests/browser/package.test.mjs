// The package in a browser: all vectors, its store, its links, and what a browser does to them.
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { after, before, test } from "node:test";
import { browser } from "./browser.mjs";
import { peer } from "./peer.mjs";

const vectors = new URL("../../../streams-core/tests/vectors/", import.meta.url);

/** A worker with a node in memory, which serves the page. */
const WORKER = `
import { MemoryStore, Node, SigningKey, init, messagePort } from "./streams-core/streams.js";
await init();
const node = Node.open(new MemoryStore());
postMessage("ready");
await node.serve(messagePort(globalThis), { key: SigningKey.generate(), takesUnknown: true });
`;

const names = (await readdir(vectors)).filter((file) => file.endsWith(".json"));
const files = {
  "/blank.html": "<!doctype html><title>blank</title>",
  "/worker.js": WORKER,
  "/vectors.mjs": new URL("../vectors.mjs", import.meta.url),
  ...Object.fromEntries(names.map((name) => [`/vectors/${name}`, new URL(name, vectors)])),
};

let chromium;
before(async () => (chromium = await browser({ files })));
after(() => chromium.close());

/** A tab with the package, a store of that name and a key. */
async function tab(store = "streams", secret = 1) {
  const page = await chromium.tab("/blank.html");
  await page.evaluate(load, [store, secret]);
  return page;
}

async function load([name, secret]) {
  const S = (globalThis.S = await import("/streams-core/streams.js"));
  await S.init();
  globalThis.store = await S.IndexedDbStore.open(name);
  globalThis.node = S.Node.open(store);
  globalThis.key = S.SigningKey.fromBytes(new Uint8Array(32).fill(secret));
  globalThis.digest = async (id) => Array.from(await node.orderDigest(id)).join();
  globalThis.until = async (true_) => {
    for (let left = 400; !(await true_()); left--) {
      if (!left) throw new Error(`never: ${true_}`);
      await new Promise((done) => setTimeout(done, 25));
    }
  };
  /** A stream that everybody may write. */
  globalThis.begin = () => node.create(S.root(key, { type: "example.org/list", policies: [S.Rule.openToAll()] }));
  globalThis.add = (id, item, data) => node.append(id, key, "example.org/list.Added", { item, ...data });
}

test("all vectors", async () => {
  const page = await tab();
  for (const file of names) {
    const { passed, failures } = await page.evaluate(async (file) => {
      const [{ runner }, { oh1 }] = await Promise.all([import("/vectors.mjs"), import("/streams-core/oh1.js")]);
      return runner(S, oh1)(file, await (await fetch(`/vectors/${file}`)).json());
    }, file);
    assert.equal(failures.length, 0, failures.slice(0, 5).join("\n"));
    assert.ok(passed > 0, file);
  }
  await page.close();
});

test("reload keeps everything", async () => {
  const page = await tab("reload");
  const [id, before] = await page.evaluate(async () => {
    const id = await begin();
    for (let at = 0; at < 20; at++) await add(id, `item ${at}`);
    await node.checkpoint(id, key);
    return [id, await digest(id)];
  });
  await page.reload();
  await page.evaluate(load, ["reload", 1]);
  const [objects, finals, after, faults] = await page.evaluate(async (id) => {
    const { objects, finals } = await node.head(id);
    return [objects, finals, await digest(id), (await node.verify(id)).faults.length];
  }, id);
  assert.deepEqual([objects, finals, after, faults], [22, 22, before, 0]);
  await page.close();
});

test("two tabs of one store write at once, with one key: no fork, and nothing is lost", async () => {
  const [one, other] = [await tab("shared"), await tab("shared")];
  const id = await one.evaluate(() => begin());
  const write = async (name) => {
    for (let at = 0; at < 30; at++) await add(globalThis.shared, `${name} ${at}`);
  };
  for (const page of [one, other]) await page.evaluate((id) => void (globalThis.shared = id), id);
  await Promise.all([one.evaluate(write, "one"), other.evaluate(write, "other")]);
  for (const page of [one, other]) {
    const got = await page.evaluate(async (id) => {
      const { objects } = await node.head(id);
      return { objects, forks: (await node.forks(id)).length, faults: (await node.verify(id)).faults };
    }, id);
    assert.deepEqual(got, { objects: 61, forks: 0, faults: [] });
  }
  // And without a lock both are right too: who meets the other decides again.
  await Promise.all(
    [one, other].map((page, tab) =>
      page.evaluate(async ([id, tab]) => {
        store.lease = undefined;
        for (let at = 0; at < 15; at++) await add(id, `at once ${tab} ${at}`);
      }, [id, tab]),
    ),
  );
  assert.equal(await one.evaluate(async (id) => (await node.head(id)).objects, id), 91);
  assert.deepEqual(await one.evaluate(async (id) => (await node.verify(id)).faults, id), []);
  await one.close();
  await other.close();
});

test("who waits for changes gives up at any moment, and nobody else hears of it", async () => {
  const page = await tab("waiting");
  const got = await page.evaluate(async () => {
    const outcomes = [];
    for (const pause of [0, 1, 2, 5, 20]) {
      const giving = new AbortController();
      const waited = store.wait(1_000_000, giving.signal).catch((error) => outcomes.push(error.name));
      if (pause) await new Promise((done) => setTimeout(done, pause));
      giving.abort();
      await waited;
    }
    // What nobody caught is told in a task of its own.
    await new Promise((done) => setTimeout(done, 50));
    return outcomes;
  });
  assert.deepEqual(got, Array(5).fill("AbortError"));
  await page.close();
});

test("tab to tab by BroadcastChannel: both write while apart, and are equal when they meet", async () => {
  const [one, other] = [await tab("one", 1), await tab("other", 2)];
  const meet = (id) => {
    globalThis.tabs?.close();
    globalThis.tabs = S.broadcast(node, { name: "list", key, streams: [id] });
  };
  const id = await one.evaluate(() => begin());
  await one.evaluate(meet, id);
  await other.evaluate(meet, id);
  await other.evaluate((id) => until(async () => await node.head(id)), id);
  // What one writes now, the other gets without asking.
  await one.evaluate((id) => add(id, "told"), id);
  await other.evaluate((id) => until(async () => (await node.head(id)).objects === 2), id);
  for (const round of [1, 2]) {
    for (const page of [one, other]) {
      await page.evaluate(async (id) => {
        tabs.close();
        for (let at = 0; at < 5; at++) await add(id, `alone ${at}`);
      }, id);
    }
    await one.evaluate(meet, id);
    await other.evaluate(meet, id);
    const all = 2 + round * 10;
    for (const page of [one, other]) await page.evaluate(([id, all]) => until(async () => (await node.head(id)).objects === all), [id, all]);
    assert.equal(await one.evaluate((id) => digest(id), id), await other.evaluate((id) => digest(id), id));
  }
  await one.close();
  await other.close();
});

test("a page and its worker by messages", async () => {
  const page = await tab("worker");
  const got = await page.evaluate(async () => {
    const id = await begin();
    for (let at = 0; at < 300; at++) await add(id, "x".repeat(1000));
    const worker = new Worker("/worker.js", { type: "module" });
    await new Promise((ready) => (worker.onmessage = ready));
    let served = 0;
    await node.sync(S.messagePort(worker), { key, streams: [id], onEvent: (event) => event.what === "served" && (served += event.sent) });
    return served;
  });
  assert.equal(got, 301);
  await page.close();
});

test("browser to `streams serve` by WebSocket: both become equal, and news go either way", async () => {
  const program = await peer();
  try {
    const at = await program.serve("--take-all");
    const page = await tab("socket");
    const id = await page.evaluate(async (at) => {
      const id = await begin();
      for (let item = 0; item < 40; item++) await add(id, `item ${item}`);
      await node.sync(await S.webSocket(at), { key, streams: [id] });
      return id;
    }, at);
    const ids = async () => (await program.streams("log", id, "--store", program.store, "--json")).trim().split("\n").map((line) => JSON.parse(line).id);
    assert.deepEqual(await ids(), await page.evaluate((id) => node.order(id), id), "the same order in both");

    // Another browser profile follows; then the page writes, and the other is told through the program.
    const second = await tab("socket of another", 2);
    await second.evaluate(
      async ([at, id]) => void node.follow(await S.webSocket(at), { key, streams: [id], takesUnknown: true }).catch(() => {}),
      [at, id],
    );
    await second.evaluate((id) => until(async () => (await node.head(id))?.objects === 41), id);
    await page.evaluate(async ([at, id]) => {
      await add(id, "news");
      await node.sync(await S.webSocket(at), { key, streams: [id] });
    }, [at, id]);
    await second.evaluate((id) => until(async () => (await node.head(id)).objects === 42), id);
    assert.equal(await second.evaluate((id) => digest(id), id), await page.evaluate((id) => digest(id), id));

    // Nobody there is an error that says so.
    await program.stop();
    const code = await page.evaluate((at) => S.webSocket(at).catch((error) => [error.name, error.code]), at);
    assert.deepEqual(code, ["TransportError", "unreachable"]);
    await page.close();
    await second.close();
  } finally {
    await program.close();
  }
});

test("a key that nobody can copy out signs, and survives the page", async () => {
  const page = await tab("keys");
  const author = await page.evaluate(async () => {
    const signer = await S.WebCryptoSigner.generate();
    const open = indexedDB.open("own keys", 1);
    open.onupgradeneeded = () => open.result.createObjectStore("keys").put(signer.keys, "mine");
    await new Promise((done) => (open.onsuccess = done));
    open.result.close();
    return signer.author;
  });
  await page.reload();
  await page.evaluate(load, ["keys", 1]);
  const got = await page.evaluate(async () => {
    const open = indexedDB.open("own keys", 1);
    await new Promise((done) => (open.onsuccess = done));
    const read = open.result.transaction("keys").objectStore("keys").get("mine");
    await new Promise((done) => (read.onsuccess = done));
    const signer = await S.WebCryptoSigner.of(read.result);
    const id = await node.create(await S.root(signer, { type: "example.org/list" }));
    const { author } = await node.append(id, signer, "example.org/list.Added", { item: "milk" });
    const out = await crypto.subtle.exportKey("pkcs8", signer.keys.privateKey).then(() => "copied", (error) => error.name);
    return { author, out, faults: (await node.verify(id)).faults };
  });
  assert.deepEqual(got, { author, out: "InvalidAccessError", faults: [] });
  await page.close();
});

test("the store is deleted under a running tab: it is told, and can open anew", async () => {
  const [page, other] = [await tab("deleted"), await tab("beside")];
  const id = await page.evaluate(async () => {
    const id = await begin();
    await add(id, "milk");
    globalThis.ended = (async () => {
      for await (const event of node.watch({ streams: [id] }, { since: undefined })) globalThis.seen = event.what;
    })().catch((error) => [error.name, error.code]);
    await until(() => globalThis.seen === "caughtUp");
    return id;
  });
  await other.evaluate(() => S.IndexedDbStore.delete("deleted"));
  const got = await page.evaluate(async (id) => [await globalThis.ended, await add(id, "rice").catch((error) => [error.name, error.code])], id);
  assert.deepEqual(got, [["StoreClosedError", "closed"], ["StoreClosedError", "closed"]]);
  await page.evaluate(load, ["deleted", 1]);
  assert.deepEqual(await page.evaluate(() => node.streams()), []);
  assert.equal(await page.evaluate(async () => (await node.head(await begin())).objects), 1);
  await page.close();
  await other.close();
});

test("the quota is exceeded: the error says so, what was kept is whole, and with room it goes on", async () => {
  // An origin of its own, limited before anything is stored: Chromium remembers for a while how much room there was.
  const origin = chromium.at.replace("127.0.0.1", "localhost");
  const page = await chromium.tab(`${origin}/blank.html`);
  const browser = await chromium.context.newCDPSession(page);
  const quota = (quotaSize) => browser.send("Storage.overrideQuotaForOrigin", { origin, ...(quotaSize && { quotaSize }) });
  await quota(3_000_000);
  await page.evaluate(load, ["full", 1]);
  const id = await page.evaluate(() => begin());
  const got = await page.evaluate(async (id) => {
    for (let at = 0; at < 500; at++) {
      try {
        await add(id, `item ${at}`, { "bytes:d": crypto.getRandomValues(new Uint8Array(60_000)) });
      } catch (error) {
        return { name: error.name, code: error.code, kept: (await node.head(id)).objects, written: at + 1 };
      }
    }
  }, id);
  assert.deepEqual([got?.name, got?.code], ["StoreError", "full"], JSON.stringify(got));
  assert.equal(got.kept, got.written, "all that was told to be durable is there, and no more");
  await quota();
  await page.evaluate((id) => add(id, "with room"), id);
  assert.deepEqual(await page.evaluate(async (id) => (await node.verify(id)).faults, id), []);
  await page.close();
});
