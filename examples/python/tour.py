"""A tour: cells to be read and run from top to bottom, as a script or in an editor that knows `# %%`."""

# %% Keys. Whoever holds one writes as its author.

import asyncio
import tempfile
from pathlib import Path

import streams_core as streams
from streams_core import Draft, Node, Rule, SigningKey, aio, archive

alice, bob, carol = (SigningKey.generate() for _ in range(3))
print("Alice is", alice.verifying_key)

# %% A stream begins with a signed root. This one lets Bob append; Alice owns it.

invited = Rule.allow(["append", "read"], subjects=[bob.verifying_key])
root = Draft.root("example.org/list", {"title": "Groceries"}, policies=[invited]).sign(alice)
here = Node().create(root)  # in memory: Node("list.db") is a file
print("the stream is", here.id)

# %% Everything is an object: a dict with an id, which is the hash of its bytes. What an author may not write is refused.

milk = here.by(alice).append("example.org/list.Added", {"item": "milk", "count": 2})
print(milk.id, milk.data)
try:
    here.by(carol).append("example.org/list.Added", {"item": "caviar"})
except PermissionError as error:
    print("Carol:", error)

# %% Another replica. Both write without hearing of the other, and then exchange what they have, in any order.

there = Node().create(root)
rice = there.by(bob).append("example.org/list.Added", {"item": "rice", "count": 1})
here.by(alice).append("example.org/list.Removed", {"item": "milk"})
print(here.ingest([rice]), there.ingest(entry.object for entry in reversed(here)))
assert here.order() == there.order() and here.order_digest == there.order_digest


# %% State is a fold over the stream. Both have the same objects, and so the same order, verdicts and state.


def apply(items: dict[str, int], event: streams.Authentic) -> None:
    match event.type, event.data:
        case "example.org/list.Added", {"item": item, "count": count}:
            items[item] = items.get(item, 0) + count
        case "example.org/list.Removed", {"item": item}:
            items.pop(item, None)


print(here.replay({}, apply))
assert here.replay({}, apply) == there.replay({}, apply)

# %% Who may write is written in the stream, and everyone judges it alike. What was concurrent with a removal goes.

here.by(alice).govern(Rule.remove(bob.verifying_key))
late = there.by(bob).append("example.org/list.Added", {"item": "cake", "count": 9})
here.ingest([late])
there.ingest([entry.object for entry in here])
for stream in (here, there):
    print(f"{stream[late.id].effective=}:", stream.explain(late.id).code, stream.replay({}, apply))

# %% What may not stay is dropped; the id and the signature hold.

secret = here.by(alice).append("example.org/note", {"note": {"text": "the safe is behind the painting"}})
here.redact(secret.id, streams.id_of({"text": "the safe is behind the painting"}))
print(here[secret.id].data)

# %% An archive is the stream in one file that proves itself.

with tempfile.TemporaryDirectory() as folder:
    written = archive.write(here, Path(folder) / "list.car")
    restored = archive.restore(copy := Node(), written.path)
    print(written.manifest, "restored whole:", restored[here.id].is_whole)
    assert copy[here.id].order_digest == here.order_digest

# %% Peers. What Carol may not read, she does not get.


async def meet() -> None:
    node = Node()
    stream = node.create(Draft.root("example.org/list", policies=[Rule.readers([bob.verifying_key])]).sign(alice))
    async with aio.serve("127.0.0.1:0", node=node, key=alice) as server:
        for name, key in {"Bob": bob, "Carol": carol}.items():
            synced = await aio.sync(server.address, node=Node(), key=key, streams=[stream])
            refused = [refused.reason for refused in synced.refused.values()]
            print(f"{name} received {synced.received} object(s), refused: {refused or 'nothing'}")


asyncio.run(meet())
