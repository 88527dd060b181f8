"""Python against the slow second implementation: ids and parts of random objects, order and verdicts of random streams."""

import importlib.util
import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import streams_core as streams
from streams_core import Draft, Node, Object, Rule, SigningKey

_PATH = Path(__file__).parents[2] / "streams-core" / "tests" / "reference.py"
_SPEC = importlib.util.spec_from_file_location("reference", _PATH)
assert _SPEC is not None and _SPEC.loader is not None
reference: Any = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(reference)

NAMES = st.text(st.characters(blacklist_characters=":", blacklist_categories=["Cc", "Cs"]), min_size=1, max_size=12).filter(
    lambda name: not name.startswith("_") and len(name.encode()) <= 128
)
IDS = st.binary(min_size=32, max_size=32).map(streams.ObjectId.from_bytes)
LEAVES = {
    "s": st.text(st.characters(blacklist_categories=["Cs"]), max_size=20),
    "i": st.integers(-(2**63), 2**63 - 1),
    "u": st.integers(0, 2**64 - 1),
    "f": st.floats(allow_nan=False, allow_infinity=False),
    "b": st.booleans(),
    "d": st.binary(max_size=20),
    "r": IDS,
}


def values(depth: int) -> st.SearchStrategy[tuple[str, Any]]:
    """A hint, and a value that agrees with it."""
    leaves = [st.tuples(st.just(hint), value) for hint, value in LEAVES.items()]
    if depth == 0:
        return st.one_of(leaves)
    below = values(depth - 1)
    lists = st.sampled_from([*LEAVES, "m"]).flatmap(
        lambda hint: st.tuples(
            st.just(f"a{hint}"), st.lists(maps(depth - 1) if hint == "m" else LEAVES[hint], max_size=4)
        )
    )
    return st.one_of([below, lists, st.tuples(st.just("m"), maps(depth - 1))])


def maps(depth: int) -> st.SearchStrategy[dict[str, Any]]:
    """A dict whose keys have their hints."""
    return st.dictionaries(NAMES, values(depth), max_size=5).map(
        lambda entries: {f"{name}:{hint}": value for name, (hint, value) in entries.items()}
    )


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(maps(2))
def test_ids_and_parts(data: dict[str, Any]) -> None:
    object = Object.from_dict({"data": data})
    theirs = reference.read_json(object.to_json())
    assert bytes(object.id) == theirs.id
    assert object.parts == reference.encode_parts(theirs)
    again = reference.decode_parts(object.parts)
    assert again.id == theirs.id
    assert Object.from_dict(object.to_dict(hints=True)) == object == Object.decode(object.parts)
    assert json.loads(reference.print_json(theirs)) == json.loads(object.to_json())


KEYS = [SigningKey.from_bytes(bytes([n + 1] * 32)) for n in range(4)]
NOTE = "example.org/note"

rules = st.one_of(
    st.sampled_from(KEYS).map(lambda key: Rule.invite(key.verifying_key)),
    st.sampled_from(KEYS).map(lambda key: Rule.moderator(key.verifying_key)),
    st.sampled_from(KEYS).map(lambda key: Rule.remove(key.verifying_key)),
    st.just(Rule.open_to_all()),
)
deeds = st.tuples(
    st.integers(0, 3),
    st.integers(0, 2),
    st.one_of(
        st.just("note"), st.just("note"), st.just("checkpoint"), st.just("meet"), st.just("withdraw"), st.just("adopt"), rules
    ),
)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(rules, max_size=3), st.lists(deeds, min_size=1, max_size=14), st.randoms(use_true_random=False))
def test_order_and_verdicts(first: list[Rule], story: list[tuple[int, int, Any]], random: Any) -> None:
    """Four authors at three replicas, which meet now and then; then everything arrives elsewhere, in any order."""
    root = Draft.root("example.org/list", nonce=bytes(16), policies=first).sign(KEYS[0])
    replicas = [Node().create(root) for _ in range(3)]
    written: list[streams.Authentic] = []
    for author, place, deed in story:
        stream = replicas[place]
        writer = stream.by(KEYS[author])
        objects = [id for id in stream.order() if id != stream.id]
        try:
            match deed:
                case "note":
                    written.append(writer.append(NOTE, {"n": len(written)}))
                case "checkpoint":
                    written.append(writer.checkpoint())
                case "meet":
                    for other in replicas:
                        stream.ingest([entry.object for entry in other])
                case "withdraw":
                    written.append(writer.withdraw(random.choice([stream.id, *objects])))
                case "adopt" if objects:
                    written.append(writer.adopt(random.choice(objects)))
                case Rule():
                    written.append(writer.govern(deed))
        except streams.NotAuthorizedError:
            pass
    random.shuffle(written)
    here = Node().create(root)
    here.ingest(written)
    theirs = reference.Stream(reference.decode_parts(root.parts))
    for object in written:
        theirs.deliver(object.parts)
    judgement = reference.Judgement(theirs)
    assert [bytes(id) for id in here.order()] == judgement.order == [bytes(entry.id) for entry in here]
    assert [bytes(id) for id in here.replayed()] == judgement.replay()
    assert [str(id) for id in here.leaves] == reference.texts(theirs.leaves())
    assert here.frontier == theirs.frontier()
    for id in here.order():
        assert here.is_effective(id) == judgement.is_effective(bytes(id))
        assert here.explain(id).code == reference.explained(judgement, bytes(id))["why"]
    for key in KEYS:
        assert bool(here.may_read(key.verifying_key)) == judgement.reading(str(key.verifying_key)).is_effective
