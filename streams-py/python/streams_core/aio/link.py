"""Links to peers: what carries whole frames, over WebSockets and over asyncio streams."""

import asyncio
import contextlib
import ssl as tls
from ipaddress import ip_address
from typing import Any, Protocol, runtime_checkable
from urllib.parse import urlsplit

from .._core import Line, Noise
from ..errors import StreamsError, TransportError

__all__ = ["MAX_FRAME", "StreamTransport", "Transport", "WebSocketTransport", "dial"]

MAX_FRAME = (1 << 20) + (64 << 10)
"""The longest frame, in bytes."""

DEADLINE = 10.0
"""How long a connection may take to be opened, and a peer to see its end, in seconds."""

_READ = 64 << 10


@runtime_checkable
class Transport(Protocol):
    """What carries frames to a peer and back: whole, in order, each once or, when it broke, not at all.

    Write one for what carries messages already, as the WebSocket of your HTTP server, and give it to `connect`, `sync` or
    `accept` instead of an address. Errors are raised as `TransportError(sentence, code)`.
    """

    @property
    def channel(self) -> bytes:
        """What is unique to this connection and equal at both ends (spec 10.1); `b""` where there is no such thing, and
        then whoever sits between the two may relay the proofs of their keys."""
        ...

    async def send(self, frame: bytes) -> None:
        """Sends a frame. Returns when there is room for the next one."""

    async def recv(self) -> bytes | None:
        """The next frame; None when the peer closed the link in order."""

    async def close(self) -> None:
        """Closes the link: the peer sees its end after what was sent."""


class WebSocketTransport:
    """Frames over a connection of `websockets`, opened or accepted: a binary message is a frame."""

    def __init__(self, connection: Any, channel: bytes = b"") -> None:
        self.connection = connection
        self._channel = channel

    @property
    def channel(self) -> bytes:
        """What is unique to the connection. A WebSocket has nothing, unless it was given."""
        return self._channel

    async def send(self, frame: bytes) -> None:
        """Sends a frame as one binary message."""
        from websockets.exceptions import ConnectionClosed

        try:
            await self.connection.send(frame)
        except ConnectionClosed as error:
            raise TransportError("the link was closed", "closed") from error

    async def recv(self) -> bytes | None:
        """The next binary message; text is an error."""
        from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK

        try:
            frame = await self.connection.recv()
        except ConnectionClosedOK:
            return None
        except ConnectionClosedError as error:
            # Who closes without a reason says no more than that it is the end.
            if error.rcvd is not None and error.rcvd.code == 1005:
                return None
            raise TransportError(f"the link broke: {error}", "closed") from error
        if not isinstance(frame, bytes):
            raise TransportError("the peer sent text: frames are binary messages", "protocol")
        return frame

    async def close(self) -> None:
        """Closes the connection."""
        await self.connection.close()

    def __repr__(self) -> str:
        return f"<WebSocketTransport over {self.connection!r}>"


