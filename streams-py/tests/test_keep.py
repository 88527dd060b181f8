"""Keeping copies: in folders, by an archiver that is written in Python, and what goes wrong there."""

import time
from pathlib import Path
from typing import Any, BinaryIO

import pytest

import streams_core as streams
from streams_core import ArchiverError, Draft, Node, SigningKey, Stream, archive
from streams_core.keep import (
    Active,
    AnyArchiver,
    Archiver,
    Capabilities,
    Copy,
    Done,
    Failed,
    FolderArchiver,
    Gone,
    Keeper,
    Pending,
    Place,
    Request,
    Status,
    Unknown,
)
from streams_core.testing import conforms_archiver

ALICE = SigningKey.from_bytes(bytes([1] * 32))


class Attic(Archiver):
    """Keeps packs in a dict; each deal is known by its key."""

    def __init__(self) -> None:
        self.packs: dict[str, bytes] = {}
        self.error: BaseException | None = None
        self.states: dict[str, Status] = {}
        self.asked = 0

    @property
    def id(self) -> str:
        return "attic"

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities("repeat")

    def submit(self, key: bytes, request: Request, body: BinaryIO) -> str:
        if self.error is not None:
            raise self.error
        pack = body.read()
        assert len(pack) == request.size and request.copies == 1
        self.packs[key.hex()] = pack
        return key.hex()

    def status(self, ticket: str) -> Status:
        self.asked += 1
        self.pack(ticket)
        return self.states.get(ticket, Active([Copy(f"shelf {ticket[:4]}", "seen")]))

    def pack(self, ticket: str) -> bytes:
        if ticket not in self.packs:
            raise ArchiverError(f"there is no {ticket}", "missing")
        return self.packs[ticket]

    def fetch(self, ticket: str, start: int, size: int) -> bytes:
        return self.pack(ticket)[start : start + size]

    def list(self, after: str | None, limit: int) -> list[tuple[str, int]]:
        return [(key, len(pack)) for key, pack in sorted(self.packs.items()) if after is None or key > after][:limit]


def filled(node: Node) -> Stream:
    stream = node.create(Draft.root("example.org/list").sign(ALICE))
    for number in range(10):
        stream.by(ALICE).append("example.org/list.Added", {"number": number})
    return stream


def test_archivers_keep_their_contract(tmp_path: Path) -> None:
    conforms_archiver(FolderArchiver(tmp_path))
    conforms_archiver(Attic())


def test_one_that_does_not_is_told() -> None:
    class Forgetful(Attic):
        def fetch(self, ticket: str, start: int, size: int) -> bytes:
            return super().fetch(ticket, start, size)[::-1]

    with pytest.raises(AssertionError):
        conforms_archiver(Forgetful())
    with pytest.raises(TypeError, match="is no archiver"):
        conforms_archiver({})  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["folder", "python"])
def test_copies_are_kept_and_come_back(kind: str, tmp_path: Path) -> None:
    attic: AnyArchiver = FolderArchiver(tmp_path / "attic") if kind == "folder" else Attic()
    with Node(tmp_path / "list.db") as node:
        stream = filled(node)
        keeper = Keeper(node, ALICE, [attic], shelf=tmp_path / "shelf")
        keeper.want(stream.id, [Place(attic.id)])
        told: list[Done] = []
        due = keeper.run(tell=told.append)
        assert keeper.is_settled and due is not None
        assert {"sealed", "submitted", "told", "forgotten"} <= {done.what for done in told}
        assert all(done.error is None and done.stream == stream.id for done in told)
        [standing] = keeper.standing()
        # What the stream was told of the first pack is in a second.
        assert [pack.objects for pack in standing.packs] == [11, 1] and standing.waiting == 0
        assert all(deal.state == "active" and deal.archiver == attic.id for pack in standing.packs for deal in pack.deals)
        assert [entry.type for entry in stream][11:] == ["archive/stream.Deal"]
        with pytest.raises(ArchiverError) as caught:
            Keeper(node, ALICE, [attic], shelf=tmp_path / "shelf")
        assert caught.value.code == "conflict"
    if isinstance(attic, FolderArchiver):
        files = sorted(attic.path.glob("*/*.car"))
    else:
        files = [tmp_path / f"{number}.car" for number in range(2)]
        for file, pack in zip(files, attic.packs.values(), strict=True):
            file.write_bytes(pack)
    restored = Node()
    assert archive.restore(restored, *files)[stream.id].is_whole and len(restored[stream.id]) == 12


