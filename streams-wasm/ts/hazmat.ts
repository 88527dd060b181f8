// Beneath what people use: for checking this library against others.

import { type Out, write } from "./cbor.js";
import { answer, run } from "./core.js";
import { type Author, type ObjectId, idBytes } from "./id.js";

/** The tie of an author's objects of a generation (spec 9.1). */
export function tie(root: ObjectId, generation: bigint, author: Author): Uint8Array {
  return run((core) => core.tie(idBytes(root), generation, author));
}

/** Which signatures over these very bytes are valid, each alone, and whether all are, together. */
export function verifyRaw(
  items: readonly { key: Uint8Array; message: Uint8Array; signature: Uint8Array }[],
): { alone: readonly boolean[]; together: boolean } {
  const list: Out = items.map(({ key, message, signature }) => [key, message, signature]);
  return answer(run((core) => core.verifyRaw(write(list))), (reader) => {
    reader.list();
    return { alone: reader.many(() => reader.boolean()), together: reader.boolean() };
  });
}

/** Whether all these signatures are valid, together: at a third of the cost. */
export function verifyBatch(items: readonly { key: Uint8Array; message: Uint8Array; signature: Uint8Array }[]): boolean {
  const list: Out = items.map(({ key, message, signature }) => [key, message, signature]);
  return run((core) => core.verifyBatch(write(list)));
}

/** One side of a run of ranges (spec 10.2.1): what it answers to, and what it finds. */
export function ranges(
  secret: Uint8Array,
  keys: readonly Uint8Array[],
  heard: readonly Uint8Array[],
): { answers: readonly boolean[]; found: readonly Uint8Array[] } {
  return answer(run((core) => core.ranges(secret, write(keys), write(heard))), (reader) => {
    reader.list();
    return { answers: reader.many(() => reader.boolean()), found: reader.many(() => reader.data()) };
  });
}


