// What is thrown: a class for what a program catches, a code for the rule that was broken, the same as in every language.

import { CLASSES, type Code, SENTENCES, type ClassName, StreamsError } from "./errors.generated.js";

export * from "./errors.generated.js";

/** The error of a class and a code, with the sentence of the table. */
export function known(name: string, code: string, cause?: unknown, message?: string): StreamsError {
  const Class = CLASSES[name as ClassName] ?? StreamsError;
  const sentence = message ?? sentenceOf(name, code) ?? code;
  return new Class(code as Code, sentence, cause === undefined ? undefined : { cause });
}

function sentenceOf(name: string, code: string): string | undefined {
  for (let Class: unknown = CLASSES[name as ClassName]; Class && Class !== StreamsError; Class = Object.getPrototypeOf(Class)) {
    const own = Object.keys(CLASSES).find((name) => CLASSES[name as ClassName] === Class);
    const line = SENTENCES.split("\n").find((line) => line.startsWith(`${own}/${code} `));
    if (line) return line.slice(line.indexOf(" ") + 1);
  }
  return undefined;
}

/** Throws the error of a class and a code; the message is the sentence of the table where none is given. */
export function fail(name: ClassName, code: Code, message?: string): never {
  throw known(name, code, undefined, message);
}

/** The code of an error, also where another copy of this package threw it. */
export function codeOf(error: unknown): string {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : "";
}
