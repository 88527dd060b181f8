"""Streams: written, read, sliced, folded, followed, taken back in time; by many threads, after a fork, when closed."""

import multiprocessing
import os
import pickle
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings

import streams_core as streams
from streams_core.store import Head, Store
from shelf import Shelf
from streams_core import Draft, Node, Rule, SigningKey
from streams_core.testing.strategies import DAG, dags

ALICE, BOB, CAROL = (SigningKey.from_bytes(bytes([n] * 32)) for n in (1, 2, 3))
ADDED = "example.org/list.Added"


def root(**more: object) -> streams.Authentic:
    return Draft.root("example.org/list", nonce=bytes(16), **more).sign(ALICE)  # type: ignore[arg-type]


@pytest.fixture(params=["memory", "sqlite", "python"])
def node(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Node]:
    store = {"memory": None, "sqlite": tmp_path / "list.db", "python": Shelf()}[request.param]
    with Node(store) as node:  # type: ignore[arg-type]
        yield node


def filled(node: Node, count: int = 300) -> streams.Stream:
    stream = node.create(root())
    objects = [stream.by(ALICE).append(ADDED, {"n": n}) for n in range(count)]
    assert objects[-1].id in stream and objects[-1] in stream and stream.id in node
    return stream


def test_a_stream_is_a_sequence(node: Node) -> None:
    stream = filled(node)
    entries = list(stream)
    assert len(stream) == len(entries) == 301 and stream
    assert [entry.position for entry in entries] == list(range(301))
    assert [entry.id for entry in entries] == stream.order()
    assert [entry.id for entry in reversed(stream)] == stream.order()[::-1]
    assert [entry.position for entry in reversed(stream)] == list(range(300, -1, -1))
    assert stream[5] == stream[-296] == stream[entries[5].id] == stream[str(entries[5].id)]
    for slice_ in [slice(10, 20), slice(None, None, -1), slice(250, None, 7), slice(20, 10), slice(-5, None), slice(200, 3, -9)]:
        assert [entry.id for entry in stream[slice_]] == stream.order()[slice_]
    for wrong in (301, -302):
        with pytest.raises(IndexError):
            stream[wrong]
    with pytest.raises(streams.UnknownObjectError) as caught:
        stream[streams.ObjectId.of_block(b"")]
    assert isinstance(caught.value, KeyError) and caught.value.code == "unknown-object"
    with pytest.raises(streams.UnknownStreamError) as unknown:
        node[entries[3].id]
    assert isinstance(unknown.value, KeyError)
    assert "nothing" not in stream and None not in stream and node.get(entries[3].id) is None


def test_entries_go_on_behind_a_cursor(node: Node) -> None:
    stream = filled(node, 100)
    entries = stream.entries()
    assert entries.cursor is None
    seen = [next(entries).id for _ in range(40)]
    stream.by(ALICE).append(ADDED, {"late": True})
    rest = list(stream.entries(after=entries.cursor))
    assert seen + [entry.id for entry in rest] == stream.order()
    assert rest[0].position == 40
    assert pickle.loads(pickle.dumps(rest[0])) == rest[0] == eval(repr(rest[0]), vars(streams))
    with Node(node.store.path) if isinstance(node.store, streams.SqliteStore) else Node(node.store) as elsewhere:
        cold = elsewhere[stream.id]
        assert list(cold.entries(after=entries.cursor)) != [] and [entry.id for entry in cold] == stream.order()
        backwards = iter(reversed(cold))
        for entry in stream[::-1]:
            same = next(backwards)
            assert (same.id, same.position, same.effective) == (entry.id, entry.position, entry.effective)
        with pytest.raises(streams.CursorError):
            stream.entries(after=b"no cursor")
        with pytest.raises(streams.CursorError, match="another stream"):
            next(cold.entries(after=bytes(40)))
        assert len(cold.leaves) == 1
        with pytest.raises(streams.CursorError, match="another stream"):
            next(cold.entries(after=bytes(40)))


