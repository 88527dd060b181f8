"""Ids, keys, objects and rules as values: equal, hashed, ordered, printed, pickled, matched."""

import copy
import pickle
from dataclasses import dataclass, field

import pytest

import streams_core as streams

ALICE = streams.SigningKey.from_bytes(bytes([1] * 32))
BOB = streams.SigningKey.from_bytes(bytes([2] * 32))
ROOT = streams.Draft.root("example.org/list", {"title": "Groceries", "n": 2}, nonce=bytes(16)).sign(ALICE)

VALUES = [
    ROOT.id,
    ALICE.verifying_key,
    streams.Redacted(ROOT.id),
    streams.Object.from_dict({"data": {"n": 1}}),
    ROOT,
    streams.Rule.invite(BOB.verifying_key),
    streams.Rule("deny"),
    streams.decide([streams.Rule.allow(["read"])], "alice", "read", "x"),
    streams.Admitted([ROOT.id]),
    streams.Known(),
    streams.Pending([ROOT.id]),
    streams.Edges(ROOT.id, [ROOT.id], None, 1),
    streams.Entry(3, False, ROOT, adopted_by=ROOT.id, sequence=7),
    streams.HypotheticalRoot("example.org/profile", ALICE.verifying_key),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_values_behave_as_values(value: object) -> None:
    printed = eval(repr(value), vars(streams))
    pickled = pickle.loads(pickle.dumps(value))
    copied = copy.deepcopy(value)
    for other in (printed, pickled, copied):
        assert other == value
        assert type(other) is type(value)
        assert hash(other) == hash(value)
    assert value != object()
    assert len({value, printed, pickled}) == 1
    with pytest.raises((AttributeError, TypeError)):
        value.anything = 1  # type: ignore[attr-defined]


def test_ids_and_keys_have_an_order() -> None:
    ids = [streams.ObjectId.of_block(bytes([n])) for n in range(20)]
    assert sorted(ids) == sorted(ids, key=bytes)
    keys = [ALICE.verifying_key, BOB.verifying_key]
    assert sorted(keys) == sorted(keys, key=bytes)
    with pytest.raises(TypeError):
        sorted([ids[0], keys[0]])  # type: ignore[type-var]


def test_values_match() -> None:
    match ROOT.id:
        case streams.ObjectId(text):
            assert text == str(ROOT.id)
        case _:
            pytest.fail("an id is an ObjectId")
    match streams.Rule.deny(["append"]):
        case streams.Rule("deny", actions):
            assert actions == ["append"]
        case _:
            pytest.fail("a rule is a Rule")


def test_secrets_stay_where_they_are() -> None:
    assert ALICE.to_bytes().hex() not in repr(ALICE) + str(ALICE) + f"{ALICE}"
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(streams.SecretError) as caught:
            leak(ALICE)
        assert caught.value.code == "secret"
        assert isinstance(caught.value, TypeError)
    assert streams.SigningKey.from_bytes(ALICE.to_bytes()) == ALICE != BOB


@pytest.mark.parametrize("buffer", [bytes, bytearray, memoryview])
def test_any_buffer_comes_in_and_bytes_go_out(buffer: type) -> None:
    parts = ROOT.parts
    assert streams.Object.decode(buffer(parts)).id == ROOT.id
    assert isinstance(ROOT.parts, bytes) and isinstance(ROOT.block, bytes) and isinstance(ROOT.signature, bytes)
    assert streams.SigningKey.from_bytes(buffer(bytes([1] * 32))) == ALICE
    with pytest.raises(TypeError, match="bytes are wanted"):
        streams.Object.decode("text")  # type: ignore[arg-type]
    with pytest.raises(streams.LengthError, match="a secret key is 32 bytes, and 31 were given"):
        streams.SigningKey.from_bytes(buffer(bytes(31)))


def test_dicts_with_and_without_hints_are_the_same() -> None:
    plain = {"s": "x", "i": -1, "f": 1.5, "b": True, "d": b"\0", "r": ROOT.id, "m": {"n": 1}, "l": [[1], [2, 3]], "none": None}
    hinted = {"s:s": "x", "i:i": -1, "f:f": 1.5, "b:b": True, "d:d": bytearray(1), "r:r": str(ROOT.id), "m:m": {"n:i": 1}, "l:aai": ((1,), (2, 3))}
    assert streams.id_of(plain) == streams.id_of(hinted)
    object = streams.Object.from_dict({"data": plain})
    assert object.data == {key: value for key, value in plain.items() if value is not None}
    assert streams.Object.from_dict(object.to_dict(hints=True)) == object
    assert streams.Object.from_json(object.to_json(pretty=True)) == object


@dataclass
class Item:
    name: str
    count: int = field(metadata={"hint": "u"})
    tags: list[str] = field(default_factory=list, metadata={"hint": "as"})


@dataclass
class Order:
    items: list[Item]
    first: Item | None = None
    note: str | None = None


def test_dataclasses_go_in_and_come_out() -> None:
    order = Order([Item("milk", 2), Item("rice", 1, ["dry"])], first=Item("milk", 2))
    object = streams.Object.from_dict({"data": order})
    assert object.to_dict(hints=True)["data:m"]["items:am"][0] == {"name:s": "milk", "count:u": 2, "tags:as": []}
    assert object.data_as(Order) == order
    assert streams.Object.from_dict({"type": "x"}).data_as(Order) is None


def test_pydantic_models_go_in_and_come_out() -> None:
    pydantic = pytest.importorskip("pydantic")

    class Added(pydantic.BaseModel):  # type: ignore[misc,name-defined]
        item: str
        tags: list[str] = pydantic.Field(default=[], serialization_alias="tags:as")

    object = streams.Object.from_dict({"data": Added(item="milk")})
    assert object.to_dict(hints=True)["data:m"] == {"item:s": "milk", "tags:as": []}
    assert object.data_as(Added) == Added(item="milk")


def test_redacted_maps_stand_in_dicts() -> None:
    whole = streams.Object.from_dict({"data": {"note": {"text": "secret", "salt": bytes(16)}}})
    id = streams.id_of({"text": "secret", "salt": bytes(16)})
    redacted = whole.redact(id)
    assert redacted.id == whole.id and redacted != whole and redacted.is_redacted
    assert redacted.data == {"note": streams.Redacted(id)} and redacted.redacted_maps == [id]
    assert redacted.restore(whole.maps) == whole
    with pytest.raises(streams.UnknownMapError) as caught:
        redacted.redact(id)
    assert caught.value.code == "unknown-map" and isinstance(caught.value, KeyError)
    assert str(caught.value).startswith("no map with this id")
