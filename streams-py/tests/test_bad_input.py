"""What does not fit: each its own exception, with a code and a sentence that says what to do."""

import math
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import streams_core as streams
from streams_core.errors import CODES

Recursive: dict[str, Any] = {"list": [{}]}
Recursive["list"][0]["again"] = Recursive

Deep: dict[str, Any] = {}
for _ in range(60):
    Deep = {"below": Deep}

Tuple: list[Any] = []
Tuple.append(Tuple)

MISFITS = [
    ({"when": datetime.now(UTC)}, streams.NoHintError, TypeError, "no-hint", "when", "write it as text"),
    ({"x": {"y": [object()]}}, streams.NoHintError, TypeError, "no-hint", "x.y[0]", "no hint says what a object is"),
    ({"s": {1, 2}}, streams.NoHintError, TypeError, "no-hint", "s", "a list of one"),
    ({"tags": []}, streams.EmptyListError, ValueError, "empty-list", "tags", "as in `tags:as`"),
    ({"tags": [["x"], []]}, streams.EmptyListError, ValueError, "empty-list", "tags[1]", "as in `tags:as`"),
    ({"n": 1 << 63}, streams.IntegerRangeError, ValueError, "integer-range", "n", "write `name:u`"),
    ({"n": -(1 << 63) - 1}, streams.IntegerRangeError, ValueError, "integer-range", "n", "out of range"),
    ({"n:u": -1}, streams.IntegerRangeError, ValueError, "integer-range", "n:u", "under `u` it is 0 to"),
    ({"n:u": 1 << 64}, streams.IntegerRangeError, ValueError, "integer-range", "n:u", "(65 bits)"),
    ({"n:i": 10**400}, streams.IntegerRangeError, ValueError, "integer-range", "n:i", "text or bytes"),
    ({"f:f": 10**400}, streams.IntegerRangeError, ValueError, "integer-range", "f:f", "a float does not hold it"),
    ({"f": math.nan}, streams.NotFiniteError, ValueError, "not-finite", "f", "leave out what is not"),
    ({"f": [1.0, -math.inf]}, streams.NotFiniteError, ValueError, "not-finite", "f[1]", "write it as text"),
    (Recursive, streams.RecursiveError, ValueError, "recursive", "list[0].again", "refer to another object"),
    ({"t": Tuple}, streams.RecursiveError, ValueError, "recursive", "t[0]", "holds itself"),
    (Deep, streams.MisfitError, ValueError, "too-deep", None, "refer to another object"),
    ({"mixed": [1, "x"]}, streams.MisfitError, ValueError, "mixed-list", "mixed[1]", "a `s` among `i`"),
    ({"mixed": [1, True]}, streams.MisfitError, ValueError, "mixed-list", "mixed[1]", "one hint"),
    ({"list": [None]}, streams.MisfitError, ValueError, "absent-item", "list[0]", "leave it out"),
    ({"b:b": 1}, streams.MisfitError, ValueError, "written-hint", "b:b", "does not agree with the hint `b`"),
    ({"n:i": True}, streams.MisfitError, ValueError, "written-hint", "n:i", "a bool does not agree"),
    ({"n:i": 1.0}, streams.MisfitError, ValueError, "written-hint", "n:i", "a float does not agree"),
    ({"l:as": "text"}, streams.MisfitError, ValueError, "written-hint", "l:as", "a str does not agree"),
    ({"l:as": {"x": 1}}, streams.MisfitError, ValueError, "written-hint", "l:as", "a dict does not agree"),
    ({"m:m": [1]}, streams.MisfitError, ValueError, "written-hint", "m:m", "a list does not agree"),
    ({"when:s": datetime.now(UTC)}, streams.MisfitError, ValueError, "written-hint", "when:s", "a datetime does not"),
    ({"r:r": "bafy"}, streams.IdError, ValueError, "id", "r:r", "59 characters"),
    ({"x:q": 1}, streams.MisfitError, ValueError, "hint", "x:q", "one of the hints"),
    ({"": 1}, streams.MisfitError, ValueError, "name", None, "1 to 128 bytes"),
    ({"a:b:s": "x"}, streams.MisfitError, ValueError, "name", "a:b:s", "without `:`"),
    ({1: 1}, streams.MisfitError, ValueError, "key-type", None, "write it as text"),
    ({"x": 1, "x:i": 1}, streams.MisfitError, ValueError, "name-repeated", "x:i", "rename one"),
    ({"s": "\ud800"}, streams.MisfitError, ValueError, "type", "s", "lone surrogates"),
    ([1], streams.MisfitError, ValueError, "not-a-map", None, "data is a dict"),
    (7, streams.MisfitError, ValueError, "not-a-map", None, "data is a dict"),
    ({"s": "x" * (1 << 20)}, streams.UnsoundError, ValueError, "block-too-large", None, "64 KiB"),
]


