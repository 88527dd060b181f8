// Links between two peers: whole frames, in order (spec 10).

import { StreamsError, codeOf, fail } from "./errors.js";

/** The longest frame: the largest object, and its envelope. */
export const MAX_FRAME = (1 << 20) + (64 << 10);

/** How many bytes may wait in a socket before who sends waits too. */
const ROOM = 1 << 20;

/** A reliable, ordered duplex of whole frames. */
export interface Transport {
  /** Sends a frame, and returns when there is room for the next one. */
  send(frame: Uint8Array): Promise<void>;
  /** The next frame; nothing when the peer closed the link in order. */
  recv(): Promise<Uint8Array | undefined>;
  /** Closes the link: the peer sees its end behind what was sent. */
  close(): Promise<void>;
  /** What is unique to this connection and equal at both ends; empty where there is no such thing. */
  readonly channel?: Uint8Array;
}

/** Frames that came, and whoever waits for one. */
class Inbox {
  #frames: Uint8Array[] = [];
  #waiting: { resolve(frame: Uint8Array | undefined): void; reject(error: unknown): void }[] = [];
  #end: { error?: unknown } | undefined;

  push(frame: Uint8Array): void {
    if (this.#end) return;
    const waiting = this.#waiting.shift();
    if (waiting) waiting.resolve(frame);
    else this.#frames.push(frame);
  }

  /** No more come; with an error, the link broke. */
  end(error?: unknown): void {
    if (this.#end) return;
    this.#end = error === undefined ? {} : { error };
    for (const waiting of this.#waiting.splice(0)) {
      if (error === undefined) waiting.resolve(undefined);
      else waiting.reject(error);
    }
  }

  next(): Promise<Uint8Array | undefined> {
    const frame = this.#frames.shift();
    if (frame) return Promise.resolve(frame);
    if (!this.#end) return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
    return this.#end.error === undefined ? Promise.resolve(undefined) : Promise.reject(this.#end.error as Error);
  }
}

const broken = (message?: string) => {
  try {
    return fail("TransportError", "closed", message);
  } catch (error) {
    return error;
  }
};

const check = (frame: Uint8Array) => {
  if (frame.length > MAX_FRAME) fail("TransportError", "too-large");
};

/**
 * A link over a WebSocket: `await webSocket("wss://example.org/")`. Any object with the interface of a browser's will do.
 */
export async function webSocket(where: string | URL | WebSocket, options: { signal?: AbortSignal } = {}): Promise<Transport> {
  const socket = typeof where === "object" && "readyState" in where ? where : new WebSocket(where);
  socket.binaryType = "arraybuffer";
  const inbox = new Inbox();
  socket.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
    if (data instanceof ArrayBuffer) inbox.push(new Uint8Array(data));
    else {
      try {
        fail("TransportError", "protocol");
      } catch (error) {
        inbox.end(error);
      }
      socket.close();
    }
  });
  socket.addEventListener("close", ({ wasClean, code }) => inbox.end(wasClean && code <= 1000 ? undefined : broken(`the link broke (${code})`)));
  if (socket.readyState !== 1) {
    await new Promise<void>((opened, reject) => {
      const give = (error: unknown) => {
        reject(error as Error);
        socket.close();
      };
      options.signal?.addEventListener("abort", () => give(options.signal?.reason), { once: true });
      socket.addEventListener("open", () => opened(), { once: true });
      socket.addEventListener("error", () => {
        try {
          fail("TransportError", "unreachable", `nobody answers at ${socket.url}, or not as a peer would`);
        } catch (error) {
          give(error);
        }
      }, { once: true });
    });
  }
  return {
    async send(frame) {
      check(frame);
      if (socket.readyState !== 1) throw broken();
      socket.send(frame as Uint8Array<ArrayBuffer>);
      // A WebSocket does not tell when it has room.
      while (socket.bufferedAmount > ROOM && socket.readyState === 1) await new Promise((done) => setTimeout(done, 5));
    },
    recv: () => inbox.next(),
    async close() {
      if (socket.readyState > 1) return;
      const closed = new Promise((done) => socket.addEventListener("close", done, { once: true }));
      socket.close(1000);
      await closed;
    },
  };
}

/** What a port needs to be: of the browser, of Node, or of a worker. */
export interface PortLike {
  postMessage(message: unknown): void;
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void;
  start?(): void;
  close?(): void;
}

/** A link over a `MessagePort`, or anything that posts messages to somebody else: a worker, a frame. */
export function messagePort(port: PortLike): Transport {
  const inbox = new Inbox();
  // The receiver says how many frames it took, so that who sends waits for it.
  let sent = 0;
  let taken = 0;
  let wake: (() => void) | undefined;
  port.addEventListener("message", ({ data }) => {
    if (data instanceof Uint8Array) inbox.push(data);
    else if (typeof data === "number") {
      taken = data;
      wake?.();
    } else if (data === null) inbox.end();
  });
  port.start?.();
  let received = 0;
  let open = true;
  return {
    async send(frame) {
      check(frame);
      if (!open) throw broken();
      port.postMessage(frame.slice());
      sent++;
      while (sent - taken > 16 && open) await new Promise<void>((done) => (wake = done));
    },
    async recv() {
      const frame = await inbox.next();
      if (frame) port.postMessage(++received);
      return frame;
    },
    async close() {
      if (!open) return;
      open = false;
      wake?.();
      port.postMessage(null);
      inbox.end(broken());
      setTimeout(() => port.close?.(), 50);
    },
  };
}

/** A link over a pair of web streams of bytes. Each frame stands behind its length, four bytes, big-endian. */
export function webStreams(pair: { readable: ReadableStream<Uint8Array>; writable: WritableStream<Uint8Array> }): Transport {
  const writer = pair.writable.getWriter();
  const reader = pair.readable.getReader();
  let held = new Uint8Array(0);
  const need = async (length: number): Promise<Uint8Array | undefined> => {
    while (held.length < length) {
      const { value, done } = await reader.read();
      if (done) return held.length ? Promise.reject(broken() as Error) : undefined;
      const more = new Uint8Array(held.length + value.length);
      more.set(held);
      more.set(value, held.length);
      held = more;
    }
    return held.subarray(0, length);
  };
  return {
    async send(frame) {
      check(frame);
      const bytes = new Uint8Array(frame.length + 4);
      new DataView(bytes.buffer).setUint32(0, frame.length);
      bytes.set(frame, 4);
      try {
        await writer.ready;
        await writer.write(bytes);
      } catch (error) {
        throw error instanceof StreamsError ? error : broken();
      }
    },
    async recv() {
      const head = await need(4);
      if (!head) return undefined;
      const length = new DataView(head.buffer, head.byteOffset).getUint32(0);
      if (length > MAX_FRAME) fail("TransportError", "too-large");
      const whole = await need(length + 4);
      if (!whole) throw broken();
      const frame = whole.slice(4);
      held = held.slice(length + 4);
      return frame;
    },
    async close() {
      // What was sent stands before the end; nobody waits until it is taken.
      writer.close().catch(() => {});
      reader.cancel().catch(() => {});
    },
  };
}

/** Both ends of a link in memory. */
export function memoryLink(): [Transport, Transport] {
  const inboxes = [new Inbox(), new Inbox()] as const;
  const end = (own: Inbox, other: Inbox): Transport => {
    let open = true;
    return {
      async send(frame) {
        check(frame);
        if (!open) throw broken();
        other.push(frame.slice());
      },
      recv: () => own.next(),
      async close() {
        open = false;
        other.end();
        own.end(broken());
      },
    };
  };
  return [end(inboxes[0], inboxes[1]), end(inboxes[1], inboxes[0])];
}

/** The failures that the core tells apart, by their numbers. */
const KINDS = ["closed", "too-large", "unreachable", "protocol"];

/** A link as the core calls it. */
export class LinkHost {
  error: unknown;

