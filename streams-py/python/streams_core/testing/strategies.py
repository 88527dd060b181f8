"""Strategies for hypothesis: values, objects, streams, and DAGs in every order of arrival.

    from hypothesis import given
    from streams_core.testing.strategies import dags

    @given(dags())
    def test_every_order_of_arrival_gives_one_order(dag):
        one, other = dag.replica(dag.objects), dag.replica(dag.shuffled)
        assert one.order_digest == other.order_digest
"""

import string
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from .. import Authentic, Draft, Edges, Node, Object, ObjectId, Rule, SigningKey, Stream

__all__ = ["DAG", "dags", "data", "ids", "keys", "names", "objects", "roots", "streams", "types"]


def names() -> st.SearchStrategy[str]:
    """Names of fields: 1 to 12 letters, digits and signs, and rarely others; never `:`, and never `_` in front."""
    plain = st.text(string.ascii_letters + string.digits + "-./", min_size=1, max_size=12)
    others = st.text(st.characters(exclude_categories=["C"], exclude_characters=":"), min_size=1, max_size=8)
    return (plain | others).filter(lambda name: not name.startswith("_"))


def ids() -> st.SearchStrategy[ObjectId]:
    """Ids, of nothing in particular."""
    return st.binary(min_size=32, max_size=32).map(ObjectId.from_bytes)


def keys(count: int = 4) -> st.SearchStrategy[SigningKey]:
    """Signing keys: one of so many, always the same, so that authors meet again."""
    return st.integers(1, count).map(lambda number: SigningKey.from_bytes(bytes([number] * 32)))


def types() -> st.SearchStrategy[str]:
    """Types of an application."""
    return st.sampled_from(["example.org/list.Added", "example.org/list.Removed", "example.org/note"])


def _scalars() -> st.SearchStrategy[Any]:
    return st.one_of(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
        st.integers(-(1 << 63), (1 << 63) - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.booleans(),
        st.binary(max_size=20),
        ids(),
    )


def _lists(items: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(items, min_size=1, max_size=4)


def data(max_leaves: int = 10) -> st.SearchStrategy[dict[str, Any]]:
    """The content of an object: a dict of values that every object may hold, nested, without hints."""
    texts = _lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8))
    leaves = _scalars() | texts | _lists(st.integers(-9, 9)) | _lists(st.binary(max_size=4)) | _lists(st.booleans())

    def deeper(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        maps = st.dictionaries(names(), values, max_size=4)
        return maps | _lists(maps)

    values = st.recursive(leaves, deeper, max_leaves=max_leaves)
    return st.dictionaries(names(), values, max_size=4)


def objects() -> st.SearchStrategy[Object]:
    """Objects that nobody signed: decoded, and no more."""

    def object(data: dict[str, Any]) -> Object:
        return Object.from_dict({"type": "example.org/note", "data": data})

    return data().map(object)


@st.composite
def roots(draw: st.DrawFn, *, open_to_all: bool = True) -> Authentic:
    """Roots of streams, where everyone may append unless you say otherwise."""
    policies = [Rule.open_to_all()] if open_to_all else []
    nonce = draw(st.binary(min_size=16, max_size=16))
    return Draft.root("example.org/list", draw(data(3)), policies=policies, nonce=nonce).sign(draw(keys()))


@dataclass(frozen=True)
class DAG:
    """Objects of one stream, whose edges are a DAG."""

    objects: list[Authentic]
    """All of them, the root first, causes first."""
    shuffled: list[Authentic]
    """The same behind the root, in another order of arrival."""

    @property
    def root(self) -> Authentic:
        """The root."""
        return self.objects[0]

    def replica(self, arrived: list[Authentic] | None = None) -> Stream:
        """A stream in memory that took in these objects in their order; all, where None are given."""
        stream = Node().create(self.root)
        stream.ingest(self.objects if arrived is None else arrived)
        return stream


@st.composite
def dags(draw: st.DrawFn, *, max_size: int = 20, authors: int = 4) -> DAG:
    """Streams as DAGs: several authors, who write at the same time and merge, with an order of arrival. No author forks."""
    root = draw(roots())
    objects = [root]
    latest: dict[SigningKey, Authentic] = {}
    past: dict[ObjectId, frozenset[ObjectId]] = {root.id: frozenset([root.id])}
    generations = {root.id: 0}
    for _ in range(draw(st.integers(0, max_size - 1))):
        key = draw(keys(authors))
        own = latest.get(key)
        # What an author saw contains what it wrote.
        seen = draw(st.lists(st.sampled_from(objects), min_size=1, max_size=3, unique_by=lambda object: object.id))
        cited: set[ObjectId] = {object.id for object in seen}
        if own:
            cited.add(own.id)
        # An ancestor of another parent says nothing more.
        cited = {id for id in cited if not any(id != other and id in past[other] for other in cited)}
        generation = 1 + max(generations[id] for id in cited)
        edges = Edges(root.id, sorted(cited), own.id if own else None, generation)
        object = Draft.event(draw(types()), edges, draw(data(3))).sign(key)
        objects.append(object)
        latest[key] = object
        past[object.id] = frozenset([object.id]).union(*(past[id] for id in cited))
        generations[object.id] = generation
    return DAG(objects, [root, *draw(st.permutations(objects[1:]))])


@st.composite
def streams(draw: st.DrawFn, *, max_size: int = 20, authors: int = 4) -> Stream:
    """Streams in memory, each with a node of its own."""
    return draw(dags(max_size=max_size, authors=authors)).replica()
