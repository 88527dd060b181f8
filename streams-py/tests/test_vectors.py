"""All vectors of the core through Python."""

from pathlib import Path

import pytest

from streams_core import vectors
from streams_core.vectors import Case, cases

FOLDER = Path(__file__).parents[2] / "streams-core" / "tests" / "vectors"


@pytest.mark.parametrize("case", cases(), ids=lambda case: str(case)[:120])
def test_vector(case: Case) -> None:
    vectors.run(case)


def test_all_of_them_are_shipped() -> None:
    shipped = Path(vectors.__file__).parent
    assert sorted(path.name for path in shipped.glob("*.json")) == sorted(path.name for path in FOLDER.glob("*.json"))
    assert all((shipped / path.name).read_bytes() == path.read_bytes() for path in FOLDER.glob("*.json"))
    assert len(cases()) > 1700


def test_what_is_wrong_is_told() -> None:
    """A runner that cannot fail is none: each case fails where something else is stated."""
    for kind in vectors.kinds():
        case = next(case for case in cases(kind) if "expected" in case.fields)
        stated = case.fields["expected"]
        other = {"valid": "invalid", "allow": "deny", "sound": "unsound"}.get(str(stated), "00")
        if isinstance(stated, dict):
            first = sorted(stated)[0]
            stated[first] = [] if isinstance(stated[first], list) and stated[first] else "00"
        else:
            case.fields["expected"] = [other] if isinstance(stated, list) else other
        with pytest.raises(AssertionError, match="expected"):
            vectors.run(case)


def test_what_is_unknown_is_not_passed() -> None:
    case = cases("id")[0]
    with pytest.raises(LookupError, match="unknown kind: new"):
        vectors.run(Case(case.file, "new", case.name, case.fields))
    with pytest.raises(TypeError, match="also"):
        vectors.run(Case(case.file, case.kind, case.name, case.fields | {"also": 1}))
