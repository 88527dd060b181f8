"""Archives (spec 11): a stream in one file, which proves itself and which any tool for CAR files reads.

>>> alice = SigningKey.generate()
>>> node, other = Node(), Node()
>>> stream = node.create(Draft.root("example.org/list").sign(alice))
>>> milk = stream.by(alice).append("example.org/list.Added", {"item": "milk"})
>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     written = write(stream, f"{folder}/list.car")
...     restored = restore(other, written.path)
>>> restored[stream.id].is_whole, len(other[stream.id])
(True, 2)
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TypeAlias

from ._core import (
    Admitted,
    Archived,
    ArchiveReader,
    ArchiveWriter,
    Authentic,
    Known,
    Manifest,
    Node,
    ObjectId,
    Pending,
    SigningKey,
    Stream,
    VerifyingKey,
    Vouching,
    in_order,
    missing,
)
from ._core import page as _page
from .errors import ArchiveError, StreamsError, UnknownStreamError, UnsoundError

__all__ = [
    "ArchiveReader",
    "ArchiveWriter",
    "Manifest",
    "Read",
    "Restored",
    "Vouching",
    "Written",
    "in_order",
    "manifest",
    "missing",
    "page",
    "read",
    "restore",
    "verify",
    "write",
]

File: TypeAlias = str | os.PathLike[str]

_PIECE = 1 << 20

Read: TypeAlias = Manifest | list[Authentic] | StreamsError
"""What an archive tells while it is read: its manifest, objects that are proven, and what is wrong with it, as values."""


@dataclass(frozen=True)
class Written:
    """An archive that was written: `write`."""

    path: Path
    """The file."""
    manifest: Manifest
    """What is in it."""
    bytes: int
    """How long it is; 0 where nothing was new, and so no file was written."""


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(f"{path.name}.{ending}")


def manifest(path: File) -> Manifest:
    """What an archive says that is in it: its beginning alone is read.

    Raises:
        ArchiveError: it is no archive, or one of a newer format.
    """
    with open(path, "rb") as file:
        return Manifest.of_archive(file.read(512))


def write(
    stream: Stream,
    path: File,
    *,
    after: Iterable[File] = (),
    vouch: SigningKey | None = None,
    progress: Callable[[int], object] | None = None,
) -> Written:
    """Writes a stream into an archive, as it is at this moment; equal streams give equal files. No file is overwritten.

    Beside it stands its index, `NAME.index`, by which `page` reads some of it; it can be thrown away. What is in the
    archives of `after` is left out: name all of them, back to the first; restoring wants all of them again. Who vouches
    signs, in `NAME.vouch`, which file it was, and need not verify the signatures when restoring. `progress` is told how
    many objects are written. Memory does not grow with the archive.

    Raises:
        FileExistsError: the file is there.
        ArchiveError: one of `after` is damaged, or holds what is not here.
        StoreError: the store did not answer; `busy` where others made more of the stream final meanwhile.
    """
    path = Path(path)
    if path.exists():
        raise FileExistsError(f"{path} exists: choose another file, or go on behind it with after=[…]")
    before = _archived(stream, after)
    parts = _beside(path, "part"), _beside(path, "index.part")
    try:
        with ExitStack() as files:
            out, index = (files.enter_context(open(part, "wb")) for part in parts)
            told, seals, length = stream._archive(out, index, before, progress)
            for file in (out, index):
                file.flush()
                os.fsync(file.fileno())
        if length == 0:
            return Written(path, told, 0)
        if vouch is not None:
            _beside(path, "vouch").write_bytes(Vouching.sign(vouch, told.id, seals))
        parts[1].replace(_beside(path, "index"))
        parts[0].replace(path)
    finally:
        for part in parts:
            part.unlink(missing_ok=True)
    return Written(path, told, length)


def _archived(stream: Stream, paths: Iterable[File]) -> Archived | None:
    """What these archives hold."""
    paths = list(paths)
    manifests = [manifest(path) for path in paths]
    own = [(paths[place], manifests[place]) for place in in_order(manifests) if manifests[place].stream == stream.id]
    if not own:
        return None
    archived = Archived(own[-1][1].id)
    for path, _ in own:
        for event in read(path):
            if isinstance(event, StreamsError):
                raise event
            if isinstance(event, list):
                stream._note_archived(archived, [object.id for object in event])
    return archived


def read(source: "File | BinaryIO", *, believe: VerifyingKey | None = None) -> Iterator[Read]:
    """What is in an archive, a file or what `read` gives bytes of: its manifest, lists of objects that are proven, and
    errors, as values, with the `offset` among their details, behind which it goes on. One pass, in bounded memory.

    Every signature is verified; those of an archive beside which stands what `believe` vouched for are not, as long as it
    is what was vouched for.

    >>> def count(path: str) -> int:
    ...     return sum(len(event) for event in read(path) if isinstance(event, list))
    """
    with ExitStack() as files:
        vouching = None
        if isinstance(source, str | os.PathLike):
            if believe is not None and (beside := _beside(Path(source), "vouch")).exists():
                vouching = beside.read_bytes()
            source = files.enter_context(open(source, "rb"))
        reader = ArchiveReader(vouching, by=believe)
        while piece := source.read(_PIECE):
            reader.push(piece)
            while (event := reader.poll()) is not None:
                yield event
        yield from reader.finish()


def verify(path: File) -> list[StreamsError]:
    """What is wrong with an archive, with the `offset` among the details of each; nothing where it is whole. Every hash
    and every signature is checked; no store is needed."""
    return [event for event in read(path) if isinstance(event, StreamsError)]


def page(path: File, start: int, limit: int) -> list[Authentic]:
    """At most `limit` objects of an archive from a place in its order on, without reading the rest: by its index.

    Raises:
        ArchiveError: the archive or its index is damaged.
        FileNotFoundError: there is no index beside it.
    """

    def ranges(file: BinaryIO) -> Callable[[int, int], bytes]:
        def range(start: int, end: int) -> bytes:
            file.seek(start)
            return file.read(max(0, min(end - start, 1 << 40)))

        return range

    with open(path, "rb") as archive, open(_beside(Path(path), "index"), "rb") as index:
        return _page(ranges(archive), ranges(index), start, limit)


@dataclass
class Restored:
    """What became of a stream: `restore`."""

    new: int = 0
    """How many objects were not there before."""
    known: int = 0
    """How many were."""
    rejected: dict[ObjectId, StreamsError] = field(default_factory=dict[ObjectId, StreamsError])
    """What was refused, or is of a newer version, and why."""
    faults: list[tuple[Path, StreamsError]] = field(default_factory=list[tuple[Path, StreamsError]])
    """What is wrong with its archives."""
    gaps: list[ObjectId] = field(default_factory=list[ObjectId])
    """What is cited, and is in none of the archives."""
    is_rootless: bool = False
    """Whether its root is in none of the archives: then nothing of it is restored."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing is damaged, refused, or lacking."""
        return not (self.rejected or self.faults or self.gaps or self.is_rootless)


