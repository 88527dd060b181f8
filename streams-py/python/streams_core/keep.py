"""Keeping copies of streams (spec 11.2): in folders, or wherever an archiver of yours keeps them.

>>> alice, node = SigningKey.generate(), Node()
>>> stream = node.create(Draft.root("example.org/list").sign(alice))
>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     attic = FolderArchiver(folder)
...     keeper = Keeper(node, alice, [attic])
...     keeper.want(stream.id, [Place(attic.id)])
...     due = keeper.run()
...     keeper.is_settled
True

What is kept comes back by `streams_core.archive.restore`: each pack is an archive.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import BinaryIO, Literal, TypeAlias

from ._core import FolderArchiver, Keeper, ObjectId
from .errors import ArchiverError

__all__ = [
    "Active",
    "AnyArchiver",
    "Archiver",
    "Capabilities",
    "Copy",
    "Deal",
    "Done",
    "Failed",
    "FolderArchiver",
    "Gone",
    "Keeper",
    "Pack",
    "Pending",
    "Place",
    "Price",
    "Request",
    "Standing",
    "Status",
    "Unknown",
]


@dataclass(frozen=True, slots=True)
class Place:
    """A place where copies are wanted."""

    archiver: str
    """The id of the archiver."""
    copies: int = 1
    """How many copies."""
    budget: int | None = None
    """The most that is spent there, in the archiver's unit, over all streams; None is without end."""


@dataclass(frozen=True, slots=True)
class Deal:
    """How a pack stands with an archiver, as far as is known."""

    archiver: str
    """The id of the archiver."""
    state: str
    """`intended` (no ticket is known), `pending`, `active`, `failed`; or gone: `expired`, `lost`, `damaged`."""
    ticket: str | None
    """By what the archiver finds it again."""
    copies: list[str]
    """Where the copies are."""
    until: int | None
    """Until when, in milliseconds since 1970 UTC; None where it does not end by itself."""
    audited: int | None
    """When its bytes were read back and compared last, in milliseconds since 1970 UTC."""


@dataclass(frozen=True, slots=True)
class Pack:
    """A sealed archive of a stream, and where copies of it are."""

    id: ObjectId
    """The id of its manifest."""
    digest: bytes
    """BLAKE3 of its bytes: 32 bytes."""
    size: int
    """Its length in bytes."""
    objects: int
    """How many objects are in it."""
    sealed: int
    """When it was made, in milliseconds since 1970 UTC."""
    is_here: bool
    """Whether its bytes wait on the shelf."""
    deals: list[Deal]
    """All deals that may live, and the last that ended."""
    troubles: list[tuple[str, ArchiverError]]
    """What went wrong last with an archiver, while it is not put right."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How the copies of a stream stand: `Keeper.standing`."""

    stream: ObjectId
    """The stream."""
    waiting: int | None
    """How many bytes are in no pack yet; None where nobody has looked."""
    packs: list[Pack]
    """The packs that make it up, the oldest first."""


@dataclass(frozen=True, slots=True)
class Done:
    """A step that a keeper has done: `Keeper.run`."""

    what: Literal["sealed", "quoted", "submitted", "found", "asked", "audited", "released", "told", "forgotten"]
    """What was done: a pack was made; an archiver was asked for a price, to take a pack, for a deal by its key, how a deal
    stands, for all bytes, to take away what it was given; the stream was told; a pack was taken from the shelf."""
    stream: ObjectId
    """The stream."""
    pack: int | None
    """The number of the pack, from 0."""
    archiver: str | None
    """The archiver that was asked, or that is told of."""
    error: ArchiverError | None
    """What went wrong; it is tried again as is fit."""


