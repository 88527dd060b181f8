// What verifies, and no more: objects, ids, order and verdicts. For whoever is given streams, and keeps none.

import { type Parts, Stream as Whole } from "./stream.js";
import type { ObjectId } from "./id.js";

export { type Source, init, initSync, isReady } from "./core.js";
export * from "./errors.generated.js";
export { type Author, type ObjectId, type StreamId, idBytes, idText, parseId } from "./id.js";
export { type Data, Redacted, type Value } from "./value.js";
export { type Event, type HypotheticalRoot, type Root, type StreamObject, authenticate, blockId, decode, hypotheticalRoot, maps, objectId, sound } from "./object.js";
export { type Domain, authorBytes, authorOf, parseAuthor, preimage, verify } from "./author.js";
export { type Change, type Entry, type Fork, type Ingested, type Parts, type Simulated, type Summary, type Verdict } from "./stream.js";
export { Fold } from "./fold.js";
export { toJson } from "./json.js";

/** What one replica holds of one stream, in memory: as in the whole package, without what writes. */
export type Stream = Omit<Whole, "append" | "govern" | "withdraw" | "adopt" | "redactForAll" | "checkpoint" | "redact" | "asOf"> & {
  /** The stream as it was below these leaves. */
  asOf(leaves: readonly ObjectId[]): Stream;
};
export const Stream: { open(root: Parts): Stream } = Whole;
