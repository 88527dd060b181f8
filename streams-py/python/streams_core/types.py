"""Types for annotations: what content may be, and what functions take and give."""

from collections.abc import Mapping
from dataclasses import Field
from typing import Any, ClassVar, Protocol, TypeAlias

from ._core import Admitted, Known, MemoryStore, Pending, PostgresStore, SqliteStore
from .errors import StreamsError
from .store import Store

__all__ = ["Answer", "AnyStore", "DataLike", "Dataclass", "Model"]


class Model(Protocol):
    """A model that turns itself into a dict, as those of pydantic do."""

    def model_dump(self, *, by_alias: bool = ...) -> dict[str, Any]:
        """The dict, its keys with written hints where they are aliases."""
        ...


class Dataclass(Protocol):
    """An instance of a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


DataLike: TypeAlias = Mapping[str, Any] | Model | Dataclass
"""What becomes content: a dict, a dataclass, or a model that turns itself into a dict."""

Answer: TypeAlias = Admitted | Known | Pending | StreamsError
"""What became of an object that was taken in."""

AnyStore: TypeAlias = MemoryStore | SqliteStore | PostgresStore | Store
"""A store that a node can be opened over."""
