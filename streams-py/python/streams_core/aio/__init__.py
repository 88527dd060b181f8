"""Peers, under asyncio: streams become equal with a peer's, and stay so.

A node is served by one program:

    async with aio.serve("ws://127.0.0.1:7701/", node=node, key=alice) as server:
        await server.serve_forever()

and others make their streams equal with it, once or as long as they are connected:

    await aio.sync("ws://127.0.0.1:7701/", node=node, key=bob, streams=[id])

    async with aio.connect("ws://127.0.0.1:7701/", node=node, key=bob, streams=[id]) as peer:
        async for event in peer:
            print(event)

An address is `ws://HOST:PORT/` or `wss://HOST/`, over `websockets` (`pip install streams-core[websockets]`), or
`HOST:PORT` or `tcp://HOST:PORT`, over asyncio streams, under Noise. Instead of an address a `Transport` may be given:
whatever carries whole frames, as a WebSocket of your HTTP server does.

What a peer may not read it does not get, and what it sends is verified and judged as if a stranger had. Sessions run on
threads of their own, so a loop that is busy delays them, and they never block it. Reading and writing streams does block
for as long as the store takes; give what takes long to `asyncio.to_thread`.
"""

from .feed import Feed, watch
from .find import Found, find
from .link import StreamTransport, Transport, WebSocketTransport
from .peer import Peer, Synced, accept, connect, plead, sync
from .server import Server, serve

__all__ = [
    "Feed",
    "Found",
    "Peer",
    "Server",
    "StreamTransport",
    "Synced",
    "Transport",
    "WebSocketTransport",
    "accept",
    "connect",
    "find",
    "plead",
    "serve",
    "sync",
    "watch",
]
