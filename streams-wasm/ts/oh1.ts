// The hash of the original proposal (spec 12.2), for those who have old ids. It needs no WebAssembly.

import { fail } from "./errors.js";

/** The constants of SHA-256: the first bits of the roots of the first primes. */
const PRIMES = [...Array(312).keys()].filter((n) => n > 1 && ![...Array(n).keys()].some((m) => m > 1 && n % m === 0));
const bits = (root: number) => ((root - Math.floor(root)) * 0x1_0000_0000) | 0;
const START = PRIMES.slice(0, 8).map((prime) => bits(Math.sqrt(prime)));
const ROUNDS = PRIMES.slice(0, 64).map((prime) => bits(Math.cbrt(prime)));

function sha256(message: Uint8Array): Uint8Array {
  const padded = new Uint8Array((((message.length + 8) >> 6) + 1) << 6);
  padded.set(message);
  padded[message.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setBigUint64(padded.length - 8, BigInt(message.length) * 8n);
  const hash = Int32Array.from(START);
  const words = new Int32Array(64);
  const turn = (word: number, by: number) => (word >>> by) | (word << (32 - by));
  for (let block = 0; block < padded.length; block += 64) {
    for (let at = 0; at < 16; at++) words[at] = view.getInt32(block + at * 4);
    for (let at = 16; at < 64; at++) {
      const [early, late] = [words[at - 15]!, words[at - 2]!];
      const small = turn(early, 7) ^ turn(early, 18) ^ (early >>> 3);
      const large = turn(late, 17) ^ turn(late, 19) ^ (late >>> 10);
      words[at] = words[at - 16]! + small + words[at - 7]! + large;
    }
    let [a, b, c, d, e, f, g, h] = hash as unknown as [number, number, number, number, number, number, number, number];
    for (let at = 0; at < 64; at++) {
      const one = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + ROUNDS[at]! + words[at]!) | 0;
      const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((word, at) => (hash[at]! += word));
  }
  const out = new DataView(new ArrayBuffer(32));
  hash.forEach((word, at) => out.setInt32(at * 4, word));
  return new Uint8Array(out.buffer);
}

const encoder = new TextEncoder();

function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const tagged = (tag: string, ...content: Uint8Array[]): Uint8Array => sha256(join([encoder.encode(tag), ...content]));
const byText = (one: Uint8Array, other: Uint8Array): number => {
  const at = one.findIndex((byte, at) => byte !== other[at]);
  return at < 0 ? one.length - other.length : one[at]! - (other[at] ?? -1);
};

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

class Hashed {
  private at = 0;

  constructor(private readonly text: string) {}

  private json(): never {
    return fail("Oh1Error", "oh1-json");
  }

  private value_(fits: boolean): asserts fits {
    if (!fits) fail("Oh1Error", "oh1-value");
  }

  private is(mark: string): boolean {
    while (" \t\n\r".includes(this.text[this.at] ?? "x")) this.at++;
    if (mark && this.text[this.at] === mark) {
      this.at++;
      return true;
    }
    return false;
  }

  private match(pattern: RegExp): string | undefined {
    this.is("");
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    this.at += found?.length ?? 0;
    return found;
  }

  private string(): string {
    const spelled = this.match(/"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/y) ?? this.json();
    const text = JSON.parse(spelled) as string;
    return /\p{Surrogate}/u.test(text) ? this.json() : text;
  }

  whole(): Uint8Array {
    this.is("");
    if (this.text[this.at] !== "{") this.json();
    const hash = this.value("o");
    this.is("");
    if (this.at < this.text.length) this.json();
    // Only an object as a whole has a hash where it is empty.
    return hash ?? tagged("o");
  }

  /** The hash of a value; nothing where it is left out. */
  private value(hint: string): Uint8Array | undefined {
    this.is("");
    const mark = this.text[this.at] ?? this.json();
    if (this.match(/null/y)) return undefined;
    const number = this.match(NUMBER);
    if (number !== undefined) {
      if (hint === "f") {
        const view = new DataView(new ArrayBuffer(8));
        view.setFloat64(0, Number(number));
        this.value_(Number.isFinite(Number(number)));
        return tagged("f", tagged("f", encoder.encode(view.getBigUint64(0).toString(16))));
      }
      const [from, to] = hint === "i" ? [-(1n << 63n), 1n << 63n] : [0n, 1n << 64n];
      this.value_((hint === "i" || hint === "u") && /^(?:0|-?[1-9]\d*)$/.test(number));
      this.value_(BigInt(number) >= from && BigInt(number) < to);
      return tagged(hint, encoder.encode(number));
    }
    const word = this.match(/true|false/y);
    if (word) {
      this.value_(hint === "b");
      return tagged("b", Uint8Array.of(Number(word === "true")));
    }
    if (mark === '"') {
      const text = this.string();
      this.value_(hint === "s" || hint === "d");
      if (!text) return undefined;
      if (hint === "s") return tagged("s", encoder.encode(text));
      let bytes: string | undefined;
      try {
        bytes = atob(text);
      } catch {
        // Told below.
      }
      this.value_(bytes !== undefined && btoa(bytes) === text);
      return tagged("d", Uint8Array.from(bytes as string, (character) => character.charCodeAt(0)));
    }
    if (this.is("[")) {
      this.value_(hint[0] === "a");
      if (this.is("]")) return undefined;
      const hashes: Uint8Array[] = [];
      do {
        const hash = this.value(hint.slice(1));
        if (hash) hashes.push(hash);
      } while (this.is(","));
      return this.is("]") ? tagged("a", ...hashes) : this.json();
    }
    if (!this.is("{")) this.json();
    this.value_(hint === "o");
    return this.object();
  }

  private object(): Uint8Array | undefined {
    const pairs = new Map<string, Uint8Array | undefined>();
    if (this.is("}")) return undefined;
    do {
      const key = this.string();
      const hint = /^[^:]+:(a*[siufbdo])$/s.exec(key)?.[1];
      if (!this.is(":")) this.json();
      if (!hint) fail("Oh1Error", "oh1-key");
      if (pairs.has(key)) fail("Oh1Error", "oh1-key-repeated");
      if (key[0] === "_" || key === "@signature:o") {
        this.skip();
        pairs.set(key, undefined);
      } else pairs.set(key, this.value(hint as string));
    } while (this.is(","));
    if (!this.is("}")) this.json();
    const list = [...pairs].map(([key, hash]) => [encoder.encode(key), hash] as const).sort(([one], [other]) => byText(one, other));
    return tagged("o", ...list.flatMap(([key, hash]) => (hash ? [tagged("s", key), hash] : [])));
  }

  private skip(): void {
    this.is("");
    if (this.text[this.at] === '"') this.string();
    else if (this.is("[")) {
      if (this.is("]")) return;
      do this.skip();
      while (this.is(","));
      if (!this.is("]")) this.json();
    } else if (this.is("{")) {
      if (this.is("}")) return;
      do {
        this.string();
        if (!this.is(":")) this.json();
        this.skip();
      } while (this.is(","));
      if (!this.is("}")) this.json();
    } else if (this.match(/true|false|null/y) === undefined && this.match(NUMBER) === undefined) this.json();
  }
}

const BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

function base58(bytes: Uint8Array): string {
  let number = bytes.reduce((number, byte) => number * 256n + BigInt(byte), 0n);
  let text = "";
  for (; number; number /= 58n) text = BASE58[Number(number % 58n)] + text;
  return "1".repeat(bytes.findIndex((byte) => byte !== 0)) + text;
}

/** The hash of JSON as the original proposal had it. */
export function oh1(json: string): string {
  return `oh1.${base58(new Hashed(json).whole())}`;
}
