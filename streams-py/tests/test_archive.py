"""Archives: written, read, restored, damaged."""

import pickle
from pathlib import Path

import pytest

import streams_core as streams
from streams_core import Draft, Node, Rule, SigningKey, Stream, archive
from streams_core.archive import Manifest

ALICE, BOB = (SigningKey.from_bytes(bytes([n] * 32)) for n in (1, 2))


@pytest.fixture
def stream() -> Stream:
    stream = Node().create(Draft.root("example.org/list", policies=[Rule.open_to_all()]).sign(ALICE))
    for number in range(3000):
        stream.by(BOB).append("example.org/list.Added", {"number": number})
    return stream


def test_what_is_archived_comes_back(stream: Stream, tmp_path: Path) -> None:
    told: list[int] = []
    written = archive.write(stream, tmp_path / "list.car", progress=told.append)
    assert (written.manifest.stream, written.manifest.count) == (stream.id, 3001)
    assert written.bytes == written.path.stat().st_size and told[-1] == 3001
    assert archive.manifest(written.path) == written.manifest == pickle.loads(pickle.dumps(written.manifest))
    assert archive.verify(written.path) == []
    node = Node()
    restored = archive.restore(node, written.path)
    assert restored[stream.id].is_whole and restored[stream.id].new == 3001
    assert node[stream.id].order_digest == stream.order_digest
    assert archive.restore(node, written.path)[stream.id].known == 3001
    # Equal streams have equal files.
    again = archive.write(node[stream.id], tmp_path / "again.car")
    assert again.path.read_bytes() == written.path.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.car", "again.car.index", "list.car", "list.car.index"]


def test_a_page_is_read_without_the_rest(stream: Stream, tmp_path: Path) -> None:
    written = archive.write(stream, tmp_path / "list.car")
    page = archive.page(written.path, 1500, 10)
    assert [object.id for object in page] == stream.order()[1500:1510]
    assert archive.page(written.path, 5000, 10) == []
    (tmp_path / "list.car.index").write_bytes(b"no index")
    with pytest.raises(streams.ArchiveError) as caught:
        archive.page(written.path, 0, 1)
    assert caught.value.code == "index"


def test_what_comes_later_goes_into_another_file(stream: Stream, tmp_path: Path) -> None:
    first = archive.write(stream, tmp_path / "1.car")
    assert archive.write(stream, tmp_path / "2.car", after=[first.path]).bytes == 0
    for number in range(10):
        stream.by(ALICE).append("example.org/list.Added", {"late": number})
    second = archive.write(stream, tmp_path / "2.car", after=[first.path])
    assert (second.manifest.count, second.manifest.previous) == (10, first.manifest.id)
    assert archive.in_order([second.manifest, first.manifest]) == [1, 0]
    assert archive.missing([second.manifest]) == [first.manifest.id]
    node = Node()
    restored = archive.restore(node, second.path, first.path)[stream.id]
    assert restored.is_whole and node[stream.id].order_digest == stream.order_digest
    alone = archive.restore(Node(), second.path)[stream.id]
    assert alone.is_rootless and not alone.is_whole


def test_who_vouched_need_not_verify_again(stream: Stream, tmp_path: Path) -> None:
    written = archive.write(stream, tmp_path / "list.car", vouch=ALICE)
    vouching = tmp_path / "list.car.vouch"
    node = Node()
    assert archive.restore(node, written.path, believe=ALICE.verifying_key)[stream.id].is_whole
    assert node[stream.id].order_digest == stream.order_digest
    assert archive.restore(Node(), written.path, believe=BOB.verifying_key)[stream.id].is_whole
    damaged = bytearray(vouching.read_bytes())
    damaged[-10] ^= 1
    vouching.write_bytes(damaged)
    with pytest.raises(streams.ArchiveError) as caught:
        archive.restore(Node(), written.path, believe=ALICE.verifying_key)
    assert caught.value.code == "vouching-signature"


def test_all_but_what_is_damaged_comes_back(stream: Stream, tmp_path: Path) -> None:
    written = archive.write(stream, tmp_path / "list.car")
    whole = written.path.read_bytes()
    for place in (700, len(whole) // 2, len(whole) - 100):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        written.path.write_bytes(damaged)
        faults = archive.verify(written.path)
        assert faults and all(isinstance(fault, streams.ArchiveError) for fault in faults)
        assert all(0 <= int(fault.details["offset"]) <= len(whole) for fault in faults)
        node = Node()
        restored = archive.restore(node, written.path)[stream.id]
        assert not restored.is_whole and restored.faults
    written.path.write_bytes(whole[: len(whole) // 2])
    assert {fault.code for fault in archive.verify(written.path)} & {"truncated", "count", "unsealed"}


def test_what_is_no_archive(tmp_path: Path, stream: Stream) -> None:
    for content in (b"", b"no archive", bytes(10_000)):
        path = tmp_path / "other.car"
        path.write_bytes(content)
        with pytest.raises(streams.ArchiveError):
            archive.restore(Node(), path)
        with pytest.raises(ValueError):
            archive.manifest(path)
    with pytest.raises(FileNotFoundError):
        archive.restore(Node(), tmp_path / "nothing.car")
    with pytest.raises(FileExistsError, match="choose another file"):
        archive.write(stream, path)
    with pytest.raises(streams.ArchiveError):
        Manifest.decode(b"\xa0")


def test_a_progress_that_raises_leaves_no_file(stream: Stream, tmp_path: Path) -> None:
    def stop(written: int) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        archive.write(stream, tmp_path / "list.car", progress=stop)
    assert list(tmp_path.iterdir()) == []
    assert len(stream) == 3001
