"""Peers under asyncio: of Python among themselves, and with the binary `streams serve`, over WebSockets and under Noise."""

import asyncio
import json
import os
import socket
import ssl as tls
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

import streams_core as streams
from streams_core import Draft, Node, Rule, SigningKey, Stream, aio
from streams_core.session import Plea, Received, Refused, Served

pytest.importorskip("websockets")

ALICE, BOB = (SigningKey.from_bytes(bytes([n] * 32)) for n in (1, 2))
KINDS = ["ws://127.0.0.1:0/", "127.0.0.1:0"]


def run(test: Any) -> Any:
    """Runs a coroutine to its end, or for a minute."""

    async def in_time() -> Any:
        async with asyncio.timeout(60):
            return await test

    return asyncio.run(in_time())


def filled(node: Node, count: int = 3, **policies: Any) -> Stream:
    rules = policies.get("policies", [Rule.open_to_all()])
    stream = node.create(Draft.root("example.org/list", policies=rules).sign(ALICE))
    for number in range(count):
        stream.by(ALICE).append("example.org/list.Added", {"number": number})
    return stream


@pytest.mark.parametrize("at", KINDS)
def test_two_peers_become_equal(at: str) -> None:
    async def test() -> None:
        here, there = Node(), Node()
        stream = filled(here, 500)
        async with aio.serve(at, node=here, key=ALICE, promises=3600) as server:
            synced = await aio.sync(server.address, node=there, key=BOB, streams=[stream])
            assert synced.is_good and synced.peer == ALICE.verifying_key
            assert (synced.received, synced.sent) == (501, 0)
            assert there[stream.id].order_digest == stream.order_digest
            there[stream.id].by(BOB).append("example.org/list.Added", {"by": "bob"})
            synced = await aio.sync(server.address, node=there, key=BOB)
            assert (synced.received, synced.sent) == (0, 1)
            assert stream.order_digest == there[stream.id].order_digest
            [(peer, address, met)] = there.peers()
            assert (peer, address) == (ALICE.verifying_key, server.address) and met is not None
        known = there[stream.id].completeness()
        assert [stated.statement.peer for stated in known.peers] == [ALICE.verifying_key]
        assert known.peers[0].statement.until is not None
        assert (known.objects, known.by_one, known.by_none) == (502, 501, 1)

    run(test())


@pytest.mark.parametrize("at", KINDS)
def test_news_comes_as_it_happens(at: str) -> None:
    async def test() -> None:
        here, there = Node(), Node()
        stream = filled(here)
        async with aio.serve(at, node=here, key=ALICE) as server:
            async with aio.connect(server.address, node=there, key=BOB, streams=[stream]) as peer:
                assert peer.key == ALICE.verifying_key
                async for event in peer:
                    if isinstance(event, Received):
                        break
                copy = there[stream.id]
                stream.by(ALICE).append("example.org/list.Added", {"from": "here"})
                async for event in peer:
                    if isinstance(event, Received):
                        break
                assert copy.order_digest == stream.order_digest
                copy.by(BOB).append("example.org/list.Added", {"from": "there"})
                async for _, event in server:
                    if isinstance(event, Received):
                        break
                assert copy.order_digest == stream.order_digest
            assert peer.is_over
            with pytest.raises(StopAsyncIteration):
                while True:
                    await anext(peer)

    run(test())


def test_who_may_not_read_learns_why_and_may_ask() -> None:
    async def test() -> None:
        here, there = Node(), Node()
        stream = filled(here, policies=[Rule.readers([ALICE.verifying_key])])
        async with aio.serve("ws://127.0.0.1:0/", node=here, key=ALICE) as server:
            synced = await aio.sync(server.address, node=there, key=BOB, streams=[stream.id])
            assert not synced.is_good and synced.received == 0
            refused = synced.refused[stream.id]
            assert refused.reason == "denied" and refused.refusal.peer == ALICE.verifying_key
            assert stream.id not in there
            await aio.plead(server.address, node=there, key=BOB, stream=stream.id, note="Bob, from the reading group")
            async for peer, event in server:
                if isinstance(event, Plea):
                    assert (peer.key, event.note) == (BOB.verifying_key, "Bob, from the reading group")
                    break

    run(test())


