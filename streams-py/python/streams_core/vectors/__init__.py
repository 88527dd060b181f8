"""The vectors, shipped: more than 1,700 cases of what the specification settles, and a runner for this package.

They are for whoever writes an implementation, or wants to know that the installed one is right. `docs/vectors.md` of the
repository tells the format of each kind.

>>> case = cases("id")[0]
>>> case.file, case.kind, case.name
('identity', 'id', 'an id')
>>> sorted(case.fields)
['expected', 'text']
>>> run(case)  # by this package: silent where it holds

All of them, from a shell: `python -m streams_core.vectors`. In a test of another implementation:

    @pytest.mark.parametrize("case", streams_core.vectors.cases("author"), ids=str)
    def test_author(case):
        ...  # what it does with case.fields["text"] is case.fields["expected"], or fails with case.fields["error"]
"""

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files as _files
from typing import Any

__all__ = ["Case", "cases", "kinds", "run", "text"]


@dataclass(frozen=True)
class Case:
    """What is given, and what is to come of it."""

    file: str
    """The name of its file, without `.json`."""
    kind: str
    """What is shown, as `parts`, `object`, `stream` or `judge`: it says which fields there are."""
    name: str
    """A title, unique in its file and kind."""
    fields: dict[str, Any]
    """All else, by name, as it stands in the file."""

    def __str__(self) -> str:
        return f"{self.file}-{self.kind}-{self.name}"


def _all() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in sorted(_files(__name__).iterdir(), key=lambda file: file.name):
        if file.name.endswith(".json"):
            yield file.name.removesuffix(".json"), json.loads(file.read_text(encoding="utf-8"))


def cases(kind: str | None = None) -> list[Case]:
    """The cases of a kind, or all, in the order of their files.

    >>> len(cases()) > 1700, {case.kind for case in cases("oh1")}
    (True, {'oh1'})
    """
    return [
        Case(file, group, fields.pop("name"), fields)
        for file, groups in _all()
        for group, listed in groups.items()
        if group != "about" and kind in (None, group)
        for fields in listed
    ]


def kinds() -> list[str]:
    """All kinds, ascending.

    >>> "judge" in kinds()
    True
    """
    return sorted({case.kind for case in cases()})


def text(given: str | list[Any]) -> str:
    """A text, or bytes in hexadecimal, that may stand in pieces where it is long.

    >>> text(["ab", {"repeat": "00", "times": 3}])
    'ab000000'
    """
    if isinstance(given, str):
        return given
    return "".join(piece if isinstance(piece, str) else piece["repeat"] * piece["times"] for piece in given)


def run(case: Case) -> None:
    """Runs a case by this package.

    Raises:
        AssertionError: something else came than is stated.
        LookupError: the kind is unknown.
        TypeError: a field is unknown: what one does not know one must not pass.
    """
    from ._run import RUNNERS

    if case.kind not in RUNNERS:
        raise LookupError(f"an unknown kind: {case.kind}")
    RUNNERS[case.kind](**copy.deepcopy(case.fields))
