// The notebook itself, in a worker: the store, the node, and the links to others. The page asks by messages, and is told
// what to show; so no hash, signature or transaction ever stands in the way of a key that is pressed.

import {
  IndexedDbStore, Node, Redacted, Rule, SigningKey, StreamsError, broadcast, decide, init, parseAuthor, parseId, root, webSocket,
} from "./streams-core/streams.js";

const TYPE = "example.org/notebook";
const NOTE = `${TYPE}.Note`;
const EDIT = `${TYPE}.Edit`;
const TICK = `${TYPE}.Tick`;
const DELETE = `${TYPE}.Delete`;
/** What somebody is called: `{ author, name }`. */
const PERSON = `${TYPE}.Person`;
const POLICY = "streams/policy";

/** How many objects are shown at first, and how many more each time. */
const STEP = 200;
/** The shortest time between two views, in milliseconds: what comes in between is shown together. */
const PAUSE = 120;
/** The last time that a date can be, in milliseconds. */
const LAST_DAY = 8.64e15;
/** The longest pause between two tries to reach a server. */
const PATIENCE = 30_000;

/** @type {string} */ let database;
/** @type {IndexedDbStore} */ let store;
/** @type {Node} */ let node;
/** @type {SigningKey} */ let key;
/** The stream that is shown. */
let notebook;
let limit = STEP;
let online = true;
let server = "";
/** Ends the links, and whatever belongs to the notebook that is shown. */
let links = new AbortController();
let looking = new AbortController();

const tell = (what, more) => postMessage({ tell: what, ...more });
const sleep = (milliseconds, signal) =>
  new Promise((done) => {
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener("abort", () => (clearTimeout(timer), done()), { once: true });
  });

/** What an error says, so that it passes to the page. */
const said = (error) => ({ name: error?.name ?? "Error", code: error?.code, message: error?.message ?? String(error) });

// ---- What is shown ----------------------------------------------------------------------------------------------

/** All objects of a type, as they came: of those that are asked for, people write few. */
async function all(type) {
  const found = [];
  for (let since = 0; ; since = found.at(-1).sequence) {
    const page = await node.page(notebook, { type, since });
    if (!page.length) return found;
    found.push(...page);
  }
}

/** The names that people have here: what they call themselves, unless the owner calls them otherwise. */
async function people(owner) {
  const named = (await all(PERSON)).filter(({ effective }) => effective).map(({ object }) => object);
  const fits = ({ data }) => typeof data?.author === "string" && typeof data.name === "string" && data.name.length <= 40;
  const by = (true_) => named.filter((object) => fits(object) && true_(object)).map(({ data }) => [data.author, data.name]);
  return new Map([...by(({ author, data }) => author === data.author), ...by(({ author }) => author === owner)]);
}

/** The rules that hold now, and where each stands. */
async function rules(first) {
  const policies = await all(POLICY);
  const withdrawn = new Set(policies.filter(({ effective }) => effective).flatMap(({ object }) => object.data?.withdraws ?? []));
  const held = [...(first ? [first] : []), ...policies].filter(({ object, effective }) => effective && !withdrawn.has(object.id));
  return held.flatMap(({ object }) => (object.policies ?? []).map((rule) => ({ rule, by: object.id })));
}

/** Whether somebody may write: the owner may, and else the rules say. */
const mayWrite = (owner, author, held) =>
  author === owner || decide(held.map(({ rule }) => rule), { subject: author, action: "append", resource: NOTE }).allowed;

/**
 * The notes that follow from objects in their order, the latest first. What was adopted stands behind who adopted it.
 * Whoever may write may write nonsense too: what is no note is none.
 */
function notesOf(rows) {
  const adopted = Map.groupBy(rows.filter((row) => row.adoptedBy), (row) => row.adoptedBy);
  const replayed = rows.flatMap((row) => {
    if (row.adoptedBy) return [];
    return [row, ...(row.effective ? (adopted.get(row.id) ?? []) : [])];
  });
  const notes = new Map();
  for (const row of replayed) {
    const { id, type, data, author, time } = row;
    const counts = row.effective || Boolean(row.adoptedBy);
    const text = typeof data?.text === "string";
    if (type === NOTE && text) notes.set(id, { id, text: data.text, author, time, done: false, counts, edited: undefined });
    const note = counts && data && notes.get(data.note);
    if (!note) continue;
    if (type === EDIT && text) Object.assign(note, { text: data.text, edited: author });
    else if (type === TICK) note.done = data.done === true;
    else if (type === DELETE) notes.delete(data.note);
  }
  return [...notes.values()].reverse();
}