def test_ten_peers_at_once() -> None:
    async def test() -> None:
        here, others = Node(), [Node() for _ in range(10)]
        stream = filled(here, 100)
        keys = [SigningKey.generate() for _ in others]
        async with aio.serve("ws://127.0.0.1:0/", node=here, key=ALICE) as server:
            syncs = (
                aio.sync(server.address, node=node, key=key, streams=[stream])
                for node, key in zip(others, keys, strict=True)
            )
            assert all(synced.is_good for synced in await asyncio.gather(*syncs))
        assert {node[stream.id].order_digest for node in others} == {stream.order_digest}

    run(test())


def test_a_loop_watches_without_blocking() -> None:
    async def test() -> None:
        node = Node()
        stream = filled(node, 1)
        feed = aio.watch(node, streams=[stream])
        kinds = [(await anext(feed)).kind for _ in range(3)]
        assert kinds == ["added", "added", "caught-up"]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await anext(feed)
        waiting = asyncio.create_task(anext(feed))
        await asyncio.sleep(0.01)
        stream.by(ALICE).append("example.org/list.Added", {"item": "milk"})
        event = await waiting
        assert event.entry is not None and event.entry.data == {"item": "milk"}
        later = aio.watch(node, streams=[stream], since=feed.cursor)
        assert (await anext(later)).kind == "caught-up"

    run(test())


# What goes wrong.


def test_nobody_answers() -> None:
    with pytest.raises(streams.TransportError) as caught:
        run(aio.sync("ws://127.0.0.1:9/", node=Node(), key=ALICE))
    assert caught.value.code == "unreachable" and isinstance(caught.value, ConnectionError)
    with pytest.raises(streams.TransportError):
        run(aio.sync("127.0.0.1:9", node=Node(), key=ALICE))


