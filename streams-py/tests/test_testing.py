"""What the package has for tests of others: the simulator, strategies, and the contract of a store."""

import threading
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

import streams_core as streams
from streams_core import Draft, MemoryStore, Node, Object, ObjectId, Rule, SigningKey, Stream
from streams_core.store import (
    Added,
    Adopted,
    After,
    Before,
    ByAuthor,
    ByType,
    Commit,
    Copied,
    Copy,
    Finalized,
    FinalizedUpto,
    Head,
    Logged,
    Numbered,
    Record,
    Since,
    Store,
    Verdict,
)
from streams_core.testing import World, conforms
from streams_core.testing.strategies import DAG, dags, data, objects
from streams_core.testing.strategies import streams as any_stream

KEYS = [SigningKey.from_bytes(bytes([n] * 32)) for n in range(1, 9)]
QUICK = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


class Simple(Store):
    """A store in lists and dicts, as simple as one can be."""

    def __init__(self) -> None:
        self.records: dict[ObjectId, dict[ObjectId, Record]] = {}
        self.about: dict[ObjectId, Any] = {}
        self.edges: dict[ObjectId, dict[ObjectId, list[ObjectId]]] = {}
        self.drops: dict[ObjectId, list[ObjectId]] = {}
        self.finals: dict[ObjectId, int] = {}
        self.logged: list[Logged] = []
        self.names: dict[str, bytes] = {}
        self.counter = 0
        self.lock = threading.RLock()
        self.is_closed = False

    def check(self) -> None:
        if self.is_closed:
            raise streams.StoreClosedError("the store was closed", "closed")

    def origin(self) -> bytes:
        return bytes(range(16))

    def last(self) -> int:
        self.check()
        return len(self.logged)

    def _last(self, stream: ObjectId) -> int:
        return max((logged.sequence for logged in self.logged if logged.stream == stream), default=0)

    def commit(self, stream: ObjectId, commit: Commit) -> int:
        with self.lock:
            self.check()
            if commit == Commit(commit.seen, [], [], []):
                return self._last(stream)
            if commit.seen != self._last(stream):
                raise streams.StoreError("somebody else wrote", "conflict")
            records = self.records.setdefault(stream, {})
            for new in commit.objects:
                if new.place.id not in records:
                    self.log_change(stream, Added(new.place.id, new.author, new.type))
                    number = len(self.logged)
                    records[new.place.id] = Record(number, new.place, new.effective, new.adopted_by, new.parts)
                    self.about[new.place.id] = new
                    self.edges.setdefault(stream, {})[new.place.id] = new.edges
            for mark in commit.marks:
                match mark:
                    case Verdict(id, effective):
                        records[id] = records[id]._replace(effective=effective)
                        self.log_change(stream, mark)
                    case Adopted(id, by):
                        records[id] = records[id]._replace(adopted_by=by)
                        self.log_change(stream, mark)
                    case Copy(id, parts):
                        records[id] = records[id]._replace(parts=parts)
                        self.log_change(stream, Copied(id))
                    case Finalized(upto, epochs):
                        self.finals[stream] = upto
                        for id, epoch in epochs:
                            records[id] = records[id]._replace(place=records[id].place._replace(epoch=epoch))
                        self.log_change(stream, FinalizedUpto(upto))
            if commit.drops:
                self.drops[stream] = sorted({*self.drops.get(stream, []), *commit.drops})
            return self._last(stream)

    def log_change(self, stream: ObjectId, what: Any) -> None:
        self.logged.append(Logged(len(self.logged) + 1, stream, what))

    def get(self, stream: ObjectId, ids: Sequence[ObjectId]) -> list[Record | None]:
        self.check()
        return [self.records.get(stream, {}).get(id) for id in ids]

    def scan(self, stream: ObjectId, scan: Any, limit: int) -> list[Record]:
        self.check()
        records = list(self.records.get(stream, {}).values())
        by_number = sorted(records, key=lambda record: record.sequence)
        by_place = sorted(records, key=lambda record: record.place)
        match scan:
            case After(place):
                found = [record for record in by_place if place is None or record.place > place]
            case Before(place):
                found = [record for record in reversed(by_place) if place is None or record.place < place]
            case Since(above):
                found = [record for record in by_number if record.sequence > above]
            case ByAuthor(author, above):
                found = [r for r in by_number if r.sequence > above and self.about[r.place.id].author == author]
            case ByType(type, above):
                found = [r for r in by_number if r.sequence > above and self.about[r.place.id].type == type]
        return found[:limit]

    def head(self, stream: ObjectId) -> Head | None:
        self.check()
        records = self.records.get(stream)
        return Head(self._last(stream), len(records), self.finals.get(stream, 0)) if records else None

    def leaves(self, stream: ObjectId) -> list[ObjectId]:
        self.check()
        edges = self.edges.get(stream, {})
        cited = {id for own in edges.values() for id in own}
        return sorted(id for id in edges if id not in cited)

    def dropped(self, stream: ObjectId) -> list[ObjectId]:
        self.check()
        return self.drops.get(stream, [])

    def streams(self, after: ObjectId | None, limit: int) -> list[ObjectId]:
        self.check()
        return [id for id in sorted(self.records) if after is None or id > after][:limit]

    def log(self, stream: ObjectId | None, above: int, limit: int) -> list[Logged]:
        self.check()
        found = [logged for logged in self.logged[above:] if stream is None or logged.stream == stream]
        return found[:limit]

    def cursor(self, name: str) -> bytes | None:
        self.check()
        return self.names.get(name)

    def set_cursor(self, name: str, value: bytes) -> None:
        self.check()
        self.names[name] = value

    def number(self) -> Numbered:
        with self.lock:
            self.check()
            self.counter += 1
            return Numbered(bytes(16), self.counter)

    def close(self) -> None:
        self.is_closed = True