def test_late_objects_find_their_place(node: Node) -> None:
    policies = [Rule.invite(key.verifying_key) for key in (BOB, CAROL)]
    start = root(policies=policies)
    writers = [(Node().create(start), key) for key in (ALICE, BOB, CAROL)]
    objects = [stream.by(key).append(ADDED, {"n": n}) for n in range(30) for stream, key in writers]
    there = node.create(start)
    shuffled = random.Random(7).sample(objects, len(objects))
    answers = there.ingest(shuffled[:50])
    assert answers.admitted + answers.pending >= 50 and not answers.rejected
    there.ingest(object.parts for object in shuffled[50:])
    again = there.ingest(objects)
    assert again.known == 90 and len(again) == 90 and again.check() is again
    assert {type(answer) for answer in answers} <= {streams.Admitted, streams.Pending, streams.Known}
    here = Node().create(start)
    here.ingest(objects)
    assert here.order() == there.order() and here.order_digest == there.order_digest
    assert here.frontier == there.frontier and here.leaves == there.leaves
    assert there.gaps == [] and there.authors[0] == ALICE.verifying_key


def test_refusals_are_values_in_a_list_and_raised_alone(node: Node) -> None:
    stream = node.create(root())
    forbidden = Draft.event(ADDED, stream.edges(BOB.verifying_key), {}).sign(BOB)
    answers = stream.ingest([forbidden, b"\x83", stream.root])
    refused, dropped, known = answers
    assert isinstance(refused, streams.NotAuthorizedError) and isinstance(refused, PermissionError)
    assert refused.details["fate"] == "refused" and dropped.code == "truncated" and known == streams.Known()
    assert [at for at, _ in answers.rejected] == [0, 1]
    with pytest.raises(streams.NotAuthorizedError):
        answers.check()
    with pytest.raises(streams.NotAuthorizedError, match="nothing in its past allows"):
        stream.ingest_one(forbidden)
    with pytest.raises(streams.NotAuthorizedError):
        stream.by(BOB).append(ADDED, {})
    with pytest.raises(TypeError, match="use ingest_one"):
        stream.ingest(b"\x83")
    assert stream.refused[0][0] == forbidden.id
    with pytest.raises(streams.OpenError):
        node.create(stream.by(ALICE).append(ADDED, {}))


def test_who_may_write_is_judged(node: Node) -> None:
    stream = node.create(root())
    invited = stream.by(ALICE).govern(Rule.invite(BOB.verifying_key))
    milk = stream.by(BOB).append(ADDED, {"item": "milk"})
    verdict = stream.explain(milk.id)
    assert verdict and verdict.code == "allowed" and verdict.by == invited.id and (verdict.rule, verdict.rank) == (0, 0)
    removal = Draft.event("streams/policy", stream.edges(ALICE.verifying_key), policies=[Rule.remove(BOB.verifying_key)])
    rice = stream.by(BOB).append(ADDED, {"item": "rice"})
    simulated = stream.simulate([removal.sign(ALICE)])
    assert simulated.voided == [rice.id] and simulated.restored == [] and simulated.taken == [streams.Admitted()]
    stream.by(ALICE).append_draft(removal)
    assert not stream.explain(rice.id) and stream.explain(rice.id).code == "denied" and not stream.is_effective(rice.id)
    assert stream.replayed() == [id for id in stream.order() if id != rice.id]
    adopting = stream.by(ALICE).adopt(rice.id)
    assert stream.adopted == [(rice.id, adopting.id)] and stream[rice.id].adopted_by == adopting.id
    assert stream.rank(ALICE.verifying_key, milk.id) == 0 and stream.rank(CAROL.verifying_key, milk.id) is None
    assert stream.may_read(CAROL.verifying_key).code == "no-rule" or stream.may_read(CAROL.verifying_key)
    stream.by(ALICE).withdraw(invited.id)
    assert stream.withdrawn == [invited.id]


