"""Sessions without IO: frames and the time in, frames and events out."""

import pytest

import streams_core as streams
from streams_core import Draft, Node, Rule, SigningKey, Stream
from streams_core.session import Event, Expected, Proven, Received, Refuses, Served, Session, Stated, Synced

ALICE, BOB = (SigningKey.from_bytes(bytes([n] * 32)) for n in (1, 2))
NOW = 1_795_266_300_000


def filled(node: Node, count: int = 3) -> Stream:
    stream = node.create(Draft.root("example.org/list", policies=[Rule.open_to_all()]).sign(ALICE))
    for number in range(count):
        stream.by(ALICE).append("example.org/list.Added", {"number": number})
    return stream


def pair(here: Node, there: Node, channels: tuple[bytes, bytes] = (b"", b"")) -> tuple[Session, Session]:
    one = Session(here, ALICE, "answerer", channel=channels[0], promises=60_000, now=NOW)
    return one, Session(there, BOB, "opener", channel=channels[1], takes_unknown=True, now=NOW)


def carry(*sessions: Session) -> list[list[Event]]:
    """Carries frames until both are quiet; what each told."""
    told: list[list[Event]] = [[], []]
    is_quiet = False
    while not is_quiet:
        is_quiet = True
        for at, session in enumerate(sessions):
            while output := session.poll(NOW):
                is_quiet = False
                if isinstance(output, bytes):
                    sessions[1 - at].receive(output, NOW)
                else:
                    told[at].append(output)
    return told


def test_two_sessions_make_equal() -> None:
    here, there = Node(), Node()
    stream = filled(here, 1000)
    one, other = pair(here, there)
    other.ask_for_statements()
    other.sync(stream.id)
    of_one, of_other = carry(one, other)
    assert there[stream.id].order_digest == stream.order_digest
    assert of_one[0] == Proven(BOB.verifying_key, 1) and one.peer == BOB.verifying_key
    assert Served(stream.id, 1001) in of_one
    assert Expected(stream.id, 1001) in of_other
    assert sum(event.admitted for event in of_other if isinstance(event, Received)) == 1001
    assert Synced(stream.id, 1001, 0, []) in of_other
    [stated] = [event.statement for event in of_other if isinstance(event, Stated)]
    assert (stated.peer, stated.frontier, stated.until) == (ALICE.verifying_key, stream.frontier, NOW + 60_000)
    assert one.is_idle and other.is_idle and not one.has_left
    other.leave()
    carry(one, other)
    assert one.has_left and other.has_left


def test_news_is_told_to_who_subscribed() -> None:
    here, there = Node(), Node()
    stream = filled(here)
    one, other = pair(here, there)
    other.sync(stream.id)
    other.subscribe([stream.id], NOW + 60_000)
    carry(one, other)
    stream.by(ALICE).append("example.org/list.Added", {"item": "milk"})
    one.changed(stream.id)
    _, of_other = carry(one, other)
    assert Received(stream.id, 1) in of_other
    assert len(there[stream.id]) == len(stream)


def test_a_proof_is_worth_nothing_over_another_connection() -> None:
    one, other = pair(Node(), Node(), (b"one", b"other"))
    with pytest.raises(streams.SessionError) as caught:
        carry(one, other)
    assert caught.value.code == "proof" and isinstance(caught.value, ConnectionError)
    assert one.peer is None


def test_who_does_not_go_on_is_left() -> None:
    one, _ = pair(Node(), Node())
    assert isinstance(one.poll(NOW), bytes) and one.poll(NOW) is None
    deadline = one.deadline
    assert deadline is not None and NOW < deadline <= NOW + 60_000
    one.tick(deadline)
    with pytest.raises(streams.SessionError) as caught:
        while one.poll(deadline):
            pass
    assert caught.value.code == "slow"


@pytest.mark.parametrize("frame", [b"", b"\xa0", bytes(100), b"\xff" * 1000])
def test_what_is_no_message_ends_it(frame: bytes) -> None:
    one, _ = pair(Node(), Node())
    one.receive(frame, NOW)
    with pytest.raises(streams.SessionError) as caught:
        while one.poll(NOW):
            pass
    assert caught.value.code == "message"
    assert one.poll(NOW) is None


def test_what_may_not_be_read_is_refused() -> None:
    here, there = Node(), Node()
    root = Draft.root("example.org/list", policies=[Rule.readers([ALICE.verifying_key])]).sign(ALICE)
    stream = here.create(root)
    one, other = pair(here, there)
    other.sync(stream.id)
    of_one, _ = carry(one, other)
    assert Refuses(stream.id, "denied") in of_one
    assert stream.id not in there


def test_arguments() -> None:
    with pytest.raises(ValueError, match="opener, and the other answerer"):
        Session(Node(), ALICE, "client")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Session(Node(), ALICE.verifying_key, "opener")  # type: ignore[arg-type]
