// The page: it shows what the worker tells, and asks it for what people do.

import { Picture } from "./picture.js";
import { describe, reason, short } from "./why.js";

const $ = (id) => document.getElementById(id);
const address = new URL(location.href);
/** Whom this tab belongs to: each profile has its own key and its own store, so two tabs can be two people. */
const profile = address.searchParams.get("as") ?? "me";

// ---- What this profile keeps beside its store: its key, its name, its server ------------------------------------

const kept = JSON.parse(localStorage.getItem(`notebook-${profile}`) ?? "{}");
if (address.searchParams.get("server") && kept.server === undefined) kept.server = address.searchParams.get("server");
const keep = (change) => localStorage.setItem(`notebook-${profile}`, JSON.stringify(Object.assign(kept, change)));
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
if (!kept.secret) keep({ secret: hex(crypto.getRandomValues(new Uint8Array(32))) });

// ---- The worker -------------------------------------------------------------------------------------------------

const worker = new Worker(new URL("notebook.js", import.meta.url), { type: "module" });
const waiting = new Map();
let calls = 0;

/** Asks the worker, and waits for its answer. */
function ask(what, more = {}) {
  const call = ++calls;
  worker.postMessage({ call, ask: what, ...more });
  return new Promise((resolve, reject) => waiting.set(call, { resolve, reject }));
}

worker.onmessage = ({ data }) => {
  if (data.tell) return told[data.tell]?.(data);
  const { resolve, reject } = waiting.get(data.call);
  waiting.delete(data.call);
  if (data.error) reject(data.error);
  else resolve(data.answer);
};
worker.onerror = (event) => notice(`This browser cannot run the notebook: ${event.message ?? "its worker did not start"}.`);

const told = {
  ready: () => void start(),
  view: ({ view }) => show(view),
  links: ({ links, online }) => showLinks(links, online),
  rejected: ({ code, objects }) => notice(`${objects === 1 ? "An object was" : `${objects} objects were`} not taken in: ${code}.`),
  denied: () => notice("Others do not give you this notebook any more: a rule in it says so.", undefined, "kept"),
  broken: ({ error }) => broken(error),
  restoring: ({ objects }) => notice(`Restoring: ${objects.toLocaleString()} objects…`),
};

// ---- What is shown ----------------------------------------------------------------------------------------------

let me = "";
let shown;
/** The others of this browser: by key, what they are called. */
const near = new Map();

/** An element with attributes and children. */
function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const nameOf = (author) => shown?.people.find((person) => person.author === author)?.name ?? near.get(author) ?? short(author);
/** The colour of an author: by when they came. */
const colourOf = (author) => Math.max(0, shown?.people.findIndex((person) => person.author === author) ?? 0) % 8;
const isOwner = () => shown?.owner === me;

const picture = new Picture($("picture"), {
  onSelect: (row) => void caption(row),
  onStart: more,
});

/** Asks for earlier ones, once for each view. */
let enough = 0;
function more() {
  if (shown && enough !== shown.rows.length) void ask("more");
  enough = shown?.rows.length ?? 0;
}

function show(view) {
  if (view.waiting) {
    $("title").textContent = "A notebook";
    notice(`Waiting for somebody who has this notebook: open it in another tab, or connect to a server that keeps it.`);
    return;
  }
  if (!$("notice").dataset.kind) notice("");
  shown = view;
  $("title").textContent = view.title;
  document.title = view.title;
  $("write").hidden = !view.writes;
  $("finish").hidden = $("invite").hidden = !isOwner();
  $("reading").hidden = view.writes;
  const mine = view.people.find(({ author }) => author === me);
  $("reading").textContent = mine?.removed
    ? `${nameOf(view.owner)} removed you: you can read, and what you write does not count any more.`
    : `You can read. To write, ask ${nameOf(view.owner)} to invite you.`;
  void showNotes(view);
  showPeople();
  const crossed = view.rows.filter((row) => !row.effective && !row.adoptedBy).length;
  const number = (count, what) => `${count.toLocaleString()} ${what}${count === 1 ? "" : "s"}`;
  const label = [number(view.objects, "object"), view.finals && `${view.finals.toLocaleString()} final`, crossed && `${crossed} that ${crossed === 1 ? "does" : "do"} not count`].filter(Boolean).join(", ");
  $("history-title").textContent = `History: ${label}`;
  $("picture").querySelector("canvas").setAttribute("aria-label", `The history: ${label}`);
  picture.show({ rows: view.rows, objects: view.objects, name: nameOf, colour: colourOf });
  void caption(picture.selected);
  performance.mark("shown");
}

