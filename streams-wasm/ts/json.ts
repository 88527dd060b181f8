// The form for people (spec 2.2): JSON with the same hinted keys. Every value is read as the hint of its key says;
// numbers are taken as they are spelled.

import { Entries, Float, type Out, write } from "./cbor.js";
import { run } from "./core.js";
import { type Code, type ClassName, fail } from "./errors.js";
import { idBytes } from "./id.js";
import { Id } from "./cbor.js";
import { decode } from "./object.js";
import { type Data, Redacted, type Value } from "./value.js";

/** The longest JSON that is read. */
const MAX_JSON = 8 << 20;

const encoder = new TextEncoder();

/** Keys stand shorter first, then by their bytes. */
const inOrder = (one: string, other: string) => {
  const [a, b] = [encoder.encode(one), encoder.encode(other)];
  if (a.length !== b.length) return a.length - b.length;
  const at = a.findIndex((byte, at) => byte !== b[at]);
  return at < 0 ? 0 : a[at]! - b[at]!;
};

function base64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

function textOf(value: Value, hint: string): string {
  if (hint[0] === "a") return `[${(value as readonly Value[]).map((item) => textOf(item, hint.slice(1))).join(",")}]`;
  if (typeof value === "bigint") return `"${value}"`;
  if (typeof value === "number") {
    const text = String(value);
    return hint === "f" && /^-?\d+$/.test(text) ? text + ".0" : text;
  }
  if (value instanceof Uint8Array) return `"${base64(value)}"`;
  if (value instanceof Redacted) return `"${value.map}"`;
  if (typeof value === "object") return mapText(value as Data);
  return JSON.stringify(value);
}

function mapText(data: Data, signature?: Uint8Array): string {
  const entries = Object.keys(data).sort(inOrder).map((key) => `${JSON.stringify(key)}:${textOf(data[key]!, key.slice(key.lastIndexOf(":") + 1))}`);
  if (signature) entries.push(`"_signature:d":"${base64(signature)}"`);
  return `{${entries.join(",")}}`;
}

/** An object as JSON on one line, with its signature. */
export function toJson(parts: Uint8Array): string {
  const { values, signature } = decode(parts);
  return mapText(values, signature);
}

/** The parts of an object from JSON. Notes are checked and left out, but for `_signature:d`, which is not verified here. */
export function fromJson(text: string): Uint8Array {
  if (encoder.encode(text).length > MAX_JSON) fail("UnsoundError", "too-large", "the JSON is longer than 8 MiB");
  const parser = new Parser(text);
  const entries = parser.whole();
  return run((core) => core.encode(write(entries)));
}

const HINT = /^a{0,31}[siufbdmr]$/;
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

class Parser {
  private at = 0;
  private readonly path: string[] = [];

  constructor(private readonly text: string) {}

  private fault(name: ClassName, code: Code): never {
    const before = this.text.slice(0, this.at).split("\n");
    const where = this.path.length ? `\`${this.path.join("").replace(/^\./, "")}\`: ` : "";
    return fail(name, code, `${where}${code} (line ${before.length}, column ${before.at(-1)!.length})`);
  }

  private json(): never {
    return this.fault("JsonError", "json");
  }

  private space(): void {
    while (" \t\n\r".includes(this.text[this.at] ?? "x")) this.at++;
  }

  private is(mark: string): boolean {
    this.space();
    if (this.text[this.at] !== mark) return false;
    this.at++;
    return true;
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }

