const { SigningKey, Stream, init, root } = require("streams-core");

(async () => {
  await init();
  const alice = SigningKey.generate();
  const stream = Stream.open(root(alice, { type: "example.org/list" }));
  stream.append(alice, "example.org/list.Added", { item: "milk" });
  console.log(`${stream.length} objects`);
})();
