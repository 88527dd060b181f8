// Runs vectors (docs/vectors.md) against the package, in Node and in a browser alike: nothing here is of either.

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const bytes = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const long = (text) =>
  typeof text === "string" ? text : text.map((piece) => (typeof piece === "string" ? piece : piece.repeat.repeat(piece.times))).join("");
const longBytes = (text) => bytes(long(text));

/** Compares what came with what is stated. */
function same(expected, got, what = "") {
  const [one, other] = [expected, got].map((value) => JSON.stringify(value) ?? "nothing");
  if (one !== other) throw new Error(`${what} expected ${one.slice(0, 200)}, got ${other.slice(0, 200)}`);
}

/** What a call gives, or the code of what it throws. */
function outcome(call) {
  try {
    return { expected: call() };
  } catch (error) {
    if (typeof error?.code !== "string") throw error;
    return { error: error.code };
  }
}

const stated = ({ expected, error }) => (error === undefined ? { expected } : { error });

export function runner(S, oh1) {
  const fate = (error) =>
    error instanceof S.RefusedError ? "refused" : error instanceof S.NewerError ? "newer" : error instanceof S.UnsoundError ? "dropped" : undefined;

  function read(given, parts, { expected, error }) {
    const got = outcome(() => ({ id: S.objectId(parts()), parts: hex(S.sound(parts())) }));
    if (error !== undefined) return same(error, got.error);
    if (got.error) throw new Error(`expected an object, got ${got.error}`);
    same({ id: expected.id, parts: expected.parts === undefined ? given : long(expected.parts) }, got.expected);
    let json;
    try {
      json = S.toJson(bytes(got.expected.parts));
    } catch (error) {
      // A reference to another kind of id has no JSON.
      if (!(error instanceof S.NewerError)) throw error;
      return;
    }
    same(got.expected.parts, hex(S.fromJson(json)), "through JSON:");
  }

  function open(root) {
    const stream = S.Stream.open(longBytes(root));
    stream.watch();
    return stream;
  }

  /** Order, verdicts and state as the change feed tells them. */
  class Followed {
    constructor(stream) {
      [this.order, this.void, this.adopted, this.last, this.gaps] = [[stream.id], new Set(), new Map(), 0, new Set()];
    }

    follow(stream) {
      for (const change of stream.takeChanges()) {
        switch (change.what) {
          case "inserted":
            this.order.splice(change.at, 0, change.id);
            break;
          case "voided":
            this.void.add(change.id);
            break;
          case "restored":
            this.void.delete(change.id);
            break;
          case "adopted":
            this.adopted.set(change.id, change.by);
            break;
          case "released":
            this.adopted.delete(change.id);
            break;
          case "finalized":
            this.last = change.upto;
            this.order.splice(change.from, Infinity, ...change.order);
            break;
          case "gap":
            this.gaps.add(change.id);
        }
      }
      same(stream.order(), this.order, "the feed's order:");
      same(stream.summary().final, this.last, "the feed's final part:");
      const void_ = [...stream].filter((entry) => !entry.effective).map((entry) => entry.object.id);
      same(void_.sort(), [...this.void].sort(), "the feed's void objects:");
      same([...stream.adopted()].sort(), [...this.adopted].sort(), "the feed's adoptions:");
      for (const gap of stream.gaps()) if (!this.gaps.has(gap)) throw new Error("the feed lacks a gap");
    }
  }

  const ascending = (ids) => [...ids].sort((one, other) => (hex(S.idBytes(one)) < hex(S.idBytes(other)) ? -1 : 1));

  const kinds = {
    json: ({ json, ...rest }) => read(undefined, () => S.fromJson(long(json)), rest),
    parts: ({ parts, ...rest }) => read(long(parts), () => longBytes(parts), { ...rest }),
    object({ parts, expected, id, kind, ...fates }) {
      let object;
      try {
        object = S.authenticate(longBytes(parts));
      } catch (error) {
        return same(fates, { [fate(error)]: error.code });
      }
      same(expected, "sound");
      if (id !== undefined) same(id, object.id);
      if (kind !== undefined) same(kind, object.role === "hypothetical-root" ? "hypothetical" : object.role);
    },
    author: ({ text, ...rest }) => same(stated(rest), outcome(() => (S.authorOf(S.authorBytes(text)), hex(S.authorBytes(text))))),
    id({ text, ...rest }) {
      same(stated(rest), outcome(() => hex(S.idBytes(text))));
      if (!rest.error) same(text, S.idText(S.idBytes(text)));
    },
    hypothetical: ({ type, author, expected }) => same(expected, S.hypotheticalRoot(type, author).id),
    tie: ({ root, generation, author, expected }) => same(expected, hex(S.hazmat.tie(root, BigInt(generation), author))),
    signature({ key, message, signature, expected }) {
      const item = { key: bytes(key), message: bytes(message), signature: bytes(signature) };
      const got = outcome(() => {
        const { alone, together } = S.hazmat.verifyRaw([item]);
        same(alone[0], together, "alone and in a batch of one:");
        return together ? "valid" : "invalid";
      });
      same(expected, got.error ?? got.expected);
    },
    batch({ items, expected }) {
      const list = items.map(({ key, message, signature }) => ({ key: bytes(key), message: bytes(message), signature: bytes(signature) }));
      const { alone, together } = S.hazmat.verifyRaw(list);
      same(expected, alone.map((valid) => (valid ? "valid" : "invalid")));
      same(alone.every(Boolean), together, "each alone and together:");
    },
    redact({ parts, map, expected, error }) {
      const got = outcome(() => hex(S.redact(longBytes(parts), map)));
      same(error === undefined ? { expected: long(expected) } : { error }, got);
      if (got.expected) same(S.objectId(longBytes(parts)), S.objectId(bytes(got.expected)));
    },
    restore: ({ parts, maps, expected }) => same(long(expected), hex(S.restore(longBytes(parts), maps.map(longBytes)))),
    decide: ({ policies, subject, action, resource, expected }) =>
      same(expected, S.decide(policies, { subject, action, resource }).allowed ? "allow" : "deny"),
    stream({ root, deliver, expected }) {
      const stream = open(root);
      const followed = new Followed(stream);
      for (const [at, { parts, ...rest }] of deliver.entries()) {
        const taken = stream.ingest(longBytes(parts));
        const got =
          taken.outcome === "admitted" ? { admitted: true, ...(taken.then.length && { then: ascending(taken.then) }) }
          : taken.outcome === "known" ? { known: true }
          : taken.outcome === "pending" ? { pending: taken.missing }
          : { [taken.outcome]: taken.error.code };
        if ("error" in taken) same(taken.outcome, fate(taken.error), "the class of the error:");
        const sorted = (object) => Object.entries(object).sort();
        same(sorted(rest.then?.length === 0 ? { ...rest, then: undefined } : rest), sorted(got), `delivery ${at}:`);
        followed.follow(stream);
      }
      const { leaves, frontier } = stream.summary();
      same(expected.order, stream.order(), "order:");
      same(expected.leaves, leaves, "leaves:");
      same(expected.frontier, hex(frontier), "frontier:");
      same(expected.gaps, stream.gaps(), "gaps:");
      same(expected.forks, stream.forks().map((fork) => fork.objects), "forks:");
      same(expected.refused, stream.refused().map(({ id }) => id), "refused:");
      stream.free();
    },
    judge({ root, objects, expected }) {
      const stream = open(root);
      const followed = new Followed(stream);
      for (const object of objects) {
        stream.ingest(longBytes(object));
        followed.follow(stream);
      }
      const known = ["order", "effective", "refused", "epochs", "checkpoints", "explained", "ranks", "read", "shown", "adopted", "removed", "simulated"];
      for (const field of Object.keys(expected)) if (!known.includes(field)) throw new Error(`an unknown field ${field}`);
      same(expected.order, stream.order(), "order:");
      same(expected.effective, [...stream.replayed()].map((object) => object.id), "effective:");
      if (expected.refused) same(expected.refused, stream.refused().map(({ id }) => id), "refused:");
      if (expected.epochs) {
        const counts = expected.epochs.map(() => 0);
        for (const id of stream.order()) counts[stream.epoch(id) - 1]++;
        same(expected.epochs, counts, "epochs:");
      }
      if (expected.checkpoints) {
        const got = stream.checkpoints().map(({ id, state }) => [id, state]);
        same(Object.entries(expected.checkpoints).sort(), got.sort(), "checkpoints:");
      }
      for (const { id, ...rest } of expected.explained ?? []) {
        const { effective, ...verdict } = stream.explain(id);
        same(Object.entries(rest).sort(), Object.entries(verdict).sort(), "explained:");
      }
      for (const { subject, at, rank } of expected.ranks ?? []) same(rank ?? "infinite", stream.rank(subject, at) === Infinity ? "infinite" : stream.rank(subject, at), "rank:");
      for (const [subject, reads] of Object.entries(expected.read ?? {})) same(reads, stream.mayRead(subject).effective, "read:");
      for (const [subject, shown] of Object.entries(expected.shown ?? {})) same(shown, stream.mayRead(subject).shown ?? null, "shown:");
      if (expected.adopted) same(expected.adopted.map(({ object, by }) => [object, by]), stream.adopted(), "adopted:");
      if (expected.removed) same(expected.removed.map(({ object, map }) => [object, map]), stream.removed(), "removed:");
      for (const { objects, voided, restored } of expected.simulated ?? []) {
        const simulated = stream.simulate(objects.map(longBytes));
        same(voided, simulated.voided, "simulated, voided:");
        same(restored, simulated.restored, "simulated, restored:");
      }
      stream.free();
    },
    ranges({ secret, keys, heard, ...rest }) {
      const got = outcome(() => {
        const { answers, found } = S.hazmat.ranges(bytes(secret), keys.map(bytes), heard.map(bytes));
        return { answers, found: found.map(hex) };
      });
      same(stated(rest), got);
    },
    evidence({ file, ...rest }) {
      const got = outcome(() => {
        const { what, who, stream, objects } = S.verifyEvidence(longBytes(file));
        const pairs = objects.map((id, at) => [hex(S.idBytes(id)), id, who[at]]).sort();
        // Of checkpoints, the holders in the order of their objects.
        const inOrder = what === "checkpoints";
        return { shows: what, who: inOrder ? pairs.map(([, , who]) => who) : who, stream, objects: pairs.map(([, id]) => id) };
      });
      same(stated(rest), got);
    },
    async archive({ archive, expected, error, sealed, early }) {
      const file = longBytes(archive);
      for (const size of [Math.max(file.length, 1), 7]) {
        const [objects, faults] = [[], []];
        let manifest;
        const pieces = new ReadableStream({
          start(controller) {
            for (let at = 0; at < file.length; at += size) controller.enqueue(file.subarray(at, at + size));
            controller.close();
          },
        });
        for await (const event of S.readArchive(pieces)) {
          if (event.what === "manifest") ({ manifest } = event);
          else if (event.what === "objects") objects.push(...event.objects);
          else faults.push({ code: event.error.code, before: objects.length });
        }
        if (error !== undefined) {
          same(error, faults[0]?.code);
          same(sealed ?? [], objects.slice(0, faults[0].before).map(({ id }) => id), "sealed:");
          continue;
        }
        same([], faults);
        const { id, stream, previous } = manifest;
        const redacted = objects.filter((object) => S.maps(object.parts).redacted.length);
        const got = { manifest: id, stream, ...(previous && { previous }), objects: objects.map(({ id }) => id), redacted: redacted.map(({ id }) => id) };
        same(Object.entries(expected).sort(), Object.entries(got).sort());
        if (!early) same(hex(file), hex(S.writeArchive(manifest, objects.map(({ parts }) => parts))), "written again:");
      }
    },
    vouching: ({ vouching, ...rest }) => same(stated(rest), outcome(() => S.readVouching(bytes(vouching)))),
    oh1: ({ input, expected }) => same(expected, oh1(JSON.stringify(input))),
    oh1_not: ({ input, expected }) => same(expected, oh1(JSON.stringify(input))),
  };

  /** Runs the vectors of one file, and tells how many passed, and what failed. */
  return async function run(file, vectors) {
    let passed = 0;
    const failures = [];
    for (const [kind, cases] of Object.entries(vectors)) {
      if (kind === "about") continue;
      for (const { name, ...given } of cases) {
        try {
          if (!kinds[kind]) throw new Error("an unknown kind");
          await kinds[kind](given);
          passed++;
        } catch (error) {
          failures.push(`${file} ${kind} "${name}": ${error.stack ?? error}`);
        }
      }
    }
    return { passed, failures };
  };
}
