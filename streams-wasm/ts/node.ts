// Nodes: the streams of a store, opened when they are asked for, committed before an answer is given; and peers.

import { Archive, type ArchiveOptions, Restoring, type RestoreOptions } from "./archive.js";
import { type Signer, SignerHost, SigningKey, signElsewhere } from "./author.js";
import { type Out, Reader, id, write } from "./cbor.js";
import { Handle, answer, later, run, told } from "./core.js";
import { StreamsError, known } from "./errors.js";
import { type Author, type ObjectId, type StreamId, idBytes } from "./id.js";
import { type Draft, type StreamObject, draftItems, readObject } from "./object.js";
import type { RuleContent } from "./policy.js";
import { type Answer, type Ingested, type Parts, type Question, drafts, partsOf, questions, readTaken } from "./stream.js";
import { type Head, type Store, StoreHost, clock } from "./store.js";
import { DialHost, LinkHost, type Transport } from "./transport.js";
import type { Content } from "./value.js";
import type { FeedHandle, NodeHandle } from "#glue";

/** An object as the store holds it. */
export interface Stored {
  /** Its number in the store's sequence. */
  readonly sequence: number;
  /** Where it stands: where the next page begins. */
  readonly place: Uint8Array;
  readonly effective: boolean;
  readonly adoptedBy?: ObjectId;
  readonly object: StreamObject;
}

/** Which objects of a page: by their places behind or before one, or by their numbers above one. */
export type Page =
  | { readonly after?: Uint8Array; readonly limit?: number }
  | { readonly before: Uint8Array | "end"; readonly limit?: number }
  | { readonly since: number; readonly limit?: number }
  | { readonly author: Author; readonly since?: number; readonly limit?: number }
  | { readonly type: string; readonly since?: number; readonly limit?: number };

/** What a reader of the feed asks for. Empty is all. */
export interface Filter {
  readonly streams?: readonly StreamId[];
  /** Types of streams, or beginnings of types that end in `*`. */
  readonly streamTypes?: readonly string[];
  readonly types?: readonly string[];
  readonly authors?: readonly Author[];
}

/** What a feed tells. `cursor` is where to go on behind it. */
export type FeedEvent = { readonly cursor: Uint8Array } & (
  | { readonly what: "reset"; readonly why: string }
  | { readonly what: "caughtUp" }
  | { readonly what: "added"; readonly stream: StreamId; readonly stored: Stored }
  | { readonly what: "voided" | "restored" | "released" | "copy"; readonly stream: StreamId; readonly stored: Stored }
  | { readonly what: "adopted"; readonly stream: StreamId; readonly stored: Stored; readonly by: ObjectId }
  | { readonly what: "finalized"; readonly stream: StreamId; readonly upto: number }
);

/** What happens while one meets a peer. */
export type PeerEvent =
  | { readonly what: "proven"; readonly peer: Author }
  | { readonly what: "expected"; readonly stream: StreamId; readonly objects: number }
  | { readonly what: "received"; readonly stream: StreamId; readonly admitted: number }
  | { readonly what: "rejected"; readonly stream: StreamId; readonly fate: string; readonly code: string; readonly objects: number }
  | { readonly what: "synced"; readonly stream: StreamId; readonly admitted: number; readonly rejected: number; readonly gaps: readonly ObjectId[] }
  | { readonly what: "served"; readonly stream: StreamId; readonly sent: number }
  | { readonly what: "stated"; readonly stream: StreamId; readonly peer: Author }
  | { readonly what: "compared"; readonly streams: number }
  | { readonly what: "plea"; readonly stream: StreamId; readonly note: string }
  | { readonly what: "refused"; readonly stream: StreamId; readonly why: string; readonly shown?: Uint8Array }
  | { readonly what: "refuses"; readonly stream: StreamId; readonly why: string }
  | { readonly what: "found" };

/** How one meets a peer. */
export interface Meeting {
  /** The key of this side, or whoever signs with it. */
  readonly key: SigningKey | Signer;
  /** Whether this side opened the link. */
  readonly opened?: boolean;
  /** Whether streams that are not here are taken in, where the peer has them. */
  readonly takesUnknown?: boolean;
  /** How long what is stated will be served, in milliseconds; absent where nothing is promised. */
  readonly promises?: number;
  /** Where the peer was met, for those who look for it. */
  readonly address?: string;
  readonly onEvent?: (event: PeerEvent) => void;
  /** Closes the link. */
  readonly signal?: AbortSignal;
}

