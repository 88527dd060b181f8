"""Peers: a node meets them over links."""

import asyncio
import contextlib
import ssl as tls
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal

from .. import Node, ObjectId, SigningKey, Stream, VerifyingKey
from .._core import Meeting
from ..errors import SessionError
from ..session import Event, Proven, Received, Refused, Rejected, Served
from ..session import Synced as StreamSynced
from .link import DEADLINE, Carrier, Transport, dial

__all__ = ["DAY", "Peer", "Synced", "accept", "connect", "plead", "sync"]

DAY = 24 * 60 * 60.0
"""The longest that one link follows streams, in seconds: a day (spec 10.3)."""

MAX_EVENTS = 65_536

NO_EXPORTER = (
    "Python's ssl does not tell what is unique to a TLS connection (RFC 9266), so a peer that binds its proofs to it, as "
    "`streams serve --listen wss://…` does, is not met over wss from here: use HOST:PORT"
)

Streams = Iterable[ObjectId | str | Stream] | ObjectId | str | Stream | None


def ids(streams: Streams) -> list[ObjectId | str] | None:
    """The ids of streams; None is all."""
    if isinstance(streams, ObjectId | str | Stream):
        streams = [streams]
    return None if streams is None else [stream.id if isinstance(stream, Stream) else stream for stream in streams]


class Peer:
    """A peer that is met: `connect`, `accept`, and what a server hands out.

    It is an asynchronous context manager, which opens the link and waits until the peer has proven its key, and closes the
    link at the end; and an asynchronous iterator over what happens, until the session is over. At most 65,536 events wait
    to be read: when nobody reads, the oldest are lost.
    """

    def __init__(self, link: Any, address: str | None, begin: dict[str, Any]) -> None:
        self._opening = link
        self._begin = begin
        self._carrier: Carrier | None = None
        self._meeting: Meeting | None = None
        self._key: VerifyingKey | None = None
        self._events: deque[Event] = deque()
        self._told = asyncio.Event()
        self._over = asyncio.Event()
        self.address = address
        """Where it was met; None where it came by itself."""

    @property
    def key(self) -> VerifyingKey:
        """The key that it proved.

        Raises:
            SessionError: it did not prove one yet.
        """
        if self._key is None:
            raise SessionError("the peer did not prove its key yet", "proof")
        return self._key

    @property
    def is_over(self) -> bool:
        """Whether the session is over."""
        return self._over.is_set()

    async def _start(self) -> None:
        """Opens the link, and begins the session."""
        link = await self._opening if not isinstance(self._opening, Transport) else self._opening
        loop = asyncio.get_running_loop()
        begin = self._begin
        self._meeting = Meeting(
            begin.pop("node"),
            begin.pop("key"),
            begin.pop("side"),
            begin.pop("what"),
            lambda: loop.call_soon_threadsafe(self._look),
            channel=link.channel,
            address=self.address,
            **begin,
        )
        self._carrier = Carrier(link, self._meeting.line)
        self._look()

    def _look(self) -> None:
        """Somebody says that something is different."""
        assert self._meeting is not None and self._carrier is not None
        events, is_over = self._meeting.told()
        for event in events:
            if isinstance(event, Proven):
                self._key = event.peer
            self._note(event)
        if is_over:
            self._over.set()
        self._told.set()
        self._carrier.look()

    def _note(self, event: Event) -> None:
        self._events.append(event)
        if len(self._events) > MAX_EVENTS:
            self._events.popleft()

    async def wait(self) -> VerifyingKey:
        """Waits until the session is over, and gives the key of the peer.

        Raises:
            SessionError, TransportError, StoreError: it did not come to its end.
        """
        await self._over.wait()
        assert self._meeting is not None and self._carrier is not None
        await self._carrier.wait()
        key = self._meeting.result()
        assert key is not None
        return key

    async def close(self) -> None:
        """Leaves the peer: what was under way is taken up the next time."""
        if self._meeting is None or self._carrier is None:
            return
        self._meeting.line.end()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DEADLINE):
                await self._over.wait()
        self._meeting.abort()
        await self._carrier.close()

    async def __aenter__(self) -> "Peer":
        await self._start()
        try:
            while self._key is None:
                self._told.clear()
                if self._over.is_set():
                    self._key = await self.wait()
                    break
                await self._told.wait()
        except BaseException as error:
            if isinstance(error, SessionError) and self.address and self.address.startswith("wss:"):
                error.add_note(NO_EXPORTER)
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def __aiter__(self) -> "Peer":
        return self

    async def __anext__(self) -> Event:
        while not self._events:
            self._told.clear()
            if self._over.is_set():
                await self.wait()
                raise StopAsyncIteration
            await self._told.wait()
        return self._events.popleft()

    def __repr__(self) -> str:
        who = self._key if self._key is not None else "that did not prove its key yet"
        return f"<Peer {who} at {self.address}>" if self.address else f"<Peer {who}>"