def test_checkpoints_snapshots_and_time_travel(node: Node) -> None:
    stream = filled(node, 20)
    seen: list[int] = []

    def collect(state: list[int], object: streams.Authentic) -> None:
        seen.append(1)
        if object.type == ADDED and object.data:
            state.append(object.data["n"])  # type: ignore[arg-type]

    fold = stream.fold([], collect)
    assert fold.state == list(range(20)) and fold.snapshot.objects == 0
    checkpoint = stream.by(ALICE).checkpoint()
    assert stream.checkpoints == [(checkpoint.id, "accepted")] and stream.final_len == 22
    assert fold.update() == list(range(20)) and fold.snapshot.objects == 22
    seen.clear()
    stream.by(ALICE).append(ADDED, {"n": 20})
    assert fold.update() == list(range(21)) and len(seen) == 1
    snapshot = pickle.loads(pickle.dumps(fold.snapshot))
    seen.clear()
    assert stream.fold([], collect, snapshot=snapshot).state == list(range(21)) and len(seen) == 1
    assert stream.replay([], collect) == list(range(21))
    then = stream.as_of(stream[10].id)
    assert then.replay([], collect) == list(range(10)) and len(stream) == 23
    assert stream.epoch(stream[5].id) == 1 and stream.epoch(stream[22].id) == 2

    def fail(state: int, object: streams.Authentic) -> int:
        raise LookupError("on purpose")

    with pytest.raises(LookupError, match="on purpose"):
        stream.replay(0, fail)
    assert len(stream) == 23


def collect(ids: list[streams.ObjectId], object: streams.Authentic) -> None:
    ids.append(object.id)


def test_an_update_reads_what_is_new(node: Node) -> None:
    stream, applied = filled(node, 300), 0

    def count(ids: list[streams.ObjectId], object: streams.Authentic) -> None:
        nonlocal applied
        applied += 1
        collect(ids, object)

    fold = stream.fold([], count)
    assert applied == 301
    for number in range(100):
        stream.by(ALICE).append(ADDED, {"n": number})
        applied = 0
        assert len(fold.update()) == 302 + number and applied == 1
    applied = 0
    assert fold.update() is fold.state and applied == 0
    before = stream[-20]
    edges = streams.Edges(stream.id, [before.id], None, before.object.generation + 1)
    stream.by(ALICE).govern(Rule.invite(BOB.verifying_key))
    fold.update()
    late = Draft.event(ADDED, edges, {"late": True}).sign(ALICE)
    stream.ingest([late])
    applied = 0
    assert fold.update() == stream.replayed() and 20 <= applied <= 150


@settings(max_examples=10, deadline=None)
@given(dags(max_size=25))
def test_a_fold_is_what_replay_gives_whatever_comes(dag: DAG) -> None:
    stream = Node().create(dag.root)
    fold = stream.fold([], collect)
    for object in dag.shuffled:
        stream.ingest([object])
        assert fold.update() == stream.replayed()


def test_a_fold_that_failed_goes_on() -> None:
    stream = filled(Node(), 10)
    fails = False

    def add(ids: list[streams.ObjectId], object: streams.Authentic) -> None:
        ids.append(object.id)
        if fails:
            raise LookupError("on purpose")

    fold = stream.fold([], add)
    stream.by(ALICE).append(ADDED)
    fails = True
    with pytest.raises(LookupError):
        fold.update()
    fails = False
    assert fold.update() == stream.replayed()

    def again(state: int, object: streams.Authentic) -> int:
        return inner.update() if object.type == ADDED and inner else state  # type: ignore[no-any-return]

    inner = None
    inner = Node().create(root()).fold(0, lambda count, _: count)
    inner = stream.fold(0, again)
    stream.by(ALICE).append(ADDED)
    with pytest.raises(streams.BusyError, match="use the state that it is given"):
        inner.update()


def test_maps_are_dropped(node: Node) -> None:
    stream = node.create(root())
    secret = {"text": "secret", "salt": bytes(16)}
    added = stream.by(ALICE).append(ADDED, {"note": secret})
    map = streams.id_of(secret)
    redacted = stream.redact(added.id, map)
    assert redacted.id == added.id and redacted.is_redacted
    assert stream[added.id].data == {"note": streams.Redacted(map)}
    assert stream.ingest_one(added) == streams.Known() and stream[added.id].object.is_redacted
    removing = stream.by(ALICE).redact_for_all(map)
    assert stream.removed == [(added.id, map)] and removing.type == "streams/redact"
    with pytest.raises(streams.UnknownMapError):
        stream.redact(added.id, map)
    with pytest.raises(streams.UnknownObjectError):
        stream.redact(map, map)