  whole(): Entries {
    this.space();
    if (this.text[this.at] !== "{") {
      // Whatever else is JSON is no map.
      if (!/[[\]"\dtfn-]/.test(this.text[this.at] ?? "")) this.json();
      this.skip();
      this.fault("UnsoundError", "not-a-map");
    }
    const entries = this.entries(1, true);
    this.space();
    if (this.at < this.text.length) this.json();
    return entries;
  }

  private string(): string {
    this.space();
    const spelled = this.match(/"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/y) ?? this.json();
    const text = JSON.parse(spelled) as string;
    if (/\p{Surrogate}/u.test(text)) this.json();
    return text;
  }

  private entries(depth: number, isTop = false): Entries {
    const entries = new Entries();
    const [names, notes] = [new Map<string, string>(), new Map<string, string>()];
    this.is("{");
    if (this.is("}")) return entries;
    do {
      const key = this.string();
      if (!this.is(":")) this.json();
      this.path.push("." + key);
      const colon = key.indexOf(":");
      const [name, hint] = colon < 0 ? [key, ""] : [key.slice(0, colon), key.slice(colon + 1)];
      if (colon < 0) this.fault("UnsoundError", CONTROL.test(name) ? "name" : "hint");
      if (!name || encoder.encode(name).length > 128 || CONTROL.test(name)) this.fault("UnsoundError", "name");
      if (!HINT.test(hint)) this.fault("UnsoundError", hint.includes(":") ? "name" : "hint");
      const isSignature = isTop && name === "_signature";
      const seen = name[0] === "_" && !isSignature ? notes : names;
      const before = seen.get(name);
      if (before !== undefined) this.fault("UnsoundError", before === hint ? "key-repeated" : "name-repeated");
      seen.set(name, hint);
      if (isSignature && hint !== "d") this.fault("UnsoundError", "signature-length");
      const value = this.value(hint, depth);
      if (isSignature && (value as Uint8Array).length !== 64) this.fault("UnsoundError", "signature-length");
      if (seen === names) entries.list.push([key, value]);
      this.path.pop();
    } while (this.is(","));
    if (!this.is("}")) this.json();
    return entries;
  }

  private value(hint: string, depth: number): Out {
    this.space();
    const mark = this.text[this.at] ?? this.json();
    if (depth > 32 && !(hint === "m" && mark === '"')) this.fault("UnsoundError", "too-deep");
    if ("iuf".includes(hint)) return this.number(hint);
    const mismatch = (): never => {
      this.skip();
      return this.fault("UnsoundError", "hint-mismatch");
    };
    if (mark === '"') {
      const text = this.string();
      switch (hint) {
        case "s":
          return text;
        case "d":
          return this.bytes(text);
        case "m":
        case "r":
          try {
            return new Id(idBytes(text));
          } catch {
            return this.fault("JsonError", "id");
          }
      }
      return this.fault("UnsoundError", "hint-mismatch");
    }
    if (mark === "[") {
      if (hint[0] !== "a") mismatch();
      this.at++;
      const list: Out[] = [];
      if (this.is("]")) return list;
      do {
        this.path.push(`[${list.length}]`);
        list.push(this.value(hint.slice(1), depth + 1));
        this.path.pop();
      } while (this.is(","));
      return this.is("]") ? list : this.json();
    }
    if (mark === "{") return hint === "m" ? this.entries(depth + 1) : mismatch();
    const word = this.match(/true|false|null/y);
    if (word) return hint === "b" && word !== "null" ? word === "true" : this.fault("UnsoundError", "hint-mismatch");
    if (this.match(/-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y)) {
      return hint[0] === "a" ? this.fault("UnsoundError", "hint-mismatch") : this.fault("JsonError", "json");
    }
    return this.json();
  }

  private number(hint: string): Out {
    const mark = this.text[this.at];
    if (mark === '"') {
      const text = this.string();
      return hint === "f" ? this.fault("UnsoundError", "hint-mismatch") : this.integer(text, hint);
    }
    const spelled = this.match(/-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y);
    if (spelled === undefined) {
      this.skip();
      return this.fault("UnsoundError", "hint-mismatch");
    }
    if (/[\w.+-]/.test(this.text[this.at] ?? "")) this.json();
    if (hint !== "f") return this.integer(spelled, hint);
    const float = Number(spelled);
    return Number.isFinite(float) ? new Float(float + 0) : this.fault("UnsoundError", "not-finite");
  }

  private integer(text: string, hint: string): Out {
    if (!/^(?:0|-?[1-9]\d*)$/.test(text)) this.fault("JsonError", "integer");
    const outside = (): never => this.fault("UnsoundError", "hint-mismatch");
    if (text.length > 20) outside();
    const value = BigInt(text);
    if (hint === "i" ? value < -(1n << 63n) || value >= 1n << 63n : value < 0 || value >= 1n << 64n) outside();
    return value;
  }

  private bytes(text: string): Uint8Array {
    try {
      if (btoa(atob(text)) === text) return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    } catch {
      // Told below.
    }
    return this.fault("JsonError", "base64");
  }

  /** Passes over a value that nobody wants, to know whether it is JSON. */
  private skip(): void {
    this.space();
    const mark = this.text[this.at];
    if (mark === '"') this.string();
    else if (mark === "[" || mark === "{") {
      const end = mark === "[" ? "]" : "}";
      this.at++;
      if (this.is(end)) return;
      do {
        if (end === "}") {
          this.string();
          if (!this.is(":")) this.json();
        }
        this.skip();
      } while (this.is(","));
      if (!this.is(end)) this.json();
    } else if (!this.match(/true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y)) this.json();
  }
}
