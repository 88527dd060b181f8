"""Writes what is generated and committed: `errors.py` from the core's table of codes, and `_core.pyi` from the extension.

    python generate.py errors      # needs the built extension
    python generate.py stubs FILE  # makes FILE, as `maturin generate-stubs` wrote it, into the stubs
"""

import importlib.machinery
import importlib.util
import json
import re
import sys
import textwrap
from pathlib import Path

PACKAGE = Path(__file__).parent / "python" / "streams_core"

BUILTINS = {
    "value": "ValueError",
    "type": "TypeError",
    "key": "KeyError",
    "permission": "PermissionError",
    "os": "OSError",
    "connection": "ConnectionError",
    "state": "RuntimeError",
}

HEAD = '''"""What can go wrong: one base, and a class for each kind of thing that a program may want to catch.

Every error has a `code`, which is the rule that was broken and the same in every language, and `details`, a dict of what a
program may want to know. Each class has a builtin as its second parent, so that `except ValueError` and the like see it.

Written by `generate.py` from the core's table of codes.
"""

from collections.abc import Mapping
from typing import Any, Final

__all__ = [
NAMES
]


class StreamsError(Exception):
    """The base of all errors of this package.

    >>> from streams_core import ObjectId
    >>> try:
    ...     ObjectId("bafy")
    ... except StreamsError as error:
    ...     print(error.code, isinstance(error, ValueError), error)
    id True not an id: an id is 59 characters that begin with bafyr4i
    """

    code: str
    """The rule that was broken, in kebab-case."""

    details: dict[str, str]
    """What a program may want to know, by name: the `path` to a value, an `id`."""

    def __init__(self, message: str, code: str = "other", details: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.details = dict(details or {})

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r}, {self.code!r}, {self.details!r})"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return (self.code, str(self), self.details) == (other.code, str(other), other.details)

    def __hash__(self) -> int:
        return hash((type(self), self.code, str(self)))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.code, self.details)
'''


def extension():
    """The built extension, without the package around it."""
    [path, *_] = [path for path in PACKAGE.glob("_core*.so")] or [None]
    if path is None:
        installed = importlib.util.find_spec("streams_core")
        [path, *_] = [path for folder in installed.submodule_search_locations for path in Path(folder).glob("_core*.so")]
    loader = importlib.machinery.ExtensionFileLoader("streams_core._core", str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("streams_core._core", loader))
    loader.exec_module(module)
    return module


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def errors() -> str:
    classes: dict[str, tuple[str | None, str, str]] = {}
    codes: dict[str, dict[str, str]] = {}
    for name, parent, kind, about, code, sentence in extension().codes():
        classes[name] = (parent, kind, about)
        codes.setdefault(name, {})[code] = sentence
    raised = [name for name, (_, kind, _) in classes.items() if kind != "told"]
    names = "\n".join(f'    "{name}",' for name in sorted([*raised, "StreamsError", "CODES"]))
    parts = [HEAD.replace("NAMES", names)]
    for name in raised:
        parent, kind, about = classes[name]
        bases = parent or "StreamsError"
        if parent is None or classes[parent][1] != kind:
            bases += f", {BUILTINS[kind]}"
        lines = [f"\n\nclass {name}({bases}):", f'    """{about}', "", "    Codes:"]
        for code, sentence in codes[name].items():
            first, rest = f"        `{code}`: ", "            "
            lines.append(textwrap.fill(f"{sentence}.", 116, initial_indent=first, subsequent_indent=rest))
        parts.append("\n".join([*lines, '    """\n']))
    parts.append("\n\nCODES: Final[Mapping[str, Mapping[str, str]]] = {\n")
    for name, own in codes.items():
        parts.append(f'    "{name}": {{\n')
        parts.extend(f"        {quoted(code)}: {quoted(sentence)},\n" for code, sentence in own.items())
        parts.append("    },\n")
    parts.append('}\n"""Every code by the class that has it, and what it says; also those that are told and not raised."""\n')
    return "".join(parts)


def main() -> None:
    match sys.argv[1:]:
        case ["errors"]:
            (PACKAGE / "errors.py").write_text(errors())
        case ["stubs", file]:
            (PACKAGE / "_core.pyi").write_text(stubs(Path(file).read_text()))
        case ["errors", "--check"]:
            if (PACKAGE / "errors.py").read_text() != errors():
                sys.exit("errors.py is not what the table of codes says: run `python generate.py errors`")
        case _:
            sys.exit(__doc__)


