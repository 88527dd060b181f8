// A store in a file, for Node: commits are appended and flushed; what a crash left of the last one is cut off on opening.

import { createHash } from "node:crypto";
import { type FileHandle, open, readFile, rename, rm, unlink, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { Reader, write } from "./cbor.js";
import { fail, known } from "./errors.js";
import { MemoryStore, hex, idOf } from "./memory.js";
import { type Commit, commitItems, readCommit } from "./store.js";

/** What a file begins with. */
const BEGINNING = new TextEncoder().encode("streams.file.v1\n");
/** Before each record: its length, and the beginning of its SHA-256. */
const HEAD = 4 + 12;

type Entry =
  | { readonly what: "commit"; readonly stream: Uint8Array; readonly commit: Commit }
  | { readonly what: "cursor"; readonly name: string; readonly value: Uint8Array }
  | { readonly what: "number" };

function record(entry: Entry): Uint8Array {
  const body = write(
    entry.what === "commit" ? [entry.what, entry.stream, ...commitItems(entry.commit)]
    : entry.what === "cursor" ? [entry.what, entry.name, entry.value]
    : [entry.what],
  );
  const bytes = new Uint8Array(HEAD + body.length);
  new DataView(bytes.buffer).setUint32(0, body.length);
  bytes.set(checksum(body), 4);
  bytes.set(body, HEAD);
  return bytes;
}

const checksum = (body: Uint8Array): Uint8Array => createHash("sha256").update(body).digest().subarray(0, HEAD - 4);

/** The record at a place; nothing where it is not whole. */
function entryAt(bytes: Uint8Array, at: number): { entry: Entry; end: number } | undefined {
  if (at + HEAD > bytes.length) return undefined;
  const length = new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0);
  const end = at + HEAD + length;
  const body = bytes.subarray(at + HEAD, end);
  if (end > bytes.length || hex(checksum(body)) !== hex(bytes.subarray(at + 4, at + HEAD))) return undefined;
  const reader = new Reader(body);
  reader.list();
  const what = reader.text() as Entry["what"];
  switch (what) {
    case "commit":
      return { entry: { what, stream: reader.data(), commit: readCommit(reader) }, end };
    case "cursor":
      return { entry: { what, name: reader.text(), value: reader.data() }, end };
    case "number":
      return { entry: { what }, end };
  }
}

/**
 * Streams in one file, which one process has open at a time. All of it is held in memory too, so it is for what fits
 * there; larger stores belong into SQLite, which the command line and Rust have.
 */
export class FileStore extends MemoryStore {
  #queue: Promise<unknown> = Promise.resolve();
  #broken = false;

  private constructor(
    readonly path: string,
    origin: Uint8Array,
    private file: FileHandle,
    private end: number,
  ) {
    super(origin);
  }

