"""The contract of a store: where objects survive, for whoever writes one.

A store keeps the objects of many streams, with what was decided about them, and numbers every change. It decides nothing
itself. What holds of every store:

- **All or nothing.** A commit is there whole or not at all, for every reader and after every crash, and it is durable when
  it returns.
- **One sequence.** Every object and every mark of a commit takes the next number of the store's sequence, from 1, without
  gaps, in the order of the commits.
- **One writer at a time.** A commit names the number of the last change of its stream that its writer has seen. Where it is
  another by now, nothing is committed: raise `StoreError("…", "conflict")`.
- **Absent is None**, or an empty list, and never an error.

Methods are called by any thread, one call at a time only where the store itself sees to it. What a method raises reaches the
caller as the cause of a `StoreError`; raise `StoreError(sentence, code)` with one of its codes to say more:
`StoreClosedError(sentence, "closed")` after `close`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from ._core import Changed as _Changed
from ._core import ObjectId, VerifyingKey

__all__ = [
    "Added",
    "Adopted",
    "After",
    "Before",
    "ByAuthor",
    "ByType",
    "Commit",
    "Copied",
    "Copy",
    "Finalized",
    "FinalizedUpto",
    "Head",
    "Logged",
    "NewObject",
    "Numbered",
    "Place",
    "Record",
    "Since",
    "Store",
    "Verdict",
]


class Place(NamedTuple):
    """Where an object stands in its stream: ascending is the order of spec 9.1."""

    epoch: int
    """The number of its epoch, from 1."""
    generation: int
    """Its generation."""
    tie: bytes
    """Its tie: 32 bytes."""
    id: ObjectId
    """Its id."""


class NewObject(NamedTuple):
    """An object to be kept, with what is found by an index."""

    place: Place
    """Where it stands, and its id."""
    author: VerifyingKey
    """Its author."""
    type: str
    """Its type."""
    edges: list[ObjectId]
    """Its parents, and its previous where that is not among them."""
    effective: bool
    """Whether it is effective."""
    adopted_by: ObjectId | None
    """The object that adopts it."""
    parts: bytes
    """Its parts."""


class Verdict(NamedTuple):
    """An object is effective, or void."""

    id: ObjectId
    """The object."""
    effective: bool
    """Which."""


class Adopted(NamedTuple):
    """An object is adopted, or not any more."""

    id: ObjectId
    """The object."""
    by: ObjectId | None
    """The adopting object that counts."""


class Copy(NamedTuple):
    """Another copy of an object is kept: of what was dropped, nothing remains."""

    id: ObjectId
    """The object."""
    parts: bytes
    """The parts of the copy."""


class Finalized(NamedTuple):
    """So many objects are final, and these have another epoch than before."""

    upto: int
    """How many."""
    epochs: list[tuple[ObjectId, int]]
    """The objects, each with the number of its epoch."""


class Commit(NamedTuple):
    """All that is changed at once, of one stream."""

    seen: int
    """The number of the last change of the stream that the writer has seen; 0 where it has seen none."""
    objects: list[NewObject]
    """New objects, causes first. One that is here already takes no number, and changes nothing."""
    marks: list[Verdict | Adopted | Copy | Finalized]
    """What is decided anew about objects that are here; each takes a number."""
    drops: list[ObjectId]
    """All maps that this replica dropped itself, to be remembered."""


class Record(NamedTuple):
    """An object as it is kept."""

    sequence: int
    """Its number in the store's sequence."""
    place: Place
    """Where it stands, and its id."""
    effective: bool
    """Whether it is effective."""
    adopted_by: ObjectId | None
    """The object that adopts it."""
    parts: bytes
    """Its parts."""


class Head(NamedTuple):
    """What a store knows of a stream."""

    last: int
    """The number of its last change."""
    objects: int
    """How many objects it has."""
    finals: int
    """How many of them are final: the first so many of the order."""


class Numbered(NamedTuple):
    """The number of a statement."""

    store: bytes
    """16 bytes, drawn when the store was made, and again where it was found not closed."""
    counter: int
    """Larger than any before it of this store."""


class After(NamedTuple):
    """All, by their places, behind this one."""

    place: Place | None
    """Where to begin; None is the beginning."""


