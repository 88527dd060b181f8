// The contract of a store: where objects survive. What holds of every store stands at the interface.

import { type Out, Reader, write } from "./cbor.js";
import { StreamsError, codeOf, known } from "./errors.js";

/** An object to be kept. Ids, authors and places are bytes: they are compared, and nothing else. */
export interface NewObject {
  /** Where it stands: 76 bytes that ascend as places do, the last 32 its id. */
  readonly place: Uint8Array;
  readonly author: Uint8Array;
  readonly type: string;
  /** The ids that it cites. */
  readonly edges: readonly Uint8Array[];
  readonly effective: boolean;
  readonly adoptedBy: Uint8Array | undefined;
  readonly parts: Uint8Array;
}

/** What is decided anew about objects that are here. */
export type Mark =
  | { readonly what: "verdict"; readonly id: Uint8Array; readonly effective: boolean }
  | { readonly what: "adopted"; readonly id: Uint8Array; readonly by: Uint8Array | undefined }
  | { readonly what: "copy"; readonly id: Uint8Array; readonly parts: Uint8Array }
  | { readonly what: "finalized"; readonly upto: number; readonly epochs: readonly (readonly [Uint8Array, number])[] };

/** All that is changed at once, of one stream. */
export interface Commit {
  /** The number of the last change of the stream that the writer has seen; 0 where it has seen none. */
  readonly seen: number;
  readonly objects: readonly NewObject[];
  readonly marks: readonly Mark[];
  /** Maps that this replica dropped itself. */
  readonly drops: readonly Uint8Array[];
}

/** An object as it is kept. */
export interface StoreRecord {
  readonly sequence: number;
  readonly place: Uint8Array;
  readonly effective: boolean;
  readonly adoptedBy: Uint8Array | undefined;
  readonly parts: Uint8Array;
}

/** Which objects are read: by place behind one, or before one backwards; or by number above one, all or some. */
export type Scan =
  | { readonly by: "after" | "before"; readonly place: Uint8Array | undefined }
  | { readonly by: "since"; readonly above: number }
  | { readonly by: "author"; readonly author: Uint8Array; readonly above: number }
  | { readonly by: "type"; readonly type: string; readonly above: number };

/** What a store knows of a stream. */
export interface Head {
  /** The number of its last change. */
  readonly last: number;
  readonly objects: number;
  /** How many are final. */
  readonly finals: number;
}

/** A change, as the store numbered it. */
export type Logged = { readonly sequence: number; readonly stream: Uint8Array } & (
  | { readonly what: "added"; readonly id: Uint8Array; readonly author: Uint8Array; readonly type: string }
  | { readonly what: "verdict"; readonly id: Uint8Array; readonly effective: boolean }
  | { readonly what: "adopted"; readonly id: Uint8Array; readonly by: Uint8Array | undefined }
  | { readonly what: "copy"; readonly id: Uint8Array }
  | { readonly what: "finalized"; readonly upto: number }
);

/**
 * Where objects survive.
 *
 * - **All or nothing.** A commit is there whole or not at all, and durable when it returns.
 * - **One sequence.** Every object and every mark of a commit takes the next number of the store, from 1, without gaps.
 *   An object that is here already takes none.
 * - **One writer at a time.** Where `seen` is not the number of the last change of the stream, nothing is committed:
 *   `new StoreError("conflict", …)`.
 * - **Absent is `undefined`**, or an empty list. Lists that are given are answered in their order.
 */
