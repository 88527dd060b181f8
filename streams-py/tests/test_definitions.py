"""Types made of a definition: what other languages wrote is read, and written again as it was."""

import importlib.util
import json
import pickle
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from streams_core import (
    Admitted,
    Definition,
    DefinitionError,
    Draft,
    Node,
    Object,
    SigningKey,
    UnlikeError,
    id_of,
)

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


LIST = "stream a/list { root object Created { } event Added { text string } }"


def test_a_node_holds_what_is_written_to_its_definition() -> None:
    alice = SigningKey.generate()
    with Node(definition=Definition(LIST)) as node, Node() as free:
        root = Draft.root("a/list.Created").sign(alice)
        stream, other = node.create(root), free.create(root)
        stream.by(alice).append("a/list.Added", {"text": "milk"})
        for type, data, code in [
            ("a/list.Removed", {}, "undefined-type"),
            ("a/list.Created", {}, "undefined-place"),
            ("a/list.Added", {}, "field-missing"),
            ("a/list.Added", {"text": 1}, "field-hint"),
            ("a/list.Added", {"text": "milk", "more": True}, "field-undefined"),
        ]:
            with pytest.raises(UnlikeError) as error:
                stream.by(alice).append(type, data)
            assert error.value.code == code
        # What others write is admitted, unless one asks.
        odd = other.by(alice).append("a/list.Odd", {})
        assert isinstance(stream.ingest_one(odd.parts), Admitted)
        with Node(definition=Definition(LIST), hold="all") as strict:
            with pytest.raises(UnlikeError):
                strict.create(root).ingest_one(odd.parts)
            with pytest.raises(UnlikeError):
                strict.create(Draft.root("a/list.Created", data={"more": True}).sign(alice))
    with pytest.raises(ValueError, match="own"):
        Node(hold="most")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def test_a_definition_is_a_value() -> None:
    definition = Definition(LIST)
    assert eval(repr(definition)) == pickle.loads(pickle.dumps(definition)) == Definition(str(definition)) == definition
    assert len({definition, Definition(LIST)}) == 1
    with pytest.raises(DefinitionError) as error:
        Definition("stream a/b {\n  root object C { x strin }\n}")
    assert (error.value.code, error.value.details) == ("unknown-type", {"line": "2", "column": "21"})
    with pytest.raises(DefinitionError, match="both be called"):
        Definition("object a/b.C { x_y int xY int }").generate("python")
    with pytest.raises(ValueError, match="no types are made of cobol"):
        definition.generate("cobol")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
