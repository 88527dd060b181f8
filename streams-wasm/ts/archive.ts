// Archives: a stream in one file that proves itself (spec 11).

import { SigningKey } from "./author.js";
import { Reader, write } from "./cbor.js";
import { Handle, answer, later, run } from "./core.js";
import { StreamsError, fail, known } from "./errors.js";
import { type Author, type ObjectId, type StreamId, idText } from "./id.js";
import { type StreamObject, readObject } from "./object.js";
import { type Ingested, readTaken } from "./stream.js";
import type { Archiving, Reading } from "#glue";

export interface ArchiveOptions {
  /** The manifest of the archive that this one continues. */
  readonly behind?: ObjectId;
  /** The number of the last change of the store that the earlier archives have: {@link Head.last} of then. */
  readonly last?: number;
}

/** What an archive says of itself. */
export interface Manifest {
  readonly id: ObjectId;
  readonly stream: StreamId;
  readonly count: number;
  readonly frontier: Uint8Array;
  readonly order: Uint8Array;
  readonly previous?: ObjectId;
}

/** What a reader of an archive finds. */
export type ArchiveEvent =
  | { readonly what: "manifest"; readonly manifest: Manifest }
  | { readonly what: "objects"; readonly objects: readonly StreamObject[] }
  | { readonly what: "fault"; readonly error: StreamsError; readonly offset: number; readonly id?: ObjectId };

/** An archive that is being written: read it to its end. */
export class Archive {
  readonly #archiving: Handle<Archiving>;
  readonly #index: Uint8Array[] = [];
  /** The bytes, as fast as they are read. */
  readonly readable: ReadableStream<Uint8Array>;

