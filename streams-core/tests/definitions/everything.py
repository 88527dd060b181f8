"""Written by `streams ndl gen`: change the definition instead."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from streams_core import ObjectId

# example.org/everything
# A place where people say things,
# and answer each other.


@dataclass(frozen=True, kw_only=True)
class EverythingCreated:
    """Found by whoever knows its owner."""

    TYPE = "example.org/everything.Created"


@dataclass(frozen=True, kw_only=True)
class EverythingSaid:
    """Somebody says \"something\" \\ or other */ to all."""

    TYPE = "example.org/everything.Said"

    #: What is said.
    text: str
    #: Below zero where it is taken back.
    count: int
    count_of_all: int = field(metadata={"name": "countOfAll", "hint": "u"})
    ratio: float = field(metadata={"hint": "f"})
    is_public: bool
    picture: bytes
    #: Whatever an application wants.
    extra: dict[str, Any]
    answers: ObjectId
    at: int = field(metadata={"hint": "u"})
    by: EverythingPerson
    note: str | None = None
    size: int | None = field(default=None, metadata={"hint": "u"})
    weight: float | None = field(default=None, metadata={"hint": "f"})
    cites: ObjectId | None = None
    witness: EverythingPerson | None = None
    names: list[str] = field(metadata={"hint": "as"})
    counts: list[int] = field(metadata={"hint": "ai"})
    sizes: list[int] = field(metadata={"hint": "au"})
    ratios: list[float] = field(metadata={"hint": "af"})
    flags: list[bool] = field(metadata={"hint": "ab"})
    pictures: list[bytes] = field(metadata={"hint": "ad"})
    extras: list[dict[str, Any]] = field(metadata={"hint": "am"})
    depends_on: list[ObjectId] = field(metadata={"name": "dependsOn", "hint": "ar"})
    people: list[EverythingPerson] = field(metadata={"hint": "am"})
    tags: list[str] | None = field(default=None, metadata={"hint": "as"})
    others: list[EverythingPerson] | None = field(default=None, metadata={"hint": "am"})
    elsewhere: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class EverythingPerson:
    """`example.org/everything.Person`."""

    TYPE = "example.org/everything.Person"

    name: str
    parent: EverythingPerson | None = None
    friends: list[EverythingPerson] = field(metadata={"hint": "am"})


@dataclass(frozen=True, kw_only=True)
class EverythingOdd:
    """Names that mean something else elsewhere."""

    TYPE = "example.org/everything.Odd"

    type: str
    self: int = field(metadata={"hint": "u"})
    class_: bool = field(metadata={"name": "class"})
    a_b_c_d_e: list[str] = field(metadata={"name": "a.b/c-d@e", "hint": "as"})
    n9lives: int = field(metadata={"name": "9lives"})
    from_: bytes | None = field(default=None, metadata={"name": "from"})


@dataclass(frozen=True, kw_only=True)
class Tag:
    """Outside all streams."""

    TYPE = "example.org/everything/tag.Tag"

    label: str
