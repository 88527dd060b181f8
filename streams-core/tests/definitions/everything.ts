// Written by `streams ndl gen`: change the definition instead.

import type { Content, Data, ObjectId } from "streams-core";

// example.org/everything
// A place where people say things,
// and answer each other.

/** Found by whoever knows its owner. */
export type EverythingCreated = Record<string, never>;

/** The type of such objects. */
export const EVERYTHING_CREATED_TYPE = "example.org/everything.Created";

/** What is written: each key with its hint. */
export const writeEverythingCreated = (_: EverythingCreated): Content => ({});

/** Whether data are those of such an object. */
export const isEverythingCreated = (
  value: unknown,
): value is EverythingCreated => map(value);

/** Somebody says "something" \ or other *\/ to all. */
export interface EverythingSaid {
  /** What is said. */
  readonly text: string;
  /** Below zero where it is taken back. */
  readonly count: number | bigint;
  readonly countOfAll: number | bigint;
  readonly ratio: number;
  readonly is_public: boolean;
  readonly picture: Uint8Array;
  /** Whatever an application wants. */
  readonly extra: Data;
  readonly answers: ObjectId;
  readonly at: number | bigint;
  readonly by: EverythingPerson;
  readonly note?: string;
  readonly size?: number | bigint;
  readonly weight?: number;
  readonly cites?: ObjectId;
  readonly witness?: EverythingPerson;
  readonly names: readonly string[];
  readonly counts: readonly (number | bigint)[];
  readonly sizes: readonly (number | bigint)[];
  readonly ratios: readonly number[];
  readonly flags: readonly boolean[];
  readonly pictures: readonly Uint8Array[];
  readonly extras: readonly Data[];
  readonly dependsOn: readonly ObjectId[];
  readonly people: readonly EverythingPerson[];
  readonly tags?: readonly string[];
  readonly others?: readonly EverythingPerson[];
  readonly elsewhere?: Data;
}

/** The type of such objects. */
export const EVERYTHING_SAID_TYPE = "example.org/everything.Said";

/** What is written: each key with its hint. */
export const writeEverythingSaid = (value: EverythingSaid): Content => ({
  "text:s": value.text,
  "count:i": value.count,
  "countOfAll:u": value.countOfAll,
  "ratio:f": value.ratio,
  "is_public:b": value.is_public,
  "picture:d": value.picture,
  "extra:m": value.extra,
  "answers:r": value.answers,
  "at:u": value.at,
  "by:m": writeEverythingPerson(value.by),
  "note:s": value.note,
  "size:u": value.size,
  "weight:f": value.weight,
  "cites:r": value.cites,
  "witness:m": value.witness && writeEverythingPerson(value.witness),
  "names:as": value.names,
  "counts:ai": value.counts,
  "sizes:au": value.sizes,
  "ratios:af": value.ratios,
  "flags:ab": value.flags,
  "pictures:ad": value.pictures,
  "extras:am": value.extras,
  "dependsOn:ar": value.dependsOn,
  "people:am": value.people.map(writeEverythingPerson),
  "tags:as": value.tags,
  "others:am": value.others?.map(writeEverythingPerson),
  "elsewhere:m": value.elsewhere,
});

/** Whether data are those of such an object. */
export const isEverythingSaid = (value: unknown): value is EverythingSaid =>
  map(value) &&
  text(value.text) &&
  int(value.count) &&
  uint(value.countOfAll) &&
  float(value.ratio) &&
  bool(value.is_public) &&
  data(value.picture) &&
  map(value.extra) &&
  text(value.answers) &&
  uint(value.at) &&
  isEverythingPerson(value.by) &&
  maybe(value.note, text) &&
  maybe(value.size, uint) &&
  maybe(value.weight, float) &&
  maybe(value.cites, text) &&
  maybe(value.witness, isEverythingPerson) &&
  list(value.names, text) &&
  list(value.counts, int) &&
  list(value.sizes, uint) &&
  list(value.ratios, float) &&
  list(value.flags, bool) &&
  list(value.pictures, data) &&
  list(value.extras, map) &&
  list(value.dependsOn, text) &&
  list(value.people, isEverythingPerson) &&
  maybe(value.tags, (items) => list(items, text)) &&
  maybe(value.others, (items) => list(items, isEverythingPerson)) &&
  maybe(value.elsewhere, map);

/** `example.org/everything.Person`. */
export interface EverythingPerson {
  readonly name: string;
  readonly parent?: EverythingPerson;
  readonly friends: readonly EverythingPerson[];
}

/** The type of such objects. */
export const EVERYTHING_PERSON_TYPE = "example.org/everything.Person";

/** What is written: each key with its hint. */
export const writeEverythingPerson = (value: EverythingPerson): Content => ({
  "name:s": value.name,
  "parent:m": value.parent && writeEverythingPerson(value.parent),
  "friends:am": value.friends.map(writeEverythingPerson),
});

/** Whether data are those of such an object. */
export const isEverythingPerson = (value: unknown): value is EverythingPerson =>
  map(value) &&
  text(value.name) &&
  maybe(value.parent, isEverythingPerson) &&
  list(value.friends, isEverythingPerson);

/** Names that mean something else elsewhere. */
export interface EverythingOdd {
  readonly type: string;
  readonly self: number | bigint;
  readonly class: boolean;
  readonly "a.b/c-d@e": readonly string[];
  readonly "9lives": number | bigint;
  readonly from?: Uint8Array;
}

/** The type of such objects. */
export const EVERYTHING_ODD_TYPE = "example.org/everything.Odd";

/** What is written: each key with its hint. */
export const writeEverythingOdd = (value: EverythingOdd): Content => ({
  "type:s": value.type,
  "self:u": value.self,
  "class:b": value.class,
  "a.b/c-d@e:as": value["a.b/c-d@e"],
  "9lives:i": value["9lives"],
  "from:d": value.from,
});

/** Whether data are those of such an object. */
export const isEverythingOdd = (value: unknown): value is EverythingOdd =>
  map(value) &&
  text(value.type) &&
  uint(value.self) &&
  bool(value.class) &&
  list(value["a.b/c-d@e"], text) &&
  int(value["9lives"]) &&
  maybe(value.from, data);

/** Outside all streams. */
export interface Tag {
  readonly label: string;
}

/** The type of such objects. */
export const TAG_TYPE = "example.org/everything/tag.Tag";

/** What is written: each key with its hint. */
export const writeTag = (value: Tag): Content => ({
  "label:s": value.label,
});

/** Whether data are those of such an object. */
export const isTag = (value: unknown): value is Tag =>
  map(value) && text(value.label);

const text = (value: unknown) => typeof value === "string";
const int = (value: unknown) =>
  typeof value === "bigint" || Number.isSafeInteger(value);
const uint = (value: unknown) =>
  (typeof value === "bigint" || Number.isSafeInteger(value)) &&
  (value as number | bigint) >= 0;
const float = (value: unknown) => typeof value === "number";
const bool = (value: unknown) => typeof value === "boolean";
const data = (value: unknown) => value instanceof Uint8Array;
const list = (value: unknown, is: (item: unknown) => boolean) =>
  Array.isArray(value) && value.every(is);
const maybe = (value: unknown, is: (value: unknown) => boolean) =>
  value === undefined || is(value);
const map = (value: unknown): value is Data =>
  typeof value === "object" &&
  value !== null &&
  Object.getPrototypeOf(value) === Object.prototype;
