"""What can go wrong: one base, and a class for each kind of thing that a program may want to catch.

Every error has a `code`, which is the rule that was broken and the same in every language, and `details`, a dict of what a
program may want to know. Each class has a builtin as its second parent, so that `except ValueError` and the like see it.

Written by `generate.py` from the core's table of codes.
"""

from collections.abc import Mapping
from typing import Any, Final

__all__ = [
    "ArchiveError",
    "ArchiverError",
    "AuthorError",
    "BusyError",
    "CODES",
    "CursorError",
    "DefinitionError",
    "EmptyListError",
    "EvidenceError",
    "FileError",
    "IdError",
    "IntegerRangeError",
    "InternalError",
    "JsonError",
    "KeepError",
    "LengthError",
    "MisfitError",
    "NewerError",
    "NoHintError",
    "NotAuthorizedError",
    "NotFiniteError",
    "Oh1Error",
    "OpenError",
    "OtherProcessError",
    "RangesError",
    "RecursiveError",
    "RedactError",
    "RefusedError",
    "RuleError",
    "SecretError",
    "SessionError",
    "StoreClosedError",
    "StoreError",
    "StreamsError",
    "TransportError",
    "UnauthorizedError",
    "UnknownMapError",
    "UnknownObjectError",
    "UnknownStreamError",
    "UnlikeError",
    "UnsoundError",
]


class StreamsError(Exception):
    """The base of all errors of this package.

    >>> from streams_core import ObjectId
    >>> try:
    ...     ObjectId("bafy")
    ... except StreamsError as error:
    ...     print(error.code, isinstance(error, ValueError), error)
    id True not an id: an id is 59 characters that begin with bafyr4i
    """

    code: str
    """The rule that was broken, in kebab-case."""

    details: dict[str, str]
    """What a program may want to know, by name: the `path` to a value, an `id`."""

    def __init__(self, message: str, code: str = "other", details: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.details = dict(details or {})

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r}, {self.code!r}, {self.details!r})"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return (self.code, str(self), self.details) == (other.code, str(other), other.details)

    def __hash__(self) -> int:
        return hash((type(self), self.code, str(self)))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.code, self.details)


class UnsoundError(StreamsError, ValueError):
    """A copy of an object that is dropped (spec 14.2).

    Codes:
        `truncated`: the bytes end inside an item: give all of them.
        `trailing`: bytes follow the end of the item: give one object at a time.
        `not-shortest`: an integer or a length is not in its shortest form.
        `indefinite`: an item of indefinite length.
        `reserved`: a head that CBOR reserves.
        `float-width`: a float that is not 64 bits wide.
        `not-finite`: a float that is not finite.
        `negative-zero`: a float that is −0.0.
        `tag`: a tag other than 42.
        `simple`: null, undefined or another simple value.
        `reference`: tag 42 over bytes that are no reference.
        `utf8`: text that is not UTF-8.
        `not-a-map`: a block that is not a map.
        `key`: a key that is not text.
        `key-order`: keys that do not ascend (shorter first, then by bytes).
        `key-repeated`: a key that occurs twice.
        `name`: a name is 1 to 128 bytes of text without `:` and control characters.
        `hint`: a key ends in `:` and one of the hints s i u f b d m r, behind an `a` for each list.
        `name-repeated`: a name stands under two hints: rename one of the two.
        `hint-mismatch`: a value does not agree with the hint of its key.
        `note`: a name that begins with `_` is a note of one replica, and never travels.
        `too-deep`: values are nested deeper than 32: refer to another object instead.
        `too-many-entries`: a map or a list of maps has more than 4,096 entries: divide it.
        `parts`: the bytes are not a list of a block, a signature and map blocks.
        `too-large`: an object has at most 1 MiB in all its parts: divide it, or refer to what is large.
        `block-too-large`: the block of an object has at most 64 KiB: put what is large into maps.
        `too-many-maps`: an object has at most 4,096 maps, itself included: divide it.
        `stray-map`: a map does not hash to the reference at its place: it was changed, or belongs elsewhere.
        `signature-length`: a signature is 64 bytes.
        `not-whole`: policies and the data of a streams/ type are always whole, and a map of them is missing.
        `unsigned`: the signature is missing: sign the draft.
        `bad-signature`: the signature is not the author's over this object.
        `signed-hypothetical`: a hypothetical root is never signed.
        `pending-full`: the object waits for others, and there is no room to wait: bring those first.
    """