  constructor(archiving: Archiving) {
    this.#archiving = new Handle(archiving);
    this.readable = new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const bytes = await later(() => this.#archiving.it.pull());
          this.#index.push(run(() => this.#archiving.it.takeIndex()));
          if (bytes.length) controller.enqueue(bytes);
          if (!bytes.length || this.manifest) controller.close();
        },
        cancel: () => this.#archiving.free(),
      },
      { highWaterMark: 0 },
    );
  }

  /** The id of the manifest, when all is written. */
  get manifest(): ObjectId | undefined {
    const digest = run(() => this.#archiving.it.manifest());
    return digest && idText(digest);
  }

  /** The index of what was written, to be kept beside it: with it {@link readPage} reads a page without the rest. */
  get index(): Blob {
    return new Blob(this.#index as Uint8Array<ArrayBuffer>[]);
  }

  /** Vouches for the archive that was written: whoever trusts the key need not verify each signature again. */
  vouch(key: SigningKey): Uint8Array {
    return run(() => this.#archiving.it.vouch(SigningKey.key(key))) ?? fail("BusyError", "re-entered", "read the archive to its end first");
  }

  /** All bytes at once. */
  async bytes(): Promise<Uint8Array> {
    return new Uint8Array(await new Response(this.readable as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer());
  }

  free(): void {
    this.#archiving.free();
  }

  [Symbol.dispose](): void {
    this.free();
  }
}

export interface RestoreOptions {
  /** A vouching by somebody who is trusted, for this very archive. */
  readonly vouching?: Uint8Array;
  /** Told how many objects were read. */
  readonly onProgress?: (objects: number) => void;
  readonly signal?: AbortSignal;
}

type Taken = ArchiveEvent | { readonly what: "taken"; readonly taken: readonly Ingested[] };

function readEvent(reader: Reader): Taken {
  reader.list();
  const what = reader.text() as Taken["what"];
  switch (what) {
    case "manifest": {
      reader.list();
      const manifest = { id: reader.id(), stream: reader.id(), count: reader.number(), frontier: reader.data(), order: reader.data() };
      const previous = reader.option(() => reader.id());
      return { what, manifest: { ...manifest, ...(previous && { previous }) } };
    }
    case "objects":
      return { what, objects: reader.many(() => readObject(reader)) };
    case "taken":
      return { what, taken: readTaken(reader) };
    case "fault": {
      reader.list();
      const offset = reader.number();
      const error = known("ArchiveError", reader.text());
      const id = reader.option(() => reader.id());
      return { what, error, offset, ...(id && { id }) };
    }
  }
}

const readEvents = (bytes: Uint8Array): readonly Taken[] => answer(bytes, (reader) => reader.many(() => readEvent(reader)));

async function* pieces(archive: ReadableStream<Uint8Array> | Uint8Array, signal?: AbortSignal): AsyncIterable<Uint8Array> {
  if (archive instanceof Uint8Array) {
    yield archive;
    return;
  }
  const reader = archive.getReader();
  try {
    for (;;) {
      signal?.throwIfAborted();
      const { value, done } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** Reads an archive: each object is proven before it is handed out, and reading goes on behind damage. */
export async function* readArchive(
  archive: ReadableStream<Uint8Array> | Uint8Array,
  options: RestoreOptions = {},
): AsyncIterableIterator<ArchiveEvent> {
  const reading = new Handle<Reading>(run((core) => core.Reading.begin(options.vouching)));
  try {
    for await (const bytes of pieces(archive, options.signal)) {
      if (run(() => reading.it.push(bytes))) yield* readEvents(run(() => reading.it.take())) as readonly ArchiveEvent[];
    }
    if (run(() => reading.it.push(undefined))) yield* readEvents(run(() => reading.it.take())) as readonly ArchiveEvent[];
  } finally {
    reading.free();
  }
}

/** What came of restoring an archive. */
export class Restoring {
  manifest: Manifest | undefined;
  admitted = 0;
  known = 0;
  /** What was not taken in. */
  readonly rejected: StreamsError[] = [];
  /** What was wrong with the file. */
  readonly faults: Extract<ArchiveEvent, { what: "fault" }>[] = [];

  get stream(): StreamId | undefined {
    return this.manifest?.stream;
  }

  static async of(
    archive: ReadableStream<Uint8Array> | Uint8Array,
    options: RestoreOptions,
    restore: (reading: Reading) => Promise<Uint8Array>,
  ): Promise<Restoring> {
    const restoring = new Restoring();
    const reading = new Handle<Reading>(run((core) => core.Reading.begin(options.vouching)));
    const take = async (bytes: Uint8Array | undefined) => {
      if (!run(() => reading.it.push(bytes))) return;
      for (const event of readEvents(await restore(reading.it))) restoring.note(event);
      options.onProgress?.(restoring.admitted + restoring.known + restoring.rejected.length);
    };
    try {
      for await (const bytes of pieces(archive, options.signal)) await take(bytes);
      await take(undefined);
    } finally {
      reading.free();
    }
    return restoring;
  }

  private note(event: Taken): void {
    if (event.what === "manifest") this.manifest = event.manifest;
    else if (event.what === "fault") this.faults.push(event);
    else if (event.what === "taken") {
      for (const taken of event.taken) {
        if (taken.outcome === "admitted") this.admitted += 1 + taken.then.length;
        else if (taken.outcome === "known") this.known++;
        else if ("error" in taken) this.rejected.push(taken.error);
      }
    }
  }
}

/** Reads a range of a file, up to `end`: fewer bytes where the file ends. */
export type Ranges = (start: number, end: number) => Promise<Uint8Array>;

const rangesOf = (file: Uint8Array | Blob | Ranges): Ranges => {
  if (typeof file === "function") return file;
  if (file instanceof Uint8Array) return async (start, end) => file.subarray(start, end);
  return async (start, end) => new Uint8Array(await file.slice(start, end).arrayBuffer());
};

/**
 * Reads at most `limit` objects of an archive, from a place in its order on, by its index: each is proven. Of the archive
 * it asks for what it reads, and for a little beside it.
 */
export async function readPage(
  archive: Uint8Array | Blob | Ranges,
  index: Uint8Array | Blob | Ranges,
  { from = 0, limit = 50 }: { from?: number; limit?: number } = {},
): Promise<readonly StreamObject[]> {
  const [objects, entries] = [rangesOf(archive), rangesOf(index)];
  const ranges: [readonly [boolean, number, number], Uint8Array][] = [];
  for (;;) {
    const bytes = write(ranges.map(([range, bytes]) => [...range, bytes]));
    const { page, lacking } = answer(run((core) => core.readPage(bytes, BigInt(from), limit)), (reader) => {
      reader.list();
      const page = reader.option(() => reader.many(() => readObject(reader)));
      const lacking = reader.option(() => (reader.list(), [reader.boolean(), reader.number(), reader.number()] as const));
      return { page, lacking };
    });
    if (!lacking) return page ?? [];
    const [isIndex, start, end] = lacking;
    ranges.push([lacking, await (isIndex ? entries : objects)(start, end)]);
  }
}

/** Who vouches, and for which archive. Throws where the signature is not theirs. */
export function readVouching(file: Uint8Array): { author: Author; archive: ObjectId; seals: readonly ObjectId[] } {
  return answer(run((core) => core.readVouching(file)), (reader) => {
    reader.list();
    return { author: reader.text() as Author, archive: reader.id(), seals: reader.ids() };
  });
}

/** Writes an archive of objects in their order, without a store. */
export function writeArchive(manifest: Omit<Manifest, "id">, objects: readonly Uint8Array[]): Uint8Array {
  const items = [idItem(manifest.stream), manifest.count, manifest.frontier, manifest.order, manifest.previous ? idItem(manifest.previous) : null];
  return run((core) => core.writeArchive(write(items), write(objects)));
}

import { id as idItem } from "./cbor.js";
