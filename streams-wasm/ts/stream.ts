// Streams: what one replica holds of one stream, in memory (spec 7 to 9).

import { type Signer, SigningKey, signElsewhere } from "./author.js";
import { type Out, Reader, id, write } from "./cbor.js";
import { Handle, answer, run } from "./core.js";
import { fail, known } from "./errors.js";
import type { StreamsError } from "./errors.js";
import { type Author, type ObjectId, type StreamId } from "./id.js";
import { type Draft, type StreamObject, draftItems, readObject } from "./object.js";
import type { RuleContent } from "./policy.js";
import type { Content } from "./value.js";
import type { StreamHandle } from "#glue";

/** An object at its place in the order. */
export interface Entry {
  /** Its place in the order, from 0. */
  readonly position: number;
  /** Whether its author may write it. What is void stays, and is not replayed. */
  readonly effective: boolean;
  /** Whether its place and verdict are final. */
  readonly final: boolean;
  /** The object that adopts it. */
  readonly adoptedBy?: ObjectId;
  readonly object: StreamObject;
}

/** What became of an object that was taken in. */
export type Ingested =
  | { readonly outcome: "admitted"; /** Those that waited for it. */ readonly then: readonly ObjectId[] }
  | { readonly outcome: "known" }
  | { readonly outcome: "pending"; /** What it waits for. */ readonly missing: readonly ObjectId[] }
  | { readonly outcome: "dropped" | "newer" | "refused"; readonly error: StreamsError };

/** Whether an object is effective, and why (spec 8.9). */
export interface Verdict {
  readonly effective: boolean;
  /** `owner`, `allowed` or `force`; or `denied`, `withdrawn`, `no-rule`, `rank`, `holder`, `count`, `order`. */
  readonly why: string;
  /** The policy object that decides. */
  readonly by?: ObjectId;
  /** The place of the rule in it. */
  readonly rule?: number;
  /** The rank of its author. */
  readonly rank?: number;
  /** In which set it decides: what the author knew, or what stands beside. */
  readonly set?: "known" | "beside";
}

/** What objects would change (spec 8.9). */
export interface Simulated {
  readonly taken: readonly Ingested[];
  /** Effective now, and void then. */
  readonly voided: readonly ObjectId[];
  /** Void now, and effective then. */
  readonly restored: readonly ObjectId[];
}

/** Two or more objects of one author behind the same one (spec 7.3). */
export interface Fork {
  readonly author: Author;
  readonly previous?: ObjectId;
  readonly objects: readonly ObjectId[];
}

/** What became different (spec 9.5). */
export type Change =
  | { readonly what: "inserted"; readonly id: ObjectId; readonly at: number }
  | { readonly what: "voided" | "restored" | "copy" | "gap"; readonly id: ObjectId }
  | { readonly what: "adopted" | "released"; readonly id: ObjectId; readonly by: ObjectId }
  | { readonly what: "finalized"; readonly upto: number; readonly from: number; readonly order: readonly ObjectId[] }
  | { readonly what: "fork"; readonly fork: Fork };

/** What a stream is, in short. */
export interface Summary {
  readonly id: StreamId;
  readonly owner: Author;
  /** How many objects there are. */
  readonly length: number;
  /** How many of them are final: the first so many of the order. */
  readonly final: number;
  /** The digest of the leaves: equal frontiers are equal sets of objects. */
  readonly frontier: Uint8Array;
  readonly leaves: readonly ObjectId[];
}

const optional = <K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } =>
  (value === undefined ? {} : { [key]: value }) as { [key in K]?: V };

export function readEntry(reader: Reader): Entry {
  reader.list();
  const [position, effective, final] = [reader.number(), reader.boolean(), reader.boolean()];
  const adoptedBy = reader.option(() => reader.id());
  return Object.freeze({ position, effective, final, ...optional("adoptedBy", adoptedBy), object: readObject(reader) });
}

const ERRORS = { dropped: "UnsoundError", newer: "NewerError", refused: "RefusedError" } as const;

export function readTaken(reader: Reader): readonly Ingested[] {
  return reader.many((): Ingested => {
    reader.list();
    const outcome = reader.text() as Ingested["outcome"];
    switch (outcome) {
      case "admitted":
        return { outcome, then: reader.ids() };
      case "pending":
        return { outcome, missing: reader.ids() };
      case "known":
        reader.option(() => reader.text());
        return { outcome };
    }
    const code = reader.text();
    const name = code === "not-authorized" ? "NotAuthorizedError" : code.startsWith("rule") ? "RuleError" : ERRORS[outcome];
    return { outcome, error: known(name, code) };
  });
}

