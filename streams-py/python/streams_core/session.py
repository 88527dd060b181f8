"""A session with a peer (spec 10), and what happens in one.

`Session` does no IO: frames and the time go in, frames and events come out. `streams_core.aio` drives sessions over
connections, and tells the same events:

>>> def tell(event: Event) -> str:
...     match event:
...         case Synced(stream, admitted):
...             return f"{admitted} new objects of {stream}"
...         case Refused(stream, reason):
...             return f"{stream} is refused: {reason}"
...         case _:
...             return ""
"""

from dataclasses import dataclass
from typing import TypeAlias

from ._core import ObjectId, Reconcile, Session, VerifyingKey
from .errors import StreamsError

__all__ = [
    "Compared",
    "Completeness",
    "Event",
    "Expected",
    "Found",
    "PeerStated",
    "Plea",
    "Proven",
    "Received",
    "Reconcile",
    "Refusal",
    "Refused",
    "Refuses",
    "Rejected",
    "Served",
    "Session",
    "Stated",
    "Statement",
    "Synced",
]


@dataclass(frozen=True, slots=True)
class Statement:
    """What a peer signed that it has of a stream. Spec 10.4."""

    peer: VerifyingKey
    """Who says it."""
    stream: ObjectId
    """The stream."""
    frontier: bytes
    """The digest of all leaves: 32 bytes."""
    leaves: list[ObjectId]
    """The leaves: all of them, or the last by generation and id."""
    store: bytes
    """The store, 16 bytes: another where it was restored, or found not closed."""
    counter: int
    """The number of the statement, which rises."""
    until: int | None
    """Until when this will be served, in milliseconds since 1970 UTC; None where nothing is promised."""
    signature: bytes
    """Its signature: 64 bytes."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a peer did not answer, as it signed it. Spec 10.4."""

    peer: VerifyingKey
    """Who says it."""
    stream: ObjectId
    """The stream."""
    object: ObjectId | None
    """The object that was asked for; None where it was the stream."""
    reason: str
    """`denied`, `unknown`, `gone` or `busy`."""
    at: int
    """When, by the peer's clock, in milliseconds since 1970 UTC."""
    store: bytes
    """The store, as in a statement."""
    counter: int
    """The number of the last statement of that store before."""
    signature: bytes
    """Its signature: 64 bytes."""


@dataclass(frozen=True, slots=True)
class PeerStated:
    """What a peer stated last of a stream."""

    statement: Statement
    """What it signed."""
    heard: int
    """When this was heard, in milliseconds since 1970 UTC."""
    lacking: list[ObjectId]
    """Of the leaves that it stated, those that are not here: it has them, and did not give them yet."""
    objects: int
    """How many objects that are here it stated that it has."""


@dataclass(frozen=True, slots=True)
class Completeness:
    """What is known about how complete a stream is here: `Stream.completeness`."""

    objects: int
    """How many objects are here."""
    gaps: list[ObjectId]
    """What is cited by what waits here, and not here."""
    redacted: list[ObjectId]
    """Objects whose maps are lacking, though nobody here dropped them; at most 1,024."""
    peers: list[PeerStated]
    """What each peer signed last, the latest first."""
    by_several: int
    """How many objects at least two peers stated that they have."""
    by_one: int
    """How many objects one peer alone stated that it has: it alone can give them, and withhold them."""
    by_none: int
    """How many objects no peer stated: whether anybody else has them, nothing here tells."""


@dataclass(frozen=True, slots=True)
class Proven:
    """The peer proved its key."""

    peer: VerifyingKey
    """Who it is."""
    version: int
    """The version that is spoken."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The peer has so many objects of a stream for us, as it says."""

    stream: ObjectId
    """The stream."""
    objects: int
    """How many."""


@dataclass(frozen=True, slots=True)
class Received:
    """Objects of a stream came in."""

    stream: ObjectId
    """The stream."""
    admitted: int
    """How many were new."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """Objects that came were not taken."""

    stream: ObjectId
    """The stream."""
    error: StreamsError
    """Why the first was not."""
    objects: int
    """How many."""


@dataclass(frozen=True, slots=True)
class Synced:
    """All that the peer had of a stream, when it was asked, is here."""

    stream: ObjectId
    """The stream."""
    admitted: int
    """How many objects were new."""
    rejected: int
    """How many were not taken."""
    gaps: list[ObjectId]
    """What is cited, and did not come."""


@dataclass(frozen=True, slots=True)
class Served:
    """The peer has all that it asked for of a stream."""

    stream: ObjectId
    """The stream."""
    sent: int
    """How many objects it was sent."""


@dataclass(frozen=True, slots=True)
class Stated:
    """The peer states what it has of a stream."""

    stream: ObjectId
    """The stream."""
    statement: Statement
    """As it signed it."""


@dataclass(frozen=True, slots=True)
class Compared:
    """This side and the peer found which streams are not the same."""

    streams: int
    """How many the peer has that are another here, or not here."""


@dataclass(frozen=True, slots=True)
class Found:
    """The peer knows who has streams."""

    here: list[ObjectId]
    """Those that it has."""
    peers: list[tuple[VerifyingKey, str]]
    """Whom it met, and where."""


@dataclass(frozen=True, slots=True)
class Plea:
    """The peer asks for access to a stream."""

    stream: ObjectId
    """The stream."""
    note: str
    """Why, in its words."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The peer refuses."""

    stream: ObjectId
    """The stream."""
    reason: str
    """`denied`, `unknown`, `gone` or `busy`."""
    refusal: Refusal
    """As it signed it."""
    shown: bytes | None
    """The parts of the policy object that it shows, for `Object.decode`."""


@dataclass(frozen=True, slots=True)
class Refuses:
    """The peer was refused."""

    stream: ObjectId
    """The stream."""
    reason: str
    """`denied`, `unknown`, `gone` or `busy`."""


Event: TypeAlias = (
    Proven
    | Expected
    | Received
    | Rejected
    | Synced
    | Served
    | Stated
    | Compared
    | Found
    | Plea
    | Refused
    | Refuses
)
"""What happens in a session."""
