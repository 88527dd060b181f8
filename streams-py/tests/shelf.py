"""A store that is written in Python: the simplest, in memory."""

import os
import threading
from collections.abc import Sequence
from itertools import islice

from streams_core import ObjectId, StoreClosedError, StoreError
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
    NewObject,
    Numbered,
    Record,
    Since,
    Store,
    Verdict,
)


class Shelf(Store):
    """Keeps all in dicts."""

    def __init__(self) -> None:
        self.name = os.urandom(16)
        self.lock = threading.Lock()
        self.objects: dict[ObjectId, dict[ObjectId, tuple[NewObject, Record]]] = {}
        self.finals: dict[ObjectId, int] = {}
        self.drops: dict[ObjectId, list[ObjectId]] = {}
        self.logged: list[Logged] = []
        self.cursors: dict[str, bytes] = {}
        self.counter = 0
        self.closed = False

    def open(self) -> None:
        if self.closed:
            raise StoreClosedError("the shelf was closed", "closed")

    def origin(self) -> bytes:
        self.open()
        return self.name

    def last(self) -> int:
        self.open()
        return len(self.logged)

    def number_of(self, stream: ObjectId) -> int:
        return max((logged.sequence for logged in self.logged if logged.stream == stream), default=0)

    def commit(self, stream: ObjectId, commit: Commit) -> int:
        self.open()
        with self.lock:
            if not (commit.objects or commit.marks or commit.drops):
                return self.number_of(stream)
            if self.number_of(stream) != commit.seen:
                raise StoreError(f"somebody else wrote to {stream}", "conflict")
            kept = self.objects.setdefault(stream, {})

            def log(what: Added | Verdict | Adopted | Copied | FinalizedUpto) -> int:
                self.logged.append(Logged(len(self.logged) + 1, stream, what))
                return len(self.logged)

            for new in commit.objects:
                if new.place.id not in kept:
                    sequence = log(Added(new.place.id, new.author, new.type))
                    kept[new.place.id] = new, Record(sequence, new.place, new.effective, new.adopted_by, new.parts)
            for mark in commit.marks:
                match mark:
                    case Verdict(id, effective):
                        kept[id] = kept[id][0], kept[id][1]._replace(effective=effective)
                        log(mark)
                    case Adopted(id, by):
                        kept[id] = kept[id][0], kept[id][1]._replace(adopted_by=by)
                        log(mark)
                    case Copy(id, parts):
                        kept[id] = kept[id][0], kept[id][1]._replace(parts=parts)
                        log(Copied(id))
                    case Finalized(upto, epochs):
                        self.finals[stream] = upto
                        for id, epoch in epochs:
                            new, record = kept[id]
                            kept[id] = new, record._replace(place=record.place._replace(epoch=epoch))
                        log(FinalizedUpto(upto))
            if commit.drops:
                self.drops[stream] = sorted(commit.drops)
            return self.number_of(stream)

    def get(self, stream: ObjectId, ids: Sequence[ObjectId]) -> Sequence[Record | None]:
        self.open()
        kept = self.objects.get(stream, {})
        return [kept[id][1] if id in kept else None for id in ids]

    def scan(self, stream: ObjectId, scan: After | Before | Since | ByAuthor | ByType, limit: int) -> Sequence[Record]:
        self.open()
        kept = list(self.objects.get(stream, {}).values())
        by_place = sorted((record for _, record in kept), key=lambda record: record.place)
        match scan:
            case After(place):
                found = [record for record in by_place if place is None or record.place > place]
            case Before(place):
                found = [record for record in reversed(by_place) if place is None or record.place < place]
            case Since(above):
                found = [record for _, record in kept if record.sequence > above]
            case ByAuthor(author, above):
                found = [record for new, record in kept if new.author == author and record.sequence > above]
            case ByType(type, above):
                found = [record for new, record in kept if new.type == type and record.sequence > above]
        return found[:limit]

    def head(self, stream: ObjectId) -> Head | None:
        self.open()
        if stream not in self.objects:
            return None
        return Head(self.number_of(stream), len(self.objects[stream]), self.finals.get(stream, 0))

    def leaves(self, stream: ObjectId) -> Sequence[ObjectId]:
        self.open()
        kept = self.objects.get(stream, {})
        return sorted(kept.keys() - {edge for new, _ in kept.values() for edge in new.edges})

    def dropped(self, stream: ObjectId) -> Sequence[ObjectId]:
        self.open()
        return self.drops.get(stream, [])

    def streams(self, after: ObjectId | None, limit: int) -> Sequence[ObjectId]:
        self.open()
        return sorted(id for id in self.objects if after is None or id > after)[:limit]

    def log(self, stream: ObjectId | None, above: int, limit: int) -> Sequence[Logged]:
        self.open()
        behind = islice(self.logged, above, None)
        return list(islice((logged for logged in behind if stream in (None, logged.stream)), limit))

    def cursor(self, name: str) -> bytes | None:
        self.open()
        return self.cursors.get(name)

    def set_cursor(self, name: str, value: bytes) -> None:
        self.open()
        self.cursors[name] = value

    def number(self) -> Numbered:
        self.open()
        self.counter += 1
        return Numbered(self.name, self.counter)

    def close(self) -> None:
        self.open()
        self.closed = True
        self.changed()