  /** Opens the store in this file, or makes it. */
  static async open(path: string): Promise<FileStore> {
    await lock(path);
    try {
      const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return undefined;
        throw known("StoreError", "other", error);
      });
      if (bytes && bytes.length >= BEGINNING.length && hex(bytes.subarray(0, BEGINNING.length)) !== hex(BEGINNING)) {
        fail("StoreError", "unsupported", `${path} is no store of streams, or one of a newer version`);
      }
      if (!bytes || bytes.length < BEGINNING.length + 16) {
        const origin = crypto.getRandomValues(new Uint8Array(16));
        const file = await open(path, "w+");
        await file.write(BEGINNING);
        await file.write(origin);
        await file.sync();
        await syncFolder(path);
        return new FileStore(path, origin, file, BEGINNING.length + 16);
      }
      const file = await open(path, "r+");
      const store = new FileStore(path, new Uint8Array(bytes.subarray(BEGINNING.length, BEGINNING.length + 16)), file, 0);
      let at = BEGINNING.length + 16;
      for (let found = entryAt(bytes, at); found; found = entryAt(bytes, at)) {
        await store.#take(found.entry);
        at = found.end;
      }
      if (at < bytes.length) {
        // Behind the last whole record nothing may follow: else this is no crash, but damage.
        for (let behind = at + 1; behind + HEAD <= bytes.length; behind++) {
          if (entryAt(bytes, behind)) {
            await file.close();
            fail("StoreError", "corrupt", `${path} is damaged at ${at}, and whole records follow: restore it from a copy`);
          }
        }
        await file.truncate(at);
        await file.sync();
      }
      store.end = at;
      return store;
    } catch (error) {
      await unlock(path);
      throw error;
    }
  }

  async #take(entry: Entry): Promise<void> {
    if (entry.what === "commit") this.apply(entry.stream, entry.commit);
    else if (entry.what === "cursor") await super.setCursor(entry.name, entry.value);
    else await super.number();
  }

  /** One after the other. */
  #then<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#queue.then(work);
    this.#queue = next.catch(() => {});
    return next;
  }

  async #append(entry: Entry): Promise<void> {
    if (this.#broken) fail("StoreError", "other", "an earlier write failed: open the store again");
    const bytes = record(entry);
    try {
      await this.file.write(bytes, 0, bytes.length, this.end);
      await this.file.datasync();
      this.end += bytes.length;
    } catch (error) {
      // What is on the disk is not known: the tail is looked at again on opening.
      this.#broken = true;
      throw known("StoreError", (error as NodeJS.ErrnoException).code === "ENOSPC" ? "full" : "other", error);
    }
  }

  override commit(stream: Uint8Array, commit: Commit): Promise<number> {
    return this.#then(async () => {
      const head = await super.head(stream);
      if ((head?.last ?? 0) !== commit.seen) fail("StoreError", "conflict");
      if (!commit.objects.length && !commit.marks.length && !commit.drops.length) return commit.seen;
      await this.#append({ what: "commit", stream, commit });
      const last = this.apply(stream, commit);
      if (commit.marks.some((mark) => mark.what === "copy")) await this.#rewrite();
      return last;
    });
  }

  /** Writes the file anew, with each object as it is kept now: of bytes that were dropped nothing remains. */
  async #rewrite(): Promise<void> {
    const bytes = await readFile(this.path);
    const beside = `${this.path}.new`;
    const file = await open(beside, "w+");
    let end = BEGINNING.length + 16;
    await file.write(bytes.subarray(0, end));
    let at = end;
    for (let found = entryAt(bytes, at); found; found = entryAt(bytes, at)) {
      at = found.end;
      let { entry } = found;
      if (entry.what === "commit") {
        const { stream, commit } = entry;
        const kept = await super.get(stream, commit.objects.map((object) => idOf(object.place)));
        const now = new Map(kept.map((record) => [record ? hex(idOf(record.place)) : "", record?.parts]));
        const objects = commit.objects.map((object) => ({ ...object, parts: now.get(hex(idOf(object.place))) ?? object.parts }));
        const copies = commit.marks.filter((mark) => mark.what === "copy").map((mark) => mark.id);
        const latest = new Map((await super.get(stream, copies)).map((record, at) => [hex(copies[at]!), record?.parts]));
        const marks = commit.marks.map((mark) => (mark.what === "copy" ? { ...mark, parts: latest.get(hex(mark.id)) ?? mark.parts } : mark));
        entry = { what: "commit", stream, commit: { ...commit, objects, marks } };
      }
      const again = record(entry);
      await file.write(again, 0, again.length, end);
      end += again.length;
    }
    await file.sync();
    await rename(beside, this.path);
    await syncFolder(this.path);
    await this.file.close();
    this.file = file;
    this.end = end;
  }

  override setCursor(name: string, value: Uint8Array): Promise<void> {
    return this.#then(async () => {
      await super.last();
      await this.#append({ what: "cursor", name, value });
      await super.setCursor(name, value);
    });
  }

  override number(): Promise<{ store: Uint8Array; counter: number }> {
    return this.#then(async () => {
      await super.last();
      await this.#append({ what: "number" });
      return super.number();
    });
  }

  override close(): Promise<void> {
    return this.#then(async () => {
      await super.close();
      await this.file.close().catch(() => {});
      await unlock(this.path);
    });
  }
}

const lockOf = (path: string): string => `${path}.lock`;

/** One process at a time: its number stands in a file beside. That of one that is gone does not count. */
async function lock(path: string): Promise<void> {
  for (let tries = 0; tries < 3; tries++) {
    try {
      await writeFile(lockOf(path), String(process.pid), { flag: "wx" });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw known("StoreError", "other", error);
    }
    const holder = Number(await readFile(lockOf(path), "utf8").catch(() => ""));
    if (holder && isAlive(holder)) fail("StoreError", "busy", `${path} is open in the process ${holder}: close it there first`);
    await rm(lockOf(path), { force: true });
  }
  fail("StoreError", "busy");
}

function isAlive(process_: number): boolean {
  try {
    process.kill(process_, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

const unlock = (path: string): Promise<void> => unlink(lockOf(path)).catch(() => {});

async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), "r");
  await folder.sync().catch(() => {});
  await folder.close();
}