const [days, hours] = [new Intl.DateTimeFormat(undefined, { dateStyle: "medium" }), new Intl.DateTimeFormat(undefined, { timeStyle: "short" })];
/** A time as people say it: the hour, and the day where it is another. */
const when = (time) => (days.format(time) === days.format(Date.now()) ? hours.format(time) : `${days.format(time)}, ${hours.format(time)}`);
const items = new Map();

/** How long notes are made before the page gets its turn, in milliseconds. */
const SLICE = 8;
let turn = 0;

/**
 * Shows the notes, in slices. Those that stand already stay the same elements, so focus and reading are not disturbed; a
 * later view ends an earlier one that is still being shown.
 */
async function showNotes({ notes, rows, objects }) {
  const own = ++turn;
  const list = $("notes");
  $("empty").hidden = notes.length > 0;
  $("more").hidden = rows.length >= objects;
  const here = new Set(notes.map(({ id }) => id));
  for (const [id, item] of items) if (!here.has(id)) (item.remove(), items.delete(id));
  let next = list.firstElementChild;
  let until = performance.now() + SLICE;
  for (const note of notes) {
    if (performance.now() > until) {
      await new Promise((done) => setTimeout(done));
      if (own !== turn) return;
      until = performance.now() + SLICE;
    }
    let item = items.get(note.id);
    const like = JSON.stringify([note, nameOf(note.author), nameOf(note.edited ?? note.author), shown.writes, isOwner()]);
    if (!item) items.set(note.id, (item = h("li", { tabindex: list.querySelector("[tabindex='0']") ? -1 : 0, "data-id": note.id })));
    if (item.like !== like && !item.querySelector("textarea")) (fill(item, note), (item.like = like));
    if (item === next) next = next.nextElementSibling;
    else list.insertBefore(item, next);
  }
}

function fill(item, note) {
  const { id, text, author, time, done, counts, edited } = note;
  const act = (label, title, call) => h("button", { class: "small", title, click: call, tabindex: -1 }, label);
  item.toggleAttribute("data-done", done);
  item.toggleAttribute("data-void", !counts);
  item.setAttribute("aria-label", `${text}, ${nameOf(author)}${done ? ", ticked" : ""}${counts ? "" : ", does not count"}`);
  const tick = h("input", { type: "checkbox", "aria-label": "Done", tabindex: -1, disabled: !shown.writes || !counts, change: () => act_on.tick(note) });
  tick.checked = done;
  const who = h("b", { style: `color: var(--author-${colourOf(author)})` }, nameOf(author));
  const by = h("span", { class: "by" }, who, time ? ` · ${when(time)}` : "", edited ? ` · changed by ${nameOf(edited)}` : "", counts ? "" : h("span", { class: "no" }, " · does not count"));
  const buttons = counts
    ? shown.writes ? [act("Change", "Change (e)", () => act_on.edit(note)), act("Delete", "Delete (Del)", () => act_on.delete(note))] : []
    : [act("Why?", "Why it does not count (w)", () => act_on.why(note))];
  item.replaceChildren(tick, h("span", { class: "text" }, text), by, h("span", { class: "do" }, ...buttons));
  item.note = note;
}

function showPeople() {
  const seen = new Set(shown.people.map(({ author }) => author));
  const others = [...near.keys()].filter((author) => !seen.has(author) && author !== me).map((author) => ({ author, name: near.get(author) }));
  const list = [...shown.people, ...others].slice(0, 100);
  const items = list.map(({ author, name, owner, writes, removed }) => {
    const here = near.has(author) ? " · in another tab" : "";
    const role = owner ? "began it" : writes ? "may write" : removed ? "removed" : "may read";
    const change = writes ? ["Remove", () => doing(ask("remove", { author }))] : [removed ? "Let back in" : "Invite", () => doing(ask("invite", { author, name: name ?? nameOf(author) }))];
    return h("li", { "data-author": author },
      h("span", { class: "dot", style: `background: var(--author-${colourOf(author)})` }),
      h("span", {}, nameOf(author), author === me ? " (you)" : ""),
      h("span", { class: "role" }, role + here),
      ...(isOwner() && !owner ? [h("button", { class: "small", click: change[1] }, change[0])] : []),
    );
  });
  $("people").replaceChildren(...items);
}

