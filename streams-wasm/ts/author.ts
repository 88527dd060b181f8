// Authors: keys, and what is signed with them (spec 6).

import { write } from "./cbor.js";
import { Handle, answer, run } from "./core.js";
import { fail } from "./errors.js";
import { type Author, idBytes } from "./id.js";
import { type Draft, type Root, draftItems, objectId, readObject } from "./object.js";
import type { Key } from "#glue";

/** What a signature is for: one made for one purpose is worth nothing for another. */
export type Domain = "object" | "session" | "statement" | "archive" | "request";

const DOMAINS: readonly Domain[] = ["object", "session", "statement", "archive", "request"];
const number = (domain: Domain): number => {
  const number = DOMAINS.indexOf(domain);
  return number < 0 ? fail("MisfitError", "type", "a domain is object, session, statement or archive") : number;
};

/** Signs elsewhere, and later: in hardware, or with a key that the browser does not hand out. */
export interface Signer {
  readonly author: Author;
  /** Signs a message for a purpose: Ed25519 over {@link preimage}. */
  sign(domain: Domain, message: Uint8Array): Promise<Uint8Array>;
}

/** Lets one write as an author. */
export class SigningKey {
  readonly #key: Handle<Key>;
  readonly author: Author;

  private constructor(key: Key) {
    this.#key = new Handle(key);
    this.author = key.author() as Author;
  }

  /** A new key, from the randomness of the platform. */
  static generate(): SigningKey {
    const secret = crypto.getRandomValues(new Uint8Array(32));
    try {
      return SigningKey.fromBytes(secret);
    } finally {
      secret.fill(0);
    }
  }

  /** The key with these 32 secret bytes, which must be unpredictable. */
  static fromBytes(secret: Uint8Array): SigningKey {
    return new SigningKey(run((core) => core.Key.fromBytes(secret)));
  }

  /** The secret bytes. Whoever has them writes as this author. */
  toBytes(): Uint8Array {
    return run(() => this.#key.it.toBytes());
  }

  /** Signs a message for a purpose. */
  sign(domain: Domain, message: Uint8Array): Uint8Array {
    return run(() => this.#key.it.sign(number(domain), message));
  }

  /** Forgets the key. */
  free(): void {
    this.#key.free();
  }

  [Symbol.dispose](): void {
    this.free();
  }

  /** @internal */
  static key(key: SigningKey): Key {
    return key.#key.it;
  }

  toString(): string {
    return `SigningKey of ${this.author}`;
  }
}

/**
 * A key of WebCrypto, which need not be extractable: nobody can copy it out of this browser. It signs objects, and proves
 * who one is to peers.
 */
export class WebCryptoSigner implements Signer {
  private constructor(
    readonly author: Author,
    /** Both keys: keep them in IndexedDB, which can hold what cannot be extracted. */
    readonly keys: CryptoKeyPair,
  ) {}

  /** A new key, which cannot be extracted. */
  static async generate(): Promise<WebCryptoSigner> {
    const keys = await crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"]);
    return WebCryptoSigner.of(keys as CryptoKeyPair);
  }

  /** A key that is kept elsewhere. */
  static async of(keys: CryptoKeyPair): Promise<WebCryptoSigner> {
    const raw = new Uint8Array(await crypto.subtle.exportKey("raw", keys.publicKey));
    return new WebCryptoSigner(authorOf(raw), keys);
  }

  async sign(domain: Domain, message: Uint8Array): Promise<Uint8Array> {
    const bytes = preimage(domain, message) as Uint8Array<ArrayBuffer>;
    return new Uint8Array(await crypto.subtle.sign({ name: "Ed25519" }, this.keys.privateKey, bytes));
  }
}

/** The bytes that are signed for a message. */
export function preimage(domain: Domain, message: Uint8Array): Uint8Array {
  return run((core) => core.preimage(number(domain), message));
}

/** Whether a signature is valid, by ZIP-215. */
export function verify(author: Author, domain: Domain, message: Uint8Array, signature: Uint8Array): boolean {
  return run((core) => core.verify(author, number(domain), message, signature));
}

/** The author whose public key is these 32 bytes. */
export function authorOf(key: Uint8Array): Author {
  return run((core) => core.authorOf(key)) as Author;
}

/** The public key of an author, 32 bytes. */
export function authorBytes(author: string): Uint8Array {
  return run((core) => core.authorBytes(author));
}

/** The text as an author, if it is one. */
export function parseAuthor(text: string): Author {
  authorBytes(text);
  return text as Author;
}

/** What a root is made of. */
export interface RootDraft extends Draft {
  /** 16 fresh random bytes, which make two streams of one type and author two: drawn where you give none. */
  readonly nonce?: Uint8Array;
}

/** The root of a new stream, signed. */
export function root(key: SigningKey, draft: RootDraft): Root;
export function root(key: Signer, draft: RootDraft): Promise<Root>;
export function root(key: SigningKey | Signer, draft: RootDraft): Root | Promise<Root> {
  const spec = write(draftItems(draft));
  const nonce = draft.nonce ?? crypto.getRandomValues(new Uint8Array(16));
  const prove = (parts: Uint8Array) => answer(run((core) => core.authenticate(parts)), readObject) as Root;
  if (key instanceof SigningKey) return prove(run((core) => core.signedRoot(spec, nonce, SigningKey.key(key))));
  return signElsewhere(key, run((core) => core.unsignedRoot(spec, nonce, key.author))).then(prove);
}

/** The object with the signature of somebody elsewhere. */
export async function signElsewhere(signer: Signer, parts: Uint8Array): Promise<Uint8Array> {
  const signature = await signer.sign("object", idBytes(objectId(parts)));
  return run((core) => core.withSignature(parts, signature));
}

/** A key as the core asks it, for sessions. The last error is kept, to be thrown behind the core. */
export class SignerHost {
  error: unknown;

  constructor(readonly key: SigningKey | Signer) {}

  async call(domain: Domain, message: Uint8Array): Promise<Uint8Array> {
    try {
      const signature = await this.key.sign(domain, message.slice());
      const answer = new Uint8Array(signature.length + 1);
      answer.set(signature, 1);
      return answer;
    } catch (error) {
      this.error = error;
      return Uint8Array.of(1);
    }
  }

  tell(): void {}
}