const rowOf = ({ object, effective, adoptedBy }, position, finals) => ({
  id: object.id,
  type: object.type,
  author: object.author,
  // A time is what its author claims: also one that no calendar has.
  time: object.timestamp < LAST_DAY ? Number(object.timestamp) : undefined,
  data: object.data instanceof Redacted ? undefined : object.data,
  rules: object.policies,
  parents: object.parents ?? [],
  effective,
  adoptedBy,
  position,
  final: position < finals,
});

/** Reads the end of the notebook from the store alone: at once, however long it is. */
async function view() {
  const [head, page] = await Promise.all([node.head(notebook), node.page(notebook, { before: "end", limit })]);
  if (!head) return { notebook, waiting: true };
  const first = await node.object(notebook, notebook);
  const { author: owner, data } = first.object;
  const offset = head.objects - page.length;
  const rows = page.toReversed().map((stored, at) => rowOf(stored, offset + at, head.finals));
  const [names, held] = [await people(owner), await rules(first)];
  const authors = new Set([owner, ...names.keys(), ...rows.map((row) => row.author), ...held.flatMap(({ rule }) => rule.subjects ?? [])]);
  authors.delete("*");
  return {
    notebook,
    title: typeof data?.title === "string" ? data.title : "A notebook",
    owner,
    objects: head.objects,
    finals: head.finals,
    rows,
    notes: notesOf(rows),
    people: [...authors].map((author) => ({
      author,
      name: names.get(author),
      owner: author === owner,
      writes: mayWrite(owner, author, held),
      removed: held.some(({ rule }) => rule.effect === "deny" && rule.subjects?.includes(author)),
    })),
    writes: mayWrite(owner, key.author, held),
  };
}

/**
 * Shows, and shows anew whenever the store tells of a change, from this tab or another. `then` is done behind the first
 * view: whom one meets makes the node read all of a stream, and that can wait.
 */
async function look(then) {
  looking.abort();
  const { signal } = (looking = new AbortController());
  try {
    while (!signal.aborted) {
      const last = await store.last();
      const began = performance.now();
      const shown = await view();
      if (signal.aborted) return;
      tell("view", { view: shown });
      then?.();
      then = undefined;
      // While much arrives, what looks costs less than what takes in.
      await sleep(Math.max(PAUSE, 4 * (performance.now() - began)), signal);
      await store.wait(last, signal);
    }
  } catch (error) {
    if (!signal.aborted) tell("broken", { error: said(error) });
  }
}

// ---- Others -----------------------------------------------------------------------------------------------------

/** Links to other tabs, and to the server, for as long as one is online. */
function meet() {
  links.abort();
  const { signal } = (links = new AbortController());
  const state = { server: server ? "connecting" : "", why: "" };
  const told = (change) => signal.aborted || tell("links", { links: Object.assign(state, change), online });
  told({});
  if (!online || !notebook) return;
  const streams = [notebook];
  const refused = (event) => {
    if (event.what === "rejected") tell("rejected", { code: event.code, objects: event.objects });
    if (event.what === "refused" && event.why === "denied") tell("denied", {});
  };
  broadcast(node, { name: TYPE, key, streams, signal, onEvent: refused, onError: () => {} });
  if (server) void reach(streams, signal, told, refused);
}

/** Follows the server, and tries again when the link breaks. */
async function reach(streams, signal, told, onEvent) {
  for (let pause = 1000; !signal.aborted; pause = Math.min(pause * 2, PATIENCE)) {
    try {
      told({ server: "connecting" });
      const link = await webSocket(server, { signal });
      const events = (event) => {
        if (event.what === "synced" || event.what === "served" || event.what === "proven") told({ server: "linked", why: "" });
        if (event.what === "refuses" || event.what === "refused") told({ server: "refused", why: event.why });
        onEvent(event);
      };
      pause = 1000;
      await node.follow(link, { key, streams, takesUnknown: true, address: server, onEvent: events, signal });
      told({ server: "waiting", why: "the server closed the link" });
    } catch (error) {
      told({ server: "waiting", why: said(error).message });
    }
    await sleep(pause, signal);
  }
}