def test_what_is_lost_is_made_again() -> None:
    node, attic = Node(), Attic()
    stream = filled(node)
    keeper = Keeper(node, ALICE, [attic])
    keeper.want(stream.id, [Place("attic")], interval=40)
    keeper.run()
    before, told = len(attic.packs), list[Done]()
    for status in (Unknown(), Gone("lost")):
        attic.states[next(iter(attic.packs))] = status
        time.sleep(0.05)
        keeper.run(tell=told.append)
        # Not known is not lost.
        assert keeper.is_settled == isinstance(status, Unknown)
    keeper.retry()
    keeper.run(tell=told.append)
    assert keeper.is_settled and len(attic.packs) > before
    assert [done.what for done in told].count("asked") >= 2 and "submitted" in {done.what for done in told}
    receipts = [entry.data for entry in stream if entry.type == "archive/stream.Deal"]
    assert {"active", "lost"} <= {str(receipt["state"]) for receipt in receipts if receipt}


def test_how_a_deal_stands() -> None:
    class Slow(Attic):
        @property
        def capabilities(self) -> Capabilities:
            return Capabilities("repeat", typical=1000)

    for status, state in ((Pending("sealing"), "pending"), (Failed(ArchiverError("it burnt", "rejected")), "failed")):
        node, attic = Node(), Slow()
        stream = filled(node)
        keeper = Keeper(node, ALICE, [attic])
        keeper.want(stream.id, [Place("attic")])
        attic.status = lambda ticket, status=status: status  # type: ignore[method-assign,misc]
        keeper.run()
        [deal] = keeper.standing()[0].packs[0].deals
        assert deal.state == state and not keeper.is_settled


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (ArchiverError("the purse is empty", "unfunded", {"after": "5000"}), "unfunded", "the purse is empty"),
        (LookupError("on purpose"), "other", "`submit` of the archiver raised LookupError: on purpose"),
    ],
)
def test_what_goes_wrong_is_told_and_tried_again(error: Exception, code: str, says: str) -> None:
    node, attic = Node(), Attic()
    attic.error = error
    stream = filled(node)
    keeper = Keeper(node, ALICE, [attic])
    keeper.want(stream.id, [Place("attic")])
    told: list[Done] = []
    keeper.run(tell=told.append)
    assert not keeper.is_settled
    failed = [done.error for done in told if done.error is not None]
    assert failed and failed[0].code == code and says in str(failed[0])
    [(archiver, trouble)] = keeper.standing()[0].packs[0].troubles
    assert (archiver, trouble.code) == ("attic", code)
    attic.error = KeyboardInterrupt()
    keeper.retry()
    with pytest.raises(KeyboardInterrupt):
        keeper.run()
    attic.error = None
    again = Keeper(node, ALICE, [attic])
    again.want(stream.id, [Place("attic")])
    again.retry()
    again.run()
    assert again.is_settled


def test_what_cannot_be_wanted() -> None:
    keeper = Keeper(Node(), ALICE, [Attic()])
    wrong: list[tuple[list[Any], dict[str, Any], str]] = [
        ([Place("cellar")], {}, "no-archiver"),
        ([Place("attic"), Place("attic")], {}, "twice"),
        ([Place("attic", copies=2)], {}, "copies"),
    ]
    for places, more, code in wrong:
        with pytest.raises(streams.KeepError) as caught:
            keeper.want(streams.ObjectId.of_block(b""), places, **more)
        assert caught.value.code == code
    with pytest.raises(TypeError, match="a Place is wanted"):
        keeper.want(streams.ObjectId.of_block(b""), ["attic"])  # type: ignore[list-item]
