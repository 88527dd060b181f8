// State that is kept up to date: a fold with snapshots, so that a late object costs a replay of at most twice what it
// displaced (spec 9.5). It stands here and not in the core, since its states are values of JavaScript.

import type { ObjectId } from "./id.js";
import type { StreamObject } from "./object.js";
import type { Change, Stream } from "./stream.js";

/** What of a stream is read. */
type Folded = Pick<Stream, "adopted" | "entries" | "entry" | "length">;

/**
 * The state of a stream, kept up to date by its changes.
 *
 * ```js
 * stream.watch();
 * const count = new Fold(stream, 0, (count) => count + 1);
 * stream.append(alice, "example.org/list.Added", { item: "milk" });
 * count.update(stream.takeChanges());
 * ```
 *
 * States are kept and gone back to: `apply` returns another, and leaves the one that it is given as it is.
 */
export class Fold<S> {
  readonly #stream: Folded;
  readonly #apply: (state: S, object: StreamObject) => S;
  #state: S;
  /** How much of the order the state has in it. */
  #upto = 0;
  /**
   * Earlier states, ascending, by how much of the order they have in them; the first has none. Each is at most twice as
   * far from the end as the next but one, so they are few, and one is near wherever a change may be.
   */
  readonly #snapshots: [upto: number, state: S][];

  /** Folds over what replay hands out, beginning with `initial`. The stream must be watched from before. */
  constructor(stream: Folded, initial: S, apply: (state: S, object: StreamObject) => S) {
    this.#stream = stream;
    this.#apply = apply;
    this.#state = initial;
    this.#snapshots = [[0, initial]];
    this.#replay();
  }

  /** The state as of the last update. */
  get state(): S {
    return this.#state;
  }

  /** Takes in all changes since the last update. */
  update(changes: readonly Change[]): S {
    const from = changes.reduce((from, change) => Math.min(from, this.#from(change)), Infinity);
    if (from < this.#upto) {
      while (this.#snapshots.at(-1)![0] > from) this.#snapshots.pop();
      [this.#upto, this.#state] = this.#snapshots.at(-1)!;
    }
    this.#replay();
    return this.#state;
  }

  /** From where on the order, or what counts in it, became another. */
  #from(change: Change): number {
    const place = (id: ObjectId) => this.#stream.entry(id)!.position;
    switch (change.what) {
      case "inserted":
        return change.at;
      case "voided":
      case "restored":
        return place(change.id);
      case "adopted":
      case "released":
        return place(change.by);
      case "finalized":
        return change.from;
      default:
        return Infinity;
    }
  }

  /** Replays what the state has not in it, and takes snapshots at distances from the end that double. */
  #replay(): void {
    const end = this.#stream.length;
    const adopted = new Map<ObjectId, ObjectId[]>();
    for (const [id, by] of this.#stream.adopted()) adopted.set(by, [...(adopted.get(by) ?? []), id]);
    for (const { effective, object } of this.#stream.entries(this.#upto)) {
      const distance = end - this.#upto;
      if ((distance & (distance - 1)) === 0 && this.#snapshots.at(-1)![0] < this.#upto) this.#snapshots.push([this.#upto, this.#state]);
      if (effective) {
        this.#state = this.#apply(this.#state, object);
        for (const id of adopted.get(object.id) ?? []) this.#state = this.#apply(this.#state, this.#stream.entry(id)!.object);
      }
      this.#upto++;
    }
    this.#thinOut(end);
  }

  /** Drops snapshots between two that are near enough to each other for their distance from the end. */
  #thinOut(end: number): void {
    for (let at = this.#snapshots.length - 2; at > 0; at--) {
      const [older, newer] = [this.#snapshots[at - 1]![0], this.#snapshots[at + 1]![0]];
      if (end - older <= 2 * (end - newer)) this.#snapshots.splice(at, 1);
    }
  }
}
