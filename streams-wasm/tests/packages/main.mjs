// What each packaging builds and runs: it loads the WebAssembly without being told where it is.
import { SigningKey, Stream, init, root } from "streams-core";

export async function run() {
  await init();
  const alice = SigningKey.generate();
  const stream = Stream.open(root(alice, { type: "example.org/list" }));
  stream.append(alice, "example.org/list.Added", { item: "milk" });
  return `${stream.length} objects`;
}

const answer = run().catch((error) => String(error?.stack ?? error));
if (typeof document === "undefined") answer.then((answer) => console.log(answer));
else answer.then((answer) => (document.title = answer));