  constructor(readonly link: Transport) {}

  async call(what: string, bytes: Uint8Array): Promise<Uint8Array> {
    try {
      if (what === "send") await this.link.send(bytes.slice());
      else if (what === "close") await this.link.close();
      else {
        const frame = await this.link.recv();
        if (!frame) return Uint8Array.of(255);
        const answer = new Uint8Array(frame.length + 1);
        answer.set(frame, 1);
        return answer;
      }
      return Uint8Array.of(0);
    } catch (error) {
      this.error = error;
      return Uint8Array.of(KINDS.indexOf(codeOf(error)) + 1 || 254);
    }
  }
}

/** Opens links for the core, one after the other. */
export class DialHost {
  #last: LinkHost | undefined;

  constructor(
    readonly dial: (address: string, signal?: AbortSignal) => Promise<Transport>,
    readonly signal: AbortSignal | undefined,
  ) {}

  async call(_: string, address: Uint8Array): Promise<Uint8Array> {
    try {
      this.signal?.throwIfAborted();
      const link = await this.dial(new TextDecoder().decode(address.slice()), this.signal);
      this.#last = new LinkHost(link);
      const channel = link.channel ?? new Uint8Array(0);
      const answer = new Uint8Array(33 + channel.length);
      crypto.getRandomValues(answer.subarray(1, 33));
      answer.set(channel, 33);
      return answer;
    } catch (error) {
      return Uint8Array.of(KINDS.indexOf(codeOf(error)) + 1 || 254);
    }
  }

  link(): LinkHost {
    return this.#last!;
  }

  close(): void {
    this.#last?.link.close().catch(() => {});
  }
}
