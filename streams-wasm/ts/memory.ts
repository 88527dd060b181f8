// The simplest store: in memory.

import { fail } from "./errors.js";
import type { Commit, Head, Logged, Scan, Store, StoreRecord } from "./store.js";

/** Bytes as the key of a map. */
export function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** Whether bytes stand before others, at their place, or behind. */
export function compare(one: Uint8Array, other: Uint8Array): number {
  for (let at = 0; at < one.length; at++) {
    if (one[at] !== other[at]) return one[at]! - (other[at] ?? -1);
  }
  return one.length - other.length;
}

/** The id at the end of a place. */
export const idOf = (place: Uint8Array): Uint8Array => place.subarray(44);

/** The same place in another epoch. */
export function inEpoch(place: Uint8Array, epoch: number): Uint8Array {
  const moved = place.slice();
  new DataView(moved.buffer).setUint32(0, epoch);
  return moved;
}

/** The first place in a sorted list that is not before what is searched for. */
function search<T>(list: readonly T[], before: (item: T) => boolean): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (before(list[middle]!)) low = middle + 1;
    else high = middle;
  }
  return low;
}

interface Kept {
  sequence: number;
  place: Uint8Array;
  effective: boolean;
  adoptedBy: Uint8Array | undefined;
  parts: Uint8Array;
  readonly author: string;
  readonly type: string;
}

interface Table {
  readonly id: Uint8Array;
  readonly objects: Map<string, Kept>;
  /** By number. */
  readonly bySequence: Kept[];
  /** By place; sorted when it is asked for. */
  byPlace: Kept[];
  isSorted: boolean;
  readonly leaves: Map<string, Uint8Array>;
  readonly dropped: Map<string, Uint8Array>;
  readonly log: Logged[];
  last: number;
  finals: number;
}

/** Streams in memory: gone with the page. */
export class MemoryStore implements Store {
  #origin: Uint8Array;
  #last = 0;
  #number = 0;
  #closed = false;
  readonly #tables = new Map<string, Table>();
  readonly #log: Logged[] = [];
  readonly #cursors = new Map<string, Uint8Array>();
  #waiting: (() => void)[] = [];

  constructor(origin: Uint8Array = crypto.getRandomValues(new Uint8Array(16))) {
    this.#origin = origin;
  }

  #open(): void {
    if (this.#closed) fail("StoreClosedError", "closed");
  }

