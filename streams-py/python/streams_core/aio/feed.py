"""The feed of a store, without blocking the loop."""

import asyncio
from collections.abc import Iterable

from .. import Event, Node, ObjectId, Stream, VerifyingKey
from .. import Feed as BlockingFeed

__all__ = ["Feed", "watch"]


class Feed:
    """Reads the changes of a store, one after the other, without end: `async for event in watch(node)`.

    A loop that is left, or cancelled, loses nothing: read on, or keep the cursor and begin there another time.
    """

    def __init__(self, node: Node, feed: BlockingFeed) -> None:
        self._node = node
        self._feed = feed

    @property
    def cursor(self) -> bytes:
        """Where the reader is, 56 bytes: behind the last event that it was given."""
        return self._feed.cursor

    def __aiter__(self) -> "Feed":
        return self

    async def __anext__(self) -> Event:
        loop = asyncio.get_running_loop()
        while True:
            last = self._node._last()
            event = self._feed.next(0)
            if event is not None:
                return event
            changed = asyncio.Event()
            self._node._when_changed(last, lambda: loop.call_soon_threadsafe(changed.set))  # noqa: B023
            await changed.wait()


def watch(
    node: Node,
    *,
    streams: Iterable[ObjectId | str | Stream] = (),
    stream_types: Iterable[str] = (),
    types: Iterable[str] = (),
    authors: Iterable[VerifyingKey | str] = (),
    since: bytes | None = None,
) -> Feed:
    """What is here, and then what becomes different, from a cursor on or from the beginning: as `Node.watch`.

    >>> async def first(node: Node) -> Event:
    ...     async for event in watch(node):
    ...         return event
    >>> alice = SigningKey.generate()
    >>> node = Node()
    >>> stream = node.create(Draft.root("example.org/list").sign(alice))
    >>> asyncio.run(first(node)).kind
    'added'
    """
    wanted = [stream.id if isinstance(stream, Stream) else stream for stream in streams]
    feed = node.watch(streams=wanted, stream_types=stream_types, types=types, authors=authors, since=since)
    return Feed(node, feed)