/** Opens a link to whoever is at an address. Addresses come from strangers: what they may reach is decided here. */
export type Dial = (address: string, signal?: AbortSignal) => Promise<Transport>;

/** Who has streams. */
export interface Found {
  /** Who has which of them, by address. */
  readonly places: readonly { address: string; peer: Author; streams: readonly StreamId[] }[];
  /** Whom nothing was heard of, and why. */
  readonly silent: readonly { address: string; error: StreamsError }[];
}

/** The state behind the final part of a stream. */
export interface Snapshot<S> {
  readonly state: S;
  /** How many objects it has in it. */
  readonly objects: number;
  /** The place of the last of them. */
  readonly place?: Uint8Array;
}

/** The state of a stream, and the snapshot to begin with the next time. */
export interface Replayed<S> {
  readonly state: S;
  readonly snapshot: Snapshot<S>;
}

/** What is lacking, and who said to have it. */
export interface Completeness {
  readonly objects: number;
  readonly gaps: readonly ObjectId[];
  readonly redacted: readonly ObjectId[];
  /** How many objects several peers have, one alone, and none. */
  readonly bySeveral: number;
  readonly byOne: number;
  readonly byNone: number;
  readonly peers: readonly { peer: Author; heard: number; lacking: readonly ObjectId[]; objects: number }[];
}

/** What was found when all was decided again. */
export interface Verified {
  readonly objects: number;
  readonly faults: readonly { id: ObjectId; fault: string }[];
  readonly order?: Uint8Array;
  readonly frontier?: Uint8Array;
}

export function readStored(reader: Reader): Stored {
  reader.list();
  const sequence = reader.number();
  const place = reader.data();
  const effective = reader.boolean();
  const adoptedBy = reader.option(() => reader.id());
  return Object.freeze({ sequence, place, effective, ...(adoptedBy && { adoptedBy }), object: readObject(reader) });
}

function readPeerEvent(reader: Reader): PeerEvent {
  reader.list();
  const what = reader.text() as PeerEvent["what"];
  switch (what) {
    case "proven":
      return { what, peer: reader.text() as Author };
    case "compared":
      return { what, streams: reader.number() };
    case "found":
      return { what };
  }
  const stream = reader.id();
  switch (what) {
    case "expected":
      return { what, stream, objects: reader.number() };
    case "received":
      return { what, stream, admitted: reader.number() };
    case "rejected":
      return { what, stream, fate: reader.text(), code: reader.text(), objects: reader.number() };
    case "synced":
      return { what, stream, admitted: reader.number(), rejected: reader.number(), gaps: reader.ids() };
    case "served":
      return { what, stream, sent: reader.number() };
    case "stated":
      return { what, stream, peer: reader.text() as Author };
    case "plea":
      return { what, stream, note: reader.text() };
    case "refused": {
      const why = reader.text();
      const shown = reader.option(() => reader.data());
      return { what, stream, why, ...(shown && { shown }) };
    }
    case "refuses":
      return { what, stream, why: reader.text() };
  }
}

function readFeedEvent(reader: Reader): FeedEvent {
  reader.list();
  const cursor = reader.data();
  reader.list();
  const what = reader.text();
  if (what === "reset") return { cursor, what, why: reader.text() };
  if (what === "caughtUp") return { cursor, what };
  const stream = reader.id();
  if (what === "finalized") return { cursor, what, stream, upto: reader.number() };
  const stored = readStored(reader);
  if (what === "added") return { cursor, what, stream, stored };
  const changed = reader.text() as "voided" | "restored" | "released" | "copy" | "adopted";
  const by = reader.option(() => reader.id());
  return (by ? { cursor, what: changed, stream, stored, by } : { cursor, what: changed, stream, stored }) as FeedEvent;
}

/** How a peer is met, as the core is told. */
const meetingItems = (meeting: Meeting, opened: boolean): Out[] => [
  meeting.opened ?? opened,
  meeting.key.author,
  crypto.getRandomValues(new Uint8Array(32)),
  meeting.takesUnknown ?? false,
  meeting.promises ?? null,
  meeting.address ?? null,
];

/** How many objects are asked of the store at once. */
const PAGE = 512;