class JsonError(UnsoundError):
    """JSON that is no object, or no map (spec 14.3); by the codes of `UnsoundError` too.

    Codes:
        `json`: the text is no JSON, or has a number where none may be.
        `base64`: bytes are strict base64 with padding.
        `id`: an id is 59 characters that begin with bafyr4i.
        `integer`: an integer is written like 0, 7 or -12: no point, no exponent, no zero in front, no -0.
    """


class IdError(StreamsError, ValueError):
    """A text that is no id.

    Codes:
        `id`: an id is 59 characters that begin with bafyr4i.
    """


class NewerError(StreamsError, ValueError):
    """An object of a later version (spec 14.4).

    Codes:
        `newer-name`: a header name that this version does not know: the object may come from a newer one.
        `newer-hint`: a header name under a hint of another version.
        `newer-type`: a streams/ type of a newer version.
        `newer-reference`: a reference to an id of a kind that this version does not know.
    """


class RefusedError(StreamsError, ValueError):
    """An object that is refused, for ever (spec 14.5).

    Codes:
        `type`: a type is 1 to 256 of A–Z a–z 0–9 . _ - / : @.
        `author`: an author is 48 characters that begin with z6Mk.
        `author-key`: a key that is not the canonical encoding of a point, or is of small order.
        `root-type`: a type that begins with streams/ is never that of a root.
        `root-edges`: a root has no parents, no previous and no generation.
        `nonce`: an ordinary root has a nonce of 16 bytes.
        `nonce-forbidden`: only a root has a nonce.
        `parents`: an object that is no root has 1 to 16 parents.
        `parents-order`: parents ascend, each once.
        `generation`: an object that is no root has a generation.
        `policies-forbidden`: only a root and streams/policy have policies.
        `policies-count`: policies are 1 to 64 rules.
        `next`: next is 32 bytes.
        `next-forbidden`: only an ordinary root and the owner's policy objects have a next.
        `data`: the data of a streams/ type has exactly the names of that type.
        `ids-count`: a list of a streams/ type has 1 to 1,024 ids: write several objects.
        `policy-empty`: streams/policy has policies, or data that withdraws, or both.
        `other-stream`: the object belongs to another stream.
        `parent-refused`: the object cites another that is refused.
        `previous-author`: its previous was written by another author.
        `generation-wrong`: its generation is not one more than the largest of what it cites.
    """


class RuleError(RefusedError):
    """A rule that is not well formed.

    Codes:
        `rule`: a rule has an effect, and at most subjects, resources and actions.
        `rule-effect`: the effect of a rule is allow or deny.
        `rule-action`: the actions of a rule are read, append, govern, checkpoint or *.
        `rule-empty`: a list of a rule is absent, which is everything, or not empty.
        `rule-subject`: a subject is a key (48 characters that begin with z6Mk) or *.
        `rule-resource`: a resource is a type, or the beginning of one that ends in *.
        `rule-limit`: a rule has at most 1,024 subjects: write several rules.
        `rule-actions-needed`: an allow rule names its actions, never *.
        `rule-subjects-needed`: an allow rule for govern or checkpoint names its subjects, never *.
        `rule-resources-forbidden`: an allow rule for govern or checkpoint has no resources.
        `rule-checkpoint`: checkpoint stands in the policies of a root only.
    """


class AuthorError(RefusedError):
    """A text, or bytes, that are no author.

    Codes:
        `author`: an author is 48 characters that begin with z6Mk.
        `author-key`: a key that is not the canonical encoding of a point, or is of small order.
    """


class NotAuthorizedError(RefusedError, PermissionError):
    """An object that nothing allows to its author.

    Codes:
        `not-authorized`: nothing in its past allows its author to write an object of this type: ask who governs the
            stream.
    """


class MisfitError(StreamsError, ValueError):
    """What does not fit between a value of the language and one of an object.

    Codes:
        `not-a-map`: data is a map.
        `name`: a name is 1 to 128 bytes of text without `:` and control characters.
        `hint`: a hint is one of s i u f b d m r, behind an `a` for each list.
        `key-type`: the keys of a map are text.
        `name-repeated`: a name occurs twice in one map: rename one of the two, whatever their hints.
        `mixed-list`: the elements of a list have one hint: use a map, or write them all as one type.
        `absent-item`: an element of a list is never absent: leave it out, or put it into a map.
        `written-hint`: the value does not agree with the hint that is written with its name.
        `other-hint`: the map has the name under another hint than the type reads.
        `too-deep`: values are nested deeper than 32: refer to another object instead.
        `redacted`: the map stands redacted: nobody here knows what is in it.
        `type`: the type itself does not take the value.
    """