export function readVerdict(reader: Reader): Verdict {
  reader.list();
  const [effective, why] = [reader.boolean(), reader.text()];
  const by = reader.option(() => reader.id());
  const [rule, rank] = [reader.option(() => reader.number()), reader.option(() => reader.number())];
  const set = reader.option(() => reader.text() as "known" | "beside");
  return Object.freeze({ effective, why, ...optional("by", by), ...optional("rule", rule), ...optional("rank", rank), ...optional("set", set) });
}

function readFork(reader: Reader): Fork {
  reader.list();
  const author = reader.text() as Author;
  const previous = reader.option(() => reader.id());
  return Object.freeze({ author, ...optional("previous", previous), objects: reader.ids() });
}

function readPair(reader: Reader): readonly [ObjectId, ObjectId] {
  reader.list();
  return [reader.id(), reader.id()];
}

function readChange(reader: Reader): Change {
  reader.list();
  const what = reader.text();
  if (what === "finalized") {
    const upto = reader.number();
    reader.list();
    return { what, upto, from: reader.number(), order: reader.ids() };
  }
  if (what === "fork") {
    reader.option(() => 0);
    return { what, fork: readFork(reader) };
  }
  const id = reader.id();
  if (what === "inserted") return { what, id, at: reader.number() };
  const by = reader.option(() => reader.id());
  return (by ? { what, id, by } : { what, id }) as Change;
}

/** The questions that a stream answers, wherever it is: alone they are answered at once, in a node later. */
export const questions = {
  summary: (reader: Reader): Summary => {
    reader.list();
    return Object.freeze({
      id: reader.id(),
      owner: reader.text() as Author,
      length: reader.number(),
      final: reader.number(),
      frontier: reader.data(),
      leaves: reader.ids(),
    });
  },
  entries: (reader: Reader) => reader.many(() => readEntry(reader)),
  entry: (reader: Reader) => reader.option(() => readEntry(reader)),
  order: (reader: Reader) => reader.ids(),
  orderDigest: (reader: Reader) => reader.data(),
  replayed: (reader: Reader) => reader.ids(),
  explain: (reader: Reader) => reader.option(() => readVerdict(reader)),
  simulate: (reader: Reader): Simulated => {
    reader.list();
    return { taken: readTaken(reader), voided: reader.ids(), restored: reader.ids() };
  },
  rank: (reader: Reader) =>
    reader.option(() => {
      reader.list();
      return reader.option(() => reader.number()) ?? Infinity;
    }),
  mayRead: (reader: Reader): Verdict & { shown?: ObjectId } => {
    reader.list();
    const verdict = readVerdict(reader);
    return { ...verdict, ...optional("shown", reader.option(() => reader.id())) };
  },
  forks: (reader: Reader) => reader.many(() => readFork(reader)),
  gaps: (reader: Reader) => reader.ids(),
  refused: (reader: Reader) =>
    reader.many((): { id: ObjectId; error: StreamsError } => {
      reader.list();
      return { id: reader.id(), error: known("RefusedError", reader.text()) };
    }),
  checkpoints: (reader: Reader) =>
    reader.many((): { id: ObjectId; state: string } => {
      reader.list();
      return { id: reader.id(), state: reader.text() };
    }),
  withdrawn: (reader: Reader) => reader.ids(),
  adopted: (reader: Reader) => reader.many(() => readPair(reader)),
  removed: (reader: Reader) => reader.many(() => readPair(reader)),
  authors: (reader: Reader) => reader.many(() => reader.text() as Author),
  isAncestor: (reader: Reader) => reader.boolean(),
  epoch: (reader: Reader) => reader.option(() => reader.number()),
  draft: (reader: Reader) => reader.data(),
};

export type Question = keyof typeof questions;
export type Answer<Q extends Question> = ReturnType<(typeof questions)[Q]>;

/** The drafts of what governs a stream. */
export const drafts = {
  govern: (rules: readonly RuleContent[]): Draft => ({ type: "streams/policy", policies: rules }),
  withdraw: (policies: readonly ObjectId[]): Draft => ({ type: "streams/policy", data: { "withdraws:ar": policies } }),
  adopt: (objects: readonly ObjectId[]): Draft => ({ type: "streams/adopt", data: { "objects:ar": objects } }),
  redactForAll: (maps: readonly ObjectId[]): Draft => ({ type: "streams/redact", data: { "maps:ar": maps } }),
  checkpoint: (): Draft => ({ type: "streams/checkpoint" }),
};

/** Objects, or their bytes. */
export type Parts = Uint8Array | StreamObject;

export const partsOf = (object: Parts): Uint8Array => (object instanceof Uint8Array ? object : object.parts);

