"""Serving a node to peers."""

import asyncio
import contextlib
import ssl as tls
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any

from .. import Node, SigningKey
from ..errors import StreamsError
from ..session import Event
from .link import DEADLINE, OPTIONS, StreamTransport, Transport, WebSocketTransport, check_plain, parse, websockets
from .peer import MAX_EVENTS, Peer, accept

__all__ = ["Server", "serve"]


class Server:
    """A node that is served to whoever connects: `async with serve(…) as server`.

    An asynchronous iterator over what happens, as pairs of the peer and the event, without end.
    """

    def __init__(self, at: tuple[str, ...], ssl: tls.SSLContext | None, allow_plain: bool, meets: dict[str, Any]) -> None:
        self._at, self._ssl, self._allow_plain, self._meets = at, ssl, allow_plain, meets
        self._listeners: list[Any] = []
        self._serving: set[asyncio.Task[None]] = set()
        self._events: deque[tuple[Peer, Event]] = deque()
        self._told = asyncio.Event()
        self._closed = asyncio.Event()
        self.peers: set[Peer] = set()
        """Who is connected now, and has proven a key."""
        self.addresses: list[str] = []
        """Where it listens."""
        self.on_failure: Callable[[str | None, StreamsError], object] | None = None
        """Called with the address and the error where a session did not come to its end."""

    async def __aenter__(self) -> "Server":
        try:
            for address in self._at:
                await self._listen(address)
        except BaseException:
            await self.close()
            raise
        return self

    async def _listen(self, address: str) -> None:
        scheme, host, port = parse(address)
        check_plain(address, self._allow_plain)
        listener: Any
        if scheme == "tcp":
            listener = await asyncio.start_server(self._on_stream, host, port)
        else:
            if scheme == "wss" and self._ssl is None:
                raise ValueError("wss needs a certificate: give ssl=, an SSLContext that has loaded one")
            options = OPTIONS | {"close_timeout": DEADLINE}
            secure = self._ssl if scheme == "wss" else None
            _, server = websockets()
            listener = await server.serve(self._on_websocket, host, port, ssl=secure, **options)
        self._listeners.append(listener)
        port = next(iter(listener.sockets)).getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        self.addresses.append(f"tcp://{shown}:{port}" if scheme == "tcp" else f"{scheme}://{shown}:{port}/")

    @property
    def address(self) -> str:
        """Where it listens: the first address."""
        return self.addresses[0]

    def _on_stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve_stream(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve_stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        place = writer.get_extra_info("peername")
        try:
            async with asyncio.timeout(DEADLINE):
                link = await StreamTransport.accepted(reader, writer)
        except (StreamsError, TimeoutError):
            # Whoever does not finish the handshake is no peer.
            writer.close()
            return
        await self._serve(link, f"{place[0]}:{place[1]}" if place else None)

    async def _on_websocket(self, connection: Any) -> None:
        place = connection.remote_address
        await self._serve(WebSocketTransport(connection), f"{place[0]}:{place[1]}" if place else None)

    async def _serve(self, link: Transport, place: str | None) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        # The address of who came is none at which it could be reached.
        peer = accept(link, **self._meets)
        try:
            async with peer:
                self.peers.add(peer)
                if self._closed.is_set():
                    return
                async for event in peer:
                    self._events.append((peer, event))
                    if len(self._events) > MAX_EVENTS:
                        self._events.popleft()
                    self._told.set()
        except StreamsError as error:
            if self.on_failure is not None:
                self.on_failure(place, error)
        finally:
            self.peers.discard(peer)
            self._serving.discard(task)

    async def serve_forever(self) -> None:
        """Waits until it is closed, or cancelled."""
        await self._closed.wait()

    async def close(self) -> None:
        """Listens no more, and takes leave of all peers."""
        self._closed.set()
        self._told.set()
        for peer in list(self.peers):
            with contextlib.suppress(StreamsError):
                await peer.close()
        for listener in self._listeners:
            listener.close()
        serving = self._serving - {asyncio.current_task()}
        if serving:
            _, late = await asyncio.wait(serving, timeout=DEADLINE)
            for task in late:
                task.cancel()
        for listener in self._listeners:
            await listener.wait_closed()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def __aiter__(self) -> "Server":
        return self

    async def __anext__(self) -> tuple[Peer, Event]:
        while not self._events:
            if self._closed.is_set():
                raise StopAsyncIteration
            self._told.clear()
            await self._told.wait()
        return self._events.popleft()

    def __repr__(self) -> str:
        return f"<Server at {', '.join(self.addresses) or 'no address yet'}>"


def serve(
    *at: str,
    node: Node,
    key: SigningKey,
    takes_unknown: bool = False,
    promises: float | None = None,
    allow_plain: bool = False,
    ssl: tls.SSLContext | None = None,
) -> Server:
    """Serves a node to whoever connects at these addresses; port 0 lets the system choose one.

    Peers prove their keys, and get what the rules of a stream let them read. What they bring of the streams that are here
    is taken in; of other streams where `takes_unknown` says so. With `promises`, in seconds, whoever asks gets it in
    writing that what is here will be served for so long: not to do so is then evidence. `allow_plain` lets `ws`, which is
    not encrypted, be reached from other machines; `ssl` has the certificate for `wss`.

    Raises, where it is entered:
        ValueError: an address is none.
        OSError: nobody can listen there.
    """
    meets = {"node": node, "key": key, "takes_unknown": takes_unknown, "promises": promises}
    return Server(at, ssl, allow_plain, meets)