// ---- What the page asks -----------------------------------------------------------------------------------------

const write = (type, data) => node.append(notebook, key, type, data, { timestamp: Date.now() });

async function openStore() {
  store = await IndexedDbStore.open(database);
  node = Node.open(store);
}

const asked = {
  /** Opens the store of this profile. */
  async open({ profile, secret, address }) {
    await init();
    database = `notebook-${profile}`;
    key = SigningKey.fromBytes(secret);
    server = address;
    await openStore();
    return { author: key.author };
  },
  /** The notebooks that are here. */
  async list() {
    const firsts = await Promise.all((await node.streams()).map((id) => node.object(id, id)));
    const notebooks = firsts.map(({ object: { id, type, data, timestamp } }) => ({ id, type, title: String(data?.title ?? "A notebook"), time: Number(timestamp ?? 0) }));
    return notebooks.filter(({ type }) => type === TYPE).sort((one, other) => other.time - one.time);
  },
  /** Opens the store anew, where it was deleted. */
  async reopen() {
    await openStore();
    void look(meet);
  },
  /** Begins a notebook. */
  async begin({ title, name }) {
    const id = await node.create(root(key, { type: TYPE, data: { title }, timestamp: Date.now() }));
    await node.append(id, key, PERSON, { author: key.author, name }, { timestamp: Date.now() });
    return id;
  },
  /** Shows a notebook: what is here of it at once, and the rest when somebody who has it is met. */
  show({ id }) {
    notebook = parseId(id);
    limit = STEP;
    void look(meet);
  },
  more() {
    limit += STEP;
    void look();
  },
  note: ({ text }) => write(NOTE, { text }),
  edit: ({ id, text }) => write(EDIT, { "note:r": id, text }),
  tick: ({ id, done }) => write(TICK, { "note:r": id, done }),
  delete: ({ id }) => write(DELETE, { "note:r": id }),
  name: ({ author, name }) => write(PERSON, { author, name }),
  /** Lets somebody write: by an invitation, or by taking back what removed them. */
  async invite({ author, name }) {
    const who = parseAuthor(author);
    const removals = (await rules()).filter(({ rule }) => rule.effect === "deny" && rule.subjects?.includes(who));
    if (removals.length) await node.withdraw(notebook, key, [...new Set(removals.map(({ by }) => by))]);
    else await node.govern(notebook, key, [Rule.invite(who)]);
    if (name && (await people(key.author)).get(who) !== name) await write(PERSON, { author: who, name });
  },
  /** Whoever has the link may read, so also who is removed. */
  remove: ({ author }) => node.govern(notebook, key, [{ effect: "deny", actions: ["append", "govern"], subjects: [parseAuthor(author)] }]),
  adopt: ({ ids }) => node.adopt(notebook, key, ids.map(parseId)),
  finish: () => node.checkpoint(notebook, key),
  /** Why an object counts, or does not; and the object that decides. */
  async why({ id }) {
    const verdict = await node.explain(notebook, parseId(id));
    const deciding = verdict?.by && (await node.object(notebook, verdict.by));
    return { verdict, by: deciding && rowOf(deciding, 0, 0) };
  },
  online({ on }) {
    online = on;
    meet();
  },
  server({ address }) {
    server = address;
    meet();
  },
  /** The whole notebook as a file that proves itself. */
  async archive() {
    const archive = await node.archive(notebook);
    return new Response(archive.readable).blob();
  },
  async restore({ file }) {
    const restored = await node.restore(file.stream(), { onProgress: (objects) => tell("restoring", { objects }) });
    const { admitted, known, stream, rejected, faults } = restored;
    return { admitted, known, stream, rejected: rejected.length, faults: faults.length };
  },
};

onmessage = async ({ data: { call, ask, ...more } }) => {
  try {
    const answer = await asked[ask](more);
    postMessage({ call, answer: answer instanceof Object && "parts" in answer ? answer.id : answer });
  } catch (error) {
    if (!(error instanceof StreamsError)) console.error(error);
    postMessage({ call, error: said(error) });
  }
};
tell("ready");
