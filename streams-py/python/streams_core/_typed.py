"""Types of Python around objects: dataclasses and models to be built, times, and what pickling needs."""

import dataclasses
import typing
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import UnionType
from typing import Any

from ._core import Entry, Rule

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def build(cls: Any, data: Mapping[str, Any]) -> Any:
    """An instance of `cls` from a dict: a pydantic model, a dataclass with what is in it, or `cls(**data)`."""
    if hasattr(cls, "model_validate"):
        return cls.model_validate(data)
    if dataclasses.is_dataclass(cls):
        hints = typing.get_type_hints(cls)
        # What a field is called in the data, where that is no name of Python's.
        names = {field.name: field.metadata.get("name", field.name) for field in dataclasses.fields(cls) if field.init}
        make: Any = cls
        return make(**{own: _below(hints[own], data[name]) for own, name in names.items() if name in data})
    return cls(**data)


def _below(hint: Any, value: Any) -> Any:
    """A value of a field, as the type of the field wants it."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, UnionType):
        inner = [choice for choice in typing.get_args(hint) if choice is not type(None)]
        return _below(inner[0], value) if len(inner) == 1 else value
    if isinstance(value, list) and origin in (list, tuple):
        elements: list[Any] = value  # pyright: ignore[reportUnknownVariableType]
        items = typing.get_args(hint)
        built = [_below(items[0], element) for element in elements] if items else elements
        return tuple(built) if origin is tuple else built
    if isinstance(value, dict) and (dataclasses.is_dataclass(hint) or hasattr(hint, "model_validate")):
        return build(hint, typing.cast(dict[str, Any], value))
    return typing.cast(Any, value)


def milliseconds(time: Any) -> int:
    """Milliseconds since 1970 UTC."""
    if not isinstance(time, datetime):
        raise TypeError(f"a timestamp is an int (milliseconds since 1970 UTC) or a datetime, not {type(time).__name__}")
    if time.tzinfo is None:
        raise ValueError("the datetime has no time zone: write datetime.now(UTC), or .astimezone() for local time")
    return (time - _EPOCH) // timedelta(milliseconds=1)


def time(milliseconds: int) -> datetime | None:
    """The same as a datetime, where it holds it."""
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None


def rule(effect: Any, actions: Any, subjects: Any, resources: Any) -> Rule:
    """A rule that was pickled."""
    return Rule(effect, actions=actions, subjects=subjects, resources=resources)


def entry(position: Any, effective: Any, object: Any, adopted_by: Any, sequence: Any) -> Entry:
    """An entry that was pickled."""
    return Entry(position, effective, object, adopted_by=adopted_by, sequence=sequence)
