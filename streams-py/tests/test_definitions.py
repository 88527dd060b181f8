"""Types made of a definition: what other languages wrote is read, and written again as it was."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from streams_core import Object, id_of

FOLDER = Path(__file__).parents[2] / "streams-core" / "tests" / "definitions"


@pytest.fixture(scope="module")
def everything() -> ModuleType:
    spec = importlib.util.spec_from_file_location("everything", FOLDER / "everything.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Where dataclasses look for the types that their annotations name.
    sys.modules["everything"] = module
    spec.loader.exec_module(module)
    return module


def test_what_is_written_is_read_and_written_again(everything: ModuleType) -> None:
    classes = {cls.TYPE: cls for cls in vars(everything).values() if hasattr(cls, "TYPE")}
    cases = json.loads((FOLDER / "objects.json").read_text())
    for case in cases:
        value = Object.from_json(json.dumps(case["object"])).data_as(classes[case["type"]])
        assert isinstance(value, classes[case["type"]])
        assert str(id_of(value)) == case["data"], value
    assert {case["type"] for case in cases} < set(classes)
    said = Object.from_json(json.dumps(cases[2]["object"])).data_as(everything.EverythingSaid)
    assert said.by.parent == everything.EverythingPerson(name="Ada", friends=[])


def test_it_is_formatted_and_typed() -> None:
    file = str(FOLDER / "everything.py")
    for command in (["ruff", "format", "--isolated", "--check", file], ["ruff", "check", "--isolated", "--no-cache", file]):
        subprocess.run(command, check=True, capture_output=True)
    subprocess.run(["mypy", "--strict", file], check=True, capture_output=True, cwd=FOLDER.parents[2] / "streams-py")
