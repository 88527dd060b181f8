// A store in the browser: IndexedDB, one transaction a commit, shared by all tabs.

import { StreamsError, fail, known } from "./errors.js";
import { compare, hex, idOf, inEpoch } from "./memory.js";
import type { Commit, Head, Logged, Scan, Store, StoreRecord } from "./store.js";

type Bytes = Uint8Array<ArrayBuffer>;

/** An object as it stands in the database: its key is the stream and the number. */
interface Row {
  stream: Bytes;
  sequence: number;
  id: Bytes;
  place: Bytes;
  author: Bytes;
  type: string;
  effective: boolean;
  adoptedBy?: Bytes;
  parts: Bytes;
}

interface StreamRow extends Head {
  id: Bytes;
  leaves: Bytes[];
  dropped: Bytes[];
}

/** The numbers of one commit: by them, changes of all streams are found in order. */
interface CommitRow {
  stream: Bytes;
  first: number;
  last: number;
}

const TABLES = ["meta", "streams", "objects", "marks", "commits", "cursors"] as const;
type TableName = (typeof TABLES)[number];

const done = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the database failed"));
  });

const bytes = (value: Uint8Array): Bytes => value.slice() as Bytes;
const END = Infinity;

/** The failure of a database, in our words. */
function failed(error: unknown): StreamsError {
  if (error instanceof StreamsError) return error;
  const name = error instanceof Error || error instanceof DOMException ? error.name : "";
  if (name === "QuotaExceededError") return known("StoreError", "full", error);
  if (name === "InvalidStateError" || name === "AbortError") return known("StoreClosedError", "closed", error);
  if (name === "VersionError") return known("StoreError", "unsupported", error);
  return known("StoreError", "other", error);
}

/**
 * Streams in IndexedDB: they survive the page, and all tabs of an origin share them.
 *
 * It is a cache: a browser may delete it when room is short, and people when they clear their data. What matters is
 * synced to a peer, or archived to a file; {@link IndexedDbStore.persist} asks the browser to keep it.
 */
export class IndexedDbStore implements Store {
  #closed = false;
  #waiting = new Set<() => void>();
  readonly #news: BroadcastChannel | undefined;
  #known: { origin: Bytes; last: number } | undefined;

