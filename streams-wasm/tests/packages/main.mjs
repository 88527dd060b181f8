// What each packaging builds and runs: it loads the WebAssembly without being told where it is.
import { SigningKey, Stream, init, root } from "streams-core";

export async function run() {
  await init();
  const alice = SigningKey.generate();
  const stream = Stream.open(root(alice, { type: "example.org/list" }));
  stream.append(alice, "example.org/list.Added", { item: "milk" });
  return `${stream.length} objects`;
}

// A worker of Cloudflare's does nothing before it is asked; everywhere else it runs at once, and says what came of it.
if (globalThis.navigator?.userAgent !== "Cloudflare-Workers") {
  const answer = run().catch((error) => String(error?.stack ?? error));
  if (typeof document === "undefined") answer.then((answer) => console.log(answer));
  else answer.then((answer) => (document.title = answer));
}