# What an archiver is asked, and what it answers.


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an archiver can do: the keeper plans from this."""

    recovery: Literal["repeat", "find", "neither"]
    """What is done where nobody knows whether a submission arrived: it is sent again, and the same key is the same deal; it
    is looked for by its key; or it may be a second deal, so it is sent once more at most."""
    copies: int = 1
    """The most copies that it makes for one submission."""
    least: int = 0
    """The smallest pack that it takes, in bytes."""
    most: int = 1 << 40
    """The largest."""
    typical: int = 0
    """How many milliseconds a deal usually takes until it is active; 0 where it is when `submit` returns."""
    priced: bool = False
    """Whether it tells a price, by `quote`."""
    fetches: bool = True
    """Whether the bytes come back from it."""
    public: bool = False
    """Whether anybody may read what it keeps."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is handed over to an archiver."""

    stream: ObjectId
    """The stream."""
    pack: ObjectId
    """The id of the manifest of the pack."""
    digest: bytes
    """BLAKE3 of its bytes: 32 bytes."""
    size: int
    """Its length in bytes."""
    copies: int
    """How many copies are wanted."""
    renews: str | None
    """The ticket of an earlier deal for the same pack that ends soon, and may be prolonged instead."""


@dataclass(frozen=True, slots=True)
class Price:
    """What a deal would cost."""

    amount: int
    """How much, in the smallest unit, with all fees."""
    unit: str
    """The unit."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy."""

    at: str
    """Where it is: an address, a path, the name of a provider."""
    evidence: str | None = None
    """What shows that it is there: a version, a proof, the number of a contract."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A deal is on its way."""

    phase: str
    """How far, in the archiver's words: another word is a sign of life."""


@dataclass(frozen=True, slots=True)
class Active:
    """There are copies; told only where they are there now, as far as anybody can tell."""

    copies: list[Copy]
    """The copies: one is enough."""
    until: int | None = None
    """Until when, in milliseconds since 1970 UTC; None where it does not end by itself."""
    failures: list[str] = field(default_factory=list[str])
    """What did not succeed beside them, in a sentence each."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A deal came to nothing: no copy is there."""

    error: ArchiverError
    """Why; its `code` says what is done about it."""


@dataclass(frozen=True, slots=True)
class Gone:
    """What was there is not there any more."""

    why: Literal["expired", "lost", "damaged"]
    """Why."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody can tell now, which is not the same as that it failed."""


Status: TypeAlias = Pending | Active | Failed | Gone | Unknown
"""How a deal stands."""


class Archiver(ABC):
    """A place where packs are kept for long; `streams_core.testing.conforms_archiver` runs its contract.

    It decides nothing: what is wanted, when to try again and what may be spent is the keeper's. A ticket is for ever: it can
    be asked about after a crash, years later. What cannot be done raises `ArchiverError(sentence, code)`, whose code is one
    of `streams_core.errors.CODES["ArchiverError"]`; with `{"after": milliseconds}` among its details it is not tried
    before. Whatever else is raised counts as `other`: whether anything was done is not known then. Every call has to return
    in bounded time.
    """

    @property
    @abstractmethod
    def id(self) -> str:
        """Its name, which stands in receipts: the same for the same place for ever, without secrets; 1 to 256 bytes."""

    @property
    @abstractmethod
    def capabilities(self) -> Capabilities:
        """What it can and cannot do; it is asked once."""

    @abstractmethod
    def submit(self, key: bytes, request: Request, body: BinaryIO) -> str:
        """Takes a pack, whose bytes are read from `body` and are those of its digest, and returns a ticket: 1 to 1,024 bytes
        of text. `key` is 32 bytes, the same where it is sent again."""

    @abstractmethod
    def status(self, ticket: str) -> Status:
        """How a deal stands. A ticket that was never given is an error `missing`."""

    def fetch(self, ticket: str, start: int, size: int) -> bytes:
        """At most `size` bytes of a pack from a place on; none behind its end. Asked where it `fetches`."""
        raise ArchiverError("this archiver gives no bytes back", "unsupported")

    def find(self, key: bytes) -> str | None:
        """The ticket of the deal with this key; None where there is none. Asked where its recovery is `find`."""
        raise ArchiverError("this archiver finds no deal by its key", "unsupported")

    def quote(self, request: Request) -> Price:
        """What a request would cost. Asked where it is `priced`."""
        raise ArchiverError("this archiver has no prices", "unsupported")

    def list(self, after: str | None, limit: int) -> "list[tuple[str, int]]":
        """The tickets of all packs, each with the size in bytes: at most so many, ascending, behind this one."""
        raise ArchiverError("this archiver does not list what it has", "unsupported")


AnyArchiver: TypeAlias = FolderArchiver | Archiver
"""An archiver that a keeper takes."""