class NoHintError(MisfitError, TypeError):
    """A value of a type for which there is no hint.

    Codes:
        `no-hint`: no hint says what a value of this type is: use text, an integer, a float, a boolean, bytes, an
            id, a map or a list of one of them.
    """


class EmptyListError(MisfitError):
    """A list without elements, and without a hint.

    Codes:
        `empty-list`: an empty list does not tell its hint: write it with the name, as in `tags:as`.
    """


class IntegerRangeError(MisfitError):
    """An integer that no hint holds.

    Codes:
        `integer-range`: an integer is −2⁶³ to 2⁶³ − 1, or under the hint `u` 0 to 2⁶⁴ − 1: write larger ones as
            text or bytes.
    """


class NotFiniteError(MisfitError):
    """A float that is infinite, or no number.

    Codes:
        `not-finite`: a float is finite: leave out what is not, or write it as text.
    """


class RecursiveError(MisfitError):
    """A value that holds itself.

    Codes:
        `recursive`: the value holds itself: refer to another object instead.
    """


class RedactError(StreamsError, ValueError):
    """A map that is not redacted.

    Codes:
        `whole-map`: policies and the data of a streams/ type are always whole, and not redacted.
    """


class UnknownMapError(RedactError, KeyError):
    """A map that is not in the object.

    Codes:
        `unknown-map`: no map with this id stands in the object, or it stands redacted already.
    """


class Oh1Error(StreamsError, ValueError):
    """JSON without a hash of the original proposal (spec 12).

    Codes:
        `oh1-json`: not an object of the original proposal.
        `oh1-key`: a key is a name and one of the hints s i u f b d o, behind an `a` for each list.
        `oh1-key-repeated`: a key occurs twice.
        `oh1-value`: a value does not agree with the hint of its key.
    """


class OpenError(StreamsError, ValueError):
    """An object that begins no stream.

    Codes:
        `not-a-root`: a stream begins with a root, and this object follows others.
    """


class UnknownStreamError(StreamsError, KeyError):
    """A stream that is not here.

    Codes:
        `unknown-stream`: nothing of the stream is here: create it, restore it, or sync it from a peer.
    """


class UnknownObjectError(StreamsError, KeyError):
    """An object that is not here.

    Codes:
        `unknown-object`: the object is not in the stream.
    """


class CursorError(StreamsError, ValueError):
    """A cursor that does not fit.

    Codes:
        `cursor`: a cursor is 56 bytes that a feed gave out.
        `other-store`: the cursor is of another store: begin anew.
        `other-filter`: the cursor was made with another filter: use that filter, or begin anew.
        `ahead`: the cursor is ahead of the store, which was restored from an older copy: begin anew.
    """


class StoreError(StreamsError, OSError):
    """A store that did not do what it was asked.

    Codes:
        `conflict`: somebody else wrote to the stream since it was read: read again, and decide again.
        `busy`: the store has no time now: try again.
        `full`: there is no room in the store: make some, and try again.
        `corrupt`: the store does not hold what was written: verify it, and restore what is damaged from a copy.
        `unsupported`: this version cannot do it: the store is newer, or its kind has no such thing.
        `inconsistent`: the store holds an object that its own stream does not take: it was changed, or another
            version wrote it.
        `other`: the store failed.
    """


class StoreClosedError(StoreError, ValueError):
    """A store that was closed.

    Codes:
        `closed`: the store was closed: open it again.
    """


class OtherProcessError(StoreError, RuntimeError):
    """A store in the hands of two processes.

    Codes:
        `other-process`: the store was opened by another process, from which this one was forked: open it anew here.
    """


class TransportError(StreamsError, ConnectionError):
    """A link that did not carry a frame.

    Codes:
        `closed`: the link was closed, or broke: connect again.
        `too-large`: a frame is longer than a link carries.
        `unreachable`: nobody answers there, or not as a peer would.
        `protocol`: the peer breaks the rules of the link.
        `other`: the link failed.
    """


class SessionError(StreamsError, ConnectionError):
    """A session that did not come to its end.

    Codes:
        `closed`: the session was closed.
        `version`: the peer speaks no version that is spoken here.
        `own-key`: the peer claims our own key: the session was reflected, or this is another device with one key.
        `proof`: the peer did not prove its key over this connection.
        `slow`: the peer does not go on: connect again.
        `message`: the peer sent a frame that is no message.
        `unexpected`: the peer sent what was not asked for.
        `too-much`: the peer sent more than it may.
        `by-peer`: the peer ended the session, and says why.
        `not-signed`: whoever holds this side's key does not sign: unlock it, or ask whom it belongs to.
        `gone`: the peer closed the link before it had answered: connect again.
    """