def test_a_feed_goes_on_after_a_crash(node: Node) -> None:
    stream = filled(node, 5)
    feed = node.watch()
    kinds = [feed.next(timeout=5).kind for _ in range(7)]
    assert kinds == ["added"] * 6 + ["caught-up"]
    assert feed.next(timeout=0) is None and feed.next(timeout=0.01) is None
    node.set_cursor("mirror", feed.cursor)
    stream.by(ALICE).govern(Rule.invite(BOB.verifying_key))
    stream.by(ALICE).checkpoint()
    again = node.watch(since=node.cursor("mirror"))
    events = []
    while event := again.next(timeout=0):
        events.append(event)
    assert [event.kind for event in events if event.kind != "caught-up"] == ["added", "added", "finalized"]
    assert next(event.upto for event in events if event.kind == "finalized") == 8
    assert node.cursor("nobody") is None
    other = Node().watch(since=feed.cursor).next(timeout=1)
    assert (other.kind, other.reason) == ("reset", "other-store")
    only = node.watch(types=["streams/*"], authors=[ALICE.verifying_key])
    assert [only.next(timeout=1).entry.type for _ in range(2)] == ["streams/policy", "streams/checkpoint"]


def test_a_reader_of_the_feed_is_woken() -> None:
    with Node() as node:
        stream = filled(node, 1)
        feed, heard = stream.watch(), []

        def listen() -> None:
            for event in feed:
                heard.append(event.kind)
                if len(heard) == 13:
                    return

        thread = threading.Thread(target=listen)
        thread.start()
        for n in range(10):
            stream.by(ALICE).append(ADDED, {"n": n})
        thread.join(10)
        assert not thread.is_alive() and heard.count("added") == 12


def test_ctrl_c_ends_waiting() -> None:
    feed = Node().watch()
    assert feed.next().kind == "caught-up"
    timer = threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT))
    # Where a shell started this beside itself, the signal is ignored unless one says otherwise.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            feed.next(timeout=20)
        timer.join()
    finally:
        signal.signal(signal.SIGINT, before)
    assert feed.next(timeout=0) is None


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    for place in (None, tmp_path / "list.db"):
        node = Node(place)
        stream = filled(node, 1)
        node.close()
        for use in (lambda: len(stream), lambda: stream.by(ALICE).append(ADDED), lambda: list(stream), node.watch, lambda: stream.leaves):
            with pytest.raises(streams.StoreClosedError) as caught:
                use()
            assert caught.value.code == "closed" and isinstance(caught.value, ValueError | OSError)
    with Node(tmp_path / "list.db") as node:
        assert len(node[stream.id]) == 2 and node.verify(stream.id).is_clean


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no database " * 1000)
    with pytest.raises(streams.StoreError) as caught:
        Node(tmp_path / "notes.txt")
    assert isinstance(caught.value, OSError)
    with pytest.raises(TypeError, match="is no store"):
        Node(7)
    with pytest.raises(streams.StoreError):
        Node("postgres://nobody@127.0.0.1:1/none")


def test_ten_threads_on_one_store(node: Node) -> None:
    keys = [SigningKey.from_bytes(bytes([n + 10] * 32)) for n in range(10)]
    stream = node.create(root(policies=[Rule.invite(key.verifying_key) for key in keys]))
    failures: list[BaseException] = []

    def write(key: SigningKey) -> None:
        try:
            for n in range(20):
                stream.by(key).append(ADDED, {"n": n})
                assert sum(1 for _ in stream) >= n
                assert len(stream.leaves) >= 1
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=[key]) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(stream) == 201 and stream.replay(0, lambda count, _: count + 1) == 201
    assert node.verify(stream.id).is_clean


def child(node: Node, stream: streams.Stream, answers: "multiprocessing.SimpleQueue[object]") -> None:
    try:
        len(stream)
        answers.put("no error")
    except streams.OtherProcessError as error:
        answers.put((error.code, isinstance(error, RuntimeError | OSError), str(error)))
    with Node() as own:
        answers.put(len(filled(own, 3)))


