// The instance of WebAssembly behind the face: loaded once, and made anew where it died.

import type * as Glue from "#glue";
import instantiate from "#instance";
import { Reader } from "./cbor.js";
import { fail, known } from "./errors.js";

/** What the WebAssembly is made of: bytes, a module, a response, or where it is. */
export type Source = BufferSource | WebAssembly.Module | Response | Promise<Response> | URL | string;

/** What wasm-bindgen made: one for each instance, since what is under way in a dead one must not reach into the next. */
type Core = typeof Glue;

let core: Core | undefined;
let ready: Promise<void> | undefined;
/** Counts instances: a handle of one that died is of no use with the next. */
let age = 0;

/** Where the WebAssembly is in this environment. Each entry of the package says it for its own. */
let find: () => Promise<Source> | Source;

export function findBy(how: () => Promise<Source> | Source): void {
  find = how;
}

function begin(loaded: Core): void {
  loaded.seed(crypto.getRandomValues(new Uint8Array(16)));
  core = loaded;
}

/**
 * Loads the WebAssembly. Call it before anything else, as often as you like: it is loaded once. Without an argument, the
 * package finds it beside itself. After an {@link InternalError} it makes a new instance.
 */
export function init(source?: Source): Promise<void> {
  ready ??= (async () => {
    try {
      const glue = instantiate();
      await glue.default({ module_or_path: await (source ?? find()) });
      begin(glue);
    } catch (error) {
      ready = undefined;
      throw error;
    }
  })();
  return ready;
}

/** The same, at once, from bytes or a module that are here already. */
export function initSync(source: BufferSource | WebAssembly.Module): void {
  if (core) return;
  const glue = instantiate();
  glue.initSync({ module: source });
  begin(glue);
  ready = Promise.resolve();
}

/** Whether the instance is loaded, and did not die. */
export function isReady(): boolean {
  return core !== undefined;
}

/** What was thrown, as it is told to people. */
export function told(error: unknown): unknown {
  if (typeof error === "string") {
    const slash = error.indexOf("/");
    return known(error.slice(0, slash), error.slice(slash + 1));
  }
  if (error instanceof WebAssembly.RuntimeError) {
    core = undefined;
    ready = undefined;
    age++;
    return known("InternalError", "panic", error);
  }
  return error;
}

/** Calls the core. */
export function run<T>(call: (core: Core) => T): T {
  if (!core) {
    fail("InternalError", "panic", age ? "the instance died: call init() again, and open anew what you had open" : "not loaded: await init() first");
  }
  try {
    return call(core);
  } catch (error) {
    throw told(error);
  }
}

/** Calls the core, and waits for what it promises. */
export async function later<T>(call: (core: Core) => Promise<T>): Promise<T> {
  try {
    return await run(call);
  } catch (error) {
    throw told(error);
  }
}

/** Something of the core that is held: of this instance alone. */
export class Handle<T extends { free(): void }> {
  private readonly age = age;
  private held: T | undefined;

  constructor(held: T) {
    this.held = held;
  }

  get it(): T {
    if (this.age !== age) fail("InternalError", "panic", "the instance died: call init() again, and open this anew");
    return this.held ?? fail("BusyError", "closed", "it was disposed of");
  }

  free(): void {
    if (this.held && this.age === age && core) this.held.free();
    this.held = undefined;
  }
}

/** Reads what the core answered. */
export function answer<T>(bytes: Uint8Array, read: (reader: Reader) => T): T {
  return read(new Reader(bytes));
}
