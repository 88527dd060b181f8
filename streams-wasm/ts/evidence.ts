// Evidence: what peers signed and did not keep, for somebody who trusts nobody and was not there (spec 10.4).

import { answer, run } from "./core.js";
import type { Author, ObjectId, StreamId } from "./id.js";

/** What evidence shows. */
export interface Shown {
  readonly what: "fork" | "checkpoints" | "contradiction" | "broken-promise";
  readonly stream: StreamId;
  readonly who: readonly Author[];
  readonly objects: readonly ObjectId[];
}

/** Verifies evidence. Throws an {@link EvidenceError} where it shows nothing. */
export function verifyEvidence(file: Uint8Array): Shown {
  return answer(run((core) => core.verifyEvidence(file)), (reader) => {
    reader.list();
    const what = reader.text() as Shown["what"];
    return { what, stream: reader.id(), who: reader.many(() => reader.text() as Author), objects: reader.ids() };
  });
}