class Forgetful(Simple):
    """Keeps no cursors."""

    def cursor(self, name: str) -> bytes | None:
        return None


class Lying(Simple):
    """Answers a conflict as if it were none."""

    def commit(self, stream: ObjectId, commit: Commit) -> int:
        return super().commit(stream, commit._replace(seen=self._last(stream)))


class Failing(Simple):
    """Has a mistake in it."""

    def leaves(self, stream: ObjectId) -> list[ObjectId]:
        raise ZeroDivisionError("a mistake")


def test_a_store_in_python_keeps_the_contract() -> None:
    conforms(Simple)


def test_the_stores_of_the_package_keep_it() -> None:
    conforms(MemoryStore)


@pytest.mark.parametrize("store", [Forgetful, Lying, Failing])
def test_a_store_that_does_not_keep_it_is_told(store: type[Store]) -> None:
    with pytest.raises(AssertionError):
        conforms(store)


def test_what_makes_no_store() -> None:
    with pytest.raises(KeyError):
        conforms(lambda: {}["nothing"])


# The simulator.


def world(seed: int, count: int, weather: Any = "rough") -> tuple[World, list[int], Stream]:
    world = World(seed, weather=weather)
    all = [world.add(key) for key in KEYS[:count]]
    root = Draft.root("example.org/list", policies=[Rule.open_to_all()], nonce=bytes(16)).sign(KEYS[0])
    return world, all, world.node(all[0]).create(root)


@pytest.mark.parametrize("seed", range(5))
def test_peers_converge_whatever_breaks(seed: int) -> None:
    net, all, stream = world(seed, 4)
    for step in range(12):
        who = all[step % 4]
        if stream.id in net.node(who):
            net.node(who)[stream.id].by(KEYS[who]).append("example.org/list.Added", {"step": step})
        net.sync(who, all[(step + 1) % 4], [stream.id])
        net.run(500)
        if step == 6:
            net.crash(all[2])
            assert not net.is_up(all[2])
            with pytest.raises(ValueError, match="down"):
                net.node(all[2])
            net.restart(all[2])
    net.set_weather("fine")
    for _ in range(3):
        for one in all:
            for other in all:
                net.sync(one, other, [stream.id])
                net.run(60_000)
    digests = {net.node(who)[stream.id].order_digest for who in all}
    assert len(digests) == 1 and len(net.node(all[3])[stream.id]) > 1


def test_what_happened_once_happens_again() -> None:
    def history() -> list[str]:
        net, all, stream = world(7, 3)
        for number in range(20):
            stream.by(KEYS[0]).append("example.org/list.Added", {"number": number})
            net.sync(all[number % 2 + 1], all[0], [stream.id])
            net.run(700)
        return [repr(net.told(who)) for who in all] + [str(net.now)]

    assert history() == history()


def test_who_is_kept_apart_hears_nothing() -> None:
    net, [one, other], stream = world(1, 2, "fine")
    net.part(one, other)
    net.sync(other, one, [stream.id])
    net.run(60_000)
    assert stream.id not in net.node(other)
    net.heal()
    net.sync(other, one, [stream.id])
    net.run(60_000)
    assert stream.id in net.node(other)
    with pytest.raises(ValueError, match="2 are in this world"):
        net.sync(one, 7)
    with pytest.raises(ValueError, match="fine, rough or hostile"):
        World(1, weather="sunny")  # type: ignore[arg-type]


# Strategies.


@QUICK
@given(data())
def test_data_is_content(data: dict[str, Any]) -> None:
    object = Object.from_dict({"type": "example.org/note", "data": data})
    assert Object.decode(object.parts) == object
    assert Object.from_json(object.to_json()) == object


@QUICK
@given(objects())
def test_objects_have_one_name(object: Object) -> None:
    assert ObjectId.of_block(object.block) == object.id


@QUICK
@given(dags(max_size=10))
def test_every_order_of_arrival_gives_one_order(dag: DAG) -> None:
    one, other = dag.replica(), dag.replica(dag.shuffled)
    assert len(one) == len(dag.objects) and one.forks == []
    assert one.order_digest == other.order_digest and one.replayed() == other.replayed()


@QUICK
@given(any_stream(max_size=8))
def test_streams_have_one_root(stream: Stream) -> None:
    assert [entry.position for entry in stream] == list(range(len(stream))) and stream[0].id == stream.id
