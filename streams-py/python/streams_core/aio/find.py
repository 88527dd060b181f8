"""Finding who has streams."""

import asyncio
import ssl as tls
from dataclasses import dataclass

from .. import Node, ObjectId, SigningKey, VerifyingKey
from .._core import Dialing, Search
from ..errors import StreamsError
from .link import DEADLINE, Carrier, dial, is_loopback
from .peer import Streams, ids

__all__ = ["Found", "find"]


@dataclass(frozen=True)
class Found:
    """What a search found: `find`."""

    places: dict[str, tuple[VerifyingKey, list[ObjectId]]]
    """Who has which of the streams, by address. Who answered that it has none is not in it."""
    silent: dict[str, StreamsError]
    """Of whom nothing was heard, by address, and why."""


async def find(
    streams: Streams,
    *at: str,
    node: Node,
    key: SigningKey,
    allow_plain: bool = False,
    ssl: tls.SSLContext | None = None,
) -> Found:
    """Asks peers who has these streams, at most sixteen: those at the addresses given, those that the node met, and those
    that they met; at most 32 in all, and none more when all streams are found. A stream that anyone can compute is found by
    the id of its `HypotheticalRoot`.

    What peers say of others is where to ask, and nothing else. Where they tell of this machine itself, nobody is asked,
    unless an address that was given, or met, is on it too: what else listens here is none of a stranger's business.

    Raises:
        ValueError: more than sixteen streams.
        StoreError: the store did not answer.
    """
    wanted = ids(streams)
    if not wanted or len(wanted) > 16:
        raise ValueError("a search is for one to sixteen streams")
    named = {*at, *(address for _, address, _ in node.peers() if address)}
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    opening: set[asyncio.Task[None]] = set()

    async def reach(address: str, dialing: Dialing) -> None:
        try:
            if address not in named and is_loopback(address) and not any(is_loopback(own) for own in named):
                return dialing.failed("other", "another peer told of it, and it leads to this machine itself")
            link = await dial(address, allow_plain=allow_plain, ssl=ssl)
        except Exception as error:
            return dialing.failed(error.code if isinstance(error, StreamsError) else "other", str(error))
        carriers: list[Carrier] = []

        def look() -> None:
            for carrier in carriers:
                carrier.look()

        carriers.append(Carrier(link, dialing.opened(link.channel, lambda: loop.call_soon_threadsafe(look))))
        look()
        await carriers[0].wait(None)

    def ask(address: str, dialing: Dialing) -> None:
        def begin() -> None:
            task = loop.create_task(reach(address, dialing))
            opening.add(task)
            task.add_done_callback(opening.discard)

        loop.call_soon_threadsafe(begin)

    search = Search(node, key, wanted, list(at), ask, lambda: loop.call_soon_threadsafe(over.set))
    try:
        await over.wait()
        result = search.result()
        assert result is not None
        return Found(*result)
    finally:
        search.abort()
        if opening:
            _, late = await asyncio.wait(opening, timeout=DEADLINE)
            for task in late:
                task.cancel()
