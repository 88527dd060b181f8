"""Signed, content-addressed event streams that any application can embed.

Everyone who has the same objects computes the same order, the same verdict on who was allowed to write, and so the same
state, with no server and no clock.

>>> alice = SigningKey.generate()
>>> root = Draft.root("example.org/list", {"title": "Groceries"}).sign(alice)
>>> root.data, root.author == alice.verifying_key
({'title': 'Groceries'}, True)
"""

from . import errors
from ._core import (
    Authentic,
    Decision,
    Draft,
    Edges,
    HypotheticalRoot,
    Object,
    ObjectId,
    Redacted,
    Rule,
    SignatureBatch,
    SigningKey,
    VerifyingKey,
    canonical_bytes,
    check_block,
    decide,
    id_of,
    oh1,
)
from .errors import *

__all__ = [
    "Authentic",
    "Decision",
    "Draft",
    "Edges",
    "HypotheticalRoot",
    "Object",
    "ObjectId",
    "Redacted",
    "Rule",
    "SignatureBatch",
    "SigningKey",
    "VerifyingKey",
    "canonical_bytes",
    "check_block",
    "decide",
    "id_of",
    "oh1",
]
__all__ += errors.__all__

__version__ = "0.1.0"
