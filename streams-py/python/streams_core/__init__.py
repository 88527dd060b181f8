"""Signed, content-addressed event streams that any application can embed.

Everyone who has the same objects computes the same order, the same verdict on who was allowed to write, and so the same
state, with no server and no clock.

>>> alice = SigningKey.generate()
>>> with Node() as node:  # in memory; Node("list.db") is a file
...     stream = node.create(Draft.root("example.org/list").sign(alice))
...     added = stream.by(alice).append("example.org/list.Added", {"item": "milk"})
...     [entry.data for entry in stream]
[None, {'item': 'milk'}]
"""

from . import errors
from ._core import (
    Admitted,
    Answers,
    Authentic,
    Content,
    Decision,
    Draft,
    Edges,
    Entries,
    Entry,
    Event,
    Feed,
    Fold,
    HypotheticalRoot,
    Known,
    MemoryStore,
    Node,
    Object,
    ObjectId,
    Pending,
    PostgresStore,
    Redacted,
    Rule,
    SignatureBatch,
    SigningKey,
    Simulated,
    Snapshot,
    SqliteStore,
    Stream,
    Verdict,
    Verified,
    VerifyingKey,
    Writer,
    canonical_bytes,
    check_block,
    decide,
    id_of,
    oh1,
    tie,
)
from .errors import *

__all__ = [
    "Admitted",
    "Answers",
    "Authentic",
    "Content",
    "Decision",
    "Draft",
    "Edges",
    "Entries",
    "Entry",
    "Event",
    "Feed",
    "Fold",
    "HypotheticalRoot",
    "Known",
    "MemoryStore",
    "Node",
    "Object",
    "ObjectId",
    "Pending",
    "PostgresStore",
    "Redacted",
    "Rule",
    "SignatureBatch",
    "SigningKey",
    "Simulated",
    "Snapshot",
    "SqliteStore",
    "Stream",
    "Verdict",
    "Verified",
    "VerifyingKey",
    "Writer",
    "canonical_bytes",
    "check_block",
    "decide",
    "id_of",
    "oh1",
    "tie",
]
__all__ += errors.__all__

__version__ = "0.1.0"