/** Tells of the object that is selected, and why it counts or not. */
let asking = 0;
async function caption(row) {
  const place = $("caption");
  const call = ++asking;
  if (!row) {
    place.replaceChildren(h("span", { class: "quiet", style: "margin: 0" }, "Select an object to see what it is, and why it counts."));
    return;
  }
  const fate = h("span", { class: row.effective || row.adoptedBy ? "" : "no" });
  const where = `${(row.position + 1).toLocaleString()} of ${shown.objects.toLocaleString()}${row.final ? ", final" : ""}`;
  const parts = [h("strong", {}, describe(row, nameOf)), fate, h("span", { class: "quiet" }, where)];
  if (!row.effective && !row.adoptedBy && isOwner()) parts.push(h("button", { class: "small", click: () => doing(ask("adopt", { ids: [row.id] })) }, "Take it back in"));
  if (place.dataset.row === row.id && place.firstChild) fate.textContent = place.fate ?? "";
  place.dataset.row = row.id;
  place.replaceChildren(...parts);
  try {
    const why = await ask("why", { id: row.id });
    if (call === asking) fate.textContent = place.fate = reason(row, why, nameOf);
  } catch (error) {
    if (call === asking) fate.textContent = error.message;
  }
}

let lastLinks;
function showLinks(links, online) {
  lastLinks = [links, online];
  const tabs = [...near.keys()].filter((author) => author !== me).length;
  const servers = { connecting: "reaching the server…", linked: "with the server", refused: `the server refuses: ${links.why}`, waiting: `no server: ${links.why}` };
  const parts = [tabs ? `with ${tabs} other tab${tabs === 1 ? "" : "s"}` : "", servers[links.server] ?? ""].filter(Boolean);
  $("links").textContent = !online ? "Offline: you can go on writing" : parts.length ? `In sync ${parts.join(", and ")}` : "Kept here: nobody else is connected";
  if (online && !tabs && links.server && links.server !== "linked") $("links").textContent = servers[links.server].replace(/^./, (first) => first.toUpperCase());
  $("links").dataset.state = !online ? "" : ["waiting", "refused"].includes(links.server) ? "trouble" : parts.length ? "linked" : "";
  $("online").checked = online;
}

/**
 * Says something above the notebook, for as long as it is so: until the next view, or what is `kept` until it is put away,
 * or what `failed` until something does not fail.
 */
function notice(text, button, kind = "") {
  $("notice").hidden = !text;
  $("notice").dataset.kind = kind;
  $("notice").replaceChildren(text, ...(button ? [button] : []));
}

/** Waits for what was asked, and tells where it failed. */
async function doing(work) {
  try {
    const answer = await work;
    if ($("notice").dataset.kind === "failed") notice("");
    return answer;
  } catch (error) {
    broken(error);
    throw error;
  }
}

/** Tells of a failure, and what can be done about it. */
function broken(error) {
  if (error.code === "closed") {
    const again = h("button", { click: () => (notice(""), ask("reopen").catch(broken)) }, "Open it again");
    notice("The notebook was deleted from this browser, in another tab or by the browser itself. Other copies have it, and so does a file that you saved.", again, "failed");
  } else if (error.code === "full") {
    const save = h("button", { click: () => tools.archive() }, "Save to a file");
    notice("This browser has no room left. What was kept is safe; what you just wrote still stands in its field.", save, "failed");
  } else if (error.code === "not-authorized") {
    notice("You may not write here: nobody invited you, or you were removed.", undefined, "failed");
  } else notice(`${error.message} (${error.code ?? error.name})`, undefined, "failed");
}

// ---- What people do ---------------------------------------------------------------------------------------------

