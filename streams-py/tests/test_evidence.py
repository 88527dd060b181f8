"""Evidence: what can be proven of authors and peers, to somebody who was not there."""

import pickle

import pytest

import streams_core as streams
from streams_core import Draft, Evidence, Node, Rule, SigningKey
from streams_core.testing import World

ALICE, BOB = (SigningKey.from_bytes(bytes([n] * 32)) for n in (1, 2))


def forked() -> streams.Stream:
    here = Node().create(Draft.root("example.org/list", policies=[Rule.open_to_all()]).sign(ALICE))
    there = Node().create(here.root)
    for number, stream in enumerate([here, there]):
        stream.by(BOB).append("example.org/list.Added", {"number": number})
    here.ingest([entry.object for entry in there])
    return here


def test_a_fork_is_shown() -> None:
    stream = forked()
    [evidence] = stream.evidence()
    assert evidence.code == "fork"
    other = Evidence.decode(bytes(evidence))
    assert other == evidence == pickle.loads(pickle.dumps(evidence)) and hash(other) == hash(evidence)
    match other.verify():
        case streams.Shown("fork", shown_in, authors, objects):
            assert (shown_in, authors) == (stream.id, [BOB.verifying_key])
            assert objects == sorted(stream.order()[1:])
        case shown:
            pytest.fail(repr(shown))


def test_what_was_changed_shows_nothing() -> None:
    [evidence] = forked().evidence()
    file = evidence.encode()
    codes = set()
    for place in range(0, len(file), 7):
        changed = bytearray(file)
        changed[place] ^= 1
        with pytest.raises(streams.EvidenceError) as caught:
            Evidence.decode(changed).verify()
        assert isinstance(caught.value, ValueError)
        codes.add(caught.value.code)
    assert "object" in codes
    for nothing in (b"", file[:-1], file + b"\0"):
        with pytest.raises(streams.EvidenceError) as caught:
            Evidence.decode(nothing)
        assert caught.value.code == "malformed"


@pytest.mark.parametrize(("misdeed", "code"), [("contradicts", "contradiction"), ("breaks-promises", "broken-promise")])
def test_a_peer_that_does_wrong_is_shown(misdeed: str, code: str) -> None:
    shown: set[tuple[str, streams.VerifyingKey]] = set()
    for seed in range(40):
        world = World(seed)
        wrongdoer = SigningKey.from_bytes(bytes([9] * 32))
        bad, honest = world.add(wrongdoer, misdeed=misdeed), world.add(ALICE)  # type: ignore[arg-type]
        root = Draft.root("example.org/list", policies=[Rule.open_to_all()], nonce=bytes(16)).sign(ALICE)
        stream = world.node(honest).create(root)
        world.node(bad).create(root)
        for number in range(4):
            stream.by(ALICE).append("example.org/list.Added", {"number": number})
            world.sync(honest, bad, [stream.id])
            world.run(120_000)
        shown |= {(proof.code, proof.authors[0]) for proof in (found.verify() for found in stream.evidence())}
        if shown:
            break
    assert shown == {(code, wrongdoer.verifying_key)}


def test_nothing_is_shown_of_who_did_nothing() -> None:
    stream = Node().create(Draft.root("example.org/list").sign(ALICE))
    assert stream.evidence() == []
    known = stream.completeness()
    assert (known.objects, known.by_none, known.peers, known.gaps) == (1, 1, [], [])