class Before(NamedTuple):
    """All, by their places, backwards, those before this one."""

    place: Place | None
    """Where to begin; None is the end."""


class Since(NamedTuple):
    """All, by their numbers, above this one."""

    above: int
    """The number."""


class ByAuthor(NamedTuple):
    """Those of an author, by their numbers, above this one."""

    author: VerifyingKey
    """The author."""
    above: int
    """The number."""


class ByType(NamedTuple):
    """Those of a type, by their numbers, above this one."""

    type: str
    """The type."""
    above: int
    """The number."""


class Added(NamedTuple):
    """An object is here."""

    id: ObjectId
    """The object."""
    author: VerifyingKey
    """Its author."""
    type: str
    """Its type."""


class Copied(NamedTuple):
    """Another copy of an object is kept."""

    id: ObjectId
    """The object."""


class FinalizedUpto(NamedTuple):
    """So many objects are final."""

    upto: int
    """How many."""


class Logged(NamedTuple):
    """A change, as the store numbered it."""

    sequence: int
    """Its number."""
    stream: ObjectId
    """The stream."""
    what: Added | Verdict | Adopted | Copied | FinalizedUpto
    """What became different."""


class Store(ABC):
    """Where objects survive: subclass this, and give it to `Node`.

    Lists that are given are answered in their order. A limit of 0 is answered with an empty list.
    `streams_core.testing` has the contract as tests.
    """

    _changed: _Changed | None = None

    def changed(self) -> None:
        """To be called where somebody else than the node changed the store: whoever waits looks again."""
        if self._changed is not None:
            self._changed.notify()

    @abstractmethod
    def origin(self) -> bytes:
        """Sixteen bytes, drawn when the store was made: its sequence is no other's."""

    @abstractmethod
    def last(self) -> int:
        """The number of the last change of all; 0 where there is none."""

    @abstractmethod
    def commit(self, stream: ObjectId, commit: Commit) -> int:
        """Commits, and returns the number of the stream's last change. One without anything in it does nothing."""

    @abstractmethod
    def get(self, stream: ObjectId, ids: Sequence[ObjectId]) -> Sequence[Record | None]:
        """Objects of a stream."""

    def contains(self, stream: ObjectId, ids: Sequence[ObjectId]) -> Sequence[bool]:
        """Which objects of a stream are here."""
        return [record is not None for record in self.get(stream, ids)]

    @abstractmethod
    def scan(self, stream: ObjectId, scan: After | Before | Since | ByAuthor | ByType, limit: int) -> Sequence[Record]:
        """At most so many objects of a stream."""

    def places(self, stream: ObjectId, after: Place | None, limit: int) -> Sequence[tuple[Place, int]]:
        """The places of at most so many objects of a stream behind one, in order, with their numbers."""
        return [(record.place, record.sequence) for record in self.scan(stream, After(after), limit)]

    @abstractmethod
    def head(self, stream: ObjectId) -> Head | None:
        """What is known of a stream; None where nothing of it is here."""

    @abstractmethod
    def leaves(self, stream: ObjectId) -> Sequence[ObjectId]:
        """The objects of a stream that nothing here cites, ascending."""

    @abstractmethod
    def dropped(self, stream: ObjectId) -> Sequence[ObjectId]:
        """The maps that were dropped from a stream and are not taken back, ascending."""

    @abstractmethod
    def streams(self, after: ObjectId | None, limit: int) -> Sequence[ObjectId]:
        """At most so many streams, ascending, behind this one."""

    @abstractmethod
    def log(self, stream: ObjectId | None, above: int, limit: int) -> Sequence[Logged]:
        """At most so many changes above a number, of one stream or of all."""

    @abstractmethod
    def cursor(self, name: str) -> bytes | None:
        """What was kept under a name; None where nothing was."""

    @abstractmethod
    def set_cursor(self, name: str, value: bytes) -> None:
        """Keeps something under a name; durable when it returns."""

    @abstractmethod
    def number(self) -> Numbered:
        """The next number for a statement: durable when it returns, so no number is given twice."""

    @abstractmethod
    def close(self) -> None:
        """Closes: what follows raises `StoreClosedError`."""
