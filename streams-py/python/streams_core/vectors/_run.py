"""What each kind of vector asks of this package. A runner's parameters are the fields of its kind."""

import json as json_module
from collections.abc import Callable, Iterable
from typing import Any

from .. import (
    Admitted,
    Authentic,
    Evidence,
    HypotheticalRoot,
    Known,
    Node,
    Object,
    ObjectId,
    Pending,
    Rule,
    SignatureBatch,
    Stream,
    VerifyingKey,
    decide,
    oh1,
    tie,
)
from ..archive import ArchiveReader, ArchiveWriter, Manifest, Vouching
from ..errors import AuthorError, NewerError, RefusedError, StreamsError, UnsoundError
from ..session import Reconcile
from . import text

RUNNERS: dict[str, Callable[..., None]] = {}

Fields = dict[str, Any]


def kind(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Names the kind that a runner is for."""

    def register(runner: Callable[..., None]) -> Callable[..., None]:
        RUNNERS[name] = runner
        return runner

    return register


def same(expected: Any, found: Any) -> None:
    """Compares what came with what is stated."""
    if found != expected:
        raise AssertionError(f"expected {_short(expected)}, got {_short(found)}")


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) < 400 else f"{shown[:400]}…"


def fails(code: str, work: Callable[[], Any]) -> None:
    """Something fails with a code."""
    try:
        work()
    except StreamsError as error:
        same(code, error.code)
    else:
        raise AssertionError(f"expected {code}, and nothing failed")


def bytes_(given: Any) -> bytes:
    """Bytes in hexadecimal."""
    return bytes.fromhex(text(given))


def ids(given: Iterable[ObjectId]) -> list[str]:
    """Ids as text."""
    return [str(id) for id in given]


def prints_itself(object: Object) -> None:
    """An object is the same again when it is read from its JSON, and from its dict."""
    try:
        printed = object.to_json()
    except NewerError:
        return
    same(object.parts, Object.from_json(printed).parts)
    unsigned = Object.from_dict(object.to_dict(hints=True))
    same(object.id, unsigned.id)
    if object.signature is not None:
        same(object.parts, unsigned.with_signature(object.signature).parts)


# Objects.


@kind("parts")
def parts(parts: Any, expected: Fields | None = None, error: str | None = None) -> None:
    given = bytes_(parts)
    if error is not None:
        return fails(error, lambda: Object.decode(given))
    assert expected is not None
    object = Object.decode(given)
    same(expected["id"], str(object.id))
    same(bytes_(expected["parts"]) if "parts" in expected else given, object.parts)
    prints_itself(object)


@kind("json")
def json(json: Any, expected: Fields | None = None, error: str | None = None) -> None:
    given = text(json)
    if error is not None:
        return fails(error, lambda: Object.from_json(given))
    assert expected is not None
    object = Object.from_json(given)
    same((expected["id"], bytes_(expected["parts"])), (str(object.id), object.parts))
    prints_itself(object)


@kind("object")
def object_(
    parts: Any,
    expected: str | None = None,
    id: str | None = None,
    kind: str | None = None,
    dropped: str | None = None,
    newer: str | None = None,
    refused: str | None = None,
) -> None:
    given = bytes_(parts)
    fate: str
    try:
        authentic = Authentic.decode(given)
        authentic.content
        fate = "sound"
    except UnsoundError as error:
        return same((dropped, None, None), (error.code, newer, refused))
    except NewerError as error:
        return same((None, newer, None), (dropped, error.code, refused))
    except RefusedError as error:
        return same((None, None, refused), (dropped, newer, error.code))
    same((expected, None, None, None), (fate, dropped, newer, refused))
    if id is not None:
        same(id, str(authentic.id))
    if kind is not None:
        same(kind, authentic.role)


@kind("author")
def author(text: str, expected: str | None = None, error: str | None = None) -> None:
    if error is not None:
        return fails(error, lambda: VerifyingKey(text))
    same(expected, bytes(VerifyingKey(text)).hex())


@kind("id")
def id_(text: str, expected: str | None = None, error: str | None = None) -> None:
    if error is not None:
        return fails(error, lambda: ObjectId(text))
    same(expected, bytes(ObjectId(text)).hex())


@kind("hypothetical")
def hypothetical(type: str, author: str, expected: str) -> None:
    same(expected, str(HypotheticalRoot(type, author).id))


@kind("tie")
def tie_(root: str, generation: str, author: str, expected: str) -> None:
    same(expected, tie(root, int(generation), author).hex())


@kind("redact")
def redact(parts: Any, map: str, expected: Any = None, error: str | None = None) -> None:
    object = Object.decode(bytes_(parts))
    if error is not None:
        return fails(error, lambda: object.redact(map))
    redacted = object.redact(map)
    same((bytes_(expected), object.id), (redacted.parts, redacted.id))


@kind("restore")
def restore(parts: Any, maps: list[Any], expected: Any) -> None:
    same(bytes_(expected), Object.decode(bytes_(parts)).restore([bytes_(map) for map in maps]).parts)


@kind("oh1")
@kind("oh1_not")
def oh1_(input: Fields, expected: str) -> None:
    same(expected, oh1(json_module.dumps(input)))


# Signatures and rules.


def valid(key: str, message: str, signature: str) -> str:
    """What a signature is worth."""
    try:
        author = VerifyingKey.from_bytes(bytes_(key))
    except AuthorError as error:
        return error.code
    return "valid" if author.verify(bytes_(message), bytes_(signature), domain=None) else "invalid"


@kind("signature")
def signature(key: str, message: str, signature: str, expected: str) -> None:
    same(expected, valid(key, message, signature))


@kind("batch")
def batch(items: list[Fields], expected: list[str]) -> None:
    same(expected, [valid(**item) for item in items])
    together = SignatureBatch()
    for item in items:
        key = VerifyingKey.from_bytes(bytes_(item["key"]))
        together.add(key, bytes_(item["message"]), bytes_(item["signature"]), domain=None)
    same(all(answer == "valid" for answer in expected), together.verify())


@kind("decide")
def decide_(policies: list[Fields], subject: str, action: str, resource: str, expected: str) -> None:
    rules = [Rule(given.pop("effect").lower(), **given) for given in policies]
    same(expected, "allow" if decide(rules, subject, action, resource) else "deny")


# Streams.


class Followed:
    """A stream that a fold follows: after whatever comes, its state is what replay hands out."""

    def __init__(self, node: Node, root: Any) -> None:
        self.stream = node.create(Authentic.decode(bytes_(root)))
        self.fold = self.stream.fold(list[ObjectId](), collect)

    def check(self) -> None:
        same(self.stream.replayed(), self.fold.update())


def collect(state: list[ObjectId], object: Authentic) -> None:
    """The state of the fold: what was handed out."""
    state.append(object.id)


@kind("stream")
def stream(root: Any, deliver: list[Fields], expected: Fields) -> None:
    with Node() as node:
        followed = Followed(node, root)
        for delivered in deliver:
            delivery(followed.stream, **delivered)
            followed.check()
        state(followed.stream, **expected)


def delivery(stream: Stream, parts: Any, then: list[str] | None = None, **fate: Any) -> None:
    """One object comes."""
    waited: list[ObjectId] = []
    found: Fields
    try:
        match stream.ingest_one(bytes_(parts)):
            case Admitted(admitted):
                found, waited = {"admitted": True}, admitted
            case Known():
                found = {"known": True}
            case Pending(missing):
                found = {"pending": ids(missing)}
    except (UnsoundError, NewerError, RefusedError) as error:
        found = {error.details["fate"]: error.code}
    same((fate, then or []), (found, ids(sorted(waited))))


def state(
    stream: Stream,
    order: list[str],
    leaves: list[str],
    frontier: str,
    gaps: list[str],
    forks: list[list[str]],
    refused: list[str],
) -> None:
    """The state of a stream in the end."""
    same(order, ids(stream.order()))
    same(order, [str(entry.id) for entry in stream])
    same(order[::-1], [str(entry.id) for entry in reversed(stream)])
    same(leaves, ids(stream.leaves))
    same(frontier, stream.frontier.hex())
    same(gaps, ids(stream.gaps))
    same(forks, [ids(objects) for _, _, objects in stream.forks])
    same(refused, [str(id) for id, _ in stream.refused])


@kind("judge")
def judge(root: Any, objects: list[Any], expected: Fields) -> None:
    with Node() as node:
        followed = Followed(node, root)
        for object in objects:
            followed.stream.ingest([bytes_(object)])
            followed.check()
        for field, stated in expected.items():
            JUDGED[field](followed.stream, stated)
        same([], node.verify(followed.stream.id).faults)


def order(stream: Stream, expected: list[str]) -> None:
    same(expected, ids(stream.order()))


def effective(stream: Stream, expected: list[str]) -> None:
    same(expected, ids(stream.replayed()))


def refused(stream: Stream, expected: list[str]) -> None:
    same(expected, [str(id) for id, _ in stream.refused])


def epochs(stream: Stream, expected: list[int]) -> None:
    found = [stream.epoch(id) for id in stream.order()]
    same(expected, [found.count(epoch) for epoch in range(1, len(expected) + 1)])
    same(sum(expected[:-1]), stream.final_len)


def checkpoints(stream: Stream, expected: dict[str, str]) -> None:
    same(expected, {str(id): state for id, state in stream.checkpoints})


def explained(stream: Stream, expected: list[Fields]) -> None:
    for stated in expected:
        verdict = stream.explain(stated["id"])
        found: Fields = {"id": stated["id"], "why": verdict.code}
        if verdict.by is not None:
            found["by"] = str(verdict.by)
        for name in ("rule", "rank", "set"):
            if (value := getattr(verdict, name)) is not None:
                found[name] = value
        same(stated, found)


def ranks(stream: Stream, expected: list[Fields]) -> None:
    for stated in expected:
        same(stated["rank"], stream.rank(stated["subject"], stated["at"]))


def read(stream: Stream, expected: dict[str, bool]) -> None:
    same(expected, {key: bool(stream.may_read(key)) for key in expected})


def shown(stream: Stream, expected: dict[str, str | None]) -> None:
    found = {key: stream.shown_to(key) for key in expected}
    same(expected, {key: None if id is None else str(id) for key, id in found.items()})


def adopted(stream: Stream, expected: list[Fields]) -> None:
    same(expected, [{"object": str(id), "by": str(by)} for id, by in stream.adopted])


def removed(stream: Stream, expected: list[Fields]) -> None:
    same(expected, [{"object": str(id), "map": str(map)} for id, map in stream.removed])


def simulated(stream: Stream, expected: list[Fields]) -> None:
    for stated in expected:
        answer = stream.simulate([Authentic.decode(bytes_(object)) for object in stated["objects"]])
        same((stated["voided"], stated["restored"]), (ids(answer.voided), ids(answer.restored)))


JUDGED: dict[str, Callable[[Stream, Any], None]] = {
    "order": order,
    "effective": effective,
    "refused": refused,
    "epochs": epochs,
    "checkpoints": checkpoints,
    "explained": explained,
    "ranks": ranks,
    "read": read,
    "shown": shown,
    "adopted": adopted,
    "removed": removed,
    "simulated": simulated,
}


# Peers.


@kind("ranges")
def ranges(
    secret: str, keys: list[str], heard: list[str], expected: Fields | None = None, error: str | None = None
) -> None:
    side = Reconcile(bytes_(secret), [bytes_(key) for key in keys])

    def hear() -> list[bool]:
        return [side.answer(bytes_(message)) is not None for message in heard]

    if error is not None:
        return fails(error, hear)
    same(expected, {"answers": hear(), "found": [key.hex() for key in side.found]})


@kind("evidence")
def evidence(file: Any, expected: Fields | None = None, error: str | None = None) -> None:
    given = bytes_(file)
    if error is not None:
        return fails(error, lambda: Evidence.decode(given).verify())
    decoded = Evidence.decode(given)
    same(given, decoded.encode())
    shown = decoded.verify()
    who = [str(author) for author in shown.authors]
    same(expected, {"shows": shown.code, "who": who, "stream": str(shown.stream), "objects": ids(shown.objects)})


# Archives.


@kind("archive")
def archive(
    archive: Any,
    expected: Fields | None = None,
    early: bool = False,
    error: str | None = None,
    sealed: list[str] | None = None,
) -> None:
    file = bytes_(archive)
    # In one piece, and byte by byte.
    for size in (max(len(file), 1), 1):
        manifest, objects, fault = told(file, size)
        if error is not None:
            same((error, sealed), fault and (fault[0], ids(object.id for object in objects[: fault[1]])))
            continue
        same(None, fault)
        assert manifest is not None and expected is not None
        found = {
            "manifest": str(manifest.id),
            "stream": str(manifest.stream),
            "objects": ids(object.id for object in objects),
            "redacted": ids(object.id for object in objects if object.is_redacted),
        }
        if manifest.previous is not None:
            found["previous"] = str(manifest.previous)
        same(expected, found)
        if not early:
            writer = ArchiveWriter(manifest)
            for object in objects:
                writer.push(object)
            writer.finish()
            same(file, writer.take())


def told(file: bytes, size: int) -> tuple[Manifest | None, list[Authentic], tuple[str, int] | None]:
    """The manifest, the objects, and the first fault with how many objects came before it."""
    manifest: Manifest | None = None
    objects: list[Authentic] = []
    fault: tuple[str, int] | None = None
    reader = ArchiveReader()

    def note(event: "Manifest | list[Authentic] | StreamsError") -> None:
        nonlocal manifest, fault
        match event:
            case Manifest():
                manifest = event
            case StreamsError():
                fault = fault or (event.code, len(objects))
            case _:
                objects.extend(event)

    for at in range(0, len(file), size):
        reader.push(file[at : at + size])
        while (event := reader.poll()) is not None:
            note(event)
    for event in reader.finish():
        note(event)
    return manifest, objects, fault


@kind("vouching")
def vouching(vouching: str, expected: Fields | None = None, error: str | None = None) -> None:
    file = bytes_(vouching)
    if error is not None:
        return fails(error, lambda: Vouching.verify(file))
    verified = Vouching.verify(file)
    author, archive, seals = str(verified.author), str(verified.archive), ids(verified.seals)
    same(expected, {"author": author, "archive": archive, "seals": seals})