class RangesError(StreamsError, ValueError):
    """Ranges that are not taken.

    Codes:
        `malformed`: the ranges are malformed.
        `endless`: the ranges do not come to an end.
    """


class EvidenceError(StreamsError, ValueError):
    """Evidence that shows nothing.

    Codes:
        `malformed`: the bytes are no evidence of this version.
        `object`: an object in it is not what its id and signature say.
        `signature`: a statement in it is not signed by the peer that it names.
        `unrelated`: what it puts together does not belong together.
        `no-fork`: the two objects are no fork.
        `no-conflict`: there are no two checkpoints that conflict.
        `incomplete`: it does not hold all that is below the leaves, so nothing is known to be lacking.
        `no-contradiction`: the later statement has all that the earlier had.
        `no-promise`: the refusal breaks no promise.
        `no-path`: it does not show that the object is below the leaves that were stated.
    """


class ArchiveError(StreamsError, ValueError):
    """An archive that is damaged, or not what is wanted (spec 14.7); by the codes of objects too.

    Codes:
        `header`: this is no archive: it does not begin with the header of CARv1 with one root.
        `section-length`: the length of a section is damaged.
        `section-id`: the id of a block is damaged, or of another kind than those of streams.
        `truncated`: the file ends inside a block: it was cut short.
        `block`: a block does not hash to its id.
        `root`: the header names another manifest.
        `manifest`: the first block is no manifest of an archive of a stream.
        `newer-format`: the archive is of a newer format: use a newer version.
        `seal`: a seal is not well formed.
        `unsealed`: blocks stand behind no seal, so nothing tells who signed them.
        `content`: blocks are missing, or were put in another order, among the objects before a seal.
        `other-stream`: an object belongs to another stream than the manifest names.
        `vouching-other`: this is not what the vouching beside it is for; every signature is verified instead.
        `count`: the manifest tells of another number of objects.
        `order`: the manifest tells of other objects, or of another order.
        `frontier`: the leaves of the stream are not those that the manifest tells of.
        `vouching`: this is no vouching for an archive, or it is damaged.
        `vouching-signature`: the vouching is not signed by the author that it names.
        `not-here`: an earlier archive holds an object that is not here: restore that archive first.
        `index`: the index is damaged, or belongs to another archive: make it anew.
        `damaged`: the archive is damaged there, or its index is: make the index anew.
    """


class FileError(StreamsError, OSError):
    """A file that cannot be read or written.

    Codes:
        `io`: a file cannot be read or written.
    """


class KeepError(StreamsError, ValueError):
    """Copies that cannot be kept as is wanted.

    Codes:
        `no-archiver`: no archiver has this name.
        `twice`: an archiver is named twice: say how many copies it keeps.
        `copies`: the archiver does not keep so many copies of a pack.
        `no-audit`: the archiver gives no bytes back, so nothing there can be audited.
        `record`: a record in the store cannot be read: another version wrote it, or it is damaged.
        `no-record`: a record is missing in the store.
        `ticket`: a ticket is 1 to 1,024 bytes of text.
    """


class ArchiverError(StreamsError, OSError):
    """An archiver that did not do what it was asked.

    Codes:
        `unfunded`: there is not enough money or quota at the archiver: add some.
        `over-budget`: it would cost more than is allowed: allow more, or choose another archiver.
        `too-small`: the pack is too small for the archiver.
        `too-large`: the pack is too large for the archiver.
        `no-capacity`: nobody there takes it now.
        `rate-limited`: the archiver was asked too often in too short a time.
        `rejected`: it was considered, and not taken.
        `conflict`: what is there under that name is something else.
        `integrity`: the bytes are not those that were asked for.
        `missing`: what was asked for is not there.
        `stalled`: nothing changed there for too long.
        `doubtful`: it may have arrived twice, so it is not sent again: look there, and say what is the case.
        `unreachable`: nobody answered: whether anything was done is not known.
        `unsupported`: the archiver can never do that.
        `other`: the archiver failed.
    """


class UnauthorizedError(ArchiverError, PermissionError):
    """An archiver that does not know who asks.

    Codes:
        `unauthorized`: the credentials for the archiver are missing or wrong.
    """