  #table(stream: Uint8Array): Table | undefined {
    this.#open();
    return this.#tables.get(hex(stream));
  }

  async origin(): Promise<Uint8Array> {
    this.#open();
    return this.#origin;
  }

  async last(): Promise<number> {
    this.#open();
    return this.#last;
  }

  async commit(stream: Uint8Array, commit: Commit): Promise<number> {
    this.#open();
    return this.apply(stream, commit);
  }

  /** Commits at once. */
  protected apply(stream: Uint8Array, commit: Commit): number {
    const empty = !commit.objects.length && !commit.marks.length && !commit.drops.length;
    let table = this.#tables.get(hex(stream));
    if ((table?.last ?? 0) !== commit.seen) {
      fail("StoreError", "conflict");
    }
    if (empty) return commit.seen;
    if (!table) {
      table = {
        id: stream,
        objects: new Map(),
        bySequence: [],
        byPlace: [],
        isSorted: true,
        leaves: new Map(),
        dropped: new Map(),
        log: [],
        last: 0,
        finals: 0,
      };
      this.#tables.set(hex(stream), table);
    }
    const note = (logged: Logged) => {
      this.#log.push(logged);
      table.log.push(logged);
      table.last = logged.sequence;
    };
    const cited = new Set<string>();
    const added: Uint8Array[] = [];
    for (const object of commit.objects) {
      const id = idOf(object.place);
      const key = hex(id);
      if (table.objects.has(key)) continue;
      const sequence = ++this.#last;
      const { place, effective, adoptedBy, parts, type } = object;
      const kept: Kept = { sequence, place, effective, adoptedBy, parts, type, author: hex(object.author) };
      table.objects.set(key, kept);
      table.bySequence.push(kept);
      const end = table.byPlace.at(-1);
      if (end && compare(end.place, place) > 0) table.isSorted = false;
      table.byPlace.push(kept);
      for (const edge of object.edges) cited.add(hex(edge));
      added.push(id);
      note({ sequence, stream, what: "added", id, author: object.author, type });
    }
    for (const id of added) if (!cited.has(hex(id))) table.leaves.set(hex(id), id);
    for (const key of cited) table.leaves.delete(key);
    for (const mark of commit.marks) {
      const sequence = ++this.#last;
      if (mark.what === "finalized") {
        table.finals = mark.upto;
        for (const [id, epoch] of mark.epochs) {
          const kept = table.objects.get(hex(id));
          if (kept) kept.place = inEpoch(kept.place, epoch);
        }
        table.isSorted = false;
        note({ sequence, stream, what: "finalized", upto: mark.upto });
        continue;
      }
      const kept = table.objects.get(hex(mark.id));
      if (mark.what === "verdict") {
        if (kept) kept.effective = mark.effective;
        note({ sequence, stream, what: "verdict", id: mark.id, effective: mark.effective });
      } else if (mark.what === "adopted") {
        if (kept) kept.adoptedBy = mark.by;
        note({ sequence, stream, what: "adopted", id: mark.id, by: mark.by });
      } else {
        if (kept) kept.parts = mark.parts;
        note({ sequence, stream, what: "copy", id: mark.id });
      }
    }
    for (const drop of commit.drops) table.dropped.set(hex(drop), drop);
    this.#wake();
    return table.last;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  async get(stream: Uint8Array, ids: readonly Uint8Array[]): Promise<readonly (StoreRecord | undefined)[]> {
    const table = this.#table(stream);
    return ids.map((id) => table?.objects.get(hex(id)));
  }

  async contains(stream: Uint8Array, ids: readonly Uint8Array[]): Promise<readonly boolean[]> {
    const table = this.#table(stream);
    return ids.map((id) => table?.objects.has(hex(id)) ?? false);
  }

  #sorted(table: Table): readonly Kept[] {
    if (!table.isSorted) {
      table.byPlace.sort((one, other) => compare(one.place, other.place));
      table.isSorted = true;
    }
    return table.byPlace;
  }

  async scan(stream: Uint8Array, scan: Scan, limit: number): Promise<readonly StoreRecord[]> {
    const table = this.#table(stream);
    if (!table) return [];
    switch (scan.by) {
      case "after": {
        const { place } = scan;
        const list = this.#sorted(table);
        const from = place ? search(list, (kept) => compare(kept.place, place) <= 0) : 0;
        return list.slice(from, from + limit);
      }
      case "before": {
        const { place } = scan;
        const list = this.#sorted(table);
        const to = place ? search(list, (kept) => compare(kept.place, place) < 0) : list.length;
        return list.slice(Math.max(to - limit, 0), to).reverse();
      }
    }
    const list = table.bySequence;
    const from = search(list, (kept) => kept.sequence <= scan.above);
    if (scan.by === "since") return list.slice(from, from + limit);
    const author = scan.by === "author" ? hex(scan.author) : undefined;
    const fits = (kept: Kept) => (scan.by === "author" ? kept.author === author : kept.type === scan.type);
    const found: Kept[] = [];
    for (let at = from; at < list.length && found.length < limit; at++) if (fits(list[at]!)) found.push(list[at]!);
    return found;
  }

  async places(stream: Uint8Array, after: Uint8Array | undefined, limit: number): Promise<readonly (readonly [Uint8Array, number])[]> {
    const records = await this.scan(stream, { by: "after", place: after }, limit);
    return records.map((record) => [record.place, record.sequence] as const);
  }

  async head(stream: Uint8Array): Promise<Head | undefined> {
    const table = this.#table(stream);
    return table && { last: table.last, objects: table.objects.size, finals: table.finals };
  }

  async leaves(stream: Uint8Array): Promise<readonly Uint8Array[]> {
    return [...(this.#table(stream)?.leaves.values() ?? [])].sort(compare);
  }

  async dropped(stream: Uint8Array): Promise<readonly Uint8Array[]> {
    return [...(this.#table(stream)?.dropped.values() ?? [])].sort(compare);
  }

  async streams(after: Uint8Array | undefined, limit: number): Promise<readonly Uint8Array[]> {
    this.#open();
    const ids = [...this.#tables.values()].map((table) => table.id).sort(compare);
    return ids.filter((id) => !after || compare(id, after) > 0).slice(0, limit);
  }

  async log(stream: Uint8Array | undefined, above: number, limit: number): Promise<readonly Logged[]> {
    this.#open();
    const list = stream ? (this.#table(stream)?.log ?? []) : this.#log;
    const from = search(list, (logged) => logged.sequence <= above);
    return list.slice(from, from + limit);
  }

  async wait(above: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.#open();
    if (this.#last > above) return;
    await new Promise<void>((wake, reject) => {
      this.#waiting.push(wake);
      signal?.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    });
    this.#open();
  }

  async cursor(name: string): Promise<Uint8Array | undefined> {
    this.#open();
    return this.#cursors.get(name);
  }

  async setCursor(name: string, value: Uint8Array): Promise<void> {
    this.#open();
    this.#cursors.set(name, value.slice());
  }

  async number(): Promise<{ store: Uint8Array; counter: number }> {
    this.#open();
    return { store: this.#origin, counter: ++this.#number };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#wake();
  }
}