const act_on = {
  tick: (note) => doing(ask("tick", { id: note.id, done: !note.done })).catch(() => {}),
  delete: (note) => {
    const item = items.get(note.id);
    (item.nextElementSibling ?? item.previousElementSibling)?.focus();
    return doing(ask("delete", { id: note.id })).catch(() => {});
  },
  why: (note) => {
    picture.select(note.id);
    $("picture").focus();
  },
  edit(note) {
    const item = items.get(note.id);
    const field = h("textarea", { "aria-label": "Change the note", rows: 1 });
    field.value = note.text;
    let over = false;
    const end = async (save) => {
      if (over) return;
      over = true;
      if (save && field.value.trim() && field.value !== note.text) {
        try {
          await doing(ask("edit", { id: note.id, text: field.value.trim() }));
          note = { ...note, text: field.value.trim() };
        } catch {
          over = false;
          return;
        }
      }
      fill(item, note);
      item.like = "";
      item.focus();
    };
    field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter" && !event.shiftKey) (event.preventDefault(), void end(true));
      if (event.key === "Escape") void end(false);
    });
    field.addEventListener("blur", () => void end(true));
    item.querySelector(".text").replaceChildren(field);
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
  },
};

$("write").addEventListener("submit", async (event) => {
  event.preventDefault();
  const field = event.target.elements.text;
  const text = field.value.trim();
  if (!text) return;
  field.value = "";
  try {
    await doing(ask("note", { text }));
  } catch {
    // What could not be kept stands in its field again.
    field.value = field.value ? `${text}\n${field.value}` : text;
  }
});
$("write").elements.text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) (event.preventDefault(), $("write").requestSubmit());
  if (event.key === "Escape") event.target.blur();
});
$("invite").addEventListener("submit", (event) => {
  event.preventDefault();
  const { author, name } = event.target.elements;
  doing(ask("invite", { author: author.value.trim(), name: name.value.trim() })).then(() => event.target.reset(), () => {});
});
$("online").addEventListener("change", (event) => ask("online", { on: event.target.checked }));
$("more").addEventListener("click", more);
$("notes").addEventListener("focusin", ({ target }) => {
  const item = target.closest("li");
  for (const other of $("notes").querySelectorAll("[tabindex='0']")) other.tabIndex = -1;
  if (item) item.tabIndex = 0;
});

const tools = {
  share() {
    $("link").value = linkTo();
    $("share").showModal();
  },
  server() {
    $("server").querySelector("input").value = kept.server ?? "";
    $("server").showModal();
  },
  keys: () => $("keys").showModal(),
  finish: () => doing(ask("finish")),
  restore: () => $("file").click(),
  async archive() {
    const file = await doing(ask("archive"));
    const link = h("a", { href: URL.createObjectURL(file), download: `${shown.title.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").toLowerCase() || "notebook"}.car` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  },
  all: () => location.assign(location.pathname + location.search),
  async copy(button) {
    await navigator.clipboard.writeText(me);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  },
};
document.addEventListener("click", ({ target }) => {
  const button = target.closest?.("[data-do]");
  if (button) void Promise.resolve(tools[button.dataset.do](button)).catch(() => {});
});

/** Takes in a file, and shows the notebook that it holds. */
async function restore(file) {
  try {
    const { stream, admitted, known, rejected, faults } = await doing(ask("restore", { file }));
    if (!stream) return notice("This file is no notebook.", undefined, "kept");
    await open(stream);
    const damage = faults || rejected ? `; ${faults + rejected} pieces were damaged, and left out` : "";
    notice(`${admitted.toLocaleString()} objects came from the file, ${known.toLocaleString()} were here already${damage}.`, h("button", { click: () => notice("") }, "Good"), "kept");
  } catch {
    // It was told.
  }
}
$("file").addEventListener("change", ({ target }) => {
  if (target.files[0]) void restore(target.files[0]);
  target.value = "";
});
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer?.files[0]) void restore(event.dataTransfer.files[0]);
});

$("share").addEventListener("close", ({ target }) => {
  if (target.returnValue === "copy") void navigator.clipboard.writeText(linkTo());
  if (target.returnValue === "tab") window.open(linkTo(crypto.randomUUID().slice(0, 4)));
});
$("server").addEventListener("close", ({ target }) => {
  if (!target.returnValue) return;
  keep({ server: target.returnValue === "connect" ? target.querySelector("input").value : "" });
  void ask("server", { address: kept.server });
});

