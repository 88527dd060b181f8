// What verifies, and no more: objects, ids, order and verdicts. For whoever is given streams, and keeps none.

export { type Source, init, initSync, isReady } from "./core.js";
export * from "./errors.generated.js";
export { type Author, type ObjectId, type StreamId, idBytes, idText, parseId } from "./id.js";
export { type Data, Redacted, type Value } from "./value.js";
export { type Event, type HypotheticalRoot, type Root, type StreamObject, authenticate, blockId, decode, hypotheticalRoot, maps, objectId, sound } from "./object.js";
export { type Domain, authorBytes, authorOf, parseAuthor, preimage, verify } from "./author.js";
export { type Change, type Entry, type Fork, type Ingested, type Parts, type Simulated, Stream, type Summary, type Verdict } from "./stream.js";
export { Fold } from "./fold.js";
export { toJson } from "./json.js";
