"""A guestbook on the web, whose state is a replay.

    pip install flask
    python guestbook.py --store mine.db --web 5000 --listen 127.0.0.1:7700
    python guestbook.py --store yours.db --web 5001 --peer 127.0.0.1:7700 --stream ID   # another, which is the same one

What is written in either is in both, also when one of them was away for a while.
"""

import argparse
import asyncio
import threading
from pathlib import Path

from flask import Flask, Response, redirect, request
from markupsafe import Markup, escape

from streams_core import Authentic, Draft, Node, Rule, SigningKey, Stream, StreamsError, aio

ENTRY = "example.org/guestbook.Entry"


def apply(entries: list[dict[str, str]], event: Authentic) -> None:
    """The state: all entries, in the order that everybody computes."""
    if event.type == ENTRY and isinstance(text := (event.data or {}).get("text"), str):
        entries.append({"text": text, "author": str(event.author)[-8:]})


def app(stream: Stream, key: SigningKey) -> Flask:
    flask = Flask(__name__)
    book = stream.fold([], apply)  # kept up to date: only what is new is read

    @flask.get("/")
    def show() -> str:
        rows = [Markup("<li>{text} <small>…{author}</small>").format(**entry) for entry in list(book.update())]
        form = '<form method="post"><input name="text" maxlength="500" autofocus> <button>Sign</button></form>'
        title = escape((stream.root.data or {}).get("title", "Guestbook"))
        return f"<!doctype html><meta charset=utf-8><title>{title}</title><h1>{title}</h1>{form}<ul>{''.join(rows)}</ul>"

    @flask.post("/")
    def sign() -> Response:
        if text := request.form.get("text", "").strip()[:500]:
            stream.by(key).append(ENTRY, {"text": text})
        return redirect("/")  # type: ignore[return-value]

    return flask


async def serve(node: Node, key: SigningKey, stream: Stream, at: str) -> None:
    """Serves the guestbook to others, for ever."""
    async with aio.serve(at, node=node, key=key) as server:
        print(f"peers: --peer {server.address.removeprefix('tcp://')} --stream {stream.id}")
        await server.serve_forever()


async def follow(node: Node, key: SigningKey, stream: Stream, peer: str) -> None:
    """Follows another guestbook, for ever."""
    while True:
        try:
            async with aio.connect(peer, node=node, key=key, streams=[stream]) as link:
                async for _ in link:
                    pass
        except StreamsError as error:
            print(f"{peer}: {error}; trying again")
        await asyncio.sleep(2)


async def stay_equal(node: Node, key: SigningKey, stream: Stream, listen: str | None, peer: str | None) -> None:
    """All that has to do with peers."""
    async with asyncio.TaskGroup() as tasks:
        if listen:
            tasks.create_task(serve(node, key, stream, listen))
        if peer:
            tasks.create_task(follow(node, key, stream, peer))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--store", default="guestbook.db", help="the SQLite file")
    arguments.add_argument("--web", type=int, default=5000, help="the port of the page")
    arguments.add_argument("--listen", help="where other guestbooks may connect, as 127.0.0.1:7700")
    arguments.add_argument("--peer", help="another guestbook to follow")
    arguments.add_argument("--stream", help="its stream")
    given = arguments.parse_args()
    secret = Path(f"{given.store}.key")
    if not secret.exists():
        secret.touch(mode=0o600)
        secret.write_bytes(SigningKey.generate().to_bytes())
    key, node = SigningKey.from_bytes(secret.read_bytes()), Node(given.store)
    if given.peer and given.stream:
        asyncio.run(aio.sync(given.peer, node=node, key=key, streams=[given.stream]))
        stream = node[given.stream]
    elif ids := node.streams():
        stream = node[ids[0]]
    else:
        root = Draft.root("example.org/guestbook", {"title": "Guestbook"}, policies=[Rule.open_to_all()])
        stream = node.create(root.sign(key))
    peers = stay_equal(node, key, stream, given.listen, given.peer)
    threading.Thread(target=asyncio.run, args=(peers,), daemon=True).start()
    app(stream, key).run(port=given.web)


if __name__ == "__main__":
    main()