class DefinitionError(StreamsError, ValueError):
    """A text of the definition language that says nothing, or contradicts itself (spec 13, 14.8).

    Codes:
        `syntax`: something else is expected at this place.
        `keyword`: a word of the language is no name: choose another.
        `field-name`: a name of a field is 1 to 128 bytes without `:`, and does not begin with `_`.
        `twice`: the same is said twice: leave one out, or give it another name.
        `no-root`: a stream begins with one object: put `root` before the one that does.
        `second-root`: a stream begins with one object, and another is its root already.
        `root-outside`: a root outside a stream begins nothing: put it into a stream.
        `root-event`: an event cannot begin a stream: say `object`.
        `no-hypothetical-root`: only a root can be hypothetical: say `hypothetical root`.
        `hypothetical-fields`: a hypothetical root has no fields: it is type and author alone.
        `hypothetical-signed`: a hypothetical root is not signed: it is found without its author.
        `unknown-type`: no type of that name is known: define it, or import its package.
        `clash`: two names would be one in the language that types are made for: rename one of them.
    """


class UnlikeError(StreamsError, ValueError):
    """An object that is not as it is defined (spec 13.2, 14.8).

    Codes:
        `undefined-type`: no object of that type is defined for this stream: define it, or see whether the
            definition is of today.
        `undefined-place`: an object of that type is defined for another place in its stream.
        `field-missing`: a field is missing that must be there.
        `field-undefined`: a field is there that is not defined.
        `field-hint`: a field has another hint than is defined.
    """


class SecretError(StreamsError, TypeError):
    """A secret that would get out.

    Codes:
        `secret`: a secret key is not printed, copied or pickled: keep its bytes yourself, and say so by name.
    """


class LengthError(StreamsError, ValueError):
    """Bytes of another length than is wanted.

    Codes:
        `length`: the bytes have another length than is wanted.
    """


class BusyError(StreamsError, RuntimeError):
    """A call that cannot be answered now.

    Codes:
        `re-entered`: the stream is in use by the call from which this one is made: finish that first.
    """


class InternalError(StreamsError, RuntimeError):
    """A mistake of ours.

    Codes:
        `panic`: a mistake in the library: what was in its hands may be half done, so open it anew, and report this.
    """


