// Tabs in sync without a server: links between all that listen to one BroadcastChannel.

import { type Signer, SigningKey } from "./author.js";
import type { Node, PeerEvent } from "./node.js";
import type { StreamId } from "./id.js";
import { type PortLike, messagePort } from "./transport.js";

/** How tabs meet. */
export interface BroadcastOptions {
  /** The name of the channel: who uses the same meets. */
  readonly name: string;
  /** The key of this tab. Two tabs with one key do not meet: by default each draws its own. */
  readonly key?: SigningKey | Signer;
  readonly streams?: readonly StreamId[];
  readonly takesUnknown?: boolean;
  readonly onEvent?: (event: PeerEvent) => void;
  /** Told when a link ends otherwise than in order. */
  readonly onError?: (error: unknown) => void;
  readonly signal?: AbortSignal;
}

interface Letter {
  readonly from: string;
  readonly to?: string;
  readonly body?: unknown;
}

/** Keeps streams equal with all other tabs that listen to the same channel, until it is closed. */
export function broadcast(node: Node, options: BroadcastOptions): { close(): void } & Disposable {
  const channel = new BroadcastChannel(options.name);
  const own = crypto.randomUUID();
  const key = options.key ?? SigningKey.generate();
  const links = new Map<string, (body: unknown) => void>();
  const ended = new AbortController();
  options.signal?.addEventListener("abort", () => close(), { once: true });

  const meet = (other: string) => {
    const listeners: ((event: { data: unknown }) => void)[] = [];
    const port: PortLike = {
      postMessage: (body) => channel.postMessage({ from: own, to: other, body } satisfies Letter),
      addEventListener: (_, listener) => listeners.push(listener),
    };
    const link = messagePort(port);
    links.set(other, (body) => listeners.forEach((listener) => listener({ data: body })));
    const { onEvent, streams, takesUnknown = true } = options;
    const meeting = { key, takesUnknown, opened: own < other, signal: ended.signal, ...(onEvent && { onEvent }), ...(streams && { streams }) };
    node
      .follow(link, meeting)
      .catch((error: unknown) => {
        if (!ended.signal.aborted) options.onError?.(error);
      })
      .finally(() => links.delete(other));
  };

  channel.onmessage = ({ data }: MessageEvent<Letter>) => {
    if (data.to === undefined) {
      // Somebody came: both begin, and each says so to the other.
      channel.postMessage({ from: own, to: data.from } satisfies Letter);
      if (!links.has(data.from)) meet(data.from);
    } else if (data.to === own) {
      if (!links.has(data.from)) {
        if (data.body !== undefined) return;
        meet(data.from);
      }
      if (data.body !== undefined) links.get(data.from)?.(data.body);
    }
  };
  channel.postMessage({ from: own } satisfies Letter);

  function close(): void {
    if (ended.signal.aborted) return;
    ended.abort();
    setTimeout(() => channel.close(), 100);
  }
  return { close, [Symbol.dispose]: close };
}