/** Keys that do something wherever one is not writing. */
document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.metaKey || event.ctrlKey || event.altKey || document.querySelector("dialog[open]") || $("notebook").hidden) return;
  if (target.matches("textarea, input:not([type=checkbox])")) return;
  const item = target.closest?.("#notes li");
  const go = (to) => to && (to.focus(), to.scrollIntoView({ block: "nearest" }));
  const does = {
    n: () => (shown?.writes ? $("write").elements.text.focus() : undefined),
    h: () => ($("picture").focus(), picture.selected ?? picture.select(shown?.rows.at(-1)?.id)),
    o: () => $("online").click(),
    "?": tools.keys,
    ArrowDown: () => go(item ? item.nextElementSibling : $("notes").querySelector("[tabindex='0']")),
    ArrowUp: () => go(item?.previousElementSibling),
    ...(item && { w: () => act_on.why(item.note) }),
    ...(item?.note.counts && shown.writes && {
      x: () => act_on.tick(item.note),
      e: () => act_on.edit(item.note),
      Delete: () => act_on.delete(item.note),
      Backspace: () => act_on.delete(item.note),
    }),
  }[key];
  if (!does) return;
  event.preventDefault();
  does();
});

// ---- Other tabs, and how it begins ------------------------------------------------------------------------------

/** Tabs tell each other who they are, so that one can be invited without copying a key. */
const hello = new BroadcastChannel("notebook-people");
const greet = (what) => me && hello.postMessage({ what, author: me, name: kept.name, notebook: address.hash });
hello.onmessage = ({ data: { what, author, name, notebook } }) => {
  if (notebook !== address.hash) return;
  if (what === "bye") near.delete(author);
  else near.set(author, name);
  if (what === "hello") greet("here");
  if (shown) showPeople();
  if (lastLinks) showLinks(...lastLinks);
};
addEventListener("pagehide", () => greet("bye"));

/** The link to this notebook: with the server that has it, where there is one; as somebody else, where that is said. */
const linkTo = (as) => {
  const url = new URL(location.pathname, location.href);
  if (as) url.searchParams.set("as", as);
  if (kept.server) url.searchParams.set("server", kept.server);
  url.hash = address.hash;
  return url.href;
};

async function open(id) {
  shown = undefined;
  address.hash = id;
  history.replaceState(null, "", address);
  $("welcome").hidden = true;
  $("notebook").hidden = false;
  items.clear();
  $("notes").replaceChildren();
  performance.mark("asked");
  await doing(ask("show", { id }));
}

/** Says so where the browser promised not to delete what is here. */
async function tellCache() {
  if (await navigator.storage?.persisted?.()) $("cache").textContent = "Kept in this browser, which will not delete it by itself.";
}

async function start() {
  void tellCache();
  const bytes = Uint8Array.from(kept.secret.match(/../g), (pair) => parseInt(pair, 16));
  try {
    ({ author: me } = await doing(ask("open", { profile, secret: bytes, address: kept.server ?? "" })));
  } catch {
    return;
  }
  $("key").textContent = me;
  const id = address.hash.slice(1);
  if (id) {
    const opened = open(id).catch(() => {});
    if (!kept.name) {
      $("who").showModal();
      await new Promise((closed) => $("who").addEventListener("close", closed, { once: true }));
      keep({ name: $("who").querySelector("input").value.trim() || "Somebody" });
    }
    await opened;
    greet("hello");
    return;
  }
  const notebooks = await doing(ask("list")).catch(() => []);
  $("here").hidden = !notebooks.length;
  $("notebooks").replaceChildren(...notebooks.map(({ id, title }) => h("li", {}, h("a", { href: `#${id}` }, title))));
  $("welcome").hidden = false;
  $("begin").elements.name.value = kept.name ?? "";
  greet("hello");
}

$("begin").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { title, name } = event.target.elements;
  keep({ name: name.value.trim() });
  try {
    await open(await doing(ask("begin", { title: title.value.trim(), name: name.value.trim() })));
    $("write").elements.text.focus();
    greet("hello");
    await navigator.storage?.persist?.();
    await tellCache();
  } catch {
    // It was told.
  }
});
// Another notebook is another page.
addEventListener("hashchange", () => location.reload());
