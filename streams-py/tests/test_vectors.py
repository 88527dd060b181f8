"""All vectors of the core through Python. `docs/vectors.md` tells the format."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import streams_core as streams
from streams_core import Authentic, Node, Object, ObjectId, Rule, StreamsError, VerifyingKey

FOLDER = Path(__file__).parents[2] / "streams-core" / "tests" / "vectors"

Case = dict[str, Any]
RUNNERS: dict[str, Callable[[Case], None]] = {}


def kind(name: str) -> Callable[[Callable[[Case], None]], Callable[[Case], None]]:
    def register(runner: Callable[[Case], None]) -> Callable[[Case], None]:
        RUNNERS[name] = runner
        return runner

    return register


def text(given: Any) -> str:
    """A text, or one in pieces that may repeat."""
    if isinstance(given, str):
        return given
    return "".join(piece if isinstance(piece, str) else piece["repeat"] * piece["times"] for piece in given)


def bytes_(given: Any) -> bytes:
    return bytes.fromhex(text(given))


def ids(given: list[ObjectId]) -> list[str]:
    return [str(id) for id in given]


def same(expected: Any, found: Any) -> None:
    assert found == expected


def fails(code: str, work: Callable[[], Any]) -> None:
    with pytest.raises(StreamsError) as caught:
        work()
    same(code, caught.value.code)


def prints_itself(object: Object) -> None:
    """An object is the same again when it is read from its JSON, and from its dict."""
    try:
        printed = object.to_json()
    except streams.NewerError:
        return
    same(object.parts, Object.from_json(printed).parts)
    unsigned = Object.from_dict(object.to_dict(hints=True))
    same(object.id, unsigned.id)
    if object.signature is not None:
        same(object.parts, unsigned.with_signature(object.signature).parts)


@kind("parts")
def parts(case: Case) -> None:
    given = bytes_(case["parts"])
    if "error" in case:
        return fails(case["error"], lambda: Object.decode(given))
    object, expected = Object.decode(given), case["expected"]
    same(expected["id"], str(object.id))
    same(bytes_(expected["parts"]) if "parts" in expected else given, object.parts)
    prints_itself(object)


@kind("json")
def json_(case: Case) -> None:
    given = text(case["json"])
    if "error" in case:
        return fails(case["error"], lambda: Object.from_json(given))
    object, expected = Object.from_json(given), case["expected"]
    same((expected["id"], bytes_(expected["parts"])), (str(object.id), object.parts))
    prints_itself(object)


@kind("object")
def object_(case: Case) -> None:
    fates = {
        "dropped": streams.UnsoundError,
        "newer": streams.NewerError,
        "refused": streams.RefusedError,
    }
    given = bytes_(case["parts"])

    def whole() -> Authentic:
        authentic = Authentic.decode(given)
        authentic.content
        return authentic

    for fate, error in fates.items():
        if fate in case:
            with pytest.raises(error) as caught:
                whole()
            return same(case[fate], caught.value.code)
    same("sound", case["expected"])
    authentic = whole()
    if "id" in case:
        same(case["id"], str(authentic.id))
    if "kind" in case:
        same(case["kind"], authentic.role)


@kind("author")
def author(case: Case) -> None:
    if "error" in case:
        return fails(case["error"], lambda: VerifyingKey(case["text"]))
    same(case["expected"], bytes(VerifyingKey(case["text"])).hex())


@kind("id")
def id_(case: Case) -> None:
    if "error" in case:
        return fails(case["error"], lambda: ObjectId(case["text"]))
    same(case["expected"], bytes(ObjectId(case["text"])).hex())


@kind("hypothetical")
def hypothetical(case: Case) -> None:
    same(case["expected"], str(streams.HypotheticalRoot(case["type"], case["author"]).id))


@kind("tie")
def tie(case: Case) -> None:
    same(case["expected"], streams.tie(case["root"], int(case["generation"]), case["author"]).hex())


def valid(item: Case) -> str:
    try:
        key = VerifyingKey.from_bytes(bytes_(item["key"]))
    except streams.AuthorError as error:
        return error.code
    is_valid = key.verify(bytes_(item["message"]), bytes_(item["signature"]), domain=None)
    return "valid" if is_valid else "invalid"


@kind("signature")
def signature(case: Case) -> None:
    same(case["expected"], valid(case))


@kind("batch")
def batch(case: Case) -> None:
    same(case["expected"], [valid(item) for item in case["items"]])
    together = streams.SignatureBatch()
    for item in case["items"]:
        key = VerifyingKey.from_bytes(bytes_(item["key"]))
        together.add(key, bytes_(item["message"]), bytes_(item["signature"]), domain=None)
    same(all(answer == "valid" for answer in case["expected"]), together.verify())


@kind("redact")
def redact(case: Case) -> None:
    object = Object.decode(bytes_(case["parts"]))
    if "error" in case:
        return fails(case["error"], lambda: object.redact(case["map"]))
    redacted = object.redact(case["map"])
    same((bytes_(case["expected"]), object.id), (redacted.parts, redacted.id))


@kind("restore")
def restore(case: Case) -> None:
    object = Object.decode(bytes_(case["parts"]))
    same(bytes_(case["expected"]), object.restore([bytes_(map) for map in case["maps"]]).parts)


@kind("decide")
def decide(case: Case) -> None:
    def rule(given: Case) -> Rule:
        lists = {name: given.get(name) for name in ("subjects", "resources", "actions")}
        return Rule(given["effect"].lower(), **lists)

    rules = [rule(given) for given in case["policies"]]
    decision = streams.decide(rules, case["subject"], case["action"], case["resource"])
    same(case["expected"], "allow" if decision else "deny")


@kind("oh1")
@kind("oh1_not")
def oh1(case: Case) -> None:
    same(case["expected"], streams.oh1(json.dumps(case["input"])))


@kind("stream")
def stream(case: Case) -> None:
    with Node() as node:
        stream = node.create(Authentic.decode(bytes_(case["root"])))
        for delivered in case["deliver"]:
            parts = bytes_(delivered.pop("parts"))
            then: list[str] = []
            found: Case
            try:
                match stream.ingest_one(parts):
                    case streams.Admitted(waited):
                        found, then = {"admitted": True}, sorted_ids(waited)
                    case streams.Known():
                        found = {"known": True}
                    case streams.Pending(missing):
                        found = {"pending": ids(missing)}
            except (streams.UnsoundError, streams.NewerError, streams.RefusedError) as error:
                found = {error.details["fate"]: error.code}
            same(delivered.pop("then", []), then)
            same(delivered, found)
        expected = case["expected"]
        same(expected["order"], ids(stream.order()))
        same(expected["leaves"], ids(stream.leaves))
        same(expected["frontier"], stream.frontier.hex())
        same(expected["gaps"], ids(stream.gaps))
        same(expected["forks"], [ids(objects) for _, _, objects in stream.forks])
        same(expected["refused"], [str(id) for id, _ in stream.refused])
        same(expected["order"], [str(entry.id) for entry in stream])
        same(expected["order"][::-1], [str(entry.id) for entry in reversed(stream)])


def sorted_ids(given: list[ObjectId]) -> list[str]:
    return ids(sorted(given))


@kind("judge")
def judge(case: Case) -> None:
    with Node() as node:
        stream = node.create(Authentic.decode(bytes_(case["root"])))
        stream.ingest([bytes_(object) for object in case["objects"]])
        for field, expected in case["expected"].items():
            JUDGED[field](stream, expected)
        assert node.verify(stream.id).is_clean


def epochs(stream: streams.Stream, expected: list[int]) -> None:
    found = [stream.epoch(id) for id in stream.order()]
    same(expected, [found.count(epoch) for epoch in range(1, len(expected) + 1)])
    same(stream.final_len, sum(expected[:-1]))


def explained(stream: streams.Stream, expected: list[Case]) -> None:
    for one in expected:
        verdict = stream.explain(one["id"])
        found = {"id": one["id"], "why": verdict.code}
        if verdict.by is not None:
            found["by"] = str(verdict.by)
        for name in ("rule", "rank", "set"):
            if (value := getattr(verdict, name)) is not None:
                found[name] = value
        same(one, found)


def simulated(stream: streams.Stream, expected: list[Case]) -> None:
    for one in expected:
        answer = stream.simulate([Authentic.decode(bytes_(object)) for object in one["objects"]])
        same((one["voided"], one["restored"]), (ids(answer.voided), ids(answer.restored)))


JUDGED: dict[str, Callable[[streams.Stream, Any], None]] = {
    "order": lambda stream, expected: same(expected, ids(stream.order())),
    "effective": lambda stream, expected: same(expected, ids(stream.replayed())),
    "refused": lambda stream, expected: same(expected, [str(id) for id, _ in stream.refused]),
    "epochs": epochs,
    "checkpoints": lambda stream, expected: same(expected, {str(id): state for id, state in stream.checkpoints}),
    "explained": explained,
    "ranks": lambda stream, expected: [same(one["rank"], stream.rank(one["subject"], one["at"])) for one in expected] and None,
    "read": lambda stream, expected: [same(reads, bool(stream.may_read(key))) for key, reads in pairs(expected)] and None,
    "shown": lambda stream, expected: [same(by, id and str(id)) for key, by in pairs(expected) for id in [stream.shown_to(key)]] and None,
    "adopted": lambda stream, expected: same([(one["object"], one["by"]) for one in expected], [(str(id), str(by)) for id, by in stream.adopted]),
    "removed": lambda stream, expected: same([(one["object"], one["map"]) for one in expected], [(str(id), str(map)) for id, map in stream.removed]),
    "simulated": simulated,
}


def pairs(given: Any) -> list[tuple[str, Any]]:
    return list(given.items()) if isinstance(given, dict) else [tuple(one.values()) for one in given]


# Run beside the rooms that they are about.
ELSEWHERE = {"ranges", "evidence", "archive", "vouching"}

CASES = [
    pytest.param(kind, case, id=f"{path.stem}-{kind}-{case['name']}"[:120])
    for path in sorted(FOLDER.glob("*.json"))
    for kind, cases in json.loads(path.read_text()).items()
    if kind != "about" and kind not in ELSEWHERE
    for case in cases
]


@pytest.mark.parametrize(("kind", "case"), CASES)
def test_vector(kind: str, case: Case) -> None:
    case = json.loads(json.dumps(case))
    del case["name"]
    RUNNERS[kind](case)


def test_there_are_vectors() -> None:
    assert len(CASES) > 1500
