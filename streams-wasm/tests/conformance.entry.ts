// What runs the contracts of the core against the stores and links of the face.

import instantiate from "#instance";
import { IndexedDbStore } from "../ts/indexeddb.js";
import { MemoryStore } from "../ts/memory.js";
import { type Store, StoreHost } from "../ts/store.js";
import { LinkHost, type Transport, memoryLink, messagePort, webSocket, webStreams } from "../ts/transport.js";

export { IndexedDbStore, MemoryStore, memoryLink, messagePort, webSocket, webStreams };

let glue: ReturnType<typeof instantiate> & Contracts;

interface Contracts {
  storeConforms(maker: object): Promise<void>;
  transportConforms(maker: object): Promise<void>;
}

/** A new instance. */
export function load(bytes: BufferSource): void {
  glue = instantiate() as typeof glue;
  glue.initSync({ module: bytes });
}

/** Runs the contract; `make` gives an empty store each time. A breach is printed, and rejects. */
export function storeConforms(make: () => Promise<Store>): Promise<void> {
  return glue.storeConforms({ make: async () => new StoreHost(await make()) });
}

/** Runs the contract; `make` gives both ends of a link each time. */
export function transportConforms(make: () => Promise<[Transport, Transport]>): Promise<void> {
  return glue.transportConforms({ make: async () => (await make()).map((link) => new LinkHost(link)) });
}