/** How many entries are asked of the core at once. */
const PAGE = 256;

/**
 * What one replica holds of one stream, in memory: whatever is asked is answered at once.
 *
 * ```js
 * const alice = SigningKey.generate();
 * const stream = Stream.open(root(alice, { type: "example.org/list" }));
 * stream.append(alice, "example.org/list.Added", { item: "milk" });
 * for (const { object } of stream) console.log(object.type, object.data);
 * ```
 */
export class Stream {
  readonly #stream: Handle<StreamHandle>;
  readonly id: StreamId;
  readonly owner: Author;

  private constructor(stream: StreamHandle) {
    this.#stream = new Handle(stream);
    ({ id: this.id, owner: this.owner } = this.summary());
  }

  /** Opens a stream with its root. */
  static open(root: Parts): Stream {
    return new Stream(run((core) => core.StreamHandle.open(partsOf(root))));
  }

  #ask<Q extends Question>(what: Q, argument: Out = null): Answer<Q> {
    const bytes = run(() => this.#stream.it.ask(what, write(argument)));
    return answer(bytes, questions[what] as (reader: Reader) => Answer<Q>);
  }

  /** Takes in an object: verified, judged, put in its place; or told why not. */
  ingest(object: Parts): Ingested {
    return this.ingestAll([object])[0]!;
  }