def test_a_fork_may_not_use_the_store_of_its_parent(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    with Node(tmp_path / "list.db") as node:
        stream = filled(node, 3)
        answers = context.SimpleQueue()
        process = context.Process(target=child, args=[node, stream, answers])
        process.start()
        code, is_os_or_state, sentence = answers.get()  # type: ignore[misc]
        assert (code, is_os_or_state) == ("other-process", True) and "open it anew here" in sentence
        assert answers.get() == 4
        process.join(10)
        assert process.exitcode == 0
        assert len(stream) == 4


def test_the_lock_of_the_interpreter_is_free_while_the_core_works() -> None:
    start = root(policies=[Rule.open_to_all()])
    source = Node().create(start)
    parts = [source.by(BOB).append(ADDED, {"n": n}).parts for n in range(1500)]
    there, ticks, done = Node().create(start), 0, False

    def ingest() -> None:
        nonlocal done
        there.ingest(parts)
        done = True

    thread = threading.Thread(target=ingest)
    thread.start()
    while not done:
        ticks += 1
        time.sleep(0.001)
    thread.join()
    assert ticks > 3 and len(there) == 1501


def test_objects_come_from_an_iterator_with_progress() -> None:
    start = root(policies=[Rule.open_to_all()])
    source = Node().create(start)
    parts = [source.by(BOB).append(ADDED, {"n": n}).parts for n in range(50)]
    told: list[int] = []
    assert Node().create(start).ingest(iter(parts), progress=told.append).admitted == 50
    assert told == [50]

    def failing() -> Iterator[bytes]:
        yield from parts[:10]
        raise LookupError("on purpose")

    stream = Node().create(start)
    with pytest.raises(LookupError, match="on purpose"):
        stream.ingest(failing())
    with pytest.raises(TypeError, match="bytes are wanted"):
        stream.ingest(["text"])


class Wild(Shelf):
    """A store whose methods raise what they like."""

    error: BaseException | None = None

    def head(self, stream: streams.ObjectId) -> Head | None:
        if self.error is not None:
            raise self.error
        return super().head(stream)


def test_what_a_store_in_python_raises_is_the_cause() -> None:
    store = Wild()
    with Node(store) as node:
        assert node.store is store
        stream = filled(node, 2)
        store.error = LookupError("on purpose")
        with pytest.raises(streams.StoreError, match="`head` of the store raised LookupError: on purpose") as caught:
            len(stream)
        assert caught.value.code == "other" and caught.value.__cause__ is store.error
        for code, error in [("full", streams.StoreError), ("closed", streams.StoreClosedError)]:
            store.error = error("in my words", code)
            with pytest.raises(error, match="in my words") as own:
                len(stream)
            assert own.value.code == code and own.value.__cause__ is store.error
        store.error = KeyboardInterrupt()
        with pytest.raises(KeyboardInterrupt):
            len(stream)
        store.error = None
        assert len(stream) == 3
        store.head = lambda stream: "no head"  # type: ignore[method-assign,assignment,return-value]
        with pytest.raises(streams.StoreError, match="has no attribute 'last'"):
            len(stream)
    with pytest.raises(TypeError, match="abstract"):
        Store()  # type: ignore[abstract]


def test_two_nodes_share_a_store() -> None:
    for store in (Shelf(), streams.MemoryStore()):
        here, there = Node(store), Node(store)
        stream = filled(here, 3)
        same = there[stream.id]
        same.by(ALICE).append(ADDED, {"n": 3})
        stream.by(ALICE).append(ADDED, {"n": 4})
        assert stream.order() == same.order() and len(stream.leaves) == 1 and len(same) == 6


def test_records_are_flat() -> None:
    stream = filled(Node(), 3)
    records = stream.to_records()
    assert [record.get("data.n") for record in records] == [None, 0, 1, 2]
    assert records[1]["author"] == str(ALICE.verifying_key) and records[1]["effective"] is True
    assert [entry.data for entry in stream.find(type=ADDED)] == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert len(stream.find(author=ALICE.verifying_key)) == 4