  private constructor(
    readonly name: string,
    private readonly db: IDBDatabase,
  ) {
    this.#news = typeof BroadcastChannel === "undefined" ? undefined : new BroadcastChannel(`streams:${name}`);
    if (this.#news) this.#news.onmessage = () => this.#wake();
    // Another tab deletes the database, or a later version of the page changes it; or the browser does.
    db.onversionchange = () => this.#shut();
    db.onclose = () => this.#shut();
  }

  /** Opens the store of this name, or makes it. */
  static async open(name = "streams"): Promise<IndexedDbStore> {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => {
      const db = request.result;
      db.createObjectStore("meta");
      db.createObjectStore("streams", { keyPath: "id" });
      const objects = db.createObjectStore("objects", { keyPath: ["stream", "sequence"] });
      objects.createIndex("id", ["stream", "id"], { unique: true });
      objects.createIndex("place", ["stream", "place"]);
      objects.createIndex("author", ["stream", "author", "sequence"]);
      objects.createIndex("type", ["stream", "type", "sequence"]);
      db.createObjectStore("marks", { keyPath: ["stream", "sequence"] });
      db.createObjectStore("commits", { keyPath: "last" });
      db.createObjectStore("cursors");
      request.transaction?.objectStore("meta").put(crypto.getRandomValues(new Uint8Array(16)), "origin");
    };
    try {
      return new IndexedDbStore(name, await done(request));
    } catch (error) {
      throw failed(error);
    }
  }

  /** Deletes the store of this name, also where tabs have it open: they are told that it is closed. */
  static async delete(name = "streams"): Promise<void> {
    await done(indexedDB.deleteDatabase(name));
  }

  /** Asks the browser not to delete what is stored when room is short. Tells whether it will not. A page may ask; a worker may not. */
  static async persist(): Promise<boolean> {
    return (await navigator.storage?.persist?.()) ?? false;
  }

  #shut(): void {
    this.#closed = true;
    this.db.close();
    this.#news?.close();
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const wake of waiting) wake();
  }

  async #in<T>(
    tables: readonly TableName[],
    mode: IDBTransactionMode,
    work: (table: (name: TableName) => IDBObjectStore) => Promise<T>,
  ): Promise<T> {
    if (this.#closed) fail("StoreClosedError", "closed");
    let transaction: IDBTransaction | undefined;
    try {
      transaction = this.db.transaction(tables, mode, mode === "readwrite" ? { durability: "strict" } : {});
      const { promise: complete, resolve, reject } = withResolvers<void>();
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction?.error ?? new DOMException("given up", "AbortError"));
      complete.catch(() => {});
      const answer = await work((name) => transaction!.objectStore(name));
      if (mode === "readwrite") await complete;
      return answer;
    } catch (error) {
      try {
        transaction?.abort();
      } catch {
        // It is over already.
      }
      throw failed(transaction?.error ?? error);
    }
  }

  async origin(): Promise<Uint8Array> {
    this.#known ??= { origin: await this.#in(["meta"], "readonly", async (table) => (await done(table("meta").get("origin"))) as Bytes), last: 0 };
    return this.#known.origin;
  }

  async last(): Promise<number> {
    return this.#in(["meta"], "readonly", async (table) => ((await done(table("meta").get("last"))) as number | undefined) ?? 0);
  }

  async commit(streamId: Uint8Array, commit: Commit): Promise<number> {
    const id = bytes(streamId);
    const last = await this.#in(["meta", "streams", "objects", "marks", "commits"], "readwrite", async (table) => {
      const [objects, marks, meta] = [table("objects"), table("marks"), table("meta")];
      const found = (await done(table("streams").get(id))) as StreamRow | undefined;
      const stream = found ?? { id, last: 0, objects: 0, finals: 0, leaves: [], dropped: [] };
      if (stream.last !== commit.seen) fail("StoreError", "conflict");
      if (!commit.objects.length && !commit.marks.length && !commit.drops.length) return commit.seen;
      const before = ((await done(meta.get("last"))) as number | undefined) ?? 0;
      let sequence = before;
      // In a new stream nothing can be here already.
      const here = found
        ? await Promise.all(commit.objects.map((object) => done(objects.index("id").getKey([id, bytes(idOf(object.place))]))))
        : [];
      const added = new Map<string, Bytes>();
      const cited = new Set<string>();
      commit.objects.forEach((object, at) => {
        const own = bytes(idOf(object.place));
        if (here[at] !== undefined || added.has(hex(own))) return;
        added.set(hex(own), own);
        for (const edge of object.edges) cited.add(hex(edge));
        const row: Row = {
          stream: id,
          sequence: ++sequence,
          id: own,
          place: object.place as Bytes,
          author: object.author as Bytes,
          type: object.type,
          effective: object.effective,
          parts: object.parts as Bytes,
          ...(object.adoptedBy && { adoptedBy: object.adoptedBy as Bytes }),
        };
        objects.add(row);
      });
      const change = async (key: Uint8Array, change: (row: Row) => void) => {
        const row = (await done(objects.index("id").get([id, bytes(key)]))) as Row | undefined;
        if (!row) return;
        change(row);
        objects.put(row);
      };
      let { finals } = stream;
      for (const mark of commit.marks) {
        marks.add({ ...mark, ...(mark.what === "copy" && { parts: undefined }), epochs: undefined, stream: id, sequence: ++sequence });
        switch (mark.what) {
          case "verdict":
            await change(mark.id, (row) => (row.effective = mark.effective));
            break;
          case "adopted":
            await change(mark.id, (row) => (mark.by ? (row.adoptedBy = bytes(mark.by)) : delete row.adoptedBy));
            break;
          case "copy":
            await change(mark.id, (row) => (row.parts = bytes(mark.parts)));
            break;
          case "finalized":
            finals = mark.upto;
            await Promise.all(mark.epochs.map(([key, epoch]) => change(key, (row) => (row.place = bytes(inEpoch(row.place, epoch))))));
        }
      }
      const leaves = stream.leaves.filter((leaf) => !cited.has(hex(leaf)));
      for (const [key, own] of added) if (!cited.has(key)) leaves.push(own);
      const dropped = new Map([...stream.dropped, ...commit.drops.map(bytes)].map((map) => [hex(map), map]));
      const last = sequence > before ? sequence : stream.last;
      table("streams").put({
        id,
        last,
        objects: stream.objects + added.size,
        finals,
        leaves: leaves.sort(compare),
        dropped: [...dropped.values()].sort(compare),
      } satisfies StreamRow);
      if (sequence > before) {
        table("commits").add({ stream: id, first: before + 1, last: sequence } satisfies CommitRow);
        meta.put(sequence, "last");
      }
      return last;
    });
    this.#news?.postMessage(last);
    this.#wake();
    return last;
  }

  async get(stream: Uint8Array, ids: readonly Uint8Array[]): Promise<readonly (StoreRecord | undefined)[]> {
    return this.#in(["objects"], "readonly", (table) => {
      const index = table("objects").index("id");
      return Promise.all(ids.map(async (id) => recordOf((await done(index.get([bytes(stream), bytes(id)]))) as Row | undefined)));
    });
  }

  async contains(stream: Uint8Array, ids: readonly Uint8Array[]): Promise<readonly boolean[]> {
    return this.#in(["objects"], "readonly", (table) => {
      const index = table("objects").index("id");
      return Promise.all(ids.map(async (id) => (await done(index.getKey([bytes(stream), bytes(id)]))) !== undefined));
    });
  }

  async scan(streamId: Uint8Array, scan: Scan, limit: number): Promise<readonly StoreRecord[]> {
    if (!limit) return [];
    const stream = bytes(streamId);
    return this.#in(["objects"], "readonly", async (table) => {
      const objects = table("objects");
      const above = (...key: (Bytes | string)[]) =>
        IDBKeyRange.bound([stream, ...key, "above" in scan ? scan.above : 0], [stream, ...key, END], true, true);
      switch (scan.by) {
        case "after": {
          const range = scan.place
            ? IDBKeyRange.bound([stream, bytes(scan.place)], [stream, []], true)
            : IDBKeyRange.bound([stream], [stream, []]);
          return records(await done(objects.index("place").getAll(range, limit)));
        }
        case "before": {
          const range = IDBKeyRange.bound([stream], scan.place ? [stream, bytes(scan.place)] : [stream, []], false, true);
          const found: Row[] = [];
          const request = objects.index("place").openCursor(range, "prev");
          await new Promise<void>((resolve, reject) => {
            request.onerror = () => reject(request.error ?? new Error("the database failed"));
            request.onsuccess = () => {
              const cursor = request.result;
              if (!cursor) return resolve();
              found.push(cursor.value as Row);
              if (found.length < limit) cursor.continue();
              else resolve();
            };
          });
          return records(found);
        }
        case "since":
          return records(await done(objects.getAll(above(), limit)));
        case "author":
          return records(await done(objects.index("author").getAll(above(bytes(scan.author)), limit)));
        case "type":
          return records(await done(objects.index("type").getAll(above(scan.type), limit)));
      }
    });
  }

  async places(stream: Uint8Array, after: Uint8Array | undefined, limit: number): Promise<readonly (readonly [Uint8Array, number])[]> {
    const found = await this.scan(stream, { by: "after", place: after }, limit);
    return found.map((record) => [record.place, record.sequence] as const);
  }

  #stream(stream: Uint8Array): Promise<StreamRow | undefined> {
    return this.#in(["streams"], "readonly", async (table) => (await done(table("streams").get(bytes(stream)))) as StreamRow | undefined);
  }

  async head(stream: Uint8Array): Promise<Head | undefined> {
    const row = await this.#stream(stream);
    return row && { last: row.last, objects: row.objects, finals: row.finals };
  }

  async leaves(stream: Uint8Array): Promise<readonly Uint8Array[]> {
    return (await this.#stream(stream))?.leaves ?? [];
  }

  async dropped(stream: Uint8Array): Promise<readonly Uint8Array[]> {
    return (await this.#stream(stream))?.dropped ?? [];
  }

  async streams(after: Uint8Array | undefined, limit: number): Promise<readonly Uint8Array[]> {
    if (!limit) return [];
    const range = after ? IDBKeyRange.lowerBound(bytes(after), true) : undefined;
    return this.#in(["streams"], "readonly", async (table) => {
      const keys = await done(table("streams").getAllKeys(range, limit));
      return keys.map((key) => new Uint8Array(key as ArrayBuffer));
    });
  }

  async log(only: Uint8Array | undefined, above: number, limit: number): Promise<readonly Logged[]> {
    if (!limit) return [];
    return this.#in(["commits", "objects", "marks"], "readonly", async (table) => {
      const range = (stream: Bytes, from: number, to: number) => IDBKeyRange.bound([stream, from], [stream, to]);
      const read = async (stream: Bytes, from: number, to: number, limit: number): Promise<Logged[]> => {
        const [objects, marks] = await Promise.all([
          done(table("objects").getAll(range(stream, from, to), limit)),
          done(table("marks").getAll(range(stream, from, to), limit)),
        ]);
        const added = (objects as Row[]).map(
          ({ sequence, stream, id, author, type }): Logged => ({ sequence, stream: asBytes(stream), what: "added", id: asBytes(id), author: asBytes(author), type }),
        );
        return [...added, ...(marks as Logged[])].sort((one, other) => one.sequence - other.sequence).slice(0, limit);
      };
      if (only) return read(bytes(only), above + 1, END, limit);
      const log: Logged[] = [];
      for (let from = above; log.length < limit; ) {
        const commits = (await done(table("commits").getAll(IDBKeyRange.lowerBound(from, true), 64))) as CommitRow[];
        if (!commits.length) break;
        for (const { stream, first, last } of commits) {
          if (log.length >= limit) break;
          log.push(...(await read(stream, Math.max(first, above + 1), last, limit - log.length)));
          from = last;
        }
      }
      return log;
    });
  }

  async wait(above: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const { promise, resolve: wake, reject } = withResolvers<void>();
    // Given up while it looks, nobody awaits it yet.
    promise.catch(() => {});
    // First listening, then looking: what comes between is not missed.
    this.#waiting.add(wake);
    const abort = () => reject(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    try {
      if ((await this.last()) > above) return;
      await promise;
      if (this.#closed) fail("StoreClosedError", "closed");
    } finally {
      this.#waiting.delete(wake);
      signal?.removeEventListener("abort", abort);
    }
  }

  async cursor(name: string): Promise<Uint8Array | undefined> {
    return this.#in(["cursors"], "readonly", async (table) => (await done(table("cursors").get(name))) as Bytes | undefined);
  }

  async setCursor(name: string, value: Uint8Array): Promise<void> {
    await this.#in(["cursors"], "readwrite", (table) => done(table("cursors").put(bytes(value), name)));
  }

  async number(): Promise<{ store: Uint8Array; counter: number }> {
    const store = await this.origin();
    const counter = await this.#in(["meta"], "readwrite", async (table) => {
      const counter = (((await done(table("meta").get("number"))) as number | undefined) ?? 0) + 1;
      table("meta").put(counter, "number");
      return counter;
    });
    return { store, counter };
  }

  async close(): Promise<void> {
    this.#shut();
  }

  /** One tab writes at a time, by a lock of the browser's: so tabs do not decide about what others just changed. */
  lease<T>(write: () => Promise<T>): Promise<T> {
    return typeof navigator !== "undefined" && navigator.locks
      ? (navigator.locks.request(`streams:${this.name}`, write) as Promise<T>)
      : write();
  }
}

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: unknown) => void } {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => ([resolve, reject] = [yes, no]));
  return { promise, resolve, reject };
}

/** A value that stands as a key too comes back as what it was put in as. */
const asBytes = (value: Bytes): Bytes => (value instanceof Uint8Array ? value : new Uint8Array(value as unknown as ArrayBuffer));

function recordOf(row: Row | undefined): StoreRecord | undefined {
  return row && { sequence: row.sequence, place: row.place, effective: row.effective, adoptedBy: row.adoptedBy, parts: row.parts };
}

const records = (rows: unknown[]): StoreRecord[] => (rows as Row[]).map((row) => recordOf(row)!);