def restore(node: Node, *paths: File, believe: VerifyingKey | None = None) -> dict[ObjectId, Restored]:
    """Brings back what is in archives, of one stream or of many, in any order, also twice, or damaged: all that can be
    proven comes back, and what is missing is named. What is in the store stays.

    Everything is verified and judged as if a stranger had sent it, but for the signatures of what `believe` vouched for:
    your own key, as a rule.

    Raises:
        ArchiveError: a file is no archive.
        StoreError: the store did not take it.
    """
    files = [Path(path) for path in paths]
    restored: dict[ObjectId, Restored] = {}
    manifests: list[tuple[Path, Manifest | None]] = []
    for path in files:
        try:
            manifests.append((path, manifest(path)))
        except ArchiveError as error:
            if error.code == "newer-format":
                raise
            # Its objects prove themselves without.
            manifests.append((path, None))
    told = [(path, known) for path, known in manifests if known is not None]
    ordered = [told[place][0] for place in in_order([known for _, known in told])]
    ordered += [path for path, known in manifests if known is None]
    # What stood before its causes may have found no room, or no stream; each time, some of it has.
    while True:
        before = sum(stream.new for stream in restored.values())
        for stream in restored.values():
            stream.faults.clear()
            stream.is_rootless = False
        crowded = [path for path in ordered if _restore_one(node, path, believe, restored)]
        if not crowded or sum(stream.new for stream in restored.values()) == before:
            break
    for id, stream in restored.items():
        if (here := node.get(id)) is not None:
            stream.gaps = here.gaps
    return restored


def _restore_one(node: Node, path: Path, believe: VerifyingKey | None, restored: dict[ObjectId, Restored]) -> bool:
    """Restores one archive; whether something of it is to be read again."""
    again = False
    faults: list[StreamsError] = []
    own: Restored | None = None
    for event in read(path, believe=believe):
        if isinstance(event, Manifest):
            own = restored.setdefault(event.stream, Restored())
        elif isinstance(event, StreamsError):
            faults.append(event)
        else:
            by_stream: dict[ObjectId, list[Authentic]] = {}
            for object in event:
                # All are of one, unless the manifest is damaged.
                by_stream.setdefault(object.stream or object.id, []).append(object)
            for id, objects in by_stream.items():
                own = restored.setdefault(id, Restored())
                try:
                    answers = node.restore(id, objects)
                except UnknownStreamError:
                    own.is_rootless = again = True
                    continue
                own.is_rootless = False
                for object, answer in zip(objects, answers, strict=True):
                    again |= _note(own, object.id, answer)
    if own is None and faults:
        raise faults[0]
    if own is not None:
        own.faults += [(path, fault) for fault in faults]
    return again


def _note(stream: Restored, id: ObjectId, answer: Admitted | Known | Pending | StreamsError) -> bool:
    """Takes note of what became of an object; whether it found no room to wait."""
    match answer:
        case Admitted(then):
            stream.new += 1 + len(then)
        case Known():
            stream.known += 1
        case UnsoundError(code="pending-full"):
            return True
        case StreamsError():
            stream.rejected[id] = answer
        case _:
            pass
    return False
