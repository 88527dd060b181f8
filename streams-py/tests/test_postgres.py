"""The store in PostgreSQL, over a server that these tests start, on a port of the loopback that was free."""

import os
import pwd
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

import streams_core as streams
from streams_core import Draft, Node, PostgresStore, Rule, SigningKey
from streams_core.testing import conforms

ALICE, BOB = (SigningKey.from_bytes(bytes([n] * 32)) for n in (1, 2))


def programs() -> Path:
    """Where those of the newest PostgreSQL are."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if found:
        return max(found, key=lambda path: int(path.parent.name))
    in_path = shutil.which("initdb")
    assert in_path, "these tests start a PostgreSQL server: on Debian, apt-get install --no-install-recommends postgresql"
    return Path(in_path).parent


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The address of a database, with nothing in it."""
    with TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as free:
        port, data, user = free.getsockname()[1], Path(folder) / "data", None
        free.close()
        if os.getuid() == 0:
            # The server refuses to be root.
            user = next((known.pw_uid for known in pwd.getpwall() if known.pw_name == "postgres"), 65_534)
            os.chown(folder, user, -1)

        def run(program: str, *arguments: str) -> None:
            said = Path(folder) / "said"
            with said.open("w") as out:  # no pipe: the server would keep it open
                ran = subprocess.run(
                    [programs() / program, "-D", data, *arguments],
                    stdout=out, stderr=out, cwd=folder, user=user, env={"LC_ALL": "C"}, check=False,
                )  # fmt: skip
            assert ran.returncode == 0, said.read_text()

        run("initdb", "-U", "streams", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
        run("pg_ctl", "-l", f"{folder}/log", "-o", options, "-w", "-t", "30", "start")
        try:
            yield f"postgres://streams@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "-m", "immediate", "-s", "stop")


SCHEMAS = (f"test_{number}" for number in count())


def test_it_keeps_the_contract(address: str) -> None:
    conforms(lambda: PostgresStore(address, schema=next(SCHEMAS), connections=4))


def test_a_stream_is_there_for_many_nodes(address: str) -> None:
    with Node(address) as here, Node(address) as there:
        root = Draft.root("example.org/list", policies=[Rule.open_to_all()]).sign(ALICE)
        stream = here.create(root)
        feed = there.watch(streams=[stream.id])
        assert feed.next(timeout=10).kind == "added"  # type: ignore[union-attr]
        failures: list[BaseException] = []

        def write(node: Node, key: SigningKey) -> None:
            try:
                for number in range(20):
                    node[stream.id].by(key).append("example.org/list.Added", {"number": number})
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=write, args=given) for given in ((here, ALICE), (there, BOB))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures
        assert len(stream) == len(there[stream.id]) == 41 and stream.order() == there[stream.id].order()
        assert [entry.position for entry in reversed(stream)] == list(range(40, -1, -1))
        told = [feed.next(timeout=10) for _ in range(41)]
        assert sum(event is not None and event.kind == "added" for event in told) == 40
        assert here.verify(stream.id).is_clean
        fold = stream.fold(0, lambda count, _: count + 1)
        there[stream.id].by(BOB).append("example.org/list.Added", {"late": True})
        assert fold.update() == 42


def test_schemas_are_apart(address: str) -> None:
    with Node(PostgresStore(address, schema="one")) as one, Node(PostgresStore(address, schema="other")) as other:
        one.create(Draft.root("example.org/list").sign(ALICE))
        assert (len(one), len(other)) == (1, 0)
        assert isinstance(one.store, PostgresStore) and "PostgresStore" in repr(one)


def test_a_closed_one_says_so(address: str) -> None:
    node = Node(address)
    stream = node.create(Draft.root("example.org/list").sign(ALICE))
    node.close()
    node.close()
    with pytest.raises(streams.StoreClosedError):
        len(stream)