CODES: Final[Mapping[str, Mapping[str, str]]] = {
    "UnsoundError": {
        "truncated": "the bytes end inside an item: give all of them",
        "trailing": "bytes follow the end of the item: give one object at a time",
        "not-shortest": "an integer or a length is not in its shortest form",
        "indefinite": "an item of indefinite length",
        "reserved": "a head that CBOR reserves",
        "float-width": "a float that is not 64 bits wide",
        "not-finite": "a float that is not finite",
        "negative-zero": "a float that is −0.0",
        "tag": "a tag other than 42",
        "simple": "null, undefined or another simple value",
        "reference": "tag 42 over bytes that are no reference",
        "utf8": "text that is not UTF-8",
        "not-a-map": "a block that is not a map",
        "key": "a key that is not text",
        "key-order": "keys that do not ascend (shorter first, then by bytes)",
        "key-repeated": "a key that occurs twice",
        "name": "a name is 1 to 128 bytes of text without `:` and control characters",
        "hint": "a key ends in `:` and one of the hints s i u f b d m r, behind an `a` for each list",
        "name-repeated": "a name stands under two hints: rename one of the two",
        "hint-mismatch": "a value does not agree with the hint of its key",
        "note": "a name that begins with `_` is a note of one replica, and never travels",
        "too-deep": "values are nested deeper than 32: refer to another object instead",
        "too-many-entries": "a map or a list of maps has more than 4,096 entries: divide it",
        "parts": "the bytes are not a list of a block, a signature and map blocks",
        "too-large": "an object has at most 1 MiB in all its parts: divide it, or refer to what is large",
        "block-too-large": "the block of an object has at most 64 KiB: put what is large into maps",
        "too-many-maps": "an object has at most 4,096 maps, itself included: divide it",
        "stray-map": "a map does not hash to the reference at its place: it was changed, or belongs elsewhere",
        "signature-length": "a signature is 64 bytes",
        "not-whole": "policies and the data of a streams/ type are always whole, and a map of them is missing",
        "unsigned": "the signature is missing: sign the draft",
        "bad-signature": "the signature is not the author's over this object",
        "signed-hypothetical": "a hypothetical root is never signed",
        "pending-full": "the object waits for others, and there is no room to wait: bring those first",
    },
    "JsonError": {
        "json": "the text is no JSON, or has a number where none may be",
        "base64": "bytes are strict base64 with padding",
        "id": "an id is 59 characters that begin with bafyr4i",
        "integer": "an integer is written like 0, 7 or -12: no point, no exponent, no zero in front, no -0",
    },
    "IdError": {
        "id": "an id is 59 characters that begin with bafyr4i",
    },
    "NewerError": {
        "newer-name": "a header name that this version does not know: the object may come from a newer one",
        "newer-hint": "a header name under a hint of another version",
        "newer-type": "a streams/ type of a newer version",
        "newer-reference": "a reference to an id of a kind that this version does not know",
    },
    "RefusedError": {
        "type": "a type is 1 to 256 of A–Z a–z 0–9 . _ - / : @",
        "author": "an author is 48 characters that begin with z6Mk",
        "author-key": "a key that is not the canonical encoding of a point, or is of small order",
        "root-type": "a type that begins with streams/ is never that of a root",
        "root-edges": "a root has no parents, no previous and no generation",
        "nonce": "an ordinary root has a nonce of 16 bytes",
        "nonce-forbidden": "only a root has a nonce",
        "parents": "an object that is no root has 1 to 16 parents",
        "parents-order": "parents ascend, each once",
        "generation": "an object that is no root has a generation",
        "policies-forbidden": "only a root and streams/policy have policies",
        "policies-count": "policies are 1 to 64 rules",
        "next": "next is 32 bytes",
        "next-forbidden": "only an ordinary root and the owner's policy objects have a next",
        "data": "the data of a streams/ type has exactly the names of that type",
        "ids-count": "a list of a streams/ type has 1 to 1,024 ids: write several objects",
        "policy-empty": "streams/policy has policies, or data that withdraws, or both",
        "other-stream": "the object belongs to another stream",
        "parent-refused": "the object cites another that is refused",
        "previous-author": "its previous was written by another author",
        "generation-wrong": "its generation is not one more than the largest of what it cites",
    },
    "RuleError": {
        "rule": "a rule has an effect, and at most subjects, resources and actions",
        "rule-effect": "the effect of a rule is allow or deny",
        "rule-action": "the actions of a rule are read, append, govern, checkpoint or *",
        "rule-empty": "a list of a rule is absent, which is everything, or not empty",
        "rule-subject": "a subject is a key (48 characters that begin with z6Mk) or *",
        "rule-resource": "a resource is a type, or the beginning of one that ends in *",
        "rule-limit": "a rule has at most 1,024 subjects: write several rules",
        "rule-actions-needed": "an allow rule names its actions, never *",
        "rule-subjects-needed": "an allow rule for govern or checkpoint names its subjects, never *",
        "rule-resources-forbidden": "an allow rule for govern or checkpoint has no resources",
        "rule-checkpoint": "checkpoint stands in the policies of a root only",
    },
    "AuthorError": {
        "author": "an author is 48 characters that begin with z6Mk",
        "author-key": "a key that is not the canonical encoding of a point, or is of small order",
    },
    "NotAuthorizedError": {
        "not-authorized": "nothing in its past allows its author to write an object of this type: ask who governs the stream",
    },
    "MisfitError": {
        "not-a-map": "data is a map",
        "name": "a name is 1 to 128 bytes of text without `:` and control characters",
        "hint": "a hint is one of s i u f b d m r, behind an `a` for each list",
        "key-type": "the keys of a map are text",
        "name-repeated": "a name occurs twice in one map: rename one of the two, whatever their hints",
        "mixed-list": "the elements of a list have one hint: use a map, or write them all as one type",
        "absent-item": "an element of a list is never absent: leave it out, or put it into a map",
        "written-hint": "the value does not agree with the hint that is written with its name",
        "other-hint": "the map has the name under another hint than the type reads",
        "too-deep": "values are nested deeper than 32: refer to another object instead",
        "redacted": "the map stands redacted: nobody here knows what is in it",
        "type": "the type itself does not take the value",
    },
    "NoHintError": {
        "no-hint": "no hint says what a value of this type is: use text, an integer, a float, a boolean, bytes, an id, a map or a list of one of them",
    },
    "EmptyListError": {
        "empty-list": "an empty list does not tell its hint: write it with the name, as in `tags:as`",
    },
    "IntegerRangeError": {
        "integer-range": "an integer is −2⁶³ to 2⁶³ − 1, or under the hint `u` 0 to 2⁶⁴ − 1: write larger ones as text or bytes",
    },
    "NotFiniteError": {
        "not-finite": "a float is finite: leave out what is not, or write it as text",
    },
    "RecursiveError": {
        "recursive": "the value holds itself: refer to another object instead",
    },
    "RedactError": {
        "whole-map": "policies and the data of a streams/ type are always whole, and not redacted",
    },
    "UnknownMapError": {
        "unknown-map": "no map with this id stands in the object, or it stands redacted already",
    },
    "Oh1Error": {
        "oh1-json": "not an object of the original proposal",
        "oh1-key": "a key is a name and one of the hints s i u f b d o, behind an `a` for each list",
        "oh1-key-repeated": "a key occurs twice",
        "oh1-value": "a value does not agree with the hint of its key",
    },
    "OpenError": {
        "not-a-root": "a stream begins with a root, and this object follows others",
    },
    "UnknownStreamError": {
        "unknown-stream": "nothing of the stream is here: create it, restore it, or sync it from a peer",
    },
    "UnknownObjectError": {
        "unknown-object": "the object is not in the stream",
    },
    "CursorError": {
        "cursor": "a cursor is 56 bytes that a feed gave out",
        "other-store": "the cursor is of another store: begin anew",
        "other-filter": "the cursor was made with another filter: use that filter, or begin anew",
        "ahead": "the cursor is ahead of the store, which was restored from an older copy: begin anew",
    },
    "StoreError": {
        "conflict": "somebody else wrote to the stream since it was read: read again, and decide again",
        "busy": "the store has no time now: try again",
        "full": "there is no room in the store: make some, and try again",
        "corrupt": "the store does not hold what was written: verify it, and restore what is damaged from a copy",
        "unsupported": "this version cannot do it: the store is newer, or its kind has no such thing",
        "inconsistent": "the store holds an object that its own stream does not take: it was changed, or another version wrote it",
        "other": "the store failed",
    },
    "StoreClosedError": {
        "closed": "the store was closed: open it again",
    },
    "OtherProcessError": {
        "other-process": "the store was opened by another process, from which this one was forked: open it anew here",
    },
    "TransportError": {
        "closed": "the link was closed, or broke: connect again",
        "too-large": "a frame is longer than a link carries",
        "unreachable": "nobody answers there, or not as a peer would",
        "protocol": "the peer breaks the rules of the link",
        "other": "the link failed",
    },
    "SessionError": {
        "closed": "the session was closed",
        "version": "the peer speaks no version that is spoken here",
        "own-key": "the peer claims our own key: the session was reflected, or this is another device with one key",
        "proof": "the peer did not prove its key over this connection",
        "slow": "the peer does not go on: connect again",
        "message": "the peer sent a frame that is no message",
        "unexpected": "the peer sent what was not asked for",
        "too-much": "the peer sent more than it may",
        "by-peer": "the peer ended the session, and says why",
        "not-signed": "whoever holds this side's key does not sign: unlock it, or ask whom it belongs to",
        "gone": "the peer closed the link before it had answered: connect again",
    },
    "RangesError": {
        "malformed": "the ranges are malformed",
        "endless": "the ranges do not come to an end",
    },
    "EvidenceError": {
        "malformed": "the bytes are no evidence of this version",
        "object": "an object in it is not what its id and signature say",
        "signature": "a statement in it is not signed by the peer that it names",
        "unrelated": "what it puts together does not belong together",
        "no-fork": "the two objects are no fork",
        "no-conflict": "there are no two checkpoints that conflict",
        "incomplete": "it does not hold all that is below the leaves, so nothing is known to be lacking",
        "no-contradiction": "the later statement has all that the earlier had",
        "no-promise": "the refusal breaks no promise",
        "no-path": "it does not show that the object is below the leaves that were stated",
    },
    "ArchiveError": {
        "header": "this is no archive: it does not begin with the header of CARv1 with one root",
        "section-length": "the length of a section is damaged",
        "section-id": "the id of a block is damaged, or of another kind than those of streams",
        "truncated": "the file ends inside a block: it was cut short",
        "block": "a block does not hash to its id",
        "root": "the header names another manifest",
        "manifest": "the first block is no manifest of an archive of a stream",
        "newer-format": "the archive is of a newer format: use a newer version",
        "seal": "a seal is not well formed",
        "unsealed": "blocks stand behind no seal, so nothing tells who signed them",
        "content": "blocks are missing, or were put in another order, among the objects before a seal",
        "other-stream": "an object belongs to another stream than the manifest names",
        "vouching-other": "this is not what the vouching beside it is for; every signature is verified instead",
        "count": "the manifest tells of another number of objects",
        "order": "the manifest tells of other objects, or of another order",
        "frontier": "the leaves of the stream are not those that the manifest tells of",
        "vouching": "this is no vouching for an archive, or it is damaged",
        "vouching-signature": "the vouching is not signed by the author that it names",
        "not-here": "an earlier archive holds an object that is not here: restore that archive first",
        "index": "the index is damaged, or belongs to another archive: make it anew",
        "damaged": "the archive is damaged there, or its index is: make the index anew",
    },
    "FileError": {
        "io": "a file cannot be read or written",
    },
    "KeepError": {
        "no-archiver": "no archiver has this name",
        "twice": "an archiver is named twice: say how many copies it keeps",
        "copies": "the archiver does not keep so many copies of a pack",
        "no-audit": "the archiver gives no bytes back, so nothing there can be audited",
        "record": "a record in the store cannot be read: another version wrote it, or it is damaged",
        "no-record": "a record is missing in the store",
        "ticket": "a ticket is 1 to 1,024 bytes of text",
    },
    "ArchiverError": {
        "unfunded": "there is not enough money or quota at the archiver: add some",
        "over-budget": "it would cost more than is allowed: allow more, or choose another archiver",
        "too-small": "the pack is too small for the archiver",
        "too-large": "the pack is too large for the archiver",
        "no-capacity": "nobody there takes it now",
        "rate-limited": "the archiver was asked too often in too short a time",
        "rejected": "it was considered, and not taken",
        "conflict": "what is there under that name is something else",
        "integrity": "the bytes are not those that were asked for",
        "missing": "what was asked for is not there",
        "stalled": "nothing changed there for too long",
        "doubtful": "it may have arrived twice, so it is not sent again: look there, and say what is the case",
        "unreachable": "nobody answered: whether anything was done is not known",
        "unsupported": "the archiver can never do that",
        "other": "the archiver failed",
    },
    "UnauthorizedError": {
        "unauthorized": "the credentials for the archiver are missing or wrong",
    },
    "DefinitionError": {
        "syntax": "something else is expected at this place",
        "keyword": "a word of the language is no name: choose another",
        "field-name": "a name of a field is 1 to 128 bytes without `:`, and does not begin with `_`",
        "twice": "the same is said twice: leave one out, or give it another name",
        "no-root": "a stream begins with one object: put `root` before the one that does",
        "second-root": "a stream begins with one object, and another is its root already",
        "root-outside": "a root outside a stream begins nothing: put it into a stream",
        "root-event": "an event cannot begin a stream: say `object`",
        "no-hypothetical-root": "only a root can be hypothetical: say `hypothetical root`",
        "hypothetical-fields": "a hypothetical root has no fields: it is type and author alone",
        "hypothetical-signed": "a hypothetical root is not signed: it is found without its author",
        "unknown-type": "no type of that name is known: define it, or import its package",
        "clash": "two names would be one in the language that types are made for: rename one of them",
    },
    "UnlikeError": {
        "undefined-type": "no object of that type is defined for this stream: define it, or see whether the definition is of today",
        "undefined-place": "an object of that type is defined for another place in its stream",
        "field-missing": "a field is missing that must be there",
        "field-undefined": "a field is there that is not defined",
        "field-hint": "a field has another hint than is defined",
    },
    "SecretError": {
        "secret": "a secret key is not printed, copied or pickled: keep its bytes yourself, and say so by name",
    },
    "LengthError": {
        "length": "the bytes have another length than is wanted",
    },
    "BusyError": {
        "re-entered": "the stream is in use by the call from which this one is made: finish that first",
    },
    "InternalError": {
        "panic": "a mistake in the library: what was in its hands may be half done, so open it anew, and report this",
    },
    "Verdict": {
        "owner": "effective: its author is the owner",
        "allowed": "effective: a rule allows it",
        "force": "effective: a checkpoint that has force",
        "denied": "void: a rule denies it",
        "withdrawn": "void: what would allow it is withdrawn",
        "no-rule": "void: no rule allows it",
        "rank": "void: its author would have a rank above 16",
        "holder": "void: a checkpoint whose author is no holder",
        "count": "void: a checkpoint that counts another number of objects than its past has",
        "order": "void: a checkpoint whose digest is not that of the order of its past",
    },
    "Shown": {
        "fork": "an author wrote two objects behind one",
        "checkpoints": "holders made checkpoints that conflict",
        "contradiction": "a peer said that it had an object, and later that it had not",
        "broken-promise": "a peer promised to serve an object, and did not",
    },
    "Reason": {
        "denied": "the peer may not read the stream",
        "unknown": "nothing of the stream is there",
        "gone": "it was there, and is not any more",
        "busy": "there is no room for it now",
    },
    "Gone": {
        "expired": "its time was over",
        "lost": "it was there, and is not",
        "damaged": "its bytes are others",
    },
}
"""Every code by the class that has it, and what it says; also those that are told and not raised."""