/**
 * The streams of a store.
 *
 * ```js
 * const node = Node.open(new MemoryStore());
 * const stream = await node.create(root(alice, { type: "example.org/list" }));
 * await node.append(stream, alice, "example.org/list.Added", { item: "milk" });
 * for await (const { object } of node.entries(stream)) console.log(object.data);
 * ```
 */
export class Node {
  readonly #node: Handle<NodeHandle>;
  readonly #host: StoreHost;

  private constructor(node: NodeHandle, host: StoreHost) {
    this.#node = new Handle(node);
    this.#host = host;
  }

  /** The streams of a store. `memory` bounds what open streams take together, in bytes: 256 MiB. */
  static open(store: Store, options: { memory?: number } = {}): Node {
    const host = new StoreHost(store);
    return new Node(run((core) => core.NodeHandle.open(host, clock, options.memory ?? 256 << 20)), host);
  }

  get store(): Store {
    return this.#host.store;
  }

  async #later<T>(call: (node: NodeHandle) => Promise<T>): Promise<T> {
    try {
      return await later(() => call(this.#node.it));
    } catch (error) {
      throw this.#host.behind(error);
    }
  }

  async #call<T>(what: string, items: readonly Out[], read: (reader: Reader) => T): Promise<T> {
    const bytes = write(items);
    return answer(await this.#later((node) => node.call(what, bytes)), read);
  }

  #writing<T>(write: () => Promise<T>): Promise<T> {
    return this.store.lease ? this.store.lease(write) : write();
  }

  async #ask<Q extends Question>(stream: StreamId, what: Q, argument: Out = null): Promise<Answer<Q>> {
    const [stream_, bytes] = [idBytes(stream), write(argument)];
    return answer(await this.#later((node) => node.ask(stream_, what, bytes)), questions[what] as (reader: Reader) => Answer<Q>);
  }

  /** Begins a stream with its root. One that is here stays as it is. */
  create(root: Parts): Promise<StreamId> {
    return this.#writing(() => this.#call("create", [partsOf(root)], (reader) => reader.id()));
  }

  /** Takes in objects of a stream; what is admitted is durable when this returns. */
  ingest(stream: StreamId, objects: readonly Parts[]): Promise<readonly Ingested[]> {
    const bytes = write([objects.map(partsOf), 0]);
    return this.#writing(() => this.#call("ingest", [id(stream), bytes], readTaken));
  }