export interface Store {
  /** 16 bytes, drawn when the store was made. */
  origin(): Promise<Uint8Array>;
  /** The number of the last change of all; 0 where there is none. */
  last(): Promise<number>;
  /** Commits, and tells the number of the stream's last change. */
  commit(stream: Uint8Array, commit: Commit): Promise<number>;
  get(stream: Uint8Array, ids: readonly Uint8Array[]): Promise<readonly (StoreRecord | undefined)[]>;
  contains(stream: Uint8Array, ids: readonly Uint8Array[]): Promise<readonly boolean[]>;
  scan(stream: Uint8Array, scan: Scan, limit: number): Promise<readonly StoreRecord[]>;
  places(stream: Uint8Array, after: Uint8Array | undefined, limit: number): Promise<readonly (readonly [Uint8Array, number])[]>;
  head(stream: Uint8Array): Promise<Head | undefined>;
  /** What nothing here cites, ascending. */
  leaves(stream: Uint8Array): Promise<readonly Uint8Array[]>;
  /** The maps that were dropped, ascending. */
  dropped(stream: Uint8Array): Promise<readonly Uint8Array[]>;
  /** Streams, ascending, behind one. */
  streams(after: Uint8Array | undefined, limit: number): Promise<readonly Uint8Array[]>;
  /** Changes above a number, of one stream or of all. */
  log(stream: Uint8Array | undefined, above: number, limit: number): Promise<readonly Logged[]>;
  /** Returns when there may be a change above a number. */
  wait(above: number, signal?: AbortSignal): Promise<void>;
  /** What was kept under a name. */
  cursor(name: string): Promise<Uint8Array | undefined>;
  setCursor(name: string, value: Uint8Array): Promise<void>;
  /** The next number for a statement: no number is given twice. */
  number(): Promise<{ readonly store: Uint8Array; readonly counter: number }>;
  close(): Promise<void>;
  /**
   * Runs what writes while nobody else writes, where several share the store. Without it, who meets another writer reads
   * again and decides again, which is right too, and slower.
   */
  lease?<T>(write: () => Promise<T>): Promise<T>;
}

/** The failures that the core tells apart, by their numbers. */
const KINDS = ["conflict", "busy", "full", "corrupt", "closed", "unsupported"];

/** What of an error the core is told; the error itself is kept, to be thrown behind the core. */
function failure(error: unknown): Uint8Array {
  return Uint8Array.of(KINDS.indexOf(codeOf(error)) + 1 || 255);
}

const ZERO = Uint8Array.of(0);

function ok(value: Out): Uint8Array {
  const bytes = write(value);
  const answer = new Uint8Array(bytes.length + 1);
  answer.set(bytes, 1);
  return answer;
}

const recordItems = (record: StoreRecord | undefined): Out =>
  record ? [record.sequence, record.place, record.effective, record.adoptedBy ?? null, record.parts] : null;

function loggedItems(logged: Logged): Out {
  const head: Out[] = [logged.sequence, logged.stream, logged.what];
  switch (logged.what) {
    case "added":
      return [...head, logged.id, logged.author, logged.type];
    case "verdict":
      return [...head, logged.id, logged.effective];
    case "adopted":
      return [...head, logged.id, logged.by ?? null];
    case "copy":
      return [...head, logged.id];
    case "finalized":
      return [...head, logged.upto];
  }
}

export function readCommit(reader: Reader): Commit {
  const seen = reader.number();
  const objects = reader.many((): NewObject => {
    reader.list();
    return {
      place: reader.data(),
      author: reader.data(),
      type: reader.text(),
      edges: reader.many(() => reader.data()),
      effective: reader.boolean(),
      adoptedBy: reader.option(() => reader.data()),
      parts: reader.data(),
    };
  });
  const marks = reader.many((): Mark => {
    reader.list();
    const what = reader.text() as Mark["what"];
    if (what === "finalized") {
      const upto = reader.number();
      return { what, upto, epochs: reader.many(() => (reader.list(), [reader.data(), reader.number()] as const)) };
    }
    const id = reader.data();
    if (what === "verdict") return { what, id, effective: reader.boolean() };
    if (what === "copy") return { what, id, parts: reader.data() };
    return { what, id, by: reader.option(() => reader.data()) };
  });
  return { seen, objects, marks, drops: reader.many(() => reader.data()) };
}

