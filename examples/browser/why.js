// What objects are, and why they count or not, in the words of people.

const kinds = {
  "example.org/notebook": "The beginning",
  "example.org/notebook.Note": "A note",
  "example.org/notebook.Edit": "A change",
  "example.org/notebook.Tick": "A tick",
  "example.org/notebook.Delete": "A deletion",
  "example.org/notebook.Person": "A name",
  "streams/policy": "A rule",
  "streams/adopt": "An adoption",
  "streams/checkpoint": "A checkpoint",
  "streams/redact": "A removal of content",
};

/** A key as people can tell it from others. */
export const short = (author) => `…${author.slice(-6)}`;

/** Whom a rule speaks of. */
const subjects = (rule, name) => (rule.subjects ?? ["*"]).map((subject) => (subject === "*" ? "everybody" : name(subject))).join(" and ");

/** What an object does, in a few words. */
export function describe(row, name) {
  const text = typeof row.data?.text === "string" ? row.data.text : "";
  const quoted = text ? ` “${text.length > 60 ? `${text.slice(0, 59)}…` : text}”` : "";
  const who = name(row.author);
  switch (row.type) {
    case "example.org/notebook":
      return `${who} began the notebook`;
    case "example.org/notebook.Note":
      return `${who} wrote${quoted}`;
    case "example.org/notebook.Edit":
      return `${who} changed a note to${quoted}`;
    case "example.org/notebook.Tick":
      return `${who} ${row.data?.done ? "ticked a note" : "took a tick back"}`;
    case "example.org/notebook.Delete":
      return `${who} deleted a note`;
    case "example.org/notebook.Person":
      return row.data?.author === row.author ? `${who} told their name` : `${who} named somebody ${row.data?.name}`;
    case "streams/policy":
      if (row.data?.withdraws) return `${who} took a rule back`;
      return (row.rules ?? []).map((rule) => `${who} ${rule.effect === "deny" ? "removed" : "invited"} ${subjects(rule, name)}`).join("; ");
    case "streams/adopt":
      return `${who} took back in ${row.data?.objects?.length ?? 0} that did not count`;
    case "streams/checkpoint":
      return `${who} made final what was there`;
  }
  return `${kinds[row.type] ?? row.type} by ${who}`;
}

/** Why an object counts, or does not. */
export function reason(row, { verdict, by }, name) {
  const who = name(row.author);
  const decided = by ? describe(by, name) : "a rule";
  if (row.adoptedBy) return "Did not count, and was taken back in later.";
  switch (verdict?.why) {
    case "owner":
      return `Counts: this is ${who}’s notebook.`;
    case "allowed":
      return `Counts: ${decided}.`;
    case "force":
      return "Counts: who may make final, did.";
    case "denied":
      return verdict.set === "beside"
        ? `Does not count: ${decided} before this had reached ${by ? name(by.author) : "them"}.`
        : `Does not count: ${decided}, and ${who} had heard of it.`;
    case "withdrawn":
      return `Does not count: ${decided}, and nothing else lets ${who} write.`;
    case "no-rule":
      return `Does not count: nobody let ${who} write.`;
    case undefined:
      return "";
  }
  return `Does not count: who wrote it may not (${verdict.why}).`;
}