# What the extension cannot say of its own types.
STUB_HEAD = '''from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, Literal, NoReturn, TypeVar, final, overload

from typing_extensions import Buffer, disjoint_base

from .errors import RefusedError, StreamsError
from .keep import AnyArchiver, Done, Place, Standing
from .session import Completeness
from .session import Event as SessionEvent
from .types import Answer, AnyStore, DataLike

_S = TypeVar("_S")
_T = TypeVar("_T")
'''

VERDICTS = ", ".join(
    repr(code)
    for code in "owner allowed force denied withdrawn no-rule rank holder count order".split()
)

# Texts of which there are few.
LITERALS = {
    "Domain": "Literal['object', 'session', 'statement', 'archive', 'request']",
    "Effect": "Literal['allow', 'deny']",
    "Misdeed": "Literal['withholds', 'lies', 'breaks-promises', 'contradicts', 'floods', 'stalls']",
    "Role": "Literal['root', 'hypothetical', 'event']",
    "Side": "Literal['opener', 'answerer']",
    "Weather": "Literal['fine', 'rough', 'hostile']",
}

# The signature of a member, by its class and name, where the extension tells less.
MEMBERS = {
    "Answers.__getitem__": """    @overload
    def __getitem__(self, at: int, /) -> Answer: ...
    @overload
    def __getitem__(self, at: slice, /) -> list[Answer]: ...""",
    "Answers.__iter__": "    def __iter__(self, /) -> Iterator[Answer]: ...",
    "Answers.rejected": "    def rejected(self, /) -> list[tuple[int, StreamsError]]:",
    "Authentic.role": "    def role(self, /) -> Role:",
    "Authentic.time": "    def time(self, /) -> datetime | None:",
    "Decision.code": "    def code(self, /) -> Literal['allowed', 'denied', 'no-rule']:",
    "Entry.data": "    def data(self, /) -> dict[str, Any] | None:",
    "Fold.state": "    def state(self, /) -> Any:",
    "Node.__contains__": "    def __contains__(self, stream: object, /) -> bool: ...",
    "Node.__getitem__": "    def __getitem__(self, stream: ObjectId | str, /) -> Stream: ...",
    "Node.__iter__": "    def __iter__(self, /) -> Iterator[ObjectId]: ...",
    "Node.store": "    def store(self, /) -> AnyStore:",
    "Object.data": "    def data(self, /) -> dict[str, Any] | None:",
    "Rule.effect": "    def effect(self, /) -> Effect:",
    "Simulated.taken": "    def taken(self, /) -> list[Answer]:",
    "Stream.__contains__": "    def __contains__(self, object: object, /) -> bool: ...",
    "Stream.__getitem__": """    @overload
    def __getitem__(self, at: int | ObjectId | str, /) -> Entry: ...
    @overload
    def __getitem__(self, at: slice, /) -> list[Entry]: ...""",
    "Stream.refused": "    def refused(self, /) -> list[tuple[ObjectId, RefusedError]]:",
    "Verdict.code": f"    def code(self, /) -> Literal[{VERDICTS}]:",
    "Verdict.set": "    def set(self, /) -> Literal['known', 'beside'] | None:",
}


def stubs(text: str) -> str:
    """The stubs as they are committed, from those that `maturin generate-stubs` made of the extension."""
    module, used = extension(), set()
    head, body = text.split("__all__", 1)
    exported, body = body.split("\n", 1)
    lines, current = [], ""
    for line in body.splitlines():
        line = re.sub(r'(: |-> )"([^"\n]*)"', r"\1\2", line) if "def " in line else line
        line = re.sub(r"\bT\b", "_T", line) if "data_as" in line else line
        line = re.sub(r"\bS\b", "_S", line) if "Callable[[S" in line else line
        if found := re.match(r"class (\w+)", line):
            current = found[1]
        if re.match(r"\s+__match_args__", line):
            names = getattr(module, current).__match_args__
            line = f"    __match_args__ = {names!r}"
        if (found := re.match(r"    def (\w+)", line)) and (member := f"{current}.{found[1]}") in MEMBERS:
            line = MEMBERS[member]
            used.add(member)
        for name, literal in LITERALS.items():
            line = re.sub(rf"(: |-> ){name}\b", rf"\1{literal}", line) if "def " in line else line
        lines.append(line.rstrip())
    if missing := MEMBERS.keys() - used:
        sys.exit(f"not in the stubs any more: {', '.join(sorted(missing))}")
    about = head.split('"""')[1].strip()
    return f'"""{about}\n\nWritten by `scripts/python generate`.\n"""\n\n{STUB_HEAD}\n__all__{exported}\n' + "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
