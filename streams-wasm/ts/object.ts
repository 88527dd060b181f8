// Objects: what somebody wrote and signed (spec 1 to 6), as plain frozen values.

import { Entries, Reader, id, write } from "./cbor.js";
import { answer, run } from "./core.js";
import { fail } from "./errors.js";
import { type Author, type ObjectId, type StreamId, idBytes, idText } from "./id.js";
import type { RuleContent } from "./policy.js";
import { type Content, type Data, Redacted, type Value, entries, read } from "./value.js";

interface Common {
  readonly id: ObjectId;
  /** The type: `example.org/list.Added`. */
  readonly type: string;
  readonly author: Author;
  /** The content. {@link Redacted} where it was dropped; absent where there is none. */
  readonly data?: Data | Redacted;
  /** The rules that it brings (spec 8.1). */
  readonly policies?: readonly RuleContent[];
  /** The time that its author claims, in milliseconds since 1970 UTC. Nothing depends on it. */
  readonly timestamp?: number | bigint;
  /** The bytes of the whole object: what is kept, sent and taken in. */
  readonly parts: Uint8Array;
}

/** The first object of a stream. */
export interface Root extends Common {
  readonly role: "root";
  readonly nonce: Uint8Array;
  readonly next?: Uint8Array;
}

/** The first object of a stream that anyone can compute from its type and its author (spec 5). */
export interface HypotheticalRoot extends Common {
  readonly role: "hypothetical-root";
}

/** An object that follows others in its stream. */
export interface Event extends Common {
  readonly role: "event";
  readonly stream: StreamId;
  /** The leaves that its author knew. */
  readonly parents: readonly ObjectId[];
  /** The author's object before it. */
  readonly previous?: ObjectId;
  readonly generation: number | bigint;
  readonly next?: Uint8Array;
}

/** An object: its `role` tells which. */
export type StreamObject = Root | HypotheticalRoot | Event;

export function readObject(reader: Reader): StreamObject {
  reader.list();
  const role = reader.text();
  const id = reader.id();
  const parts = reader.data();
  const values = reader.option(() => read(reader));
  return Object.freeze({ ...values, role, id, parts }) as unknown as StreamObject;
}

/** Proves the bytes of an object: that they are canonical, that its author signed it, that its header keeps the rules. */
export function authenticate(parts: Uint8Array): StreamObject {
  return answer(run((core) => core.authenticate(parts)), readObject);
}

/** The id of an object, computed from its bytes. Neither its signature nor its header is judged. */
export function objectId(parts: Uint8Array): ObjectId {
  return idText(run((core) => core.objectId(parts)));
}

/** The parts of an object with these values, by their whole keys: for objects that are no member of a stream. */
export function encode(values: Content): Uint8Array {
  return run((core) => core.encode(write(entries(values))));
}

/**
 * The values of an object by their whole keys, `text:s`, and its signature. Only its bytes are judged: `parts` are what
 * of them is kept, without maps that break a rule.
 */
export function decode(bytes: Uint8Array): { id: ObjectId; parts: Uint8Array; values: Data; signature?: Uint8Array } {
  return answer(run((core) => core.decode(bytes)), (reader) => {
    reader.list();
    reader.text();
    const id = reader.id();
    const parts = reader.data();
    const values = reader.option(() => read(reader, true)) ?? fail("NewerError", "newer-reference");
    const signature = signatureIn(parts);
    return { id, parts, values, ...(signature && { signature }) };
  });
}

/** What of an object's bytes is kept: without maps that break a rule (spec 1.5). */
export function sound(bytes: Uint8Array): Uint8Array {
  return answer(run((core) => core.decode(bytes)), (reader) => {
    reader.list();
    reader.text();
    reader.id();
    return reader.data();
  });
}

/** The signature of an object stands behind its block. */
function signatureIn(parts: Uint8Array): Uint8Array | undefined {
  const reader = new Reader(parts);
  reader.list();
  reader.data();
  const signature = reader.data();
  return signature.length ? signature : undefined;
}

/** The object without a map: its id and its signature hold (spec 3.3). */
export function redact(parts: Uint8Array, map: ObjectId): Uint8Array {
  return run((core) => core.redact(parts, idBytes(map)));
}

/** The object with maps that stood redacted: blocks, wherever they came from. What fits nowhere is not taken. */
export function restore(parts: Uint8Array, maps: readonly Uint8Array[]): Uint8Array {
  return run((core) => core.restore(parts, write(maps)));
}

/** The maps of an object, by their ids, and the ids of those that stand redacted. */
export function maps(parts: Uint8Array): { here: ReadonlyMap<ObjectId, Uint8Array>; redacted: readonly ObjectId[] } {
  return answer(run((core) => core.maps(parts)), (reader) => {
    reader.list();
    const here = reader.many((): [ObjectId, Uint8Array] => {
      reader.list();
      return [reader.id(), reader.data()];
    });
    return { here: new Map(here), redacted: reader.ids() };
  });
}

/** The root of the stream of a type and an author, which anyone can compute (spec 5). */
export function hypotheticalRoot(type: string, author: Author): HypotheticalRoot {
  return answer(run((core) => core.hypotheticalRoot(type, author)), readObject) as HypotheticalRoot;
}

/** The id of a block: its BLAKE3 hash. */
export function blockId(block: Uint8Array): ObjectId {
  return idText(run((core) => core.hash(block)));
}

/** What is to be written. */
export interface Draft {
  /** The type: `example.org/list.Added`. */
  readonly type: string;
  /** The content; see {@link Content} for hints. */
  readonly data?: Content;
  /** The rules that it brings: in a root, or in a `streams/policy` object. */
  readonly policies?: readonly RuleContent[];
  /** The time that you claim, in milliseconds since 1970 UTC. */
  readonly timestamp?: number | bigint;
  /** The hash of the key that may succeed the owner, 32 bytes. */
  readonly next?: Uint8Array;
}

/** A draft on its way to the core. */
export function draftItems(draft: Draft): [string, Entries | null, Entries[], number | bigint | null, Uint8Array | null] {
  return [
    draft.type,
    draft.data ? entries(draft.data) : null,
    (draft.policies ?? []).map((rule) => entries(rule as unknown as Content)),
    draft.timestamp ?? null,
    draft.next ?? null,
  ];
}

export type { Value };
export { id as idItem };
