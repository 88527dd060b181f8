"""What a program with types looks like: never run, but checked by mypy and pyright in their strict modes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import streams_core as streams
from streams_core.store import Store


@dataclass
class Added:
    item: str


def write(path: Path, key: streams.SigningKey) -> streams.Stream:
    with streams.Node(path) as node:
        rules = [streams.Rule.allow(["append"], subjects=[key.verifying_key])]
        root = streams.Draft.root("example.org/list", {"title": "x"}, policies=rules, timestamp=datetime.now(UTC))
        stream = node.create(root.sign(key))
        milk: streams.Authentic = stream.by(key).append("example.org/list.Added", Added("milk"))
        answers = stream.ingest([milk, milk.parts, bytearray(milk.parts)])
        for answer in answers:
            match answer:
                case streams.Admitted(then):
                    print(len(then))
                case streams.Pending(missing):
                    print(missing[0].text)
                case streams.StreamsError():
                    print(answer.code, answer.details["fate"])
                case streams.Known():
                    pass
        return stream


def titles(stream: streams.Stream) -> Iterator[str]:
    for entry in stream[1:]:
        if entry.effective and (data := entry.data):
            yield str(data["title"])
    added = stream[-1].object.data_as(Added)
    if added is not None:
        yield added.item
    types: list[str] = []
    yield from stream.replay(types, collect)


def collect(state: list[str], object: streams.Authentic) -> list[str]:
    return [*state, object.type]


def verdict(stream: streams.Stream, id: streams.ObjectId) -> str:
    why = stream.explain(id)
    return f"{why.code} {why.by} {why.set}" if not why else why.sentence


def over(store: Store) -> streams.Node:
    return streams.Node(store)