@pytest.mark.parametrize("address", ["example.org", "http://example.org/", "127.0.0.1:x", "ws:///", ""])
def test_no_address(address: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        run(aio.sync(address, node=Node(), key=ALICE))


def test_plain_websockets_stay_here() -> None:
    for meet in [
        lambda: aio.sync("ws://192.0.2.1/", node=Node(), key=ALICE),
        lambda: aio.serve("ws://0.0.0.0:0/", node=Node(), key=ALICE).__aenter__(),
    ]:
        with pytest.raises(streams.TransportError, match="not encrypted"):
            run(meet())


def test_ones_own_key_is_met() -> None:
    async def test() -> None:
        async with aio.serve("127.0.0.1:0", node=Node(), key=ALICE) as server:
            with pytest.raises(streams.SessionError) as caught:
                await aio.sync(server.address, node=Node(), key=ALICE)
            assert caught.value.code in ("own-key", "by-peer")

    run(test())


def test_something_else_listens() -> None:
    async def test() -> None:
        async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(shout, "127.0.0.1", 0) as other:
            port = other.sockets[0].getsockname()[1]
            for address in (f"127.0.0.1:{port}", f"ws://127.0.0.1:{port}/"):
                with pytest.raises(streams.TransportError):
                    await aio.sync(address, node=Node(), key=ALICE)

    run(test())


def test_hostile_frames_end_the_session_and_nothing_else() -> None:
    async def test() -> None:
        from websockets.asyncio.client import connect
        from websockets.exceptions import ConnectionClosed

        here, there = Node(), Node()
        stream = filled(here)
        failed: list[str] = []
        async with aio.serve("ws://127.0.0.1:0/", node=here, key=ALICE) as server:
            server.on_failure = lambda place, error: failed.append(error.code)
            for frame in [b"", b"\xff" * 100, bytes(1 << 20), "text"]:
                async with connect(server.address) as link:
                    await link.send(frame)
                    with pytest.raises(ConnectionClosed):  # whatever it says before, it goes
                        while True:
                            await link.recv()
            async with connect(server.address, max_size=None) as link:
                await link.send(bytes(2 << 20))
            synced = await aio.sync(server.address, node=there, key=BOB, streams=[stream])
            assert synced.is_good
        assert len(failed) >= 4 and set(failed) <= {"message", "protocol", "closed", "gone"}

    run(test())


def test_a_link_that_is_cut_is_told() -> None:
    class Cut:
        channel = b""

        def __init__(self) -> None:
            self.sent = 0

        async def send(self, frame: bytes) -> None:
            self.sent += 1

        async def recv(self) -> bytes | None:
            await asyncio.sleep(0)
            raise OSError("somebody fell over the cable")

        async def close(self) -> None:
            pass

    with pytest.raises(streams.TransportError, match="fell over the cable"):
        run(aio.sync(Cut(), node=Node(), key=ALICE))


# A transport of one's own, over a pair of queues.


class Queues:
    def __init__(self, out: "asyncio.Queue[bytes | None]", into: "asyncio.Queue[bytes | None]") -> None:
        self.out, self.into, self.channel = out, into, b"a test"

    async def send(self, frame: bytes) -> None:
        await self.out.put(frame)

    async def recv(self) -> bytes | None:
        return await self.into.get()

    async def close(self) -> None:
        await self.out.put(None)


def test_a_transport_of_ones_own() -> None:
    async def test() -> None:
        here, there = Node(), Node()
        stream = filled(here, 50)
        one, other = asyncio.Queue[bytes | None](1), asyncio.Queue[bytes | None](1)

        async def serve() -> None:
            async with aio.accept(Queues(one, other), node=here, key=ALICE) as peer:
                assert await peer.wait() == BOB.verifying_key

        serving = asyncio.create_task(serve())
        synced = await aio.sync(Queues(other, one), node=there, key=BOB, streams=[stream])
        await serving
        assert synced.received == 51

    run(test())


def test_every_meeting_comes_to_its_end() -> None:
    """The end of a session is told from another thread, at whatever moment."""

    async def test() -> None:
        here, there = Node(), Node()
        stream = filled(here)
        for _ in range(400):
            one, other = asyncio.Queue[bytes | None](), asyncio.Queue[bytes | None]()

            async def serve(link: Queues) -> None:
                async with aio.accept(link, node=here, key=ALICE) as peer:
                    await peer.wait()

            syncing = aio.sync(Queues(other, one), node=there, key=BOB, streams=[stream])
            await asyncio.gather(serve(Queues(one, other)), syncing)

    run(test())


# Finding who has a stream.


@pytest.mark.parametrize("at", KINDS)
def test_who_has_a_stream_is_found(at: str) -> None:
    async def test() -> None:
        here, there, asking = Node(), Node(), Node()
        stream, other = filled(here), filled(there, 1)
        root = streams.HypotheticalRoot("example.org/profile", ALICE.verifying_key)
        here.create(root)
        carol, nobody = SigningKey.generate(), f"127.0.0.1:{aio_free_port()}"
        async with (
            aio.serve(at, node=here, key=ALICE) as first,
            aio.serve(at, node=there, key=BOB) as second,
        ):
            found = await aio.find([stream, root.id], second.address, first.address, nobody, node=asking, key=carol)
            assert found.places == {first.address: (ALICE.verifying_key, [stream.id, root.id])}
            assert found.silent == {}, "all were found before the last was asked"
            lost = await aio.find(streams.ObjectId.of_block(b""), first.address, nobody, node=asking, key=carol)
            assert lost.places == {} and list(lost.silent) == [nobody]
            assert lost.silent[nobody].code == "unreachable"
            # Whom one met is asked, and then those whom that one met.
            await aio.sync(first.address, node=there, key=BOB, streams=[stream])
            await aio.sync(second.address, node=asking, key=carol, streams=[other])
            through = await aio.find(stream.id, node=asking, key=carol)
            assert second.address in through.places
        with pytest.raises(ValueError, match="sixteen"):
            await aio.find([], node=asking, key=carol)

    run(test())


def aio_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


# The binary.


@pytest.fixture(scope="module")
def binary() -> Path:
    target = Path(os.environ.get("CARGO_TARGET_DIR", Path(__file__).parents[2] / "target"))
    for profile in ("debug", "release"):
        if (path := target / profile / "streams").exists():
            return path
    pytest.fail("the binary `streams` is not built: cargo build -p streams-cli")


@pytest.fixture
def served(binary: Path, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """`streams serve` at two addresses, with a stream in its store."""
    store, key = tmp_path / "served.db", tmp_path / "served.key"
    with Node(store) as node:
        stream = filled(node, 100)
        id, digest = stream.id, stream.order_digest
    subprocess.run([binary, "key", "new", "--out", key], check=True, capture_output=True)
    command = [binary, "serve", "--store", store, "--key", key, "--json"]
    command += ["--listen", "ws://127.0.0.1:0/", "--listen", "127.0.0.1:0"]
    serving = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert serving.stdout is not None
        listening = [json.loads(serving.stdout.readline()) for _ in range(2)]
        addresses = [told["listening"] for told in listening]
        yield {"addresses": addresses, "key": listening[0]["key"], "store": store, "stream": id, "digest": digest}
    finally:
        serving.terminate()
        serving.wait(10)
        if serving.stdout is not None:
            serving.stdout.close()


@pytest.mark.parametrize("which", [0, 1], ids=["websocket", "noise"])
def test_python_syncs_with_the_binary(served: dict[str, Any], which: int) -> None:
    address, id = served["addresses"][which], served["stream"]

    async def test() -> bytes:
        node = Node()
        synced = await aio.sync(address, node=node, key=BOB, streams=[id])
        assert synced.is_good and str(synced.peer) == served["key"] and synced.received == 101
        stream = node[id]
        assert stream.order_digest == served["digest"]
        stream.by(BOB).append("example.org/list.Added", {"from": "python"})
        synced = await aio.sync(address, node=node, key=BOB, streams=[id])
        assert synced.is_good and synced.sent == 1
        async with aio.connect(address, node=node, key=BOB, streams=[id]) as peer:
            stream.by(BOB).append("example.org/list.Added", {"live": True})
            async for event in peer:
                if isinstance(event, Served) and event.sent:
                    break
        return stream.order_digest

    digest = run(test())
    with Node(served["store"]) as node:
        assert node[id].order_digest == digest and len(node[id]) == 103


def test_wss_is_for_peers_that_bind_nothing_to_it(binary: Path, tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    ours, theirs = tls.create_default_context(tls.Purpose.CLIENT_AUTH), tls.create_default_context()
    certificate.configure_cert(ours)
    authority.configure_trust(theirs)
    chain, secret, key = tmp_path / "chain.pem", tmp_path / "secret.pem", tmp_path / "served.key"
    certificate.private_key_pem.write_to_path(secret)
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(chain, append=True)
    subprocess.run([binary, "key", "new", "--out", key], check=True, capture_output=True)
    with Node(tmp_path / "served.db") as node:
        id = filled(node).id

    async def test() -> None:
        here = Node()
        stream = filled(here)
        async with aio.serve("wss://127.0.0.1:0/", node=here, key=ALICE, ssl=ours) as server:
            synced = await aio.sync(server.address, node=Node(), key=BOB, streams=[stream], ssl=theirs)
            assert synced.received == 4
            with pytest.raises(streams.TransportError, match="certificate verify failed"):
                await aio.sync(server.address, node=Node(), key=BOB)
        command = [str(part) for part in (binary, "serve", "--store", tmp_path / "served.db", "--key", key, "--json")]
        command += ["--listen", "wss://127.0.0.1:0/", "--certificate", str(chain), "--certificate-key", str(secret)]
        serving = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        try:
            assert serving.stdout is not None
            address = json.loads(await serving.stdout.readline())["listening"]
            with pytest.raises(streams.SessionError) as caught:
                await aio.sync(address, node=Node(), key=BOB, streams=[id], ssl=theirs)
            assert "use HOST:PORT" in "".join(caught.value.__notes__)
        finally:
            serving.terminate()
            await serving.wait()

    run(test())


@pytest.mark.parametrize("at", KINDS)
def test_the_binary_syncs_with_python(binary: Path, tmp_path: Path, at: str) -> None:
    store, key = tmp_path / "mirror.db", tmp_path / "mirror.key"
    subprocess.run([binary, "key", "new", "--out", key], check=True, capture_output=True)

    async def test() -> None:
        node = Node()
        stream = filled(node, 100)
        async with aio.serve(at, node=node, key=ALICE) as server:

            async def sync() -> dict[str, Any]:
                command = [str(part) for part in (binary, "sync", server.address, stream.id)]
                command += ["--store", str(store), "--key", str(key), "--json"]
                process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
                out, _ = await process.communicate()
                assert process.returncode == 0, out
                return dict(json.loads(out.splitlines()[0]))

            assert (await sync())["received"] == 101
            with Node(store) as copy:
                copy[stream.id].by(BOB).append("example.org/list.Added", {"from": "elsewhere"})
            await sync()
            assert len(stream) == 102
            assert stream[-1].data == {"from": "elsewhere"}

    run(test())
