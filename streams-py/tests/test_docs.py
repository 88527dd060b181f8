"""Every docstring says what its thing is, and every example in them is true."""

import asyncio
import doctest
import inspect
from collections.abc import Iterator
from types import MemberDescriptorType, ModuleType, UnionType
from typing import Any

import pytest

import streams_core
import streams_core.aio
import streams_core.archive
import streams_core.keep
import streams_core.session
import streams_core.store
import streams_core.testing
import streams_core.testing.strategies
import streams_core.types
import streams_core.vectors


def modules() -> list[ModuleType]:
    peers = [streams_core.session, streams_core.aio, streams_core.archive, streams_core.keep]
    tests = [streams_core.testing, streams_core.testing.strategies, streams_core.vectors]
    return [streams_core, streams_core.errors, streams_core.store, streams_core.types, *peers, *tests]


def public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """What a module exports, with the members of its classes."""
    for name in module.__all__:
        thing = getattr(module, name)
        yield name, thing
        if inspect.isclass(thing):
            for member, value in vars(thing).items():
                if not member.startswith("_") and not isinstance(value, MemberDescriptorType):
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
    of = [module for module in modules() if name == module.__name__ or name.startswith(f"{module.__name__}.")]
    globs |= {name: getattr(module, name) for module in of for name in module.__all__} | {"asyncio": asyncio}
    test = doctest.DocTestParser().get_doctest(doc, globs, name, None, 0)
    said: list[str] = []
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=said.append)
    assert result.failed == 0, "".join(said)
    assert result.attempted > 0
