"""Every docstring says what its thing is, and every example in them is true."""

import doctest
import inspect
from collections.abc import Iterator
from types import ModuleType, UnionType
from typing import Any

import pytest

import streams_core
import streams_core.store
import streams_core.types


def modules() -> list[ModuleType]:
    return [streams_core, streams_core.errors, streams_core.store, streams_core.types]


def public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """What a module exports, with the members of its classes."""
    for name in module.__all__:
        thing = getattr(module, name)
        yield name, thing
        if inspect.isclass(thing):
            for member, value in vars(thing).items():
                if not member.startswith("_"):
                    yield f"{name}.{member}", value


THINGS = [(f"{module.__name__}.{name}", thing) for module in modules() for name, thing in public(module)]
THINGS += [(module.__name__, module) for module in modules()]


@pytest.mark.parametrize("name", [name for name, _ in THINGS])
def test_says_what_it_is(name: str) -> None:
    thing = dict(THINGS)[name]
    if isinstance(thing, staticmethod | classmethod):
        thing = thing.__func__
    if isinstance(thing, str | tuple | dict | UnionType) or not hasattr(thing, "__doc__"):
        return
    doc = (thing.__doc__ or "").strip()
    assert doc, f"{name} has no docstring"


EXAMPLES = [
    (name, doc)
    for name, thing in THINGS
    if (doc := getattr(getattr(thing, "__func__", thing), "__doc__", None) or "") and ">>>" in doc
    if not isinstance(thing, str | tuple | dict | UnionType)
]


@pytest.mark.parametrize("name", sorted({name for name, _ in EXAMPLES}))
def test_examples_run(name: str) -> None:
    doc = inspect.cleandoc(dict(EXAMPLES)[name])
    globs = {name: getattr(streams_core, name) for name in streams_core.__all__}
    test = doctest.DocTestParser().get_doctest(doc, globs, name, None, 0)
    said: list[str] = []
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=said.append)
    assert result.failed == 0, "".join(said)
    assert result.attempted > 0