/** A commit as the core sends it. */
export function commitItems(commit: Commit): Out[] {
  const mark = (mark: Mark): Out => {
    switch (mark.what) {
      case "verdict":
        return [mark.what, mark.id, mark.effective];
      case "adopted":
        return [mark.what, mark.id, mark.by ?? null];
      case "copy":
        return [mark.what, mark.id, mark.parts];
      case "finalized":
        return [mark.what, mark.upto, mark.epochs];
    }
  };
  const objects = commit.objects.map((object): Out => [
    object.place, object.author, object.type, object.edges, object.effective, object.adoptedBy ?? null, object.parts,
  ]);
  return [commit.seen, objects, commit.marks.map(mark), commit.drops];
}

function readScan(reader: Reader): [Scan, number] {
  const by = reader.text() as Scan["by"];
  const key = reader.option(() => (reader.major() === 3 ? reader.text() : reader.data()));
  const [above, limit] = [reader.number(), reader.number()];
  switch (by) {
    case "since":
      return [{ by, above }, limit];
    case "author":
      return [{ by, author: key as Uint8Array, above }, limit];
    case "type":
      return [{ by, type: key as string, above }, limit];
  }
  return [{ by, place: key as Uint8Array | undefined }, limit];
}

/** A store as the core calls it. The last error is kept: what the core tells of it is a number. */
export class StoreHost {
  error: unknown;

  constructor(readonly store: Store) {}

  async call(what: string, bytes: Uint8Array): Promise<Uint8Array> {
    try {
      return await this.ask(what, new Reader(bytes.slice()));
    } catch (error) {
      this.error = error;
      return failure(error);
    }
  }

  private async ask(what: string, reader: Reader): Promise<Uint8Array> {
    const { store } = this;
    reader.list();
    const data = () => reader.data();
    switch (what) {
      case "origin":
        return ok(await store.origin());
      case "last":
        return ok(await store.last());
      case "commit":
        return ok(await store.commit(data(), readCommit(reader)));
      case "get":
        return ok((await store.get(data(), reader.many(data))).map(recordItems));
      case "contains":
        return ok(await store.contains(data(), reader.many(data)));
      case "scan": {
        const [stream, [scan, limit]] = [data(), readScan(reader)];
        return ok((await store.scan(stream, scan, limit)).map(recordItems));
      }
      case "places":
        return ok(await store.places(data(), reader.option(data), reader.number()));
      case "head": {
        const head = await store.head(data());
        return ok(head ? [head.last, head.objects, head.finals] : null);
      }
      case "leaves":
        return ok(await store.leaves(data()));
      case "dropped":
        return ok(await store.dropped(data()));
      case "streams":
        return ok(await store.streams(reader.option(data), reader.number()));
      case "log":
        return ok((await store.log(reader.option(data), reader.number(), reader.number())).map(loggedItems));
      case "wait":
        await store.wait(reader.number());
        return ZERO;
      case "cursor":
        return ok((await store.cursor(reader.text())) ?? null);
      case "setCursor":
        await store.setCursor(reader.text(), data());
        return ZERO;
      case "number": {
        const { store: origin, counter } = await store.number();
        return ok([origin, counter]);
      }
      case "close":
        await store.close();
        return ZERO;
    }
    throw known("StoreError", "unsupported");
  }

  /** The error of the store that is behind what the core threw. */
  behind(error: unknown): unknown {
    const cause = this.error;
    this.error = undefined;
    const same = error instanceof StreamsError && cause instanceof Error && error.name.startsWith("Store");
    return !same ? error : cause instanceof StreamsError ? cause : known("StoreError", error.code, cause);
  }
}

/** The clock as the core calls it. */
export const clock = {
  async call(_: string, bytes: Uint8Array): Promise<Uint8Array> {
    const reader = new Reader(bytes.slice());
    reader.list();
    const left = Math.min(Math.max(reader.number() - Date.now(), 0), 0x7fffffff);
    await new Promise<void>((done) => {
      const timer: unknown = setTimeout(done, left);
      // A timer alone keeps no process alive.
      (timer as { unref?: () => void }).unref?.();
    });
    return ZERO;
  },
  tell(): void {},
};

