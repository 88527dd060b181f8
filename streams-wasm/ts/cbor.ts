// What crosses between the face and the core. Only the two of them write and read it.

import { type ObjectId, idBytes, idText } from "./id.js";

/** What is written: an id stands as {@link Id}, and entries with their keys as {@link Entries}. */
export type Out = string | number | bigint | boolean | null | Uint8Array | Id | Float | Entries | readonly Out[];

/** An id on its way to the core. */
export class Id {
  constructor(readonly digest: Uint8Array) {}
}

/** An id on its way to the core. */
export const id = (text: string): Id => new Id(idBytes(text));

/** A float on its way to the core, also where it is a whole number. */
export class Float {
  constructor(readonly value: number) {}
}

/** A map on its way to the core. */
export class Entries {
  readonly list: [string, Out][] = [];
}

const texts = new TextEncoder();
const reader = new TextDecoder();

class Writer {
  bytes = new Uint8Array(256);
  view = new DataView(this.bytes.buffer);
  at = 0;

  room(length: number): void {
    if (this.at + length <= this.bytes.length) return;
    const bytes = new Uint8Array(Math.max(this.bytes.length * 2, this.at + length));
    bytes.set(this.bytes);
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer);
  }

  head(major: number, count: number | bigint): void {
    this.room(9);
    const first = major << 5;
    if (count < 24) this.bytes[this.at++] = first | Number(count);
    else if (count < 0x100) {
      this.bytes[this.at++] = first | 24;
      this.bytes[this.at++] = Number(count);
    } else if (count < 0x1_0000_0000) {
      this.bytes[this.at++] = first | 26;
      this.view.setUint32(this.at, Number(count));
      this.at += 4;
    } else {
      this.bytes[this.at++] = first | 27;
      this.view.setBigUint64(this.at, BigInt(count));
      this.at += 8;
    }
  }

  raw(major: number, bytes: Uint8Array): void {
    this.head(major, bytes.length);
    this.room(bytes.length);
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  write(value: Out): void {
    if (typeof value === "string") this.raw(3, texts.encode(value));
    else if (typeof value === "number" || typeof value === "bigint") {
      if (value < 0) this.head(1, typeof value === "bigint" ? -1n - value : -1 - value);
      else this.head(0, value);
    } else if (typeof value === "boolean") this.head(7, value ? 21 : 20);
    else if (value === null) this.head(7, 22);
    else if (value instanceof Uint8Array) this.raw(2, value);
    else if (value instanceof Id) {
      this.head(6, 42);
      this.raw(2, value.digest);
    } else if (value instanceof Float) {
      this.room(9);
      this.bytes[this.at++] = 0xfb;
      this.view.setFloat64(this.at, value.value);
      this.at += 8;
    } else if (value instanceof Entries) {
      this.head(5, value.list.length);
      for (const [key, entry] of value.list) {
        this.write(key);
        this.write(entry);
      }
    } else {
      const list = value as readonly Out[];
      this.head(4, list.length);
      for (const item of list) this.write(item);
    }
  }
}

/** Bytes for the core. */
export function write(value: Out): Uint8Array {
  const writer = new Writer();
  writer.write(value);
  return writer.bytes.slice(0, writer.at);
}

/** Reads what the core wrote, item by item. */
export class Reader {
  private at = 0;
  private readonly view: DataView;

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  private count(): number | bigint {
    const low = this.bytes[this.at++]! & 31;
    const at = this.at;
    if (low < 24) return low;
    this.at += 1 << (low - 24);
    if (low === 24) return this.view.getUint8(at);
    if (low === 25) return this.view.getUint16(at);
    if (low === 26) return this.view.getUint32(at);
    const count = this.view.getBigUint64(at);
    return count <= Number.MAX_SAFE_INTEGER ? Number(count) : count;
  }

  private take(): Uint8Array {
    const length = Number(this.count());
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  /** The number of items in a list, which follow. */
  list(): number {
    return Number(this.count());
  }

  text(): string {
    return reader.decode(this.take());
  }

  /** A copy. */
  data(): Uint8Array {
    return this.take().slice();
  }

  number(): number {
    return Number(this.integer());
  }

  /** A `bigint` outside the range of safe integers. */
  integer(): number | bigint {
    const negative = this.bytes[this.at]! >> 5 === 1;
    const count = this.count();
    if (!negative) return count;
    const value = typeof count === "bigint" ? -1n - count : -1 - count;
    return typeof value === "number" && value < Number.MIN_SAFE_INTEGER ? BigInt(value) : value;
  }

  boolean(): boolean {
    return this.bytes[this.at++] === 0xf5;
  }

  id(): ObjectId {
    this.at += 2;
    return idText(this.take());
  }

  ids(): readonly ObjectId[] {
    return this.many(() => this.id());
  }

  /** The value, or nothing where null stands. */
  option<T>(read: () => T): T | undefined {
    if (this.bytes[this.at] !== 0xf6) return read();
    this.at++;
    return undefined;
  }

  many<T>(read: () => T): readonly T[] {
    const list: T[] = [];
    for (let left = this.list(); left > 0; left--) list.push(read());
    return Object.freeze(list);
  }

  /** What stands there: the first three bits, and whether it is a float. */
  major(): number {
    return this.bytes[this.at]! >> 5;
  }

  float(): number {
    this.at += 9;
    return this.view.getFloat64(this.at - 8);
  }

  isFloat(): boolean {
    return this.bytes[this.at] === 0xfb;
  }
}