  /** Takes in objects; their signatures are verified together, at a third of the cost. */
  ingestAll(objects: readonly Parts[]): readonly Ingested[] {
    const bytes = write([objects.map(partsOf), 0]);
    return answer(run(() => this.#stream.it.ingest(bytes)), readTaken);
  }

  /** Writes an object. With a {@link Signer}, what comes in while it signs stands beside it. */
  append(key: SigningKey, type: string, data?: Content, more?: Omit<Draft, "type" | "data">): StreamObject;
  append(key: Signer, type: string, data?: Content, more?: Omit<Draft, "type" | "data">): Promise<StreamObject>;
  append(key: SigningKey | Signer, type: string, data?: Content, more?: Omit<Draft, "type" | "data">): StreamObject | Promise<StreamObject> {
    return this.#write(key, { ...more, type, ...(data && { data }) });
  }

  #write(key: SigningKey | Signer, draft: Draft): StreamObject | Promise<StreamObject> {
    if (key instanceof SigningKey) {
      const spec = write(draftItems(draft));
      return answer(run(() => this.#stream.it.append(SigningKey.key(key), spec)), readObject);
    }
    const unsigned = this.#ask("draft", [key.author, draftItems(draft)]);
    return signElsewhere(key, unsigned).then((parts) => {
      const taken = this.ingest(parts);
      if ("error" in taken) throw taken.error;
      return answer(run((core) => core.authenticate(parts)), readObject);
    });
  }

  /** Writes rules. */
  govern(key: SigningKey, rules: readonly RuleContent[]): StreamObject;
  govern(key: Signer, rules: readonly RuleContent[]): Promise<StreamObject>;
  govern(key: SigningKey | Signer, rules: readonly RuleContent[]): StreamObject | Promise<StreamObject> {
    return this.#write(key, drafts.govern(rules));
  }

  /** Withdraws policy objects. */
  withdraw(key: SigningKey, policies: readonly ObjectId[]): StreamObject;
  withdraw(key: Signer, policies: readonly ObjectId[]): Promise<StreamObject>;
  withdraw(key: SigningKey | Signer, policies: readonly ObjectId[]): StreamObject | Promise<StreamObject> {
    return this.#write(key, drafts.withdraw(policies));
  }

  /** Takes void objects back in, at this place. */
  adopt(key: SigningKey, objects: readonly ObjectId[]): StreamObject;
  adopt(key: Signer, objects: readonly ObjectId[]): Promise<StreamObject>;
  adopt(key: SigningKey | Signer, objects: readonly ObjectId[]): StreamObject | Promise<StreamObject> {
    return this.#write(key, drafts.adopt(objects));
  }

  /** Asks everybody to drop maps (spec 3.4). */
  redactForAll(key: SigningKey, maps: readonly ObjectId[]): StreamObject;
  redactForAll(key: Signer, maps: readonly ObjectId[]): Promise<StreamObject>;
  redactForAll(key: SigningKey | Signer, maps: readonly ObjectId[]): StreamObject | Promise<StreamObject> {
    return this.#write(key, drafts.redactForAll(maps));
  }

  /** Makes all that is here final, where the author holds checkpoints (spec 9.2). */
  checkpoint(key: SigningKey): StreamObject;
  checkpoint(key: Signer): Promise<StreamObject>;
  checkpoint(key: SigningKey | Signer): StreamObject | Promise<StreamObject> {
    return this.#write(key, drafts.checkpoint());
  }

  /** Drops a map of an object, here alone (spec 3.3). Nothing where the object is not here. */
  redact(object: ObjectId, map: ObjectId): StreamObject | undefined {
    const bytes = write([id(object), id(map)]);
    return answer(run(() => this.#stream.it.redact(bytes)), (reader) => reader.option(() => readObject(reader)));
  }

  /** What the stream is, in short. */
  summary(): Summary {
    return this.#ask("summary");
  }

  /** How many objects there are. */
  get length(): number {
    return this.summary().length;
  }

  /** All objects in their order, or those from a place on. */
  *entries(from = 0): IterableIterator<Entry> {
    for (let at = from; ; at += PAGE) {
      const page = this.page(at, PAGE);
      yield* page;
      if (page.length < PAGE) return;
    }
  }

  [Symbol.iterator](): IterableIterator<Entry> {
    return this.entries();
  }

  /** At most so many entries from a place on. */
  page(from: number, limit: number): readonly Entry[] {
    return this.#ask("entries", [from, limit]);
  }

  /** The object, and where it stands. */
  entry(object: ObjectId): Entry | undefined {
    return this.#ask("entry", id(object));
  }

  /** The ids of all objects, in their order. */
  order(): readonly ObjectId[] {
    return this.#ask("order");
  }

  /** BLAKE3 over the ids in their order: equal digests are equal replays. */
  orderDigest(): Uint8Array {
    return this.#ask("orderDigest");
  }

  /** The objects that replay hands out, in its order. */
  *replayed(): IterableIterator<StreamObject> {
    for (const object of this.#ask("replayed")) yield this.entry(object)!.object;
  }

  /** State as a fold over what is effective, in order. */
  replay<S>(initial: S, apply: (state: S, object: StreamObject) => S): S {
    let state = initial;
    for (const object of this.replayed()) state = apply(state, object);
    return state;
  }

  /** Why an object is effective, or void. */
  explain(object: ObjectId): Verdict | undefined {
    return this.#ask("explain", id(object));
  }

  /** What objects would change, if they came. */
  simulate(objects: readonly Parts[]): Simulated {
    return this.#ask("simulate", objects.map(partsOf));
  }

  /** The rank of an author at an object; `Infinity` where the author does not govern. */
  rank(author: Author, at: ObjectId): number | undefined {
    return this.#ask("rank", [author, id(at)]);
  }

  /** Whether an author may read, and what is shown to one who may not. */
  mayRead(author: Author): Answer<"mayRead"> {
    return this.#ask("mayRead", author);
  }

  forks(): readonly Fork[] {
    return this.#ask("forks");
  }

  /** What objects that wait cite, and that is not here. */
  gaps(): readonly ObjectId[] {
    return this.#ask("gaps");
  }

  refused(): Answer<"refused"> {
    return this.#ask("refused");
  }

  /** All checkpoints: `accepted`, `force`, or why it is without. */
  checkpoints(): Answer<"checkpoints"> {
    return this.#ask("checkpoints");
  }

  withdrawn(): readonly ObjectId[] {
    return this.#ask("withdrawn");
  }

  /** Each adopted object, and by which. */
  adopted(): readonly (readonly [ObjectId, ObjectId])[] {
    return this.#ask("adopted");
  }

  /** Each object, and the map in it that is removed for all. */
  removed(): readonly (readonly [ObjectId, ObjectId])[] {
    return this.#ask("removed");
  }

  authors(): readonly Author[] {
    return this.#ask("authors");
  }

  isAncestor(object: ObjectId, of: ObjectId): boolean {
    return this.#ask("isAncestor", [id(object), id(of)]);
  }

  /** The number of an object's epoch, from 1. */
  epoch(object: ObjectId): number | undefined {
    return this.#ask("epoch", id(object));
  }

  /** The stream as it was below these leaves. */
  asOf(leaves: readonly ObjectId[]): Stream {
    const bytes = write(leaves.map((leaf) => id(leaf)));
    const stream = run(() => this.#stream.it.asOf(bytes));
    return stream ? new Stream(stream) : fail("UnknownObjectError", "unknown-object");
  }

  /** Tells what becomes different from now on, to {@link takeChanges}. */
  watch(): void {
    run(() => this.#stream.it.watch());
  }

  /** What became different since it was asked before. */
  takeChanges(): readonly Change[] {
    return answer(run(() => this.#stream.it.takeChanges()), (reader) => reader.many(() => readChange(reader)));
  }

  free(): void {
    this.#stream.free();
  }

  [Symbol.dispose](): void {
    this.free();
  }
}