class StreamTransport:
    """Frames over a pair of asyncio streams, encrypted by Noise: as `streams serve` speaks at `HOST:PORT`.

    Nobody on the way reads or changes what it carries, and both ends know a channel that no other connection has. Make one
    by `await StreamTransport.opened(reader, writer)` at the end that connected, and by `accepted` at the other.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, noise: Noise) -> None:
        self._reader, self._writer, self._noise = reader, writer, noise
        self._ended = self._closed = False
        self._reading = asyncio.Lock()

    @classmethod
    async def opened(cls, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> "StreamTransport":
        """At the end that opened the connection: shakes hands.

        Raises:
            TransportError: the peer speaks something else, or hung up.
        """
        return await cls._shake(reader, writer, Noise("opener"))

    @classmethod
    async def accepted(cls, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> "StreamTransport":
        """At the end that accepted the connection: shakes hands.

        Raises:
            TransportError: the peer speaks something else, or hung up.
        """
        return await cls._shake(reader, writer, Noise("answerer"))

    @classmethod
    async def _shake(cls, reader: Any, writer: Any, noise: Noise) -> "StreamTransport":
        link = cls(reader, writer, noise)
        try:
            while True:
                writer.write(noise.to_send())
                if noise.is_open:
                    return link
                await link._read()
        except BaseException:
            writer.close()
            raise

    @property
    def channel(self) -> bytes:
        """The hash of the handshake: 32 bytes."""
        return self._noise.channel

    async def _read(self) -> None:
        try:
            async with self._reading:
                came = await self._reader.read(_READ)
        except (OSError, EOFError) as error:
            raise TransportError(f"the link broke: {error}", "closed") from error
        if not came:
            raise TransportError("the link was cut: the peer went without an end", "closed")
        self._noise.receive(came)

    async def send(self, frame: bytes) -> None:
        """Encrypts and sends a frame."""
        if self._closed or self._ended:
            raise TransportError("the link was closed", "closed")
        self._writer.write(self._noise.seal(frame))
        try:
            await self._writer.drain()
        except OSError as error:
            raise TransportError(f"the link broke: {error}", "closed") from error

    async def recv(self) -> bytes | None:
        """The next frame, decrypted and proven to be the peer's."""
        while not self._ended:
            opened = self._noise.poll()
            if isinstance(opened, bytes):
                return opened
            if opened:
                self._ended = True
            else:
                await self._read()
        return None

    async def close(self) -> None:
        """Tells the peer that this is the end, and closes the streams when it has seen it."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(OSError, TimeoutError, TransportError):
            async with asyncio.timeout(DEADLINE):
                if not self._ended:
                    self._writer.write(self._noise.end())
                    await self._writer.drain()
                    if self._writer.can_write_eof():
                        self._writer.write_eof()
                    # A socket that is closed over bytes that nobody read resets the connection.
                    async with self._reading:
                        while await self._reader.read(_READ):
                            pass
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    def __repr__(self) -> str:
        return f"<StreamTransport to {self._writer.get_extra_info('peername')}>"


class Carrier:
    """Carries frames between a link and the line of a session, until one of the two ends."""

    def __init__(self, link: Transport, line: Line) -> None:
        self._link, self._line = link, line
        self._to_send, self._room = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._receive()), loop.create_task(self._send())]

    def look(self) -> None:
        """There may be something to be sent, or room for what came."""
        self._to_send.set()
        self._room.set()

    async def _receive(self) -> None:
        try:
            while (frame := await self._link.recv()) is not None:
                self._room.clear()
                while not self._line.receive(frame):
                    await self._room.wait()
                    self._room.clear()
            self._line.end()
        except Exception as error:
            self._fail(error)

    async def _send(self) -> None:
        """Carries frames from the session, and closes the link behind the last."""
        try:
            while True:
                self._to_send.clear()
                while (frame := self._line.frame()) is not None:
                    await self._link.send(frame)
                if self._line.is_said:
                    break
                await self._to_send.wait()
        except Exception as error:
            self._fail(error)
        with contextlib.suppress(Exception):
            await self._link.close()

    def _fail(self, error: Exception) -> None:
        code = error.code if isinstance(error, StreamsError) else "other"
        self._line.fail(code, str(error) if isinstance(error, StreamsError) else f"the link failed: {error!r}")

    async def wait(self, timeout: float | None = DEADLINE) -> None:
        """Waits until all is carried, or for so long."""
        await asyncio.wait(self._tasks, timeout=timeout)

    async def close(self) -> None:
        """Waits for the same, for as long as a peer may take to see its end; who does not take it is left."""
        _, late = await asyncio.wait(self._tasks, timeout=DEADLINE)
        for task in late:
            task.cancel()


def parse(address: str) -> tuple[str, str, int]:
    """The scheme, the host and the port of an address; its path does not matter here."""
    parts = urlsplit(address if "://" in address else f"tcp://{address}")
    usual = {"ws": 80, "wss": 443}
    try:
        port = parts.port if parts.port is not None else usual.get(parts.scheme)
    except ValueError:
        port = None
    if parts.scheme not in ("tcp", "ws", "wss") or not parts.hostname or port is None:
        message = f"{address!r} is no address of a peer: write HOST:PORT, ws://HOST:PORT/ or wss://HOST/"
        raise ValueError(message)
    return parts.scheme, parts.hostname, port


def is_loopback(address: str) -> bool:
    """Whether an address leads to this machine itself."""
    _, host, _ = parse(address)
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def check_plain(address: str, allow_plain: bool) -> None:
    """`ws` stays on this machine, unless it is let out."""
    if address.startswith("ws:") and not is_loopback(address) and not allow_plain:
        message = "ws is not encrypted: use wss or HOST:PORT, or let it leave this machine with allow_plain=True"
        raise TransportError(message, "other")


def websockets() -> Any:
    """The clients and servers of the package `websockets`."""
    try:
        from websockets.asyncio import client, server
    except ImportError as error:
        message = "WebSockets need the package `websockets`: pip install 'streams-core[websockets]'"
        raise ImportError(message) from error
    return client, server


OPTIONS: dict[str, Any] = {"max_size": MAX_FRAME, "compression": None, "max_queue": 16, "ping_interval": 20}
"""How WebSockets are spoken: frames of signed bytes do not get smaller."""


async def dial(address: str, *, allow_plain: bool = False, ssl: tls.SSLContext | None = None) -> Transport:
    """A fresh link to whoever is at an address."""
    scheme, host, port = parse(address)
    check_plain(address, allow_plain)
    try:
        async with asyncio.timeout(DEADLINE):
            if scheme == "tcp":
                return await StreamTransport.opened(*await asyncio.open_connection(host, port))
            client, _ = websockets()
            options = OPTIONS | ({"ssl": ssl} if scheme == "wss" and ssl is not None else {})
            return WebSocketTransport(await client.connect(address, **options))
    except TimeoutError as error:
        raise TransportError(f"nobody answered at {address} within {DEADLINE:.0f} s", "unreachable") from error
    except OSError as error:
        if isinstance(error, TransportError):
            raise
        raise TransportError(f"nobody answers at {address}: {error}", "unreachable") from error
    except Exception as error:
        if type(error).__module__.startswith("websockets"):
            raise TransportError(f"no peer answers at {address}: {error}", "unreachable") from error
        raise