@pytest.mark.parametrize(("given", "error", "builtin", "code", "path", "says"), MISFITS)
def test_misfits(given: Any, error: type, builtin: type, code: str, path: str | None, says: str) -> None:
    with pytest.raises(error) as caught:
        streams.Object.from_dict(given)
    raised = caught.value
    assert type(raised) is error and isinstance(raised, builtin) and isinstance(raised, streams.StreamsError)
    assert raised.code == code
    assert says in str(raised)
    if path is not None:
        assert raised.details["path"] == path
    again = pickle.loads(pickle.dumps(raised))
    assert again == raised and again.details == raised.details


def test_refusals_tell_their_code_and_place() -> None:
    with pytest.raises(streams.JsonError) as caught:
        streams.Object.from_json('{"data:m": {"counts:au": [2, 1.5]}}')
    assert caught.value.code == "integer"
    assert caught.value.details["path"] == "data:m.counts:au[1]"
    assert caught.value.details["line"] == "1"
    with pytest.raises(streams.UnsoundError) as unsound:
        streams.Object.decode(b"\x83")
    assert unsound.value.code == "truncated"
    with pytest.raises(streams.AuthorError, match="z6Mk") as author:
        streams.VerifyingKey("alice")
    assert author.value.code == "author" and isinstance(author.value, streams.RefusedError)
    with pytest.raises(streams.RuleError):
        streams.Rule("perhaps")
    with pytest.raises(streams.RuleError) as rule:
        streams.Rule.allow(["govern"]).check()
    assert rule.value.code == "rule-subjects-needed"


def test_times_say_their_zone() -> None:
    draft = streams.Draft.root
    key = streams.SigningKey.generate()
    time = datetime(2026, 11, 21, 18, 30, tzinfo=UTC)
    written = draft("x", timestamp=time).sign(key)
    assert written.time == time and written.timestamp == 1795285800000
    assert draft("x", timestamp=(1 << 64) - 1).sign(key).time is None
    with pytest.raises(ValueError, match="no time zone"):
        draft("x", timestamp=datetime(2026, 11, 21))
    with pytest.raises(TypeError, match="milliseconds"):
        draft("x", timestamp="now")  # type: ignore[arg-type]


def test_every_class_of_errors_stands_on_its_builtin() -> None:
    assert set(streams.errors.__all__) <= set(streams.__all__)
    for name in streams.errors.__all__:
        thing = getattr(streams, name)
        if not isinstance(thing, type) or thing is streams.StreamsError:
            continue
        error = thing("sentence", "code", {"path": "x"})
        assert isinstance(error, streams.StreamsError)
        builtins = [base for base in thing.__mro__ if base.__module__ == "builtins"]
        assert len(builtins) > 3, f"{name} has no builtin beside Exception"
        assert (str(error), error.code, error.details) == ("sentence", "code", {"path": "x"})
        assert pickle.loads(pickle.dumps(error)) == error
        assert CODES[name], f"{name} has no codes"


Panics = streams._core._Panics

PANICS: dict[str, Callable[[Any], object]] = {
    "a getter": lambda panics: panics.field,
    "a method": lambda panics: panics.method(),
    "without the lock": lambda panics: panics.detached(),
    "len": len,
    "next": next,
    "hash": hash,
    "repr": repr,
    "a function": lambda _: streams._core._panic(),
}


@pytest.mark.parametrize("how", PANICS)
def test_a_panic_is_an_error_like_others(how: str) -> None:
    with pytest.raises(streams.InternalError) as caught:
        PANICS[how](Panics())
    assert isinstance(caught.value, RuntimeError)
    assert caught.value.code == "panic" and caught.value.details == {"panic": "on purpose"}


def test_all_that_python_calls_is_guarded() -> None:
    for file in (Path(__file__).parents[1] / "src").rglob("*.rs"):
        lines = file.read_text().splitlines()
        for above, line in zip(lines, lines[1:], strict=False):
            if line in ("#[pymethods]", "#[pyfunction]"):
                assert above == "#[guarded]", f"{file.name}: `#[guarded]` stands above `{line}`"
