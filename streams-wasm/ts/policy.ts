// Rules: who may do what (spec 8).

import { write } from "./cbor.js";
import { answer, run } from "./core.js";
import type { Author } from "./id.js";
import { type Content, entries } from "./value.js";

/** What a rule lets one do, or keeps one from. */
export type Action = "read" | "append" | "govern" | "checkpoint" | "*";

/** A rule, as objects carry it. A list that is absent matches everything. Denials win. */
export interface RuleContent {
  readonly effect: "allow" | "deny";
  /** Authors, or `*`. */
  readonly subjects?: readonly string[];
  /** Types, or beginnings of types that end in `*`. */
  readonly resources?: readonly string[];
  readonly actions?: readonly Action[];
}

/** Rules for common wishes. */
export const Rule = {
  /** Everybody may read and write. */
  openToAll: (): RuleContent => ({ effect: "allow", actions: ["read", "append"] }),
  /** This author may read and write. */
  invite: (author: Author): RuleContent => ({ effect: "allow", actions: ["append", "read"], subjects: [author] }),
  /** This author may do nothing any more. */
  remove: (author: Author): RuleContent => ({ effect: "deny", subjects: [author] }),
  /** This author may read, write and govern. */
  moderator: (author: Author): RuleContent => ({ effect: "allow", actions: ["append", "read", "govern"], subjects: [author] }),
  /** These authors may read. */
  readers: (authors: readonly Author[]): RuleContent => ({ effect: "allow", actions: ["read"], subjects: authors }),
} as const;

/** Checks a rule, as it may stand in a root, or elsewhere. Throws a {@link RuleError}. */
export function checkRule(rule: RuleContent, where: "root" | "policy" = "policy"): void {
  run((core) => core.checkRule(write(entries(rule as unknown as Content)), where === "root"));
}

/** What somebody wants to do. */
export interface Access {
  /** Who: an author. */
  readonly subject: string;
  readonly action: string;
  /** The type of an object. */
  readonly resource: string;
}

/** Whether an access is allowed, and the place of the rule that decides: none where no rule matches. */
export interface Decision {
  readonly allowed: boolean;
  readonly rule?: number;
}

/** Decides an access by a set of rules alone (spec 8.2). */
export function decide(rules: readonly RuleContent[], access: Access): Decision {
  const list = rules.map((rule) => [rule.subjects ?? null, rule.resources ?? null, rule.actions ?? null, rule.effect]);
  const bytes = run((core) => core.decide(write(list), access.subject, access.action, access.resource));
  return answer(bytes, (reader) => {
    reader.list();
    const allowed = reader.boolean();
    const rule = reader.option(() => reader.number());
    return { allowed, ...(rule !== undefined && { rule }) };
  });
}
