// Ids and their text (spec 3.2).

import { fail } from "./errors.js";

declare const brand: unique symbol;

/** The id of an object: 59 characters that begin with `bafyr4i`. */
export type ObjectId = string & { readonly [brand]: "ObjectId" };

/** The id of a stream, which is that of its root. */
export type StreamId = ObjectId;

/** An author: a public key, 48 characters that begin with `z6Mk`. */
export type Author = string & { readonly [brand]: "Author" };

const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
/** What stands before the digest: version 1, dag-cbor, blake3, 32 bytes. */
const PREFIX = [1, 0x71, 0x1e, 32];

/** The text of an id with this digest of 32 bytes. */
export function idText(digest: Uint8Array): ObjectId {
  let text = "b";
  let held = 0;
  let bits = 0;
  const byte = (byte: number) => {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET[(held >> bits) & 31];
    }
    held &= (1 << bits) - 1;
  };
  PREFIX.forEach(byte);
  digest.forEach(byte);
  return (text + ALPHABET[(held << (5 - bits)) & 31]) as ObjectId;
}

/** The digest of an id, 32 bytes. Throws an {@link IdError} where the text is no id. */
export function idBytes(id: string): Uint8Array {
  const bytes = new Uint8Array(36);
  let held = 0;
  let bits = 0;
  let at = 0;
  if (typeof id !== "string" || id.length !== 59 || id[0] !== "b") fail("IdError", "id");
  for (let place = 1; place < 59; place++) {
    const digit = ALPHABET.indexOf(id[place]!);
    if (digit < 0) fail("IdError", "id");
    held = (held << 5) | digit;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = held >> bits;
      held &= (1 << bits) - 1;
    }
  }
  if (held || PREFIX.some((byte, place) => bytes[place] !== byte)) fail("IdError", "id");
  return bytes.subarray(4);
}

/** The text as an id, if it is one. Throws an {@link IdError} otherwise. */
export function parseId(text: string): ObjectId {
  idBytes(text);
  return text as ObjectId;
}
