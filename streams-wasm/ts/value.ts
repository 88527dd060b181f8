// The content of objects, as plain frozen values (spec 1).

import { Entries, Float, type Out, Reader, id } from "./cbor.js";
import { fail } from "./errors.js";
import type { ObjectId } from "./id.js";

/** A map that somebody dropped (spec 3.3): what was in it is not known here; its id is. */
export class Redacted {
  constructor(
    /** The id of the map. */
    readonly map: ObjectId,
  ) {
    Object.freeze(this);
  }
}

/** A value of an object. Integers outside the safe range are `bigint`; references are ids. */
export type Value = string | number | bigint | boolean | Uint8Array | Redacted | readonly Value[] | Data;

/** The content of an object, by name: `{ text: "milk", count: 2 }`. Frozen. */
export interface Data {
  readonly [name: string]: Value;
}

/** A value that is written. What is `undefined` or `null` is left out. */
export type Written = string | number | bigint | boolean | Uint8Array | Redacted | readonly Written[] | Content | undefined | null;

/**
 * Content to be written. A key is a name, or a name and the hint of its value: `count:u`.
 *
 * Without a hint, text is `s`, a whole number or a `bigint` is `i`, a boolean is `b`, bytes are `d`, an object is `m`, and
 * a list has the hint of its elements. What cannot be told has to be written: a float (`ratio:f`), a reference
 * (`answers:r`), an empty list (`tags:as`).
 */
export interface Content {
  readonly [key: string]: Written;
}

/** Splits a key at its hint; without one, the hint is undefined. */
function split(key: string): [string, string | undefined] {
  const colon = key.lastIndexOf(":");
  return colon < 0 ? [key, undefined] : [key.slice(0, colon), key.slice(colon + 1)];
}

const isMap = (value: Written): value is Content =>
  typeof value === "object" && value !== null && !Array.isArray(value) &&
  [Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null);

/** The hint of a value that has none written. */
function hintOf(value: Written, key: string): string {
  switch (typeof value) {
    case "string":
      return "s";
    case "boolean":
      return "b";
    case "bigint":
      return "i";
    case "number":
      if (Number.isSafeInteger(value)) return "i";
      return fail("NoHintError", "no-hint", `\`${key}\` is ${value}: a number that is no safe integer is written with its hint, as in \`${key}:f\``);
  }
  if (value instanceof Uint8Array) return "d";
  if (value instanceof Redacted || isMap(value)) return "m";
  if (Array.isArray(value)) {
    if (!value.length) fail("EmptyListError", "empty-list", `\`${key}\`: an empty list does not tell its hint: write it as in \`${key}:as\``);
    const hints = new Set(value.map((item) => hintOf(item as Written, key)));
    if (hints.size > 1) fail("MisfitError", "mixed-list");
    return "a" + [...hints][0];
  }
  return fail("NoHintError", "no-hint", `\`${key}\`: no hint says what a value of this type is`);
}

function misfit(key: string, hint: string): never {
  return fail("MisfitError", "written-hint", `\`${key}\`: the value does not agree with the hint \`${hint}\``);
}

function integer(value: Written, hint: string, key: string): number | bigint {
  if (typeof value !== "bigint" && !Number.isInteger(value)) misfit(key, hint);
  if (typeof value === "number" && !Number.isSafeInteger(value)) fail("IntegerRangeError", "integer-range", `\`${key}\`: write integers beyond 2^53 as \`bigint\``);
  const big = BigInt(value as number | bigint);
  const [from, to] = hint === "i" ? [-(1n << 63n), 1n << 63n] : [0n, 1n << 64n];
  if (big < from || big >= to) fail("IntegerRangeError", "integer-range");
  return value as number | bigint;
}

function encode(value: Written, hint: string, key: string, depth: number): Out {
  if (depth > 32) fail("MisfitError", "too-deep");
  if (hint[0] === "a") {
    if (!Array.isArray(value)) misfit(key, hint);
    return (value as readonly Written[]).map((item) => {
      if (item === undefined || item === null) fail("MisfitError", "absent-item");
      return encode(item as Written, hint.slice(1), key, depth + 1);
    });
  }
  switch (hint) {
    case "s":
      if (typeof value !== "string") misfit(key, hint);
      if (/\p{Surrogate}/u.test(value as string)) fail("UnsoundError", "utf8");
      return value as string;
    case "i":
    case "u":
      return integer(value, hint, key);
    case "f":
      if (typeof value !== "number") misfit(key, hint);
      if (!Number.isFinite(value)) fail("NotFiniteError", "not-finite");
      return new Float((value as number) + 0);
    case "b":
      if (typeof value !== "boolean") misfit(key, hint);
      return value as boolean;
    case "d":
      if (!(value instanceof Uint8Array)) misfit(key, hint);
      return value as Uint8Array;
    case "r":
      if (typeof value !== "string") misfit(key, hint);
      return id(value as string);
    case "m":
      if (value instanceof Redacted) return id(value.map);
      if (!isMap(value)) misfit(key, hint);
      return entries(value as Content, depth + 1);
  }
  return fail("MisfitError", "hint", `\`${key}\`: a hint is one of s i u f b d m r, behind an \`a\` for each list`);
}

/** Content on its way to the core. */
export function entries(content: Content, depth = 1): Entries {
  const out = new Entries();
  for (const [key, value] of Object.entries(content)) {
    if (value === undefined || value === null) continue;
    const [name, written] = split(key);
    const hint = written ?? hintOf(value, key);
    out.list.push([`${name}:${hint}`, encode(value, hint, key, depth)]);
  }
  return out;
}

/** Values from the core: by name, or by the whole key where the hints are wanted. */
export function read(reader: Reader, hinted = false): Data {
  const data: Record<string, Value> = {};
  for (let left = reader.list(); left > 0; left--) {
    const key = reader.text();
    const colon = key.lastIndexOf(":");
    const value = readValue(reader, key.slice(colon + 1), hinted);
    data[hinted ? key : key.slice(0, colon)] = value;
  }
  return Object.freeze(data);
}

function readValue(reader: Reader, hint: string, hinted: boolean): Value {
  switch (hint[0]) {
    case "a":
      return reader.many(() => readValue(reader, hint.slice(1), hinted));
    case "s":
      return reader.text();
    case "f":
      return reader.float();
    case "b":
      return reader.boolean();
    case "d":
      return reader.data();
    case "r":
      return reader.id();
    case "m":
      return reader.major() === 6 ? new Redacted(reader.id()) : read(reader, hinted);
  }
  return reader.integer();
}