def connect(
    to: str | Transport,
    *,
    node: Node,
    key: SigningKey,
    streams: Streams = None,
    expires: float = DAY / 2,
    takes_unknown: bool | None = None,
    promises: float | None = None,
    allow_plain: bool = False,
    ssl: tls.SSLContext | None = None,
) -> Peer:
    """Keeps streams equal here and at a peer, both ways, as either changes: `async with connect(…) as peer`.

    `streams` are those that are meant; None is all that either side has, and the other may read. `expires` is for how many
    seconds, at most a day; then connect again. Streams that are not here are taken in where they are named, or where
    `takes_unknown` says so. With `promises`, in seconds, what is stated to the peer will be served for so long.
    `allow_plain` lets `ws`, which is not encrypted, leave this machine; `ssl` says whom `wss` trusts.

    Raises, where it is entered:
        TransportError: nobody answers there, or not as a peer does.
        SessionError: the peer did not prove its key.
        ValueError: the address is none.
    """
    expired = int((time.time() + min(expires, DAY)) * 1000)
    return _peer(
        to,
        "opener",
        "follow",
        {"node": node, "key": key, "streams": ids(streams), "expires": expired},
        takes_unknown,
        promises,
        allow_plain,
        ssl,
    )


def accept(
    link: Transport,
    *,
    node: Node,
    key: SigningKey,
    takes_unknown: bool = False,
    promises: float | None = None,
    address: str | None = None,
) -> Peer:
    """Serves a peer that came over a link, as one that an HTTP server of yours accepted: `async with accept(…) as peer`.

    It is answered what it may read, what it brings of streams that are here is taken in, and of others where
    `takes_unknown` says so.
    """
    peer = _peer(link, "answerer", "serve", {"node": node, "key": key}, takes_unknown, promises, False, None)
    peer.address = address
    return peer


def _peer(
    to: str | Transport,
    side: Literal["opener", "answerer"],
    what: str,
    begin: dict[str, Any],
    takes_unknown: bool | None,
    promises: float | None,
    allow_plain: bool,
    ssl: tls.SSLContext | None,
) -> Peer:
    link = dial(to, allow_plain=allow_plain, ssl=ssl) if isinstance(to, str) else to
    if takes_unknown is None:
        takes_unknown = begin.get("streams") is not None
    milliseconds = None if promises is None else int(promises * 1000)
    begin |= {"side": side, "what": what, "takes_unknown": takes_unknown, "promises": milliseconds}
    return Peer(link, to if isinstance(to, str) else None, begin)


@dataclass
class Synced:
    """What came of making streams equal: `sync`."""

    peer: VerifyingKey
    """Who the peer was."""
    received: int = 0
    """How many objects were new here."""
    sent: int = 0
    """How many objects the peer was sent."""
    rejected: int = 0
    """How many that came were not taken."""
    gaps: list[ObjectId] = field(default_factory=list[ObjectId])
    """What is cited, and did not come."""
    streams: list[ObjectId] = field(default_factory=list[ObjectId])
    """The streams of which all that the peer had is here."""
    refused: dict[ObjectId, Refused] = field(default_factory=dict[ObjectId, Refused])
    """The streams that the peer refused, and how."""

    @property
    def is_good(self) -> bool:
        """Whether nothing was refused, nothing was rejected, and nothing is lacking."""
        return not (self.rejected or self.gaps or self.refused)

    def note(self, event: Event) -> None:
        """Takes note of what happened."""
        match event:
            case Received(_, admitted):
                self.received += admitted
            case Served(_, sent):
                self.sent += sent
            case Rejected(_, _, objects):
                self.rejected += objects
            case StreamSynced(stream, _, _, gaps):
                self.gaps += gaps
                if stream not in self.streams:
                    self.streams.append(stream)
            case Refused(stream):
                self.refused[stream] = event
            case _:
                pass


async def sync(
    to: str | Transport,
    *,
    node: Node,
    key: SigningKey,
    streams: Streams = None,
    takes_unknown: bool | None = None,
    promises: float | None = None,
    allow_plain: bool = False,
    ssl: tls.SSLContext | None = None,
) -> Synced:
    """Makes streams equal here and at a peer, both ways, and closes the link. The arguments are those of `connect`.

    A stream that the peer refuses raises nothing: see `Synced.refused`.

    Raises:
        TransportError: nobody answers there, or the link broke; what came before is kept.
        SessionError: one of the two ended the session.
        StoreError: the store did not answer.
    """
    begin = {"node": node, "key": key, "streams": ids(streams)}
    async with _peer(to, "opener", "sync", begin, takes_unknown, promises, allow_plain, ssl) as peer:
        synced = Synced(peer.key)
        async for event in peer:
            synced.note(event)
        return synced


async def plead(
    to: str | Transport,
    *,
    node: Node,
    key: SigningKey,
    stream: ObjectId | str,
    note: str,
    allow_plain: bool = False,
    ssl: tls.SSLContext | None = None,
) -> None:
    """Asks a peer for access to a stream, with a note of at most 1,024 bytes. Whether somebody reads it, nobody tells."""
    begin = {"node": node, "key": key, "streams": [stream], "note": note}
    async with _peer(to, "opener", "plead", begin, None, None, allow_plain, ssl) as peer:
        await peer.wait()
