// Streams: signed, content-addressed event streams that any application can embed.

export { type Source, init, initSync, isReady } from "./core.js";
export * from "./errors.generated.js";
export { type Author, type ObjectId, type StreamId, idBytes, idText, parseId } from "./id.js";
export { type Content, type Data, Redacted, type Value, type Written } from "./value.js";
export {
  type Draft,
  type Event,
  type HypotheticalRoot,
  type Root,
  type StreamObject,
  authenticate,
  blockId,
  decode,
  encode,
  hypotheticalRoot,
  maps,
  objectId,
  redact,
  restore,
  sound,
} from "./object.js";
export {
  type Domain,
  type RootDraft,
  type Signer,
  SigningKey,
  WebCryptoSigner,
  authorBytes,
  authorOf,
  parseAuthor,
  preimage,
  root,
  verify,
} from "./author.js";
export { type Access, type Action, type Decision, Rule, type RuleContent, checkRule, decide } from "./policy.js";
export {
  type Change,
  type Entry,
  type Fork,
  type Ingested,
  type Parts,
  type Simulated,
  Stream,
  type Summary,
  type Verdict,
} from "./stream.js";
export { Fold } from "./fold.js";
export { type Completeness, type Dial, type FeedEvent, type Filter, type Found, type Meeting, Node, type Page, type PeerEvent, type Replayed, type Snapshot, type Stored, type Verified } from "./node.js";
export type { Commit, Head, Logged, Mark, NewObject, Scan, Store, StoreRecord } from "./store.js";
export { MemoryStore } from "./memory.js";
export { IndexedDbStore } from "./indexeddb.js";
export { MAX_FRAME, type PortLike, type Transport, memoryLink, messagePort, webSocket, webStreams } from "./transport.js";
export { broadcast } from "./broadcast.js";
export {
  Archive,
  type ArchiveEvent,
  type ArchiveOptions,
  type Manifest,
  type Ranges,
  type RestoreOptions,
  Restoring,
  readArchive,
  readPage,
  readVouching,
  writeArchive,
} from "./archive.js";
export { type Shown, verifyEvidence } from "./evidence.js";
export { fromJson, toJson } from "./json.js";
export * as hazmat from "./hazmat.js";
