"""The part of `streams_core` that is not written in Python.

Written by `scripts/python generate`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, Literal, NoReturn, TypeVar, final, overload

from typing_extensions import Buffer, disjoint_base

from .errors import RefusedError, StreamsError
from .keep import AnyArchiver, Done, Place, Standing
from .session import Completeness
from .session import Event as SessionEvent
from .types import Answer, AnyStore, DataLike

_S = TypeVar("_S")
_T = TypeVar("_T")

__all__ = ["Admitted", "Answers", "ArchiveReader", "ArchiveWriter", "Archived", "Authentic", "Changed", "Content", "Decision", "Definition", "Dialing", "Draft", "Edges", "Entries", "Entry", "Event", "Evidence", "Feed", "Fold", "FolderArchiver", "HypotheticalRoot", "Keeper", "Known", "Line", "Manifest", "Meeting", "MemoryStore", "Node", "Noise", "Object", "ObjectId", "Pending", "PostgresStore", "Reconcile", "Redacted", "Rule", "Search", "Session", "Shown", "SignatureBatch", "SigningKey", "Simulated", "Snapshot", "SqliteStore", "Stream", "Verdict", "Verified", "VerifyingKey", "Vouching", "World", "Writer", "_Panics", "_panic", "canonical_bytes", "check_block", "codes", "conforms", "conforms_archiver", "decide", "id_of", "in_order", "missing", "oh1", "page", "tie"]

@final
class Admitted:
    """
    An object is admitted, and so are those that waited for it.
    """
    __match_args__ = ('then',)
    """
    What a `match` statement takes apart.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __new__(cls, /, then: Sequence[ObjectId] = ...) -> Admitted: ...
    def __reduce__(self, /) -> tuple[type[Admitted], tuple[list[ObjectId]]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def then(self, /) -> list[ObjectId]:
        """
        The ids of those that waited for it, in the order in which they were admitted.
        """

@final
class Answers:
    """
    What became of many objects, in their order: a sequence of `Admitted`, `Known` and `Pending`, and of the errors by
    which others were dropped, are newer, or refused. The errors are values here; `check()` raises the first of them.
    """
    @overload
    def __getitem__(self, at: int, /) -> Answer: ...
    @overload
    def __getitem__(self, at: slice, /) -> list[Answer]: ...
    def __iter__(self, /) -> Iterator[Answer]: ...
    def __len__(self, /) -> int: ...
    def __repr__(self, /) -> str: ...
    @property
    def admitted(self, /) -> int:
        """
        How many are admitted, those that waited for others with them.
        """
    def check(self, /) -> Answers:
        """
        Raises the first error, if there is one; otherwise gives itself back.

        Raises:
            UnsoundError, NewerError, RefusedError: an object was not taken in.
        """
    @property
    def known(self, /) -> int:
        """
        How many were here already.
        """
    @property
    def pending(self, /) -> int:
        """
        How many wait for others, or did when they came.
        """
    @property
    def rejected(self, /) -> list[tuple[int, StreamsError]]:
        """
        Those that were dropped, are newer, or refused: their places among what was given, and the errors.
        """

@final
class ArchiveReader:
    """
    Reads an archive: pieces of the file in, proven objects out, in one pass. `streams_core.archive.read` opens the file.

    With the bytes of a `vouching`, and `by` the key that is believed, no signature is verified as long as the archive is
    what was vouched for.

    Raises:
        ArchiveError: the vouching is damaged.
    """
    def __new__(cls, /, vouching: Buffer | None = None, *, by: VerifyingKey | None = None) -> ArchiveReader: ...
    def finish(self, /) -> list[Manifest | list[Authentic] | StreamsError]:
        """
        The last that is to be told, when all bytes were given: what is wrong with the file as a whole above all.
        """
    def poll(self, /) -> Manifest | list[Authentic] | StreamsError | None:
        """
        What was read: the `Manifest`, objects that are proven, or an `ArchiveError`, behind which it goes on; None where
        more bytes are needed to tell.
        """
    def push(self, /, piece: Buffer) -> None:
        """
        Takes the next bytes of the file. Poll until there is nothing more before the next are given.
        """

@final
class ArchiveWriter:
    """
    Writes an archive: objects in, and the bytes of the file out. `streams_core.archive.write` writes a stream into a file;
    this is for whoever has objects, and knows their manifest, which is not compared with them here.

    Take what is written now and then: what was not taken is in memory.
    """
    def __new__(cls, /, manifest: Manifest) -> ArchiveWriter: ...
    def finish(self, /) -> list[ObjectId]:
        """
        Ends the archive: take the last of it then. Returns the ids of the seals, for a `Vouching`.
        """
    def push(self, /, object: Authentic) -> None:
        """
        Appends an object, in the order of the stream.

        Raises:
            UnsoundError: it is not signed.
        """
    def take(self, /) -> bytes:
        """
        What was written since the last time.
        """

@final
class Archived:
    """
    Which objects of a stream are in archives that were made before.
    """
    def __new__(cls, /, manifest: ObjectId) -> Archived: ...

@final
class Authentic(Object):
    """
    An object that its author signed, whose header keeps the rules that the object alone can tell. It is proof of both.

    Made by signing, by `Object.authenticate`, and by a stream.

    >>> alice = SigningKey.generate()
    >>> root = Draft.root("example.org/list").sign(alice)
    >>> root.author == alice.verifying_key, root.type, root.role
    (True, 'example.org/list', 'root')
    """
    @property
    def author(self, /) -> VerifyingKey:
        """
        The author.
        """
    @property
    def content(self, /) -> Content:
        """
        What the object says to its stream: its rules, and the data of `streams/` types.

        Raises:
            RefusedError, RuleError: these are not well formed (spec 14.5).

        >>> root = Draft.root("example.org/list", policies=[Rule.open_to_all()]).sign(SigningKey.generate())
        >>> root.content.kind, root.content.rules
        ('application', [Rule('allow', actions=['append', 'read'])])
        """
    @staticmethod
    def decode(parts: Buffer) -> Authentic:
        """
        Decodes parts, and proves who wrote them.

        Raises:
            UnsoundError, NewerError, RefusedError: as `Object.decode` and `Object.authenticate`.
        """
    @staticmethod
    def from_json(text: str) -> Authentic:
        """
        Reads an object from JSON, and proves who wrote it.

        Raises:
            JsonError, UnsoundError, NewerError, RefusedError: as `Object.from_json` and `Object.authenticate`.
        """
    @property
    def generation(self, /) -> int:
        """
        One more than the largest of what it cites; 0 of a root.
        """
    @property
    def has_policies(self, /) -> bool:
        """
        Whether it carries rules.
        """
    @property
    def next(self, /) -> bytes | None:
        """
        32 bytes that name a secret of its author for later; None where there are none.
        """
    @property
    def parents(self, /) -> list[ObjectId]:
        """
        The objects that it follows, ascending.
        """
    @property
    def previous(self, /) -> ObjectId | None:
        """
        The latest object of its author before it.
        """
    @property
    def role(self, /) -> Literal['root', 'hypothetical', 'event']:
        """
        `root`, `hypothetical` (a root that anyone can compute) or `event`.
        """
    @property
    def stream(self, /) -> ObjectId | None:
        """
        The stream; None of a root, which names its stream by its own id.
        """
    @property
    def time(self, /) -> datetime | None:
        """
        The same as a `datetime` in UTC; None where there is none, or none that a `datetime` holds.
        """
    @property
    def timestamp(self, /) -> int | None:
        """
        When the author says that it wrote it, in milliseconds since 1970 UTC. Nothing depends on it.
        """
    @property
    def type(self, /) -> str:
        """
        The type.
        """

@final
class Changed:
    """
    Wakes who waits for changes of a store.
    """
    def notify(self, /) -> None:
        """
        Something is different: whoever waits looks again.
        """

@final
class Content:
    """
    An object by what it does to its stream: `Authentic.content`.

    `kind` is `application`, `policy`, `redact`, `checkpoint`, `adopt` or `subscription`. What a kind has not is empty, or
    None.
    """
    __match_args__ = ('kind',)
    """
    What a `match` statement takes apart.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __repr__(self, /) -> str: ...
    @property
    def count(self, /) -> int | None:
        """
        How many objects a checkpoint counts.
        """
    @property
    def expires(self, /) -> int | None:
        """
        Until when a subscription is, in milliseconds since 1970 UTC.
        """
    @property
    def ids(self, /) -> list[ObjectId]:
        """
        The policy objects that are withdrawn, the maps that are removed, or the objects that are adopted.
        """
    @property
    def kind(self, /) -> str:
        """
        What the object does.
        """
    @property
    def order(self, /) -> bytes | None:
        """
        The digest of the order that a checkpoint makes final.
        """
    @property
    def rules(self, /) -> list[Rule]:
        """
        The rules of a root, or those that a policy object adds.
        """

@final
class Decision:
    """
    The decision on an access.

    >>> decide([Rule.allow(["read"])], "alice", "read", "list.Added")
    Decision('allowed', 0)
    """
    __match_args__ = ('code', 'rule')
    """
    What a `match` statement takes apart.
    """
    def __bool__(self, /) -> bool: ...
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __new__(cls, /, code: Literal['allowed', 'denied', 'no-rule'], rule: int | None = None) -> Decision: ...
    def __reduce__(self, /) -> tuple[type[Decision], tuple[str, int | None]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def code(self, /) -> Literal['allowed', 'denied', 'no-rule']:
        """
        `allowed`, `denied` or `no-rule`.
        """
    @property
    def is_allowed(self, /) -> bool:
        """
        Whether the access is allowed.
        """
    @property
    def rule(self, /) -> int | None:
        """
        The place of the rule that decides, from 0: the first of several.
        """

@final
class Definition:
    """
    A text of the definition language: the objects of streams, and their fields. Spec 13.

    `str(definition)` is its one form, with its comments.

    Raises:
        DefinitionError: something is wrong with the text. The message has a line for each fault; `details` tells `line` and
            `column` of the first.

    >>> text = "stream example.org/list { root object Created { } event Added { text string } }"
    >>> definition = Definition(text)
    >>> definition.check("example.org/list.Added", {"text": "milk"})
    >>> definition.check("example.org/list.Added", {})
    Traceback (most recent call last):
    streams_core.errors.UnlikeError: text is missing, which must be there
    """
    __match_args__ = ('text',)
    """
    What a `match` statement takes apart.
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __new__(cls, /, text: str) -> Definition: ...
    def __reduce__(self, /) -> tuple[type[Definition], tuple[str]]: ...
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def check(self, /, type: str, data: DataLike) -> None:
        """
        Whether the content of an object of a type is as it is defined, with all that is below it. What stands redacted is
        taken for what it should be.

        Raises:
            UnlikeError: it is not; the message says what is missing, too many, or of another hint.
            MisfitError: it is no content of any object.
        """
    def differences(self, /, later: Definition) -> list[tuple[str, bool]]:
        """
        What a later definition has otherwise: for each difference a sentence, and whether what was written still holds.

        >>> old, new = Definition("object a/b.C { }"), Definition("object a/b.C { optional text string }")
        >>> old.differences(new)
        [('a/b.C may have text now', True)]
        """
    def generate(self, /, language: Literal['python', 'rust', 'typescript']) -> str:
        """
        The types of the definition in a programming language, as one file.

        Raises:
            DefinitionError: two names would be one in that language.

        >>> print(Definition("object example.org/tag.Tag { label string }").generate("python"))
        ""\"Written by `streams ndl gen`: change the definition instead.""\"
        <BLANKLINE>
        from __future__ import annotations
        <BLANKLINE>
        from dataclasses import dataclass
        <BLANKLINE>
        <BLANKLINE>
        @dataclass(frozen=True, kw_only=True)
        class Tag:
            ""\"`example.org/tag.Tag`.""\"
        <BLANKLINE>
            TYPE = "example.org/tag.Tag"
        <BLANKLINE>
            label: str
        <BLANKLINE>
        """
    @property
    def text(self, /) -> str:
        """
        The definition in its one form.
        """

@final
class Dialing:
    """
    A link that is being opened: whoever opens it answers once.
    """
    def failed(self, /, code: str, message: str) -> None:
        """
        It cannot be opened.
        """
    def opened(self, /, channel: Buffer, wake: Callable[[], object]) -> Line:
        """
        It is open: what is unique to it, and what is called when there is something to carry.
        """

@final
class Draft:
    """
    An object that is not signed yet.

    >>> alice = SigningKey.generate()
    >>> root = Draft.root("example.org/list", {"title": "Groceries"}, policies=[Rule.open_to_all()]).sign(alice)
    >>> root.data
    {'title': 'Groceries'}
    """
    def __repr__(self, /) -> str: ...
    def encode(self, /, author: VerifyingKey | str) -> Object:
        """
        The object without a signature, for whoever signs its id elsewhere (the domain is `object`).

        Raises:
            UnsoundError: a limit is broken (spec 1.5).
        """
    @staticmethod
    def event(type: str, edges: Edges, data: DataLike | None = None, *, policies: Iterable[Rule | Mapping[str, Any]] = ..., timestamp: int | datetime | None = None, next: Buffer | None = None) -> Draft:
        """
        An event, which follows others in its stream.
        """
    @staticmethod
    def root(type: str, data: DataLike | None = None, *, policies: Iterable[Rule | Mapping[str, Any]] = ..., timestamp: int | datetime | None = None, next: Buffer | None = None, nonce: Buffer | None = None) -> Draft:
        """
        A root, which begins a stream. Without a `nonce` of 16 bytes it gets a fresh one, so no two are alike.
        """
    def sign(self, /, key: SigningKey) -> Authentic:
        """
        Signs it.

        Raises:
            UnsoundError: a limit is broken (spec 1.5).
            RefusedError: a rule of the header is broken (spec 4.1).
        """

@final
class Edges:
    """
    Where an event stands in its stream: what `Stream.edges` computes, and whoever keeps a graph elsewhere.
    """
    __match_args__ = ('stream', 'parents', 'previous', 'generation')
    """
    What a `match` statement takes apart.
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __new__(cls, /, stream: ObjectId | str, parents: Sequence[ObjectId | str], previous: ObjectId | str | None, generation: int) -> Edges: ...
    def __reduce__(self, /) -> tuple[type[Edges], tuple[ObjectId, list[ObjectId], ObjectId | None, int]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def generation(self, /) -> int:
        """
        One more than the largest of what is cited.
        """
    @property
    def parents(self, /) -> list[ObjectId]:
        """
        The objects to follow: 1 to 16.
        """
    @property
    def previous(self, /) -> ObjectId | None:
        """
        The latest object of the author.
        """
    @property
    def stream(self, /) -> ObjectId:
        """
        The stream.
        """

@final
class Entries:
    """
    Reads the entries of a stream one after the other: `Stream.entries`.

    Where the stream is open in memory it is read there; otherwise from the store, some objects at a time. Objects that
    arrive meanwhile are seen where they stand behind the last one that was read.
    """
    def __iter__(self, /) -> Entries: ...
    def __next__(self, /) -> Entry: ...
    @property
    def cursor(self, /) -> bytes | None:
        """
        Behind the last entry that was read: `Stream.entries(after=cursor)` goes on from there, in another process too.
        None before the first.
        """

@final
class Entry:
    """
    An object at its place in the order of its stream.

    `position` is its place from 0 as counted when it was read, None where it was not counted; `sequence` its number in
    the store, None where the store was not asked.
    """
    __match_args__ = ('position', 'effective', 'object')
    """
    What a `match` statement takes apart.
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __new__(cls, /, position: int | None, effective: bool, object: Authentic, *, adopted_by: ObjectId | None = None, sequence: int | None = None) -> Entry: ...
    def __reduce__(self, /) -> tuple[Callable[..., Entry], tuple[Any, ...]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def adopted_by(self, /) -> ObjectId | None:
        """
        The object that adopts it, where it is void and adopted (spec 8.10).
        """
    @property
    def author(self, /) -> VerifyingKey:
        """
        The author of the object.
        """
    @property
    def data(self, /) -> dict[str, Any] | None:
        """
        The content of the object as a dict, without hints; None where there is none.
        """
    @property
    def effective(self, /) -> bool:
        """
        Whether its author may write it. What is void stays in the stream, and is not replayed.
        """
    @property
    def id(self, /) -> ObjectId:
        """
        The id of the object.
        """
    @property
    def object(self, /) -> Authentic:
        """
        The object.
        """
    @property
    def position(self, /) -> int | None:
        """
        Its place in the order, from 0; None where it was not counted.
        """
    @property
    def sequence(self, /) -> int | None:
        """
        Its number in the store's sequence of changes; None where the store was not asked.
        """
    @property
    def type(self, /) -> str:
        """
        The type of the object.
        """

@final
class Event:
    """
    What a feed tells. `kind` says what happened:

    - `reset`: the cursor does not fit, for the `reason` given, and all comes again from the beginning;
    - `caught-up`: all that was here when it was asked was told; it comes once;
    - `added`: the `entry` is here;
    - `voided`, `restored`, `adopted` (`by` another), `released`: the `entry` became so;
    - `copied`: maps of the `entry` were dropped, or came back;
    - `finalized`: the first `upto` objects of the stream are final.

    What the kind has not is None.

    >>> alice = SigningKey.generate()
    >>> node = Node()
    >>> stream = node.create(Draft.root("example.org/list").sign(alice))
    >>> match node.watch().next():
    ...     case Event("added", stream, entry):
    ...         print(entry.type)
    example.org/list
    """
    __match_args__ = ('kind', 'stream', 'entry')
    """
    What a `match` statement takes apart.
    """
    def __repr__(self, /) -> str: ...
    @property
    def by(self, /) -> ObjectId | None:
        """
        The adopting object.
        """
    @property
    def entry(self, /) -> Entry | None:
        """
        The object, as it is when it is read; its position is not counted.
        """
    @property
    def kind(self, /) -> str:
        """
        What happened.
        """
    @property
    def reason(self, /) -> str | None:
        """
        Why the cursor does not fit: `other-store`, `other-filter` or `ahead`.
        """
    @property
    def stream(self, /) -> ObjectId | None:
        """
        The stream.
        """
    @property
    def upto(self, /) -> int | None:
        """
        How many objects are final.
        """

@final
class Evidence:
    """
    Proof of what an author or a peer did, for somebody who trusts nobody and was not there: a file that holds all that its
    check needs. It shows what was signed, not why: two devices with one key fork in all innocence. Spec 10.4.

    >>> alice = SigningKey.generate()
    >>> here = Node().create(Draft.root("example.org/list").sign(alice))
    >>> there = Node().create(here.root)
    >>> for number, stream in enumerate([here, there]):  # one key on two devices
    ...     added = stream.by(alice).append("example.org/list.Added", {"number": number})
    >>> here.ingest(entry.object for entry in there).rejected
    []
    >>> [evidence] = here.evidence()
    >>> shown = Evidence.decode(evidence.encode()).verify()
    >>> shown.code, shown.authors == [alice.verifying_key]
    ('fork', True)
    """
    def __bytes__(self, /) -> bytes: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __reduce__(self, /) -> tuple[Callable[[Buffer], Evidence], tuple[bytes]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def code(self, /) -> str:
        """
        What it is to show: `fork`, `checkpoints`, `contradiction` or `broken-promise`.
        """
    @staticmethod
    def decode(file: Buffer) -> Evidence:
        """
        From a file. It shows nothing before it is verified.

        Raises:
            EvidenceError: the bytes are no evidence.
        """
    def encode(self, /) -> bytes:
        """
        As a file.
        """
    def verify(self, /) -> Shown:
        """
        What it shows, checked by itself alone.

        Raises:
            EvidenceError: it shows nothing; `code` tells why.
        """

@final
class Feed:
    """
    Reads the changes of a store, one after the other: `Node.watch`, `Stream.watch`.

    Iterating waits for the next change, for ever; Ctrl-C ends it. `next` waits as long as you say. Keep the cursor with
    what you made of the events: after a crash you go on from there, and see none twice.
    """
    def __iter__(self, /) -> Feed: ...
    def __next__(self, /) -> Event: ...
    @property
    def cursor(self, /) -> bytes:
        """
        Where the reader is, 56 bytes: behind the last event that it was given. `watch(since=cursor)` goes on from there.
        """
    def next(self, /, timeout: float | None = None) -> Event | None:
        """
        The next event; None where there is none within `timeout` seconds. None as a timeout waits for ever, 0 not at all.

        Raises:
            StoreError: the store did not answer, or was closed.
        """

@final
class Fold:
    """
    A state that is kept up to date: `Stream.fold`.

    `update()` reads what is new, and where a late object comes, or a verdict changes, what stands behind it and some
    objects before: earlier states are kept to begin from, as many as the length of the stream has digits, about. They are
    copied by `copy` (`copy.deepcopy` unless you say otherwise; give `lambda state: state` where states are never changed in
    place). What `apply` changes in place is `state` itself: threads that share a fold copy what they go on to use.

    >>> alice = SigningKey.generate()
    >>> stream = Node().create(Draft.root("example.org/list").sign(alice))
    >>> count = stream.fold(0, lambda count, object: count + 1)
    >>> milk = stream.by(alice).append("example.org/list.Added", {"item": "milk"})
    >>> final = stream.by(alice).checkpoint()
    >>> count.state, count.update(), count.snapshot
    (1, 3, <Snapshot of 3 objects>)
    """
    @property
    def snapshot(self, /) -> Snapshot:
        """
        The state behind the final part, to begin with the next time.
        """
    @property
    def state(self, /) -> Any:
        """
        The state as of the last update; None where that failed.
        """
    def update(self, /) -> Any:
        """
        Takes in what is different since the last time, and returns the state of now.
        """

@final
class FolderArchiver:
    """
    An archiver in a folder of this machine: a pack is the file `STREAM/PACK-KEY.car` in it, and nothing else is needed
    to restore.

    Raises:
        ArchiverError: the folder cannot be used.
    """
    def __new__(cls, /, path: str | PathLike[str]) -> FolderArchiver: ...
    def __repr__(self, /) -> str: ...
    @property
    def id(self, /) -> str:
        """
        Its name, which stands in receipts.
        """
    @property
    def path(self, /) -> Path:
        """
        The folder.
        """

@final
class HypotheticalRoot:
    """
    The root of the one stream that has this type and this author, computed by anyone. Spec 5.

    Raises:
        RefusedError: the type is none that a root may have.

    >>> alice = SigningKey.generate().verifying_key
    >>> HypotheticalRoot("example.org/profile", alice).id == HypotheticalRoot("example.org/profile", alice).id
    True
    """
    __match_args__ = ('type', 'author')
    """
    What a `match` statement takes apart.
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __new__(cls, /, type: str, author: VerifyingKey | str) -> HypotheticalRoot: ...
    def __reduce__(self, /) -> tuple[type[HypotheticalRoot], tuple[str, VerifyingKey]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def authentic(self, /) -> Authentic:
        """
        The root as an object. It is never signed.
        """
    @property
    def author(self, /) -> VerifyingKey:
        """
        The author.
        """
    @property
    def id(self, /) -> ObjectId:
        """
        The id of the stream.
        """
    @property
    def type(self, /) -> str:
        """
        The type.
        """

@final
class Keeper:
    """
    Keeps copies of streams, in folders, and by archivers that are written in Python.

    It makes packs, which are archives that continue each other, hands them to the archivers, watches the deals, replaces
    what is lost, and writes receipts into the streams, signed by `key`. It may be killed at any moment, and goes on from
    what is in the store. One keeper for a key and a store runs at a time. `shelf` is the folder where packs wait until
    enough copies are elsewhere; without one they wait in memory. Spec 11.2.

    Raises:
        ArchiverError: the shelf cannot be used, or another process uses it.

    >>> from streams_core.keep import FolderArchiver, Keeper, Place
    >>> import tempfile
    >>> alice, node = SigningKey.generate(), Node()
    >>> stream = node.create(Draft.root("example.org/list").sign(alice))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     attic = FolderArchiver(folder)
    ...     keeper = Keeper(node, alice, [attic])
    ...     keeper.want(stream.id, [Place(attic.id)])
    ...     due = keeper.run()
    ...     keeper.is_settled, [deal.state for pack in keeper.standing()[0].packs for deal in pack.deals]
    (True, ['active', 'active'])
    """
    def __new__(cls, /, node: Node, key: SigningKey, archivers: Iterable[AnyArchiver], *, shelf: str | PathLike[str] | None = None) -> Keeper: ...
    def audit(self, /) -> None:
        """
        Has all bytes read back anew, of whatever is wanted to be audited.
        """
    @property
    def is_settled(self, /) -> bool:
        """
        Whether everything is as desired: all that is in the streams is in packs, and every pack has the copies that are
        wanted, of which its stream was told.
        """
    def retry(self, /) -> None:
        """
        Tries everything again that waits for its time, or for somebody; a submission that may have arrived twice is given
        up, and made anew.
        """
    def run(self, /, *, tell: Callable[[Done], object] | None = None) -> int | None:
        """
        Does what is to be done now, and what follows from it, until nothing is. Returns when there will be something again,
        in milliseconds since 1970 UTC; None where everything waits for somebody. `tell` hears of each step that is done, as
        a `Done`. Where it is stopped, nothing that was done is lost.

        Raises:
            KeepError: what was kept before cannot be read.
            StoreError, ArchiverError: the store, or the shelf, did not answer.
        """
    def standing(self, /) -> list[Standing]:
        """
        How every stream stands, as is known here.
        """
    def want(self, /, stream: ObjectId | str, places: Iterable[Place], *, interval: int = 3600000, renew_before: int = 604800000, repair: bool = True, pack_size: int = 0, pack_age: int = 0, patience: int = 259200000, audit: int | None = None) -> None:
        """
        What is wanted for a stream from now on: in which places how many copies are, and in milliseconds how often the
        stream and the deals are looked at, how long before its end a deal is renewed, how old what is in no pack yet may
        become, for how long a deal may stand still, and how often all bytes are read back (never, where `audit` is None).
        A pack is made when `pack_size` bytes wait for it. What is known of the copies is read from the store.

        Raises:
            KeepError: no archiver has this name, or cannot do that.
            UnknownStreamError: nothing of the stream is here.
        """

@final
class Known:
    """
    An object was here already. Maps that stood redacted, and that this copy has, were kept.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __new__(cls, /) -> Known: ...
    def __reduce__(self, /) -> tuple[type[Known], tuple[()]]: ...
    def __repr__(self, /) -> str: ...

@final
class Line:
    """
    The other end of it, which Python has: it carries frames between this and a connection.
    """
    def end(self, /) -> None:
        """
        Tells that the peer closed the link in order, or that one wants to leave.
        """
    def fail(self, /, code: str, message: str) -> None:
        """
        Tells that the link broke, and how.
        """
    def frame(self, /) -> bytes | None:
        """
        The next frame to be sent; None where there is none now.
        """
    @property
    def is_said(self, /) -> bool:
        """
        Whether nothing more is to be sent, and the link may be closed.
        """
    def receive(self, /, frame: Buffer) -> bool:
        """
        Gives a frame that came to the session; False where it has to wait until there is room.
        """

@final
class Manifest:
    """
    What is in an archive. Equal streams have equal manifests. Spec 11.1.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __reduce__(self, /) -> tuple[Callable[[Buffer], Manifest], tuple[bytes]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def count(self, /) -> int:
        """
        How many objects are in the file.
        """
    @staticmethod
    def decode(block: Buffer) -> Manifest:
        """
        The manifest of a block.

        Raises:
            ArchiveError: it is none, or one of a newer format.
        """
    def encode(self, /) -> bytes:
        """
        The block.
        """
    @property
    def frontier(self, /) -> bytes:
        """
        The frontier of the stream as it is with these objects, and with those of the archives before it: 32 bytes.
        """
    @property
    def id(self, /) -> ObjectId:
        """
        The id of the block, which names what is archived.
        """
    @staticmethod
    def of_archive(beginning: Buffer) -> Manifest:
        """
        The manifest at the beginning of an archive, of which these are the first bytes: 512 are enough.

        Raises:
            ArchiveError: it is no archive, or one of a newer format.
        """
    @property
    def order(self, /) -> bytes:
        """
        BLAKE3 over the ids of the objects in the file, in their order: 32 bytes.
        """
    @property
    def previous(self, /) -> ObjectId | None:
        """
        The manifest of the archive that this one continues.
        """
    @property
    def stream(self, /) -> ObjectId:
        """
        The stream.
        """

@final
class Meeting:
    """
    A node meets a peer, on a thread of its own; `streams_core.aio` carries the frames.
    """
    def __new__(cls, /, node: Node, key: SigningKey, side: Literal['opener', 'answerer'], what: str, wake: Callable[[], object], *, channel: Buffer, streams: Sequence[ObjectId | str] | None = None, expires: int = 0, note: str = "", takes_unknown: bool = False, promises: int | None = None, address: str | None = None) -> Meeting:
        """
        Begins. `what` is `sync`, `follow`, `serve` or `plead`; `wake` is called, from any thread, when there is something
        to look at.
        """
    def abort(self, /) -> None:
        """
        Ends it at once.
        """
    @property
    def line(self, /) -> Line:
        """
        Where its frames come and go.
        """
    @property
    def lost(self, /) -> int:
        """
        How many events were lost since nobody read them.
        """
    def result(self, /) -> VerifyingKey | None:
        """
        Who the peer was; None while it goes on.
        """
    def told(self, /) -> tuple[list[SessionEvent], bool]:
        """
        What was told since the last time, and whether it is over: then that was all.
        """

@final
class MemoryStore:
    """
    Keeps all in memory: gone with it.

    >>> with Node(MemoryStore()) as node:
    ...     len(node)
    0
    """
    def __new__(cls, /) -> MemoryStore: ...
    def __repr__(self, /) -> str: ...

@final
class Node:
    """
    The streams of a store.

    Without an argument they are in memory, and gone with the node. A path is an SQLite file, which is made where there is
    none; a `postgres://` address a PostgreSQL database; or it is a store that you opened, or wrote yourself
    (`streams_core.store.Store`). The node closes it. Threads may share a node; processes may not.

    With a `definition`, its streams are held to it: `"own"` objects, which are written here, or `"all"` that arrive, of which
    those that do not fit are not admitted by this node. Streams that it does not define are free. Spec 13.2.

    Raises:
        StoreError: the store cannot be opened.

    >>> alice = SigningKey.generate()
    >>> with Node() as node:
    ...     stream = node.create(Draft.root("example.org/list").sign(alice))
    ...     added = stream.by(alice).append("example.org/list.Added", {"item": "milk"})
    ...     [entry.data for entry in stream]
    [None, {'item': 'milk'}]
    """
    def __contains__(self, stream: object, /) -> bool: ...
    def __enter__(self, /) -> Node: ...
    def __exit__(self, kind: object, error: object, traceback: object, /) -> None: ...
    def __getitem__(self, stream: ObjectId | str, /) -> Stream: ...
    def __iter__(self, /) -> Iterator[ObjectId]: ...
    def __len__(self, /) -> int: ...
    def __new__(cls, /, store: AnyStore | str | PathLike[str] | None = None, *, definition: Definition | None = None, hold: Literal['own', 'all'] = "own") -> Node: ...
    def __repr__(self, /) -> str: ...
    def _last(self, /) -> int:
        """
        The number of the last change of the store.
        """
    def _when_changed(self, /, above: int, wake: Callable[[], object]) -> None:
        """
        Calls `wake` once the store has a change above this number: from another thread, and at once where it has one.
        """
    def close(self, /) -> None:
        """
        Closes the store: what follows raises StoreClosedError. What was answered is durable. To close it twice is no
        error.
        """
    def create(self, /, root: Authentic | HypotheticalRoot) -> Stream:
        """
        Begins a stream with its root. One that is here stays as it is.

        Raises:
            OpenError: the object is no root.
            RuleError: its rules are not well formed.
            StoreError: the store did not take it.
        """
    def cursor(self, /, name: str) -> bytes | None:
        """
        What was kept in the store under a name, as where a reader of the feed is; None where nothing was.
        """
    def get(self, /, stream: ObjectId | str) -> Stream | None:
        """
        A stream; None where nothing of it is here. `node[id]` raises UnknownStreamError instead.
        """
    def peers(self, /) -> list[tuple[VerifyingKey, str | None, datetime]]:
        """
        The peers that this node met, the latest first: their keys, where they were met (None where they came by
        themselves), and when.
        """
    def restore(self, /, stream: ObjectId | str, objects: Sequence[Authentic]) -> Answers:
        """
        Takes in objects that an archive gave, of one stream, which is begun where its root is among them. Returns what
        became of each, in their order; what is admitted is durable when this returns. Files are restored by
        `streams_core.archive.restore`.

        Raises:
            UnknownStreamError: nothing of the stream is here, and its root is not among them.
        """
    def set_cursor(self, /, name: str, value: Buffer) -> None:
        """
        Keeps something in the store under a name; durable when it returns.
        """
    @property
    def store(self, /) -> AnyStore:
        """
        The store.
        """
    def streams(self, /) -> list[ObjectId]:
        """
        The ids of all streams, ascending.

        Raises:
            StoreError: the store did not answer.
        """
    def verify(self, /, stream: ObjectId | str, *, progress: Callable[[int], object] | None = None) -> Verified:
        """
        Reads a whole stream from the store, hashes every object, verifies every signature, judges all anew, and
        compares. `progress` is told how many objects were read. Returns what was found.

        Raises:
            UnknownStreamError: nothing of it is here.
            StoreError: the store did not answer, or others write to it all the time.
        """
    def watch(self, /, *, streams: Iterable[ObjectId | str] = ..., stream_types: Iterable[str] = ..., types: Iterable[str] = ..., authors: Iterable[VerifyingKey | str] = ..., since: Buffer | None = None) -> Feed:
        """
        Reads what is here, and then what becomes different, from a cursor on or from the beginning; of all streams, or of
        those given, of streams of these types, of objects of these types and authors. A type that ends in `*` is the
        beginning of many. Streams that appear later, and match, join by themselves.

        Raises:
            CursorError: the cursor is none. One that does not fit is told as an event of kind `reset`.
        """

@final
class Noise:
    """
    One end of a link under Noise: bytes of a connection in, frames out, and back.
    """
    def __new__(cls, /, side: Literal['opener', 'answerer']) -> Noise: ...
    @property
    def channel(self, /) -> bytes:
        """
        The hash of the handshake.
        """
    def end(self, /) -> bytes:
        """
        The end as it is sent.
        """
    @property
    def is_open(self, /) -> bool:
        """
        Whether the handshake is done.
        """
    def poll(self, /) -> bytes | Literal[True] | None:
        """
        The next frame; True where the peer said that nothing follows, and None where more bytes are needed.

        Raises:
            TransportError: what came is not the peer's, or breaks a rule of the link.
        """
    def receive(self, /, came: Buffer) -> None:
        """
        Takes in what came.

        Raises:
            TransportError: it is no handshake.
        """
    def seal(self, /, frame: Buffer) -> bytes:
        """
        A frame as it is sent.

        Raises:
            TransportError: it is too long, or the link is not open.
        """
    def to_send(self, /) -> bytes:
        """
        What of the handshake is to be sent, since the last time.
        """

@disjoint_base
class Object:
    """
    An object: canonical, within the limits, each map hashing to the reference at its place. Nothing is said yet about
    who wrote it: `Authentic` proves that.

    Two objects are equal where their parts are: the same object may stand redacted in one copy and whole in another.

    >>> milk = Object.from_dict({"type": "example.org/list.Added", "data": {"item": "milk", "count:u": 2}})
    >>> milk.data
    {'count': 2, 'item': 'milk'}
    >>> milk.to_dict(hints=True)["data:m"]
    {'count:u': 2, 'item:s': 'milk'}
    >>> Object.decode(milk.parts) == milk == eval(repr(milk))
    True
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __reduce__(self, /) -> tuple[Callable[[bytes], Object], tuple[bytes]]: ...
    def __repr__(self, /) -> str: ...
    def authenticate(self, /) -> Authentic:
        """
        Proves who wrote it, and that its header keeps the rules that the object alone can tell. Spec 4, 6.

        Raises:
            UnsoundError: the signature is missing, or not the author's.
            NewerError: the object is of a later version.
            RefusedError: the header breaks a rule.
        """
    @property
    def block(self, /) -> bytes:
        """
        The block: the canonical bytes that the id is the hash of.
        """
    @property
    def data(self, /) -> dict[str, Any] | None:
        """
        The application's content as a dict, without hints; None where there is none, or where it stands redacted.
        """
    def data_as(self, /, cls: type[_T]) -> _T | None:
        """
        The content as an instance of a dataclass, of a pydantic model, or of what else takes its names as keywords; None
        where there is none.

        >>> from dataclasses import dataclass
        >>> @dataclass
        ... class Added:
        ...     item: str
        >>> Object.from_dict({"data": Added("milk")}).data_as(Added)
        Added(item='milk')
        """
    @staticmethod
    def decode(parts: Buffer) -> Object:
        """
        Decodes parts: the canonical list of a block, a signature and map blocks, as objects travel (spec 2.3).

        Raises:
            UnsoundError: a rule of spec 14.2 is broken; `code` tells which.
        """
    @property
    def edges(self, /) -> list[ObjectId]:
        """
        What the object says that it cites: its parents, and its previous where that is not among them.
        """
    @staticmethod
    def from_dict(data: DataLike) -> Object:
        """
        Writes a dict (or a dataclass, or a pydantic model) as an object. A key may carry its hint, as in `tags:as`;
        where it does not, the type of the value tells it: `int` is `i`, `str` `s`, `float` `f`, `bool` `b`, bytes `d`,
        `ObjectId` `r`, a dict `m`, a list `a` and the hint of its elements. `None` is left out.

        Raises:
            MisfitError: a value does not fit; its subclasses tell more, `details["path"]` tells which.
            UnsoundError: a limit is broken (spec 1.5).
        """
    @staticmethod
    def from_json(text: str) -> Object:
        """
        Reads an object from JSON, with the hints in its keys (spec 2.2). `_signature:d` is the signature, which is not
        verified here; other notes are left out.

        Raises:
            JsonError: this is no object; `details` tells the `path` to the value, the `line` and the `column`.

        >>> Object.from_json('{"type:s": "list.Added"}').id
        ObjectId('bafyr4ifjohnr3njisap7scqsxib2t53jmnikmnj57jw423rl2a6rymsbke')
        """
    @property
    def id(self, /) -> ObjectId:
        """
        The id: the same in every form that the object may have, signed or not, whole or redacted.
        """
    @property
    def is_redacted(self, /) -> bool:
        """
        Whether a map of it stands redacted.
        """
    @property
    def maps(self, /) -> list[bytes]:
        """
        The blocks of the maps that are here, depth first.
        """
    @property
    def parts(self, /) -> bytes:
        """
        The parts, as they travel and are stored.
        """
    def redact(self, /, map: ObjectId | str) -> Object:
        """
        The object without this map, wherever it stands, and without what is below it. Id and signature hold. Spec 3.3.

        Raises:
            UnknownMapError: no such map is here.
            RedactError: rules, and the data of `streams/` types, are never redacted.
        """
    @property
    def redacted_maps(self, /) -> list[ObjectId]:
        """
        The maps that stand redacted.
        """
    def restore(self, /, maps: Sequence[Buffer]) -> Object:
        """
        The object with these map blocks put back where they stand redacted. What fits nowhere changes nothing. Spec 3.3.
        """
    @property
    def signature(self, /) -> bytes | None:
        """
        The signature: 64 bytes, or None.
        """
    def to_dict(self, /, *, hints: bool = False) -> dict[str, Any]:
        """
        The whole object as a dict, without its signature. With `hints`, its keys carry them, so that `from_dict` gives
        the same object again.

        Raises:
            NewerError: the object refers to a kind of id that this version does not know.
        """
    def to_json(self, /, *, pretty: bool = False) -> str:
        """
        The object as JSON, with its signature: on one line, or with `pretty` over many.

        Raises:
            NewerError: the object refers to a kind of id that this version does not know.
        """
    def with_signature(self, /, signature: Buffer) -> Object:
        """
        The same object with this signature of 64 bytes, whether or not it is valid.

        Raises:
            LengthError: these are not 64 bytes.
        """

@final
class ObjectId:
    """
    The name of a map, of an object, of a stream (by its root): the BLAKE3-256 digest of its canonical block.

    As text it is a CIDv1 in base32: 59 characters that begin with `bafyr4i`. Ids are equal, hashed and ordered by their
    32 bytes. Spec 3.2.

    Raises:
        IdError: the text is no id, or not in its one spelling.

    >>> id = ObjectId.of_block(b"\\xa0")  # the empty map
    >>> ObjectId(str(id)) == id
    True
    >>> len(bytes(id)), len(str(id))
    (32, 59)
    """
    __match_args__ = ('text',)
    """
    What a `match` statement takes apart: `case ObjectId(text)`.
    """
    def __bytes__(self, /) -> bytes: ...
    def __eq__(self, value: object, /) -> bool: ...
    def __ge__(self, value: object, /) -> bool: ...
    def __gt__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __le__(self, value: object, /) -> bool: ...
    def __lt__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __new__(cls, /, text: str) -> ObjectId: ...
    def __reduce__(self, /) -> tuple[type[ObjectId], tuple[str]]: ...
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    @property
    def cid(self, /) -> bytes:
        """
        The bytes of the CIDv1: four bytes of prefix, and the digest.
        """
    @property
    def digest(self, /) -> bytes:
        """
        The digest: 32 bytes.
        """
    @staticmethod
    def from_bytes(digest: Buffer) -> ObjectId:
        """
        The id with this digest of 32 bytes.

        Raises:
            LengthError: these are not 32 bytes.
        """
    @staticmethod
    def of_block(block: Buffer) -> ObjectId:
        """
        The id of the map whose block has these canonical bytes.
        """
    @property
    def text(self, /) -> str:
        """
        The text: 59 characters that begin with `bafyr4i`.
        """

@final
class Pending:
    """
    An object waits for others.
    """
    __match_args__ = ('missing',)
    """
    What a `match` statement takes apart.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __new__(cls, /, missing: Sequence[ObjectId]) -> Pending: ...
    def __reduce__(self, /) -> tuple[type[Pending], tuple[list[ObjectId]]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def missing(self, /) -> list[ObjectId]:
        """
        All that it cites and that is not admitted, ascending; some of them may wait themselves.
        """

@final
class PostgresStore:
    """
    A PostgreSQL database, for many nodes at once.

    `address` is `postgres://user:password@host/database`; `schema` names the schema of the tables, `connections` how many
    are opened at most.

    Raises:
        StoreError: the server does not answer, or the database is of a newer version.
    """
    def __new__(cls, /, address: str, *, schema: str | None = None, connections: int | None = None) -> PostgresStore: ...
    def __repr__(self, /) -> str: ...
    def restored(self, /) -> None:
        """
        To be called where the database was restored from an older copy, before anything else: cursors of its feed then
        begin anew.
        """

@final
class Reconcile:
    """
    One side of a run by which two find what one of them lacks, at a cost that grows with the difference and the logarithm
    of what both have. A session does this by itself; here it is for whoever reconciles something else.

    `keys` are of 40 bytes each, in any order: of an object its generation and its id. `secret` is 32 bytes, the same on
    both sides and unknown before the session. Spec 10.2.1.

    >>> from streams_core.session import Reconcile
    >>> key = lambda number: number.to_bytes(40)
    >>> one = Reconcile(bytes(32), [key(n) for n in range(1000)])
    >>> other = Reconcile(bytes(32), [key(n) for n in range(1000) if n != 7])
    >>> sides, message, is_last = [other, one], one.begin(), False
    >>> while not is_last:  # the last is not answered
    ...     message, is_last = sides[0].answer(message)
    ...     sides.reverse()
    >>> other.answer(message), other.found == [key(7)], one.found
    (None, True, [])
    """
    def __new__(cls, /, secret: Buffer, keys: Sequence[Buffer]) -> Reconcile: ...
    def __repr__(self, /) -> str: ...
    def answer(self, /, message: Buffer) -> tuple[bytes, bool] | None:
        """
        Takes in a message of the other side, and returns what is to be said, and whether the other side does not answer
        that any more; None where the run is over.

        Raises:
            RangesError: the message is malformed, or the run does not come to an end.
        """
    def begin(self, /) -> bytes:
        """
        The first message of a run.
        """
    @property
    def found(self, /) -> list[bytes]:
        """
        What the other side has and this one has not, ascending, as far as it was found: at most 65,536 keys in a run.
        """

@final
class Redacted:
    """
    A map that stands redacted (spec 3.3): its id is known, and what was in it is not.

    It stands in dicts in the place of the map, both when they are read and when they are written.

    >>> id = ObjectId.of_block(b"\\xa0")
    >>> Redacted(id) == Redacted(id)
    True
    """
    __match_args__ = ('id',)
    """
    What a `match` statement takes apart: `case Redacted(id)`.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __new__(cls, /, id: ObjectId) -> Redacted: ...
    def __reduce__(self, /) -> tuple[type[Redacted], tuple[ObjectId]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def id(self, /) -> ObjectId:
        """
        The id of the map.
        """

@final
class Rule:
    """
    A rule of a policy: whom it concerns, what they do, with which types, and whether that is allowed or denied.

    A list that is None matches everything, and so does one that holds `*`. Resources are types, or beginnings of types
    that end in `*`. Spec 8.1.

    Raises:
        RuleError: the effect is unknown. The other rules of spec 8.1 are checked by `check`, and where the rule is
            written.

    >>> bob = SigningKey.generate().verifying_key
    >>> Rule.invite(bob) == Rule("allow", actions=["append", "read"], subjects=[bob])
    True
    >>> Rule.allow(["append"], resources=["example.org/list.*"])
    Rule('allow', actions=['append'], resources=['example.org/list.*'])
    """
    __match_args__ = ('effect', 'actions', 'subjects', 'resources')
    """
    What a `match` statement takes apart.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __new__(cls, /, effect: Literal['allow', 'deny'], *, actions: Sequence[str] | None = None, subjects: Sequence[VerifyingKey | str] | None = None, resources: Sequence[str] | None = None) -> Rule: ...
    def __reduce__(self, /) -> tuple[Callable[..., Rule], tuple[Any, ...]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def actions(self, /) -> list[str] | None:
        """
        The actions; None is every action.
        """
    @staticmethod
    def allow(actions: Sequence[str], *, subjects: Sequence[VerifyingKey | str] | None = None, resources: Sequence[str] | None = None) -> Rule:
        """
        Allows these actions: `read`, `append`, `govern`, `checkpoint`.
        """
    def check(self, /, *, in_root: bool = False) -> None:
        """
        Checks that the rule is well formed; `checkpoint` stands in the policies of a root only. Spec 8.1.

        Raises:
            RuleError: it is not; `code` tells why.
        """
    @staticmethod
    def deny(actions: Sequence[str] | None = None, *, subjects: Sequence[VerifyingKey | str] | None = None, resources: Sequence[str] | None = None) -> Rule:
        """
        Denies these actions, or all.
        """
    @property
    def effect(self, /) -> Literal['allow', 'deny']:
        """
        `allow` or `deny`.
        """
    @staticmethod
    def invite(author: VerifyingKey) -> Rule:
        """
        This author may append, and read.
        """
    @staticmethod
    def moderator(author: VerifyingKey) -> Rule:
        """
        This author may write rules, too.
        """
    @staticmethod
    def open_to_all() -> Rule:
        """
        Everyone may append, and read.
        """
    @staticmethod
    def readers(authors: Sequence[VerifyingKey]) -> Rule:
        """
        These authors may read. A stream whose root has no rules lets everyone read, until its author withdraws the root.
        """
    @staticmethod
    def remove(author: VerifyingKey) -> Rule:
        """
        This author may do nothing more; what others knew of when they wrote stays.
        """
    @property
    def resources(self, /) -> list[str] | None:
        """
        The types, or beginnings of types that end in `*`; None is every type.
        """
    @property
    def subjects(self, /) -> list[str] | None:
        """
        The keys, as text; None is everyone.
        """

@final
class Search:
    """
    A search for who has streams, on a thread of its own; `streams_core.aio.find` opens and carries the links.
    """
    def __new__(cls, /, node: Node, key: SigningKey, streams: Sequence[ObjectId | str], at: Sequence[str], dial: Callable[[str, Dialing], object], wake: Callable[[], object]) -> Search:
        """
        Begins. `dial` is called, from any thread, with an address and a `Dialing`; `wake` when the search is over.
        """
    def abort(self, /) -> None:
        """
        Ends it at once.
        """
    def result(self, /) -> tuple[dict[str, tuple[VerifyingKey, list[ObjectId]]], dict[str, StreamsError]] | None:
        """
        What was found; None while it goes on.
        """

@final
class Session:
    """
    A session with one peer, over whatever carries whole frames, at whatever time you say that it is: it does no IO but
    with the store of its node.

    `side` is `opener` for whoever opened the connection, and `answerer` for the other. `channel` is what is unique to the
    connection and equal at both ends, as the hash of a key exchange; where there is no such thing, whoever sits between
    the two may relay their proofs (spec 10.1). Streams that are not here are taken in where `takes_unknown` says so. With
    `promises`, in milliseconds, what is stated to the peer will be served for so long. A time is in milliseconds since
    1970 UTC, or a `datetime`; None is that of this machine.

    Ask for what you want, then `poll` until there is nothing more, `receive` the next frame, and so on.

    >>> alice, bob = SigningKey.generate(), SigningKey.generate()
    >>> here, there = Node(), Node()
    >>> stream = here.create(Draft.root("example.org/list").sign(alice))
    >>> sessions = [Session(here, alice, "opener"), Session(there, bob, "answerer", takes_unknown=True)]
    >>> sessions[1].sync(stream.id)
    >>> is_quiet = False
    >>> while not is_quiet:
    ...     is_quiet = True
    ...     for own, other in [sessions, sessions[::-1]]:
    ...         while output := own.poll():
    ...             is_quiet = False
    ...             if isinstance(output, bytes):  # a frame: carry it over
    ...                 other.receive(output)
    >>> stream.id in there
    True
    """
    def __new__(cls, /, node: Node, key: SigningKey, side: Literal['opener', 'answerer'], *, channel: Buffer | None = None, takes_unknown: bool = False, promises: int | None = None, address: str | None = None, now: int | datetime | None = None) -> Session: ...
    def __repr__(self, /) -> str: ...
    def ask_for_statements(self, /) -> None:
        """
        Asks for a signed statement with every request from now on: what the peer says that it has can be held against it.
        """
    def changed(self, /, stream: ObjectId | str) -> None:
        """
        Tells that a stream changed here: a peer that subscribed to it is told.
        """
    def close(self, /) -> None:
        """
        Ends the session.
        """
    @property
    def deadline(self, /) -> int | None:
        """
        When to `tick` next though nothing happens, in milliseconds since 1970 UTC; None where nothing is awaited.
        """
    def find(self, /, streams: Sequence[ObjectId | str]) -> None:
        """
        Asks the peer who has streams, at most 16.
        """
    @property
    def has_left(self, /) -> bool:
        """
        Whether both sides said that they ask for nothing more, and nothing is under way.
        """
    @property
    def is_idle(self, /) -> bool:
        """
        Whether nothing is under way: neither what was asked for, nor what the peer asked for.
        """
    def leave(self, /) -> None:
        """
        Leaves the peer, once nothing is under way: then `has_left`.
        """
    @property
    def peer(self, /) -> VerifyingKey | None:
        """
        The peer, once it proved its key.
        """
    def plead(self, /, stream: ObjectId | str, note: str) -> None:
        """
        Asks for access to a stream, with a note of at most 1,024 bytes.
        """
    def poll(self, /, now: int | datetime | None = None) -> bytes | SessionEvent | None:
        """
        What comes out next: a frame to be sent, as bytes, or an event of `streams_core.session`; None where nothing does
        before something comes in. What the session asks about streams, the node answers in here.

        Raises:
            SessionError: the session is over, and `code` tells why; nothing follows.
            StoreError: the store did not answer.
        """
    def receive(self, /, frame: Buffer, now: int | datetime | None = None) -> None:
        """
        Takes in a frame. What is wrong with it ends the session, which `poll` tells.
        """
    def subscribe(self, /, streams: Sequence[ObjectId | str], expires: int | datetime) -> None:
        """
        Asks to hear of what becomes different of these streams, until a time that is at most a day ahead. Spec 10.3.
        """
    def subscribe_to_all(self, /, expires: int | datetime) -> None:
        """
        Asks to hear of what becomes different of all streams that this side may read.
        """
    def sync(self, /, stream: ObjectId | str) -> None:
        """
        Asks for a stream: both sides will have what either had of it, as far as the rules let them.
        """
    def sync_all(self, /) -> None:
        """
        Asks for all streams that either side has, and the other may read and takes in.
        """
    def tick(self, /, now: int | datetime | None = None) -> None:
        """
        Lets time pass.
        """

@final
class Shown:
    """
    What evidence shows, and of whom: `Evidence.verify`.
    """
    __match_args__ = ('code', 'stream', 'authors', 'objects')
    """
    What a `match` statement takes apart.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __repr__(self, /) -> str: ...
    @property
    def authors(self, /) -> list[VerifyingKey]:
        """
        The keys of those who did it: an author, a peer, or the holder who made each of the checkpoints, in their order.
        """
    @property
    def code(self, /) -> str:
        """
        `fork`: an author wrote two objects behind one. `checkpoints`: holders made checkpoints that do not know of each
        other. `contradiction`: a peer said that it had an object, and later that it had not. `broken-promise`: a peer
        promised to serve an object, and did not.
        """
    @property
    def objects(self, /) -> list[ObjectId]:
        """
        The objects that it is about, ascending: both of a fork, the checkpoints, or the one that was not served.
        """
    @property
    def stream(self, /) -> ObjectId:
        """
        The stream.
        """

@final
class SignatureBatch:
    """
    Signatures that are verified together: the answer is that of each alone, at a third of the cost. Spec 6.1.

    >>> batch = SignatureBatch()
    >>> key = SigningKey.generate()
    >>> for message in [b"one", b"two"]:
    ...     batch.add(key.verifying_key, message, key.sign(message))
    >>> batch.verify()
    True
    """
    def __new__(cls, /) -> SignatureBatch: ...
    def add(self, /, author: VerifyingKey, message: Buffer, signature: Buffer, domain: Literal['object', 'session', 'statement', 'archive', 'request'] | None = "object") -> None:
        """
        Adds a signature. `None` stands for no purpose: the message is verified as it is.
        """
    def verify(self, /) -> bool:
        """
        Whether all of them are valid. The batch is empty then.
        """

@final
class SigningKey:
    """
    Lets one write as an author: 32 secret bytes.

    Neither `repr` nor `str` shows them, and it is not pickled or copied: keep `to_bytes()` in a safe place yourself.
    Two keys are equal where their verifying keys are.

    >>> alice = SigningKey.generate()
    >>> signature = alice.sign(b"message")
    >>> alice.verifying_key.verify(b"message", signature)
    True
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __reduce__(self, /) -> NoReturn: ...
    def __repr__(self, /) -> str: ...
    @staticmethod
    def from_bytes(secret: Buffer) -> SigningKey:
        """
        The key with these 32 secret bytes, which must be unpredictable.

        Raises:
            LengthError: these are not 32 bytes.
        """
    @staticmethod
    def generate() -> SigningKey:
        """
        A new key, from the randomness of the operating system.
        """
    def sign(self, /, message: Buffer, domain: Literal['object', 'session', 'statement', 'archive', 'request'] = "object") -> bytes:
        """
        Signs a message for a purpose: `object`, `session`, `statement` or `archive`. Returns 64 bytes. Spec 6.1.
        """
    def to_bytes(self, /) -> bytes:
        """
        The secret: 32 bytes, for whoever keeps it.
        """
    @property
    def verifying_key(self, /) -> VerifyingKey:
        """
        The key that tells this author from others.
        """

@final
class Simulated:
    """
    What objects would change: `Stream.simulate`.
    """
    def __repr__(self, /) -> str: ...
    @property
    def restored(self, /) -> list[ObjectId]:
        """
        Void now, and effective then.
        """
    @property
    def taken(self, /) -> list[Answer]:
        """
        What would become of each object: `Admitted`, `Known`, `Pending`, or the error by which it is not taken in.
        """
    @property
    def voided(self, /) -> list[ObjectId]:
        """
        Of what is here, in order: effective now, and void then.
        """

@final
class Snapshot:
    """
    The state behind the final part of a stream: what comes later never changes it, unless a holder of checkpoints
    equivocates. It pickles where its state does, so a program can go on from it: `Stream.fold(…, snapshot=snapshot)`.
    """
    def __new__(cls, /, state: Any, objects: int, place: Buffer | None) -> Snapshot: ...
    def __reduce__(self, /) -> tuple[type[Snapshot], tuple[Any, int, bytes | None]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def objects(self, /) -> int:
        """
        How many objects it has in it.
        """
    @property
    def place(self, /) -> bytes | None:
        """
        The place of the last of them, as opaque bytes; None where there is none.
        """
    @property
    def state(self, /) -> Any:
        """
        The state.
        """

@final
class SqliteStore:
    """
    One SQLite file, which several processes may open at once, each for itself. What was answered is on the disk.

    Raises:
        StoreError: the file is something else, is damaged, or is of a newer version.
    """
    def __new__(cls, /, path: str | PathLike[str]) -> SqliteStore: ...
    def __repr__(self, /) -> str: ...
    def check(self, /) -> list[str]:
        """
        What is damaged of the file, in a sentence each. What an object says is proven by `Node.verify`.
        """
    def compact(self, /) -> None:
        """
        Gives back to the disk what is not used any more. Takes as long as copying the file, and as much room.
        """
    @property
    def path(self, /) -> Path:
        """
        The file.
        """

@final
class Stream:
    """
    A stream in the store of a node.

    It is a sequence of its objects in the order of spec 9.1: `len`, `in`, iteration, `reversed`, `stream[id]`,
    `stream[3]`, `stream[10:20]`. What is written is durable when a method returns. Threads may share it.

    >>> alice = SigningKey.generate()
    >>> stream = Node().create(Draft.root("example.org/list").sign(alice))
    >>> for item in ["milk", "rice"]:
    ...     added = stream.by(alice).append("example.org/list.Added", {"item": item})
    >>> [entry.data["item"] for entry in stream[1:]]
    ['milk', 'rice']
    >>> stream.replay(0, lambda count, object: count + 1)
    3
    """
    def __bool__(self, /) -> bool: ...
    def __contains__(self, object: object, /) -> bool: ...
    def __eq__(self, other: object, /) -> bool: ...
    @overload
    def __getitem__(self, at: int | ObjectId | str, /) -> Entry: ...
    @overload
    def __getitem__(self, at: slice, /) -> list[Entry]: ...
    def __hash__(self, /) -> int: ...
    def __iter__(self, /) -> Entries: ...
    def __len__(self, /) -> int: ...
    def __repr__(self, /) -> str: ...
    def __reversed__(self, /) -> Entries: ...
    def _archive(self, /, out: BinaryIO, index: BinaryIO | None, before: Archived | None, progress: Callable[[int], object] | None) -> tuple[Manifest, list[ObjectId], int]:
        """
        Writes an archive, and its index where there is a file for it. Returns the manifest, the ids of the seals, and the
        number of bytes; nothing is written where nothing is new since the archives before.
        """
    def _note_archived(self, /, archived: Archived, ids: Sequence[ObjectId]) -> None:
        """
        Takes note that these objects are in an archive that was made before.
        """
    @property
    def adopted(self, /) -> list[tuple[ObjectId, ObjectId]]:
        """
        Every adopted object, and the adopting one that counts, in the order of the adopted ones. Spec 8.10.
        """
    def as_of(self, /, *leaves: ObjectId | str) -> Stream:
        """
        The stream as it was when these were its leaves: an object with all its past, a checkpoint, or several. It is a
        copy in memory, which goes its own way. O(n). Spec 9.4.

        Raises:
            UnknownObjectError: one of them is not here.

        >>> alice = SigningKey.generate()
        >>> stream = Node().create(Draft.root("example.org/list").sign(alice))
        >>> milk = stream.by(alice).append("example.org/list.Added", {"item": "milk"})
        >>> rice = stream.by(alice).append("example.org/list.Added", {"item": "rice"})
        >>> len(stream), len(stream.as_of(milk.id))
        (3, 2)
        """
    @property
    def authors(self, /) -> list[VerifyingKey]:
        """
        Everyone who wrote here, in the order of their first arrival.
        """
    def by(self, /, key: SigningKey, *, timestamp: int | datetime | None = None) -> Writer:
        """
        Who holds this key writes, with a timestamp that the author claims, or without.
        """
    @property
    def checkpoints(self, /) -> list[tuple[ObjectId, str]]:
        """
        All checkpoints, in order, and what each is worth: `accepted` (its past is final), `force` (its holders
        equivocated), or why it is without: `holder`, `count`, `order`. Spec 9.2, 9.3.
        """
    def completeness(self, /) -> Completeness:
        """
        What is known about how complete the stream is here: what is cited and lacking, and what peers signed that they
        have. What a peer never stated, nobody can know.
        """
    def draft(self, /, type: str, author: VerifyingKey | str, data: DataLike | None = None, *, timestamp: int | datetime | None = None) -> Draft:
        """
        A draft that follows all that is here: to be signed, and taken in by `ingest_one`.
        """
    def edges(self, /, author: VerifyingKey | str) -> Edges:
        """
        What an object that this author writes now would cite.
        """
    def entries(self, /, *, after: Buffer | None = None) -> Entries:
        """
        The objects in order, read from the store some at a time; with the `cursor` of earlier entries, those behind it.

        Raises:
            CursorError: the cursor is none.

        >>> alice = SigningKey.generate()
        >>> stream = Node().create(Draft.root("example.org/list").sign(alice))
        >>> entries = stream.entries()
        >>> next(entries).type
        'example.org/list'
        >>> added = stream.by(alice).append("example.org/list.Added", {})
        >>> [entry.position for entry in stream.entries(after=entries.cursor)]
        [1]
        """
    def epoch(self, /, id: ObjectId | str) -> int:
        """
        The number of the epoch of an object, from 1. Spec 9.4.

        Raises:
            UnknownObjectError: it is not here.
        """
    def evidence(self, /) -> list[Evidence]:
        """
        All evidence about the stream that is here: forks, checkpoints that conflict, and peers that contradict what they
        signed, or break a promise. O(objects) for each peer of which there is something. Spec 10.4.
        """
    def explain(self, /, id: ObjectId | str) -> Verdict:
        """
        Whether an object is effective, and why. Spec 8.9.

        Raises:
            UnknownObjectError: it is not here.

        >>> alice = SigningKey.generate()
        >>> stream = Node().create(Draft.root("example.org/list").sign(alice))
        >>> stream.explain(stream.id)
        <Verdict owner: effective>
        """
    @property
    def final_len(self, /) -> int:
        """
        How many objects are final: the first so many of the order. Spec 9.4.
        """
    def find(self, /, *, author: VerifyingKey | str | None = None, type: str | None = None) -> list[Entry]:
        """
        The objects of an author, or of a type, in the order of their arrival: an index finds them.
        """
    def fold(self, /, initial: _S, apply: Callable[[_S, Authentic], _S | None], *, snapshot: Snapshot | None = None, copy: Callable[[_S], _S] | None = None) -> Fold:
        """
        A state that is kept up to date: see `Fold`.
        """
    @property
    def forks(self, /) -> list[tuple[VerifyingKey, ObjectId | None, list[ObjectId]]]:
        """
        Where an author wrote several objects after one: `(author, previous, objects)`, ascending by the first object.
        """
    @property
    def frontier(self, /) -> bytes:
        """
        The digest of the leaves, 32 bytes: equal frontiers are equal sets of objects. Spec 10.2.
        """
    @property
    def gaps(self, /) -> list[ObjectId]:
        """
        What objects that wait cite, and that is not here and does not wait itself, ascending.
        """
    @property
    def id(self, /) -> ObjectId:
        """
        The id: that of the root.
        """
    def ingest(self, /, objects: Iterable[Buffer | Object], *, source: int = 0, progress: Callable[[int], object] | None = None) -> Answers:
        """
        Takes in many objects, from a list or an iterator, some thousand at a time: their signatures are verified
        together, other threads go on meanwhile, and what is admitted is durable when this returns. `progress` is told
        how many were looked at. Where it is stopped in the middle, what was told of is kept; doing it again is safe.

        Returns what became of each, in their order; those that are dropped or refused raise nothing (see `check`).

        >>> alice = SigningKey.generate()
        >>> here = Node().create(Draft.root("example.org/list").sign(alice))
        >>> there = Node().create(here.root)
        >>> milk = here.by(alice).append("example.org/list.Added", {"item": "milk"})
        >>> there.ingest([milk.parts, milk.parts[:-1]])
        <Answers: 1 admitted, 0 known, 0 pending, 1 rejected>
        """
    def ingest_one(self, /, object: Buffer | Object, *, source: int = 0) -> Admitted | Known | Pending:
        """
        Takes in one object, from its parts or as it is; what is admitted is durable when this returns. `source` is a
        number for the peer that brought it, since what waits is bounded by peer.

        Raises:
            UnsoundError: the copy is at fault, or there is no room to wait.
            NewerError: the object is of a later version.
            RefusedError: it breaks a rule, for ever.
        """
    def is_ancestor(self, /, id: ObjectId | str, of: ObjectId | str) -> bool:
        """
        Whether an object is one of the ancestors of another. Not where one of them is not here.
        """
    def is_effective(self, /, id: ObjectId | str) -> bool:
        """
        Whether an object is effective.

        Raises:
            UnknownObjectError: it is not here.
        """
    @property
    def leaves(self, /) -> list[ObjectId]:
        """
        The objects that nothing here cites, ascending.
        """
    def may_read(self, /, subject: VerifyingKey | str) -> Verdict:
        """
        Whether somebody may read the stream, and why. Spec 8.8.
        """
    def order(self, /) -> list[ObjectId]:
        """
        The ids of all objects, in order.
        """
    @property
    def order_digest(self, /) -> bytes:
        """
        The digest of the order, 32 bytes: equal digests are equal replays. O(n).
        """
    @property
    def owner(self, /) -> VerifyingKey:
        """
        The author of the root.
        """
    def position(self, /, id: ObjectId | str) -> int:
        """
        The place of an object in the order, from 0. O(log n).

        Raises:
            UnknownObjectError: it is not here.
        """
    def rank(self, /, subject: VerifyingKey | str, at: ObjectId | str) -> int | None:
        """
        The rank of somebody at an object: 0 is the owner, up to 16; None is infinite. Spec 8.5.

        Raises:
            UnknownObjectError: it is not here.
        """
    def redact(self, /, id: ObjectId | str, map: ObjectId | str) -> Object:
        """
        Drops a map of an object, here alone: of its bytes nothing remains in the store, and it is not taken back. Spec
        3.3.

        Raises:
            UnknownObjectError: the object is not here.
            UnknownMapError: no such map is in it.
            RedactError: rules, and the data of `streams/` types, are never redacted.
        """
    @property
    def refused(self, /) -> list[tuple[ObjectId, RefusedError]]:
        """
        The latest objects that were refused since the stream was opened, with the error of each, ascending.
        """
    @property
    def removed(self, /) -> list[tuple[ObjectId, ObjectId]]:
        """
        The maps that are removed for all, with the object they stand in: `(object, map)`, ascending. Spec 3.4.
        """
    def replay(self, /, initial: _S, apply: Callable[[_S, Authentic], _S | None]) -> _S:
        """
        The state: a fold over the effective objects, in order, and behind an adopting object over what it adopts.
        Everyone who has the same objects computes the same. `apply(state, object)` returns the next state; one that
        changes its state in place returns None. The store is read some objects at a time.

        >>> alice = SigningKey.generate()
        >>> stream = Node().create(Draft.root("example.org/list").sign(alice))
        >>> milk = stream.by(alice).append("example.org/list.Added", {"item": "milk"})
        >>> def apply(items, object):
        ...     if object.type == "example.org/list.Added":
        ...         items.append(object.data["item"])
        >>> stream.replay([], apply)
        ['milk']
        """
    def replayed(self, /) -> list[ObjectId]:
        """
        The ids that replay hands out, in its order: what is effective, and behind an adopting object what it adopts.
        """
    @property
    def root(self, /) -> Authentic:
        """
        The root.
        """
    def shown_to(self, /, subject: VerifyingKey | str) -> ObjectId | None:
        """
        The policy object that is shown to somebody who may not read; None where there is none. Spec 8.8.
        """
    def simulate(self, /, objects: Sequence[Authentic]) -> Simulated:
        """
        The verdicts that these objects would change, without changing any. O(n). Spec 8.9.
        """
    def tie(self, /, id: ObjectId | str) -> bytes:
        """
        The tie of an object: 32 bytes. Spec 9.1.

        Raises:
            UnknownObjectError: it is not here.
        """
    def to_records(self, /) -> list[dict[str, Any]]:
        """
        All objects in order as flat dicts, for a table: `pandas.DataFrame(stream.to_records())`. What an object says
        stands under `data.` and its name; ids and keys are text, times are `datetime`.

        >>> alice = SigningKey.generate()
        >>> stream = Node().create(Draft.root("example.org/list").sign(alice))
        >>> milk = stream.by(alice).append("example.org/list.Added", {"item": "milk"})
        >>> stream.to_records()[1]["data.item"]
        'milk'
        """
    def watch(self, /, *, since: Buffer | None = None) -> Feed:
        """
        Reads what is here, and then what becomes different, from a cursor on or from the beginning: `Node.watch` for this
        stream alone.
        """
    @property
    def withdrawn(self, /) -> list[ObjectId]:
        """
        The policy objects that are withdrawn now, in order.
        """

@final
class Verdict:
    """
    Whether an object is effective, or an access allowed, and why. True where it is. Spec 8.9, 14.6.
    """
    __match_args__ = ('code', 'by')
    """
    What a `match` statement takes apart.
    """
    def __bool__(self, /) -> bool: ...
    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __repr__(self, /) -> str: ...
    @property
    def by(self, /) -> ObjectId | None:
        """
        The policy object that decides, or the first withdrawal; None where none does.
        """
    @property
    def code(self, /) -> Literal['owner', 'allowed', 'force', 'denied', 'withdrawn', 'no-rule', 'rank', 'holder', 'count', 'order']:
        """
        `owner`, `allowed` or `force`; `denied`, `withdrawn`, `no-rule` or `rank`; and of a checkpoint without force
        `holder`, `count` or `order`.
        """
    @property
    def is_effective(self, /) -> bool:
        """
        Whether the object is effective, or the access allowed.
        """
    @property
    def rank(self, /) -> int | None:
        """
        The rank of whoever decides, at the policy object.
        """
    @property
    def rule(self, /) -> int | None:
        """
        The place of the rule in the list of the policy object, from 0.
        """
    @property
    def sentence(self, /) -> str:
        """
        What the code says.
        """
    @property
    def set(self, /) -> Literal['known', 'beside'] | None:
        """
        In which of the two sets it is decided: `known` to the author, or `beside`.
        """

@final
class Verified:
    """
    What was found out about a stream in a store: `Node.verify`.
    """
    def __repr__(self, /) -> str: ...
    @property
    def faults(self, /) -> list[tuple[ObjectId, str]]:
        """
        What is wrong, in one sentence each, with the object that it is about.
        """
    @property
    def is_clean(self, /) -> bool:
        """
        Whether nothing is wrong.
        """
    @property
    def objects(self, /) -> int:
        """
        How many objects were read.
        """

@final
class VerifyingKey:
    """
    An author: a public key that is the canonical encoding of a point and not of small order.

    As text it is multibase, 48 characters that begin with `z6Mk`. Keys are equal, hashed and ordered by their 32 bytes.
    Spec 4.1, 6.1.

    Raises:
        AuthorError: the text is no author (`author`), or the key none that may be one (`author-key`).

    >>> bob = SigningKey.from_bytes(bytes([2] * 32)).verifying_key
    >>> bob
    VerifyingKey('z6Mko9hTggMwjSTEaJaPUfE6tqcy2xvU6BnNq3e3o8qVBiyH')
    >>> VerifyingKey(str(bob)) == bob
    True
    """
    __match_args__ = ('text',)
    """
    What a `match` statement takes apart: `case VerifyingKey(text)`.
    """
    def __bytes__(self, /) -> bytes: ...
    def __eq__(self, value: object, /) -> bool: ...
    def __ge__(self, value: object, /) -> bool: ...
    def __gt__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __le__(self, value: object, /) -> bool: ...
    def __lt__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __new__(cls, /, text: str) -> VerifyingKey: ...
    def __reduce__(self, /) -> tuple[type[VerifyingKey], tuple[str]]: ...
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    @staticmethod
    def from_bytes(key: Buffer) -> VerifyingKey:
        """
        The key with these 32 bytes, if they are one.

        Raises:
            LengthError: these are not 32 bytes.
            AuthorError: they are no canonical point, or one of small order.
        """
    @property
    def text(self, /) -> str:
        """
        The text: 48 characters that begin with `z6Mk`.
        """
    def verify(self, /, message: Buffer, signature: Buffer, domain: Literal['object', 'session', 'statement', 'archive', 'request'] | None = "object") -> bool:
        """
        Whether this author signed the message for this purpose. `None` stands for no purpose: the message is verified as
        it is.

        Raises:
            LengthError: the signature has not 64 bytes.
        """

@final
class Vouching:
    """
    That somebody vouches for an archive: the file that stands beside it, `NAME.vouch`. Who vouched for what it verified
    itself need not verify it again. Spec 11.1.

    >>> alice, id = SigningKey.generate(), ObjectId.of_block(b"\\xa0")
    >>> vouching = Vouching.verify(Vouching.sign(alice, id, [id]))
    >>> vouching.author == alice.verifying_key, vouching.archive == id, vouching.seals == [id]
    (True, True, True)
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __repr__(self, /) -> str: ...
    @property
    def archive(self, /) -> ObjectId:
        """
        The id of the manifest of the archive.
        """
    @property
    def author(self, /) -> VerifyingKey:
        """
        Who vouches.
        """
    @property
    def seals(self, /) -> list[ObjectId]:
        """
        The ids of the seals of the archive.
        """
    @staticmethod
    def sign(key: SigningKey, archive: ObjectId | str, seals: Sequence[ObjectId | str]) -> bytes:
        """
        Signs what an archive holds: the id of its manifest, and those of its seals, as writing it told. Returns the file.
        """
    @staticmethod
    def verify(file: Buffer) -> Vouching:
        """
        The vouching in a file, whose signature is verified.

        Raises:
            ArchiveError: it is none, or damaged, or not signed by whom it names.
        """

@final
class World:
    """
    Many nodes on one thread, with a clock of their own, over links that break: everything that happens follows from a
    seed, so what failed once fails again.

    The nodes are real ones, and so are their sessions; what is simulated is the time, the network, and the crashes.
    `weather` is `fine`, `rough` (slow links that break often), or `hostile` (somebody on the way changes frames, too).
    Who is in the world is told by number.

    >>> from streams_core.testing import World
    >>> world = World(7, weather="rough")
    >>> alice = SigningKey.from_bytes(bytes([1] * 32))
    >>> one, other = world.add(alice), world.add(SigningKey.from_bytes(bytes([2] * 32)))
    >>> stream = world.node(one).create(Draft.root("example.org/list", nonce=bytes(16)).sign(alice))
    >>> added = stream.by(alice).append("example.org/list.Added", {"item": "milk"})
    >>> while stream.id not in world.node(other):
    ...     world.sync(other, one, [stream.id])  # a link may break in the middle
    ...     world.run(60_000)
    >>> len(world.node(other)[stream.id])
    2
    """
    def __len__(self, /) -> int: ...
    def __new__(cls, /, seed: int, *, weather: Literal['fine', 'rough', 'hostile'] = "fine") -> World: ...
    def __repr__(self, /) -> str: ...
    def add(self, /, key: SigningKey, *, misdeed: Literal['withholds', 'lies', 'breaks-promises', 'contradicts', 'floods', 'stalls'] | None = None) -> int:
        """
        Another node; with a `misdeed` it is a peer that does wrong: `withholds`, `lies`, `breaks-promises`, `contradicts`,
        `floods` or `stalls`. Returns its number.
        """
    def crash(self, /, who: int) -> None:
        """
        Somebody stops, in the middle of whatever it did: what was committed is in its store.
        """
    def cut_all(self, /) -> None:
        """
        Cuts all links.
        """
    def follow(self, /, one: int, other: int, streams: Sequence[ObjectId | str], milliseconds: int) -> None:
        """
        One follows streams of another, for so many milliseconds.
        """
    def heal(self, /) -> None:
        """
        Lets all come together again.
        """
    def is_up(self, /, who: int) -> bool:
        """
        Whether somebody is up.
        """
    def key(self, /, who: int) -> VerifyingKey:
        """
        Who somebody is.
        """
    def node(self, /, who: int) -> Node:
        """
        The node of somebody, to read and to write with. After a crash it is another: ask again.

        Raises:
            ValueError: it is down, or there is nobody with this number.
        """
    @property
    def now(self, /) -> int:
        """
        The time there, in milliseconds since 1970 UTC.
        """
    def part(self, /, one: int, other: int) -> None:
        """
        Keeps two apart: their links are cut, and no other is opened.
        """
    def restart(self, /, who: int) -> None:
        """
        Somebody that is down opens its store again.
        """
    def run(self, /, milliseconds: int) -> None:
        """
        Lets so many milliseconds pass: everybody does what it has to, in an order that the seed draws.
        """
    def set_weather(self, /, weather: Literal['fine', 'rough', 'hostile']) -> None:
        """
        From now on links are as this says.
        """
    def sync(self, /, one: int, other: int, streams: Sequence[ObjectId | str] | None = None) -> None:
        """
        One makes streams equal with another, or all where None are given. Time has to pass for it: `run`.
        """
    def told(self, /, who: int) -> list[SessionEvent | StreamsError]:
        """
        What the sessions of somebody told since it was asked last: events of `streams_core.session`, and the errors by
        which sessions failed.
        """

@final
class Writer:
    """
    Somebody who writes to a stream: `Stream.by`.

    Each method writes an object that follows all that is here, signs it, admits it, and gives it back, to be sent to
    others. It is durable then.

    Raises:
        NotAuthorizedError: nothing in the stream allows it to this author.
        RefusedError, UnsoundError: a rule of the header, or a limit, is broken.
        StoreError: the store did not take it.
    """
    def __repr__(self, /) -> str: ...
    def adopt(self, /, *objects: ObjectId | str) -> Authentic:
        """
        Appends an object that takes up these void ones, under the authority of its author. Spec 8.10.
        """
    def append(self, /, type: str, data: DataLike | None = None) -> Authentic:
        """
        Appends an object of this type, with this content.
        """
    def append_draft(self, /, draft: Draft) -> Authentic:
        """
        Signs and admits a draft.
        """
    def checkpoint(self, /) -> Authentic:
        """
        Appends a checkpoint over all that is here: it becomes final, where its author is a holder. O(n). Spec 9.2.
        """
    def govern(self, /, *rules: Rule) -> Authentic:
        """
        Appends a policy object with these rules. Whoever does not govern appends a void one, if it is admitted at all.
        """
    def redact_for_all(self, /, *maps: ObjectId | str) -> Authentic:
        """
        Appends an object that removes these maps for all, where its author governs. Spec 3.4.
        """
    def withdraw(self, /, *policies: ObjectId | str) -> Authentic:
        """
        Appends a policy object that withdraws these: with force where its author's rank is not above theirs.
        """

@final
class _Panics:
    """
    Panics in every way that Python may call, for the test that no panic gets out.
    """
    def __hash__(self, /) -> int: ...
    def __iter__(self, /) -> _Panics: ...
    def __len__(self, /) -> int: ...
    def __new__(cls, /) -> _Panics: ...
    def __next__(self, /) -> int: ...
    def __repr__(self, /) -> str: ...
    @staticmethod
    def detached() -> None:
        """
        Where it is called without an instance, and without the interpreter's lock.
        """
    @property
    def field(self, /) -> int:
        """
        Where it is read.
        """
    def method(self, /) -> None:
        """
        Where it is called.
        """

def _panic() -> None:
    """
    The same of a function.
    """

def canonical_bytes(data: DataLike) -> bytes:
    """
    The canonical bytes of a dict: the block that its id is the hash of. Spec 2.1.

    Raises:
        MisfitError, UnsoundError: as `Object.from_dict`.

    >>> canonical_bytes({"text": "milk"}).hex()
    'a166746578743a73646d696c6b'
    """

def check_block(block: Buffer) -> None:
    """
    Checks that bytes are the canonical block of a map (spec 2.1).

    Raises:
        UnsoundError: a rule of spec 14.2 is broken; `code` tells which.
    """

def codes() -> list[tuple[str, str | None, str, str, str, str]]:
    """
    The table of codes, as rows of class, parent, kind, what the class is, code and sentence.
    """

def conforms(make: Callable[[], AnyStore]) -> None:
    """
    Runs the whole contract of a store against what `make` gives, which is another, empty store each time.
    """

def conforms_archiver(archiver: AnyArchiver) -> None:
    """
    Runs the whole contract of an archiver against one that has nothing of these tests in it.
    """

def decide(rules: Sequence[Rule], subject: VerifyingKey | str, action: str, resource: str) -> Decision:
    """
    Decides an access by a set of rules: denied if a deny rule matches, else allowed if an allow rule matches, else
    denied. Texts are compared as they stand. O(rules × their lists). Spec 8.2.

    >>> rules = [Rule.allow(["read"]), Rule.deny(subjects=["mallory"])]
    >>> decide(rules, "alice", "read", "list.Added").is_allowed, decide(rules, "mallory", "read", "list.Added").code
    (True, 'denied')
    """

def id_of(data: DataLike) -> ObjectId:
    """
    The id of a dict: of an object where it is one, of a map where it stands in one. Spec 3.2.

    Raises:
        MisfitError, UnsoundError: as `Object.from_dict`.

    >>> id_of({"text": "milk"}) == id_of({"text:s": "milk"}) == ObjectId.of_block(canonical_bytes({"text": "milk"}))
    True
    """

def in_order(manifests: Sequence[Manifest]) -> list[int]:
    """
    In which order to read archives: each behind the one that it continues. The places of those given.
    """

def missing(manifests: Sequence[Manifest]) -> list[ObjectId]:
    """
    The archives that are continued by one of these and are not among them, ascending: the ids of their manifests.
    """

def oh1(json: str) -> str:
    """
    The hash of the original proposal, of an object in JSON with the hints of its time. Spec 12.

    Raises:
        Oh1Error: this has no such hash.

    >>> oh1('{"type:s": "nimona.io/profile.Created", "author:s": "f00"}')
    'oh1.C2Gt3HYoQVAFzU5kCcbqfAFePKgxbsA7Wq3FEGAvRnfS'
    """

def page(archive: Callable[[int, int], bytes], index: Callable[[int, int], bytes], start: int, limit: int) -> list[Authentic]:
    """
    Reads at most `limit` objects of an archive from a place in its order on, by ranges of the archive and of its index;
    every signature is verified. Each of the two functions gives the bytes of a file from one place to another, fewer where
    the file ends.
    """

def tie(stream: ObjectId | str, generation: int, author: VerifyingKey | str) -> bytes:
    """
    The tie of an author's objects of a generation, 32 bytes: by it the order tells what is of one generation apart. Spec
    9.1.

    >>> alice = SigningKey.generate()
    >>> stream = Node().create(Draft.root("example.org/list").sign(alice))
    >>> stream.tie(stream.id) == tie(stream.id, 0, alice.verifying_key)
    True
    """
