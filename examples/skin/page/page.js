// The page: what is searched and shown stands in the address (`#q=…&stream=…&item=STREAM/ID`), and all else follows it.

const at = (id) => document.getElementById(id)
const dialog = at("item")
let streams = new Map()
/** How many items are answered at once. */
const PAGE = 30
let shown = 0
let asked = 0

/** An element with a class and what is in it; text is text, never markup. */
function element(name, { className, ...properties } = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties)
  if (className) made.className = className
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""))
  return made
}

const state = () => new URLSearchParams(location.hash.slice(1))

/** The address with something of it changed. */
function with_(changes) {
  const next = state()
  for (const [name, value] of Object.entries(changes)) value ? next.set(name, value) : next.delete(name)
  return `#${next}`
}

async function ask(path) {
  const answer = await fetch(path)
  if (!answer.ok) throw new Error(answer.status === 404 ? "It is not here, or not shown any more." : await answer.text())
  return answer.json()
}

const counted = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`

function size(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"]
  const step = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1)
  return `${(bytes / 1000 ** step).toLocaleString("en", { maximumFractionDigits: step ? 1 : 0 })} ${units[step]}`
}

const when = (time) =>
  time && element("time", { dateTime: new Date(time).toISOString(), textContent: new Date(time).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" }) })

const short = (id) => `${id.slice(8, 16)}…`
const name = (stream) => stream.meta.title || stream.slug || short(stream.stream)

/** A text in which words that begin as one of those that are searched are marked. */
function marked(text, words) {
  const beginnings = words.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []
  return (text.match(/[\p{L}\p{N}]+|[^\p{L}\p{N}]+/gu) ?? []).map((part) =>
    beginnings.some((word) => part.toLowerCase().startsWith(word)) ? element("mark", { textContent: part }) : part)
}

/** The part of a text around the first word that begins as one of those that are searched. */
function around(text, words) {
  const beginnings = words.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []
  const found = beginnings.map((word) => text.toLowerCase().search(new RegExp(`(?<![\\p{L}\\p{N}])${word}`, "u"))).filter((at) => at >= 0)
  const begin = Math.max(0, Math.min(...found, Infinity) - 60)
  if (!Number.isFinite(begin) || begin === 0) return text.slice(0, 400)
  const space = text.indexOf(" ", begin)
  return `… ${text.slice(space > 0 ? space + 1 : begin, begin + 400)}`
}

const waitsForSomebody = (source) => ["needs-credential", "parked"].includes(source.state?.state)

/** How a stream stands: whether a source waits for somebody, or all copies of a pack are gone. */
function stands(stream) {
  const waits = stream.sources.some((source) => source.enabled && waitsForSomebody(source))
  const lost = stream.deals.some((gone) => !stream.deals.some((deal) => deal.state === "active" && deal.pack === gone.pack))
  return waits || lost ? "bad" : stream.sources.some((source) => source.enabled) ? "good" : "off"
}

function showStreams() {
  const now = state().get("stream")
  at("streams").replaceChildren(...[...streams.values()].map((stream) => {
    const link = element("a", { href: with_({ stream: stream.stream === now ? "" : stream.stream, item: "" }) },
      element("span", { className: `dot ${stands(stream)}` }),
      element("span", { className: "name", textContent: name(stream) }),
      element("span", { className: "quiet", textContent: stream.items.toLocaleString("en") }),
      element("span", { className: "quiet of", textContent: stream.owner ?? stream.author }))
    if (stream.stream === now) link.setAttribute("aria-current", "true")
    return element("li", {}, link)
  }))
  const stream = streams.get(now)
  at("stream").hidden = !stream
  if (stream) at("stream").replaceChildren(...described(stream))
}

/** What is told of a stream. */
function described(stream) {
  const row = (dot, name, told) => element("li", {}, element("span", { className: `dot ${dot}` }),
    element("span", {}, name, element("span", { className: "quiet", textContent: told })))
  const source = (source) => {
    const bad = waitsForSomebody(source)
    const told = !source.enabled ? "stopped" : !bad ? "is fetched" : source.state.state === "parked" ? "parked" : "wants a credential"
    return row(!source.enabled ? "off" : bad ? "bad" : "", source.name, [told, bad && source.state.reason].filter(Boolean).join(": "))
  }
  // A pack is there where one of its deals is.
  const place = ([archiver, deals]) => {
    const there = new Map(deals.filter((deal) => deal.state === "active").map((deal) => [deal.pack, deal]))
    const gone = new Set(deals.filter((deal) => !there.has(deal.pack)).map((deal) => deal.pack)).size
    const sum = (field) => [...there.values()].reduce((sum, deal) => sum + deal[field], 0)
    const until = Math.min(...[...there.values()].map((deal) => deal.until ?? Infinity))
    const told = [there.size > 0 && `${counted(sum("objects"), "object")} in ${counted(there.size, "pack")}, ${size(sum("size"))}`,
      gone > 0 && `${counted(gone, "pack")} gone`, until < Infinity && `until ${new Date(until).toLocaleDateString("en", { dateStyle: "medium" })}`]
    return row(gone > 0 ? "bad" : "", archiver, told.filter(Boolean).join(", "))
  }
  const list = (title, items) => items.length ? [element("h3", { textContent: title }), element("ul", { className: "rows" }, ...items)] : []
  const facts = [stream.owner && `of ${stream.owner}`, counted(stream.items, "item"), stream.meta.seal && "sealed: its items are not searched",
    stream.quarantined > 0 && `${counted(stream.quarantined, "thing")} that nobody could read`]
  return [
    element("h2", { textContent: name(stream) }),
    element("p", { className: "facts" }, ...facts.filter(Boolean).map((fact) => element("span", { textContent: fact }))),
    stream.meta.description && element("p", { textContent: stream.meta.description }),
    ...list("Sources", stream.sources.map(source)),
    ...list("Copies", [...Map.groupBy(stream.deals, (deal) => deal.archiver)].map(place)),
  ].filter(Boolean)
}

function hit({ stream: id, id: item, item: { title, source, kind, actor, time, text } }, words) {
  const stream = streams.get(id)
  const facts = [stream && name(stream), kind, actor].filter(Boolean)
  return element("li", {}, element("a", { href: with_({ item: `${id}/${item}` }) },
    element("div", { className: "title" }, ...marked(title || source, words)),
    text ? element("div", { className: "text" }, ...marked(around(text, words), words)) : null,
    element("div", { className: "facts" }, when(time), ...facts.map((fact) => element("span", { textContent: fact })))))
}

/** Searches for what stands in the address; with `more`, goes on where it ended. */
async function search(more = false) {
  const [words, stream, number] = [state().get("q") ?? "", state().get("stream") ?? "", ++asked]
  const query = new URLSearchParams({ q: words, ...(stream && { stream }), skip: more ? shown : 0 })
  const found = await ask(`api/search?${query}`)
  // What was asked for before, and comes later, is not shown.
  if (number !== asked) return
  const items = found.items.map((item) => hit(item, words))
  more ? at("found").append(...items) : at("found").replaceChildren(...items)
  shown = at("found").children.length
  at("count").textContent = counted(found.total, "item")
  at("more").hidden = shown >= found.total || items.length === 0
  at("nothing").hidden = found.total > 0
  at("nothing").textContent = words ? `Nothing has “${words}” in it.` : "Nothing is here yet."
}

/** An item, and what proves it. */
async function showItem() {
  const path = state().get("item")
  if (!path) return dialog.close()
  let content
  try {
    content = itemOf(await ask(`api/items/${path}`))
  } catch (error) {
    content = [element("p", { textContent: error.message })]
  }
  const close = element("button", { textContent: "Close" })
  close.addEventListener("click", () => (location.hash = with_({ item: "" })))
  const [head, ...rest] = content
  dialog.replaceChildren(element("div", { className: "top" }, head, close), ...rest)
  if (!dialog.open) dialog.showModal()
}

function itemOf(told) {
  const { item } = told
  const stream = streams.get(told.stream)
  const code = (text) => text && element("code", { textContent: text })
  const other = (id) => element("a", { href: with_({ item: `${told.stream}/${id}` }), textContent: short(id) })
  const verdict = told.effective ? "it counts" : told.adopted_by ? "it counts, by adoption" : "it is void: its author was not allowed to write it"
  const link = /^https?:/.test(item.link ?? "") ? element("a", { href: item.link, textContent: item.link, rel: "noreferrer", target: "_blank" }) : item.link
  const rows = [
    ["source", item.source], ["link", link], ["made by", item.actor], ["made", when(item.time)],
    ["fetched", item.fetched && when(item.fetched.at)], ["revision", item.revision], ["size", item.size && size(item.size)],
    ["replaces", item.replaces && other(item.replaces)],
    ["not shown", told.taken.length > 0 && element("span", {}, "hidden or replaced by ", ...told.taken.map(other))],
  ]
  const proof = [
    ["id", code(told.id)], ["signed by", code(told.author)], ["signature", code(told.signature)], ["written", when(told.written)],
    ["verdict", verdict], ["final", told.final ? "yes: nothing that comes late changes it" : "not yet: no checkpoint has it"],
    ["archived", told.held.length > 0 ? element("ul", {}, ...told.held.map((held) => element("li", {}, held.archiver, " ", code(held.ticket)))) : "in no pack that this key had made"],
  ]
  const table = (rows) => element("dl", {}, ...rows.filter(([, value]) => value).flatMap(([key, value]) => [element("dt", { textContent: key }), element("dd", {}, value)]))
  return [
    element("div", {}, element("h2", { textContent: item.title || item.source }),
      element("p", { className: "facts" }, ...[stream && name(stream), item.kind].filter(Boolean).map((fact) => element("span", { textContent: fact })))),
    element("pre", { textContent: item.text ?? "", hidden: !item.text }),
    table(rows), element("h3", { textContent: "Proof" }), table(proof),
  ]
}

async function load() {
  streams = new Map((await ask("api/streams")).sort((one, other) => other.items - one.items).map((stream) => [stream.stream, stream]))
  showStreams()
}

async function follow() {
  at("words").value = state().get("q") ?? ""
  showStreams()
  await Promise.all([search(), showItem()])
}

const told = (work) => work.catch((error) => { at("count").textContent = error.message })

at("words").addEventListener("input", () => {
  history.replaceState(null, "", with_({ q: at("words").value, item: "" }))
  showStreams()
  told(search())
})
document.querySelector("form").addEventListener("submit", (event) => event.preventDefault())
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== at("words")) { event.preventDefault(); at("words").focus() }
})
at("more").addEventListener("click", () => told(search(true)))
dialog.addEventListener("close", () => state().get("item") && (location.hash = with_({ item: "" })))
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close())
addEventListener("hashchange", () => told(follow()))

await told(load())
await told(follow())
// Something became another: what is on the page is asked for again.
for (let events = 0; ; ) {
  try {
    const now = await ask(`api/news/${events}`)
    if (events) await load().then(() => shown <= PAGE && search())
    events = now
  } catch (error) {
    at("count").textContent = "no answer"
    await new Promise((done) => setTimeout(done, 2000))
  }
}