  async #write(stream: StreamId, key: SigningKey | Signer, draft: Draft): Promise<StreamObject> {
    if (key instanceof SigningKey) {
      const [stream_, spec] = [idBytes(stream), write(draftItems(draft))];
      return this.#writing(async () => answer(await this.#later((node) => node.append(stream_, SigningKey.key(key), spec)), readObject));
    }
    const unsigned = await this.#ask(stream, "draft", [key.author, draftItems(draft)]);
    const parts = await signElsewhere(key, unsigned);
    const [taken] = await this.ingest(stream, [parts]);
    if (taken && "error" in taken) throw taken.error;
    return answer(run((core) => core.authenticate(parts)), readObject);
  }

  /** Writes an object. It is durable when this returns. */
  append(stream: StreamId, key: SigningKey | Signer, type: string, data?: Content, more?: Omit<Draft, "type" | "data">): Promise<StreamObject> {
    return this.#write(stream, key, { ...more, type, ...(data && { data }) });
  }

  /** Writes rules. */
  govern(stream: StreamId, key: SigningKey | Signer, rules: readonly RuleContent[]): Promise<StreamObject> {
    return this.#write(stream, key, drafts.govern(rules));
  }

  /** Withdraws policy objects. */
  withdraw(stream: StreamId, key: SigningKey | Signer, policies: readonly ObjectId[]): Promise<StreamObject> {
    return this.#write(stream, key, drafts.withdraw(policies));
  }

  /** Takes void objects back in, at this place. */
  adopt(stream: StreamId, key: SigningKey | Signer, objects: readonly ObjectId[]): Promise<StreamObject> {
    return this.#write(stream, key, drafts.adopt(objects));
  }

  /** Asks everybody to drop maps (spec 3.4). */
  redactForAll(stream: StreamId, key: SigningKey | Signer, maps: readonly ObjectId[]): Promise<StreamObject> {
    return this.#write(stream, key, drafts.redactForAll(maps));
  }

  /** Makes all that is here final, where the author holds checkpoints (spec 9.2). */
  checkpoint(stream: StreamId, key: SigningKey | Signer): Promise<StreamObject> {
    return this.#write(stream, key, drafts.checkpoint());
  }

  /** Drops a map of an object, here alone (spec 3.3): of its bytes nothing remains in the store. */
  redact(stream: StreamId, object: ObjectId, map: ObjectId): Promise<StreamObject | undefined> {
    const bytes = write([id(object), id(map)]);
    return this.#writing(() => this.#call("redact", [id(stream), bytes], (reader) => reader.option(() => readObject(reader))));
  }

  /** What the store knows of a stream. */
  head(stream: StreamId): Promise<Head | undefined> {
    return this.#call("head", [id(stream)], (reader) =>
      reader.option(() => {
        reader.list();
        return { last: reader.number(), objects: reader.number(), finals: reader.number() };
      }),
    );
  }

  /** The streams that are here, ascending. */
  streams(after?: StreamId, limit = 1024): Promise<readonly StreamId[]> {
    return this.#call("streams", [after ? id(after) : null, limit], (reader) => reader.ids());
  }

  /** At most so many objects of a stream, from the store alone: at once, however long the stream. */
  page(stream: StreamId, page: Page = {}): Promise<readonly Stored[]> {
    const scan: Out[] =
      "before" in page ? ["before", page.before === "end" ? null : page.before]
      : "author" in page ? ["author", page.author, page.since ?? 0]
      : "type" in page ? ["type", page.type, page.since ?? 0]
      : "since" in page ? ["since", page.since]
      : ["after", page.after ?? null];
    return this.#call("page", [id(stream), ...scan, page.limit ?? PAGE], (reader) => reader.many(() => readStored(reader)));
  }

  /** All objects of a stream in their order, page by page, from the store alone. */
  async *entries(stream: StreamId, after?: Uint8Array): AsyncIterableIterator<Stored> {
    for (let place = after; ; ) {
      const page = await this.page(stream, place ? { after: place } : {});
      yield* page;
      place = page.at(-1)?.place;
      if (page.length < PAGE || !place) return;
    }
  }

  /** An object of a stream, from the store alone. */
  object(stream: StreamId, object: ObjectId): Promise<Stored | undefined> {
    return this.#call("object", [id(stream), id(object)], (reader) => reader.option(() => readStored(reader)));
  }

  /**
   * State as a fold over what is effective, in order, from the store alone. Where somebody writes meanwhile, `apply` may
   * see an object again, of another state: it returns another state, and leaves the one that it is given as it is.
   */
  async replay<S>(stream: StreamId, initial: S, apply: (state: S, object: StreamObject) => S): Promise<S> {
    return (await this.replayFrom(stream, undefined, initial, apply)).state;
  }

  /**
   * The same, and what to begin with the next time: the state behind the final part of the stream, which what comes later
   * never changes. Only what stands behind the snapshot is read; all, where it does not hold any more.
   */
  async replayFrom<S>(
    stream: StreamId,
    snapshot: Snapshot<S> | undefined,
    initial: S,
    apply: (state: S, object: StreamObject) => S,
  ): Promise<Replayed<S>> {
    let thrown: { error: unknown } | undefined;
    const folding = {
      apply(state: S, bytes: Uint8Array): S {
        if (thrown) return state;
        try {
          return apply(state, readObject(new Reader(bytes.slice())));
        } catch (error) {
          thrown = { error };
          return state;
        }
      },
    };
    const bytes = write([id(stream), snapshot?.objects ?? null, snapshot?.place ?? null]);
    const [state, final, kept] = (await this.#later((node) => node.replay(folding, initial, snapshot?.state, bytes))) as [S, S, Uint8Array];
    if (thrown) throw thrown.error;
    return answer(kept, (reader) => {
      reader.list();
      const objects = reader.number();
      const place = reader.option(() => reader.data());
      return { state, snapshot: { state: final, objects, ...(place && { place }) } };
    });
  }

  /** Asks a stream, which is opened for it: see the functions of {@link Stream} of the same names. */
  summary(stream: StreamId): Promise<Answer<"summary">> {
    return this.#ask(stream, "summary");
  }

  order(stream: StreamId): Promise<readonly ObjectId[]> {
    return this.#ask(stream, "order");
  }

  orderDigest(stream: StreamId): Promise<Uint8Array> {
    return this.#ask(stream, "orderDigest");
  }

  /** Why an object is effective, or void. */
  explain(stream: StreamId, object: ObjectId): Promise<Answer<"explain">> {
    return this.#ask(stream, "explain", id(object));
  }

  /** What objects would change, if they came. */
  simulate(stream: StreamId, objects: readonly Parts[]): Promise<Answer<"simulate">> {
    return this.#ask(stream, "simulate", objects.map(partsOf));
  }

  /** Whether an author may read. */
  mayRead(stream: StreamId, author: Author): Promise<Answer<"mayRead">> {
    return this.#ask(stream, "mayRead", author);
  }

  rank(stream: StreamId, author: Author, at: ObjectId): Promise<number | undefined> {
    return this.#ask(stream, "rank", [author, id(at)]);
  }

  gaps(stream: StreamId): Promise<readonly ObjectId[]> {
    return this.#ask(stream, "gaps");
  }

  forks(stream: StreamId): Promise<Answer<"forks">> {
    return this.#ask(stream, "forks");
  }

  refused(stream: StreamId): Promise<Answer<"refused">> {
    return this.#ask(stream, "refused");
  }

  checkpoints(stream: StreamId): Promise<Answer<"checkpoints">> {
    return this.#ask(stream, "checkpoints");
  }

  authors(stream: StreamId): Promise<readonly Author[]> {
    return this.#ask(stream, "authors");
  }

  /** Decides everything of a stream again: every hash, every signature, every verdict. */
  verify(stream: StreamId): Promise<Verified> {
    return this.#call("verify", [id(stream)], (reader) => {
      reader.list();
      const objects = reader.number();
      const faults = reader.many(() => (reader.list(), { id: reader.id(), fault: reader.text() }));
      const [order, frontier] = [reader.option(() => reader.data()), reader.option(() => reader.data())];
      return { objects, faults, ...(order && { order }), ...(frontier && { frontier }) };
    });
  }

  /**
   * What is here, and then what becomes different, without a gap between, over many streams.
   *
   * Keep the cursor of an event with what you made of it: after a crash you go on from there, and see none twice.
   */
  async *watch(filter: Filter = {}, options: { since?: Uint8Array; signal?: AbortSignal } = {}): AsyncIterableIterator<FeedEvent> {
    const { signal } = options;
    const items = [
      (filter.streams ?? []).map((stream) => id(stream)),
      filter.streamTypes ?? [],
      filter.types ?? [],
      filter.authors ?? [],
      options.since ?? null,
    ];
    const bytes = write(items);
    const feed = new Handle<FeedHandle>(await this.#later((node) => node.watch(bytes)));
    try {
      while (!signal?.aborted) {
        const [cursor, events] = answer(await this.#later(() => feed.it.take(PAGE)), (reader) => {
          reader.list();
          return [reader.data(), reader.many(() => readFeedEvent(reader))] as const;
        });
        for (const event of events) {
          if (signal?.aborted) return;
          yield event;
        }
        if (events.length) continue;
        const above = new DataView(cursor.buffer, cursor.byteOffset).getBigUint64(48);
        try {
          await this.store.wait(Number(above), signal);
        } catch (error) {
          if (!signal?.aborted) throw error;
        }
      }
    } finally {
      feed.free();
    }
  }

  async #meet(how: string, link: Transport, meeting: Meeting, streams: readonly StreamId[] | undefined, more: readonly Out[] = []): Promise<Author> {
    const { key, signal, onEvent } = meeting;
    signal?.throwIfAborted();
    const host = new LinkHost(link);
    const signer = new SignerHost(key);
    const bytes = write([
      ...meetingItems(meeting, how !== "serve"),
      link.channel ?? new Uint8Array(0),
      streams ? streams.map((stream) => id(stream)) : null,
      ...more,
    ]);
    const events = {
      tell(bytes: Uint8Array): void {
        onEvent?.(readPeerEvent(new Reader(bytes.slice())));
      },
    };
    const abort = () => void link.close().catch(() => {});
    signal?.addEventListener("abort", abort, { once: true });
    try {
      const peer = await this.#later((node) => node.meet(how, host, events, signer, bytes));
      return peer as Author;
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof StreamsError && error.code === "not-signed" && signer.error) throw signer.error;
      if (error instanceof StreamsError && error.name === "TransportError" && host.error) throw told(host.error);
      throw error;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Makes streams equal here and at a peer, both ways, and closes the link. Without `streams`, all that either has. */
  sync(link: Transport, meeting: Meeting & { readonly streams?: readonly StreamId[] }): Promise<Author> {
    return this.#meet("sync", link, meeting, meeting.streams);
  }

  /** Serves a peer until it closes the link: answers, takes in, tells news. */
  serve(link: Transport, meeting: Meeting): Promise<Author> {
    return this.#meet("serve", link, meeting, undefined);
  }

  /** Keeps streams equal here and at a peer as either changes, until the link closes; at most for a day. */
  follow(link: Transport, meeting: Meeting & { readonly streams?: readonly StreamId[]; readonly until?: number }): Promise<Author> {
    return this.#meet("follow", link, meeting, meeting.streams, [meeting.until ?? Date.now() + 23 * 60 * 60 * 1000]);
  }

  /** Asks a peer for access to a stream, with a note for whoever governs it. */
  plead(link: Transport, meeting: Meeting & { readonly stream: StreamId; readonly note: string }): Promise<Author> {
    return this.#meet("plead", link, meeting, undefined, [id(meeting.stream), meeting.note]);
  }

  /**
   * Asks peers who has streams, at most sixteen: those at the addresses given, those that this node met, and those that
   * they met; at most 32 in all. What they say of others is where to ask, and nothing else.
   */
  async find(streams: readonly StreamId[], dial: Dial, meeting: Meeting & { readonly at?: readonly string[] }): Promise<Found> {
    const { signal, key } = meeting;
    signal?.throwIfAborted();
    const host = new DialHost(dial, signal);
    const bytes = write([...meetingItems(meeting, true), streams.map((stream) => id(stream)), meeting.at ?? []]);
    const abort = () => host.close();
    signal?.addEventListener("abort", abort, { once: true });
    try {
      const found = await this.#later((node) => node.find(host, new SignerHost(key), bytes));
      signal?.throwIfAborted();
      return answer(found, (reader) => {
        reader.list();
        const places = reader.many(() => (reader.list(), { address: reader.text(), peer: reader.text() as Author, streams: reader.ids() }));
        const silent = reader.many(() => (reader.list(), { address: reader.text(), error: known(reader.text(), reader.text()) }));
        return { places, silent };
      });
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  /** The peers that were met, the latest first. */
  peers(): Promise<readonly { peer: Author; address?: string; met: number }[]> {
    return this.#call("peers", [], (reader) =>
      reader.many(() => {
        reader.list();
        const peer = reader.text() as Author;
        const address = reader.option(() => reader.text());
        return { peer, ...(address !== undefined && { address }), met: reader.number() };
      }),
    );
  }

  /** What can be held against somebody: a file each, see {@link verifyEvidence}. */
  evidence(stream: StreamId): Promise<readonly Uint8Array[]> {
    return this.#call("evidence", [id(stream)], (reader) => reader.many(() => reader.data()));
  }

  /** What is lacking, and who said to have it. */
  completeness(stream: StreamId): Promise<Completeness> {
    return this.#call("completeness", [id(stream)], (reader) => {
      reader.list();
      return {
        objects: reader.number(),
        gaps: reader.ids(),
        redacted: reader.ids(),
        bySeveral: reader.number(),
        byOne: reader.number(),
        byNone: reader.number(),
        peers: reader.many(() => {
          reader.list();
          return { peer: reader.text() as Author, heard: reader.number(), lacking: reader.ids(), objects: reader.number() };
        }),
      };
    });
  }

  /** Writes a stream into an archive, as fast as it is read. */
  async archive(stream: StreamId, options: ArchiveOptions = {}): Promise<Archive> {
    const bytes = write([id(stream), options.behind ? id(options.behind) : null, options.last ?? 0]);
    return new Archive(await this.#later((node) => node.archive(bytes)));
  }

  /** Takes in an archive. */
  async restore(archive: ReadableStream<Uint8Array> | Uint8Array, options: RestoreOptions = {}): Promise<Restoring> {
    return Restoring.of(archive, options, (reading) => this.#writing(() => this.#later((node) => node.restore(reading))));
  }

  /** Closes the store, and forgets the streams. */
  async close(): Promise<void> {
    await this.store.close();
    this.free();
  }

  free(): void {
    this.#node.free();
  }

  [Symbol.dispose](): void {
    this.free();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
