#!/usr/bin/env python3
"""The specification of Streams, read literally: slow, short, and the judge of every faster implementation.

    python3 reference.py check [PATH...]    run vector files, or folders of them (default: the folder `vectors` beside this file)
    python3 reference.py write              write the vector files anew (proposal.json is given, and stays as it is)
    python3 reference.py search [--seconds N] [--seed N]
                                            judge small random streams, and look for one that breaks a promise of the specification

The numbers in comments are the paragraphs of docs/spec.md; the format of the vectors is docs/vectors.md. Everything is the standard library of
Python 3.11. The rooms follow the sections: what the specification builds on (BLAKE3, Ed25519, bases), 1 to 12, 14, then the vectors, then the search.
"""

import base64
import functools
import hashlib
import json
import pathlib
import re
import struct
import sys
import time
from dataclasses import dataclass
from random import Random

# ---------------------------------------------------------------------------------------------------------------------------------------
# 14 Fates and codes
# ---------------------------------------------------------------------------------------------------------------------------------------


class Fault(Exception):
    """14.1: a fate that is not admission, and the code of the rule that speaks. In JSON (14.3) there is no fate but `unread`."""

    def __init__(self, fate, code):
        super().__init__(f"{fate}: {code}")
        self.fate, self.code = fate, code


def dropped(code):
    raise Fault("dropped", code)


def newer(code):
    raise Fault("newer", code)


def refused(code):
    raise Fault("refused", code)


def unread(code):
    raise Fault("unread", code)


# ---------------------------------------------------------------------------------------------------------------------------------------
# BLAKE3 (the paper of 2020, section 2)
# ---------------------------------------------------------------------------------------------------------------------------------------

BLAKE3_IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
BLAKE3_PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
CHUNK_START, CHUNK_END, PARENT, ROOT, DERIVE_KEY_CONTEXT, DERIVE_KEY_MATERIAL = 1, 2, 4, 8, 32, 64
MASK = 0xFFFFFFFF

# The eight quarter rounds of a round: four columns, then four diagonals.
QUARTERS = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15), (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))


def seven_rounds():
    """Every quarter round in order, with the two message words that it mixes in."""
    words = list(range(16))
    for _ in range(7):
        for quarter, (a, b, c, d) in enumerate(QUARTERS):
            yield a, b, c, d, words[2 * quarter], words[2 * quarter + 1]
        words = [words[i] for i in BLAKE3_PERMUTATION]


SCHEDULE = tuple(seven_rounds())


def compress(chaining, block, counter, length, flags):
    """The compression function, cut to the 8 words that chaining and a 32-byte digest need."""
    m = struct.unpack("<16I", block.ljust(64, b"\0"))
    v = [*chaining, *BLAKE3_IV[:4], counter & MASK, counter >> 32, length, flags]
    for a, b, c, d, x, y in SCHEDULE:
        va, vb, vc, vd = v[a], v[b], v[c], v[d]
        va = (va + vb + m[x]) & MASK
        vd ^= va
        vd = (vd >> 16 | vd << 16) & MASK
        vc = (vc + vd) & MASK
        vb ^= vc
        vb = (vb >> 12 | vb << 20) & MASK
        va = (va + vb + m[y]) & MASK
        vd ^= va
        vd = (vd >> 8 | vd << 24) & MASK
        vc = (vc + vd) & MASK
        vb ^= vc
        vb = (vb >> 7 | vb << 25) & MASK
        v[a], v[b], v[c], v[d] = va, vb, vc, vd
    return tuple(v[i] ^ v[i + 8] for i in range(8))


def blake3_keyed(key, data, flags):
    """The 32-byte digest of `data`: chunks of 1,024 bytes are the leaves of a binary tree."""

    def chunk(index, is_root):
        piece = data[1024 * index : 1024 * index + 1024]
        blocks = [piece[i : i + 64] for i in range(0, len(piece), 64)] or [b""]
        chaining = key
        for i, block in enumerate(blocks):
            first, last = i == 0, i == len(blocks) - 1
            mark = flags | CHUNK_START * first | CHUNK_END * last | ROOT * (last and is_root)
            chaining = compress(chaining, block, index, len(block), mark)
        return chaining

    def subtree(first, count, is_root):
        if count == 1:
            return chunk(first, is_root)
        left = 1 << (count - 1).bit_length() - 1  # the largest power of two below count
        children = subtree(first, left, False) + subtree(first + left, count - left, False)
        return compress(key, struct.pack("<16I", *children), 0, 64, flags | PARENT | ROOT * is_root)

    return struct.pack("<8I", *subtree(0, max(1, -(-len(data) // 1024)), True))


@functools.lru_cache(maxsize=256)  # large vectors repeat a map hundreds of times
def blake3(data):
    return blake3_keyed(BLAKE3_IV, data, 0)


def blake3_derive_key(context, material):
    key = blake3_keyed(BLAKE3_IV, context.encode(), DERIVE_KEY_CONTEXT)
    return blake3_keyed(struct.unpack("<8I", key), material, DERIVE_KEY_MATERIAL)


# ---------------------------------------------------------------------------------------------------------------------------------------
# Ed25519 (RFC 8032) with the verification of ZIP-215
# ---------------------------------------------------------------------------------------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_MINUS_ONE = pow(2, (P - 1) // 4, P)

# A point (x, y) is held as (X, Y, Z, T) with x = X/Z, y = Y/Z and xy = T/Z.
IDENTITY = (0, 1, 1, 0)


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(scalar, point):
    result = IDENTITY
    for bit in bin(scalar)[2:]:
        result = add(result, result)
        if bit == "1":
            result = add(result, point)
    return result


def negate(point):
    return -point[0] % P, point[1], point[2], -point[3] % P


def same_point(p, q):
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


def x_of(y, sign):
    """The x with this sign for which (x, y) is on the curve, or None. For x = 0 both signs give 0: so reads ZIP-215."""
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * v**3 * pow(u * v**7, (P - 5) // 8, P) % P
    if v * x * x % P == -u % P:
        x = x * SQRT_MINUS_ONE % P
    if v * x * x % P != u:
        return None
    return x if x % 2 == sign else -x % P


def decode_point(data):
    """ZIP-215: y is taken modulo p, whether it is below p or not."""
    number = int.from_bytes(data, "little")
    y, sign = number % 2**255 % P, number >> 255
    x = x_of(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


def encode_point(point):
    inverse = pow(point[2], -1, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE = decode_point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def is_small_order(point):
    return same_point(multiply(8, point), IDENTITY)


def usable_key(key):
    """6.1: an author whose key is not the canonical encoding of a point, or is of small order, is refused."""
    point = decode_point(key)
    return point is not None and encode_point(point) == key and not is_small_order(point)


def challenge(r, key, message):
    return int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % L


@functools.lru_cache(maxsize=4096)  # the same events occur in many vectors
def verify(key, message, signature):
    """6.1, ZIP-215: S is below the order; 8 S B = 8 R + 8 k A. Whether the key may be used at all, `usable_key` says."""
    r, s = decode_point(signature[:32]), int.from_bytes(signature[32:], "little")
    if r is None or s >= L:
        return False
    k = challenge(signature[:32], key, message)
    return same_point(multiply(8 * s, BASE), multiply(8, add(r, multiply(k, decode_point(key)))))


def secret_scalar(seed):
    digest = hashlib.sha512(seed).digest()
    return int.from_bytes(digest[:32], "little") & (1 << 254) - 8 | 1 << 254, digest[32:]


def public_key(seed):
    return encode_point(multiply(secret_scalar(seed)[0], BASE))


def sign(seed, message):
    scalar, prefix = secret_scalar(seed)
    key = encode_point(multiply(scalar, BASE))
    r = int.from_bytes(hashlib.sha512(prefix + message).digest(), "little") % L
    r_bytes = encode_point(multiply(r, BASE))
    s = (r + challenge(r_bytes, key, message) * scalar) % L
    return r_bytes + s.to_bytes(32, "little")


# ---------------------------------------------------------------------------------------------------------------------------------------
# Bases
# ---------------------------------------------------------------------------------------------------------------------------------------

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base58(data):
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = BASE58[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def base58_decode(text):
    number = 0
    for character in text:
        if character not in BASE58:
            return None
        number = number * 58 + BASE58.index(character)
    zeros = len(text) - len(text.lstrip("1"))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")


def base32(data):
    return base64.b32encode(data).decode().lower().rstrip("=")


# ---------------------------------------------------------------------------------------------------------------------------------------
# 1 Values
# ---------------------------------------------------------------------------------------------------------------------------------------
#
# Text is str, an integer int, a float float, bool bool, bytes bytes, a list list. A nested map is a Map where it is here, and a Reference
# where it stands redacted (3.3).


@dataclass(frozen=True)
class Reference:
    """An object id (1.2), or, in the place of a map, a map that stands redacted (3.3)."""

    digest: bytes


@dataclass(frozen=True)
class LeftOut(Reference):
    """A map that stands redacted because this version cannot keep it (1.5); `newer` where the reason is a reference to another kind of id."""

    newer: bool


@dataclass(frozen=True)
class Foreign:
    """A reference to another kind of id (2.1): the bytes behind the zero byte."""

    bytes: bytes


class Map:
    """A map that is here: its block (3.1), its id (3.2), and its entries by key."""

    def __init__(self, block, entries):
        self.block, self.entries, self.id = block, entries, blake3(block)


BLOCK_LIMIT, OBJECT_LIMIT, DEPTH_LIMIT, ENTRIES_LIMIT, MAPS_LIMIT = 64 * 1024, 1024 * 1024, 32, 4096, 4096  # 1.5


def split_key(key, fault=dropped):
    """1.1, 1.2: the name and the hint of a key."""
    name, colon, hint = key.rpartition(":")
    if not colon or not re.fullmatch("a{0,31}[siufbdmr]", hint):
        fault("hint")
    if not 1 <= len(name.encode()) <= 128 or re.search("[:\0-\x1f\x7f-\x9f]", name):
        fault("name")
    return name, hint


def is_integer(value, hint):
    low, high = {"i": (-(2**63), 2**63 - 1), "u": (0, 2**64 - 1)}[hint]
    return type(value) is int and low <= value <= high


def agree(value, hint):
    """1.2: value and hint agree, in a block (where the id of a map stands for it)."""
    if hint[0] == "a":
        if type(value) is not list:
            dropped("hint-mismatch")
        for element in value:
            agree(element, hint[1:])
    elif hint in "iu":
        if not is_integer(value, hint):
            dropped("hint-mismatch")
    elif not isinstance(value, {"s": str, "f": float, "b": bool, "d": bytes, "m": (Reference, Foreign), "r": (Reference, Foreign)}[hint]):
        dropped("hint-mismatch")


def check_limits(entries, depth, fault=dropped):
    """1.5, for one map whose values are at `depth`: depth and entries."""

    def check_value(value, hint, depth):
        if hint == "m" and not isinstance(value, Map):
            return  # redacted maps do not count
        if depth > DEPTH_LIMIT:
            fault("too-deep")
        if type(value) is list:
            if hint == "am" and len(value) > ENTRIES_LIMIT:
                fault("too-many-entries")
            for element in value:
                check_value(element, hint[1:], depth + 1)

    if len(entries) > ENTRIES_LIMIT:
        fault("too-many-entries")
    for key, value in entries.items():
        check_value(value, hint_of(key), depth)


def hint_of(key):
    return key.rpartition(":")[2]


def replace_places(value, hint, change, depth):
    """The value with every place of a map changed: `change` is given what stands there, and its depth; depth first in key order (2.3)."""
    if hint == "m":
        return change(value, depth)
    if hint.endswith("m"):
        return [replace_places(element, hint[1:], change, depth + 1) for element in value]
    return value


def replace_maps(entries, change, depth=1):
    return {key: replace_places(value, hint_of(key), change, depth) for key, value in entries.items()}


# ---------------------------------------------------------------------------------------------------------------------------------------
# 2.1 Canonical bytes
# ---------------------------------------------------------------------------------------------------------------------------------------

OUR_PREFIX = bytes.fromhex("01711e20")


def encode_head(major, number):
    if number < 24:
        return bytes([major << 5 | number])
    for additional, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << 8 * size:
            return bytes([major << 5 | additional]) + number.to_bytes(size, "big")


def canonical_order(key):
    return len(key.encode()), key.encode()  # by the encoded key: shorter first, then bytewise


def encode_cbor(value):
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return encode_head(0, value) if value >= 0 else encode_head(1, -1 - value)
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value + 0.0)  # 1.2: an encoder writes 0.0 for -0.0
    if isinstance(value, bytes):
        return encode_head(2, len(value)) + value
    if isinstance(value, str):
        return encode_head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return encode_head(4, len(value)) + b"".join(map(encode_cbor, value))
    if isinstance(value, dict):
        pairs = (encode_cbor(key) + encode_cbor(value[key]) for key in sorted(value, key=canonical_order))
        return encode_head(5, len(value)) + b"".join(pairs)
    if isinstance(value, Reference):
        return encode_head(6, 42) + encode_cbor(b"\0" + OUR_PREFIX + value.digest)
    if isinstance(value, Foreign):
        return encode_head(6, 42) + encode_cbor(b"\0" + value.bytes)
    if isinstance(value, Map):
        return encode_cbor(Reference(value.id))  # 2.1: in the place of a map stands its id


def decode_cbor(data):
    """Strict DAG-CBOR: one item, and nothing behind it."""
    value, end = decode_item(data, 0, 0)
    if end != len(data):
        dropped("trailing")
    return value


def decode_item(data, at, nesting):
    if nesting > DEPTH_LIMIT + 1:
        dropped("too-deep")

    def take(at, size):
        if at + size > len(data):
            dropped("truncated")
        return data[at : at + size], at + size

    head, at = take(at, 1)
    major, additional = head[0] >> 5, head[0] & 31
    if 28 <= additional <= 30:
        dropped("reserved")
    if additional == 31:
        dropped("indefinite")

    if major == 7:
        if additional in (20, 21):
            return additional == 21, at
        if additional in (25, 26):
            dropped("float-width")
        if additional != 27:
            dropped("simple")
        bits, at = take(at, 8)
        number = struct.unpack(">d", bits)[0]
        if number != number or number in (float("inf"), float("-inf")):
            dropped("not-finite")
        if bits == b"\x80" + bytes(7):
            dropped("negative-zero")
        return number, at

    number = additional
    if additional >= 24:
        size = 1 << additional - 24
        argument, at = take(at, size)
        number = int.from_bytes(argument, "big")
        if len(encode_head(major, number)) != 1 + size:
            dropped("not-shortest")

    if major == 0:
        return number, at
    if major == 1:
        return -1 - number, at
    if major == 2:
        return take(at, number)
    if major == 3:
        text, at = take(at, number)
        try:
            return text.decode("utf-8"), at
        except UnicodeDecodeError:
            dropped("utf8")
    if major == 4:
        values = []
        for _ in range(number):
            value, at = decode_item(data, at, nesting + 1)
            values.append(value)
        return values, at
    if major == 5:
        entries, before = {}, None
        for _ in range(number):
            key, at = decode_item(data, at, nesting + 1)
            if type(key) is not str:
                dropped("key")
            if key in entries:
                dropped("key-repeated")
            if before is not None and canonical_order(key) < canonical_order(before):
                dropped("key-order")
            entries[key], at = decode_item(data, at, nesting + 1)
            before = key
        return entries, at
    if number != 42:
        dropped("tag")
    link, at = decode_item(data, at, nesting + 1)
    if type(link) is not bytes or link[:1] != b"\0":
        dropped("reference")
    if link[1:5] != OUR_PREFIX:
        return Foreign(link[1:]), at
    if len(link) != 37:
        dropped("reference")
    return Reference(link[5:]), at


def decode_block(block):
    """A block: a map whose keys are hinted, without notes, whose values agree with their hints."""
    entries = decode_cbor(block)
    if type(entries) is not dict:
        dropped("not-a-map")
    names = set()
    for key, value in entries.items():
        name, hint = split_key(key)
        if name in names:
            dropped("name-repeated")
        if name.startswith("_"):
            dropped("note")
        agree(value, hint)
        names.add(name)
    return entries


# ---------------------------------------------------------------------------------------------------------------------------------------
# 2.3 Parts
# ---------------------------------------------------------------------------------------------------------------------------------------


@dataclass
class Object:
    map: Map
    signature: bytes = b""

    @property
    def id(self):
        return self.map.id

    @property
    def entries(self):
        return self.map.entries


def maps_of(map):
    """The maps below a map that are not redacted: depth first in key order, each time they occur."""
    found = []

    def visit(value, depth):
        if isinstance(value, Map):
            found.append(value)
            replace_maps(value.entries, visit)

    replace_maps(map.entries, visit)
    return found


def encode_parts(object):
    return encode_cbor([object.map.block, object.signature, [map.block for map in maps_of(object.map)]])


def decode_parts(data):
    parts = decode_cbor(data)
    if not (type(parts) is list and [type(part) for part in parts] == [bytes, bytes, list] and all(type(b) is bytes for b in parts[2])):
        dropped("parts")
    block, signature, blocks = parts
    if len(block) + len(signature) + sum(map(len, blocks)) > OBJECT_LIMIT:
        dropped("too-large")
    if len(block) > BLOCK_LIMIT:
        dropped("block-too-large")
    if 1 + len(blocks) > MAPS_LIMIT:
        dropped("too-many-maps")
    if len(signature) not in (0, 64):
        dropped("signature-length")

    entries = decode_block(block)
    check_limits(entries, 1)
    places = Places(blocks)
    entries = replace_maps(entries, places.fill)
    if places.next < len(blocks) and not places.left_out:
        dropped("stray-map")
    return Object(Map(block, entries), signature)


class Places:
    """Places are walked in order; where the next block hashes to the reference it is that map, else the map stands redacted."""

    def __init__(self, blocks):
        self.blocks, self.ids = blocks, [blake3(block) for block in blocks]
        self.next = 0  # the next block
        self.left_out = False  # whether the last map that was met was left out: then the next blocks may belong below it

    def fill(self, reference, depth):
        if isinstance(reference, Foreign):
            return reference
        end = len(self.blocks) if self.left_out else self.next + 1
        if reference.digest not in self.ids[self.next : end]:
            return reference
        at = self.ids.index(reference.digest, self.next)
        self.next, self.left_out = at + 1, False
        try:
            entries = decode_nested(self.blocks[at], depth)
        except Fault as fault:
            self.left_out = True
            return LeftOut(reference.digest, newer=fault.fate == "newer")
        return Map(self.blocks[at], replace_maps(entries, self.fill, depth + 1))


def decode_nested(block, depth):
    """1.5: a nested map, which is a value at `depth`, unless it is to be left out."""
    if depth > DEPTH_LIMIT:
        dropped("too-deep")
    entries = decode_block(block)
    check_limits(entries, depth + 1)
    if has_foreign(entries):
        newer("newer-reference")
    return entries


def has_foreign(entries):
    """Whether a reference to another kind of id stands in the block of these entries."""

    def search(value):
        return any(map(search, value)) if isinstance(value, list) else isinstance(value, Foreign)

    return search(list(entries.values()))


# ---------------------------------------------------------------------------------------------------------------------------------------
# 2.2 JSON
# ---------------------------------------------------------------------------------------------------------------------------------------


class Number(str):
    """A number as it is spelled."""


class Json:
    """RFC 8259, with a key at most once and no lone surrogate. An object is read as a dict, a number as a Number."""

    NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
    SPACE = re.compile(r"[ \t\n\r]*")
    PLAIN = re.compile(r'[^"\\\x00-\x1f\ud800-\udfff]*')
    ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}

    def __init__(self, text):
        self.text, self.at = text, 0

    def read(self):
        value = self.value(0)
        self.space()
        if self.at != len(self.text):
            unread("json")
        return value

    def space(self):
        self.at = self.SPACE.match(self.text, self.at).end()

    def skip(self, token):
        """Whether the token is next; then it is behind us."""
        self.space()
        found = self.text.startswith(token, self.at)
        self.at += len(token) * found
        return found

    def expect(self, token):
        if not self.skip(token):
            unread("json")

    def value(self, nesting):
        if nesting > DEPTH_LIMIT + 1:
            unread("too-deep")
        if self.skip("{"):
            return self.object(nesting)
        if self.skip("["):
            return self.list(nesting)
        if self.skip('"'):
            return self.string()
        for word, value in (("true", True), ("false", False), ("null", None)):
            if self.skip(word):
                return value
        number = self.NUMBER.match(self.text, self.at)
        if not number:
            unread("json")
        self.at = number.end()
        return Number(number.group())

    def object(self, nesting):
        entries = {}
        if self.skip("}"):
            return entries
        while True:
            self.expect('"')
            key = self.string()
            if key in entries:
                unread("key-repeated")
            self.expect(":")
            entries[key] = self.value(nesting + 1)
            if self.skip("}"):
                return entries
            self.expect(",")

    def list(self, nesting):
        values = []
        if self.skip("]"):
            return values
        while True:
            values.append(self.value(nesting + 1))
            if self.skip("]"):
                return values
            self.expect(",")

    def string(self):
        text = ""
        while True:
            plain = self.PLAIN.match(self.text, self.at)
            text, self.at = text + plain.group(), plain.end()
            character = self.text[self.at : self.at + 1]
            self.at += 1
            if character == '"':
                return text
            if character != "\\":
                unread("json")  # the end, a control character or a surrogate
            text += self.escape()

    def escape(self):
        character = self.text[self.at : self.at + 1]
        self.at += 1
        if character != "u":
            return self.ESCAPES.get(character) or unread("json")
        unit = self.unit()
        if 0xD800 <= unit < 0xDC00 and self.text.startswith("\\u", self.at):
            self.at += 2
            low = self.unit()
            if 0xDC00 <= low < 0xE000:
                return chr(0x10000 + (unit - 0xD800 << 10) + low - 0xDC00)
            unread("json")
        if 0xD800 <= unit < 0xE000:
            unread("json")
        return chr(unit)

    def unit(self):
        digits = self.text[self.at : self.at + 4]
        if not re.fullmatch("[0-9A-Fa-f]{4}", digits):
            unread("json")
        self.at += 4
        return int(digits, 16)


def read_json(text):
    """JSON, as an object into parts; no signature is verified."""
    top = Json(text).read()
    if type(top) is not dict:
        unread("not-a-map")
    signature, rest = b"", {}
    for key, value in top.items():
        if key.rpartition(":")[0] == "_signature":
            split_key(key, unread)
            signature = read_value(value, "d") if hint_of(key) == "d" else unread("signature-length")
            if len(signature) != 64:
                unread("signature-length")
        rest[key] = value
    object = Object(read_map(rest, 1), signature)
    parts = [object.map.block, signature, *(map.block for map in maps_of(object.map))]
    if len(object.map.block) > BLOCK_LIMIT:
        unread("block-too-large")
    if len(parts) - 1 > MAPS_LIMIT:
        unread("too-many-maps")
    if sum(map(len, parts)) > OBJECT_LIMIT:
        unread("too-large")
    return object


def read_map(json_entries, depth):
    """A map whose values are at `depth`."""
    entries, names = {}, set()
    for key, value in json_entries.items():
        name, hint = split_key(key, unread)
        if name in names:
            unread("name-repeated")
        names.add(name)
        value = read_value(value, hint, depth)
        if not name.startswith("_"):  # 1.3: a note, left out
            entries[key] = value
    check_limits(entries, depth, unread)
    return make_map(entries)


def read_value(value, hint, depth=1):
    kind = type(value)
    if hint[0] == "a":
        return [read_value(element, hint[1:], depth + 1) for element in value] if kind is list else unread("hint-mismatch")
    if kind is Number and hint not in "iuf":
        unread("json")  # 14.3: a number where none may be
    if hint in "iu" and kind in (Number, str):
        if not re.fullmatch("-?(0|[1-9][0-9]*)", value, re.ASCII) or value == "-0":
            unread("integer")
        number = int(value) if len(value) <= 20 else None  # no longer one is in range
        return number if is_integer(number, hint) else unread("hint-mismatch")
    if hint == "f" and kind is Number:
        number = float(value) + 0.0  # nearest, ties to even; -0.0 + 0.0 is 0.0
        return number if number not in (float("inf"), float("-inf")) else unread("not-finite")
    if hint == "d" and kind is str:
        return read_base64(value)
    if hint == "r" and kind is str or hint == "m" and kind is str:
        return Reference(read_id(value))
    if hint == "m" and kind is dict:
        return read_map(value, depth + 1)
    if hint == "s" and kind is str or hint == "b" and kind is bool:
        return value
    unread("hint-mismatch")


def read_base64(text):
    if not re.fullmatch("([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", text):
        unread("base64")
    data = base64.b64decode(text)
    return data if base64.b64encode(data).decode() == text else unread("base64")  # no bits left over


def print_json(object):
    pairs = [print_entry(key, value) for key, value in object.entries.items()]
    if object.signature:
        pairs.append(print_entry("_signature:d", object.signature))
    return "{" + ",".join(pairs) + "}"


def print_entry(key, value):
    return json.dumps(key, ensure_ascii=False) + ":" + print_value(value)


def print_value(value):
    if isinstance(value, Map):
        return "{" + ",".join(print_entry(*pair) for pair in value.entries.items()) + "}"
    if isinstance(value, Reference):
        return f'"{id_text(value.digest)}"'
    if isinstance(value, bytes):
        return f'"{base64.b64encode(value).decode()}"'
    if isinstance(value, list):
        return "[" + ",".join(map(print_value, value)) + "]"
    if type(value) is int and abs(value) > 2**53 - 1:
        return f'"{value}"'
    return json.dumps(value, ensure_ascii=False)


# ---------------------------------------------------------------------------------------------------------------------------------------
# 3 Identity
# ---------------------------------------------------------------------------------------------------------------------------------------


def make_map(entries):
    """3.1, 3.2: the block of a map (`encode_cbor` puts the ids of nested maps in their places), and its id."""
    ordered = {key: entries[key] for key in sorted(entries, key=canonical_order)}
    return Map(encode_cbor(ordered), ordered)


def id_text(digest):
    return "b" + base32(OUR_PREFIX + digest)


def read_id(text):
    if not re.fullmatch("b[a-z2-7]{58}", text):
        unread("id")
    data = base64.b32decode(text[1:].upper() + "======")
    return data[4:] if data[:4] == OUR_PREFIX and id_text(data[4:]) == text else unread("id")


def is_whole(value):
    """Whether nothing below stands redacted. What holds a reference to another kind of id is newer, which is found later (14.4)."""
    if isinstance(value, Map):
        whole = True

        def visit(below, depth):
            nonlocal whole
            whole = whole and is_whole(below)

        replace_maps(value.entries, visit)
        return whole
    return isinstance(value, Foreign) or isinstance(value, LeftOut) and value.newer


def must_be_whole(object):
    """3.3, 4.1, 7.1: the maps that are always whole: the rules, and the data of a `streams/` type."""
    entries = object.entries
    maps = list(entries.get("policies:am", []))
    if entries.get("type:s", "").startswith("streams/") and "data:m" in entries:
        maps.append(entries["data:m"])
    return maps


def redact(object, digest):
    """3.3: the map, with all below it, stands redacted everywhere. The id and the signature hold."""
    if not any(map.id == digest for map in maps_of(object.map)):
        unread("unknown-map")
    for map in must_be_whole(object):
        if isinstance(map, Map) and any(below.id == digest for below in [map, *maps_of(map)]):
            unread("whole-map")

    def change(value, depth):
        if not isinstance(value, Map):
            return value
        if value.id == digest:
            return Reference(digest)
        return Map(value.block, replace_maps(value.entries, change))

    return Object(Map(object.map.block, replace_maps(object.entries, change)), object.signature)


def restore(object, blocks):
    """3.3: a replica that is given a map it lacks keeps it. What this version cannot decode, or breaks a limit (1.5), is not taken."""
    given = {blake3(block): block for block in blocks}
    parts = [object.map.block, object.signature, *(map.block for map in maps_of(object.map))]
    size, count = sum(map(len, parts)), len(parts) - 1

    def change(value, depth):
        nonlocal size, count
        if isinstance(value, Map):
            return Map(value.block, replace_maps(value.entries, change, depth + 1))
        if isinstance(value, Foreign) or value.digest not in given:
            return value
        block = given[value.digest]
        if size + len(block) > OBJECT_LIMIT or count + 1 > MAPS_LIMIT:
            return value
        try:
            entries = decode_nested(block, depth)
        except Fault:
            return value
        size, count = size + len(block), count + 1
        return Map(block, replace_maps(entries, change, depth + 1))

    return Object(Map(object.map.block, replace_maps(object.entries, change)), object.signature)


# ---------------------------------------------------------------------------------------------------------------------------------------
# 4 The header, 5 Hypothetical roots
# ---------------------------------------------------------------------------------------------------------------------------------------

ED25519_PUB = bytes.fromhex("ed01")
HEADER = {
    "type:s", "author:s", "nonce:d", "stream:r", "parents:ar", "previous:r",
    "generation:u", "timestamp:u", "policies:am", "next:d", "data:m",
}  # fmt: skip
HEADER_NAMES = {key.partition(":")[0] for key in HEADER}
TYPE = "[A-Za-z0-9._/:@-]{1,256}"
STREAMS_TYPES = {"streams/policy", "streams/redact", "streams/adopt", "streams/subscription", "streams/checkpoint"}


def author_text(key):
    return "z" + base58(ED25519_PUB + key)


def key_in(text):
    """4.1: the 32 bytes of an author's key by its form alone, or None."""
    if len(text) != 48 or text[0] != "z":
        return None
    data = base58_decode(text[1:])
    return data[2:] if data is not None and len(data) == 34 and data[:2] == ED25519_PUB else None


def read_author(text):
    key = key_in(text)
    if key is None:
        refused("author")
    if not usable_key(key):
        refused("author-key")
    return key


def is_hypothetical(object):
    return set(object.entries) == {"type:s", "author:s"}  # 5.1


def kind_of(object):
    if "stream:r" in object.entries:
        return "event"
    return "hypothetical" if is_hypothetical(object) else "root"  # 4.2: an object without `stream` is a root


def hypothetical_root(type, author):
    return Object(make_map({"type:s": type, "author:s": author}))


def judge_object(object):
    """4.2, 7.1: dropped, newer, refused, in this order, by the object alone; its kind, where it is none of them."""
    if not all(is_whole(map) for map in must_be_whole(object)):
        dropped("not-whole")
    judge_signature(object)
    judge_newer(object)
    judge_header(object)
    for map in object.entries.get("policies:am", []):
        read_rule(map, on_root=kind_of(object) == "root")
    return kind_of(object)


def judge_newer(object):
    """4.2, 14.4."""
    entries = object.entries
    for key in entries:
        if key not in HEADER:
            newer("newer-hint" if key.partition(":")[0] in HEADER_NAMES else "newer-name")
    type = entries.get("type:s", "")
    if type.startswith("streams/") and type not in STREAMS_TYPES:
        newer("newer-type")
    if has_foreign(entries) or any(isinstance(map, LeftOut) for map in must_be_whole(object)):
        newer("newer-reference")


def judge_header(object):
    """4.1, 14.5."""
    entries, kind = object.entries, kind_of(object)
    type = entries.get("type:s", "")
    if not re.fullmatch(TYPE, type):
        refused("type")
    read_author(entries.get("author:s", ""))

    if kind == "event":
        if "nonce:d" in entries:
            refused("nonce-forbidden")
        parents = [parent.digest for parent in entries.get("parents:ar", [])]
        if not 1 <= len(parents) <= 16:
            refused("parents")
        if any(a >= b for a, b in zip(parents, parents[1:])):
            refused("parents-order")
        if "generation:u" not in entries:
            refused("generation")
    else:
        if type.startswith("streams/"):
            refused("root-type")
        if {"parents:ar", "previous:r", "generation:u"} & set(entries):
            refused("root-edges")
        if kind == "root" and len(entries.get("nonce:d", b"")) != 16:
            refused("nonce")

    if "policies:am" in entries:
        if kind == "event" and type != "streams/policy":
            refused("policies-forbidden")
        if not 1 <= len(entries["policies:am"]) <= 64:
            refused("policies-count")
    if "next:d" in entries:
        if kind == "event" and type != "streams/policy":
            refused("next-forbidden")
        if len(entries["next:d"]) != 32:
            refused("next")
    if type.startswith("streams/"):
        judge_streams_data(type, entries)


def judge_streams_data(type, entries):
    """4.1: the data of a `streams/` type has exactly the names given: 8.3, 3.4, 8.10, 8.11, 9.2."""
    if type == "streams/policy" and "data:m" not in entries:
        return "policies:am" in entries or refused("policy-empty")
    if type == "streams/subscription" and "data:m" not in entries:
        return
    data = entries["data:m"].entries if "data:m" in entries else refused("data")
    required, optional = {
        "streams/policy": ({"withdraws:ar"}, set()),
        "streams/redact": ({"maps:ar"}, set()),
        "streams/adopt": ({"objects:ar"}, set()),
        "streams/subscription": (set(), {"expires:u"}),
        "streams/checkpoint": ({"count:u", "order:d"}, set()),
    }[type]
    if not required <= set(data) <= required | optional:
        refused("data")
    for value in data.values():
        if isinstance(value, list) and not 1 <= len(value) <= 1024:
            refused("ids-count")


# ---------------------------------------------------------------------------------------------------------------------------------------
# 6 Signatures
# ---------------------------------------------------------------------------------------------------------------------------------------

OBJECT_DOMAIN = b"streams.object.v1"


def signed_bytes(digest, domain=OBJECT_DOMAIN):
    return domain + b"\0" + digest  # 6.1: the domain, a zero byte, the message


def judge_signature(object):
    if is_hypothetical(object):
        return object.signature and dropped("signed-hypothetical")  # 5.1
    key = key_in(object.entries.get("author:s", ""))
    if key is None or not usable_key(key):
        return  # 4.2: no signature can be judged, and the other rules speak
    if not object.signature:
        dropped("unsigned")
    if not verify(key, signed_bytes(object.id), object.signature):
        dropped("bad-signature")


# ---------------------------------------------------------------------------------------------------------------------------------------
# 8.1 to 8.3 Policy
# ---------------------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rule:
    effect: str
    subjects: list = None
    resources: list = None
    actions: list = None


@dataclass(frozen=True)
class Access:
    subject: str
    action: str
    resource: str


EVERYONE_READS = Rule("allow", actions=["read"])  # 8.3: the one rule of a root without policies


def read_rule(map, on_root):
    """8.1, 14.5."""
    entries = map.entries
    if "effect:s" not in entries or not set(entries) <= {"subjects:as", "resources:as", "actions:as", "effect:s"}:
        refused("rule")
    rule = Rule(entries["effect:s"], *(entries.get(key) for key in ("subjects:as", "resources:as", "actions:as")))
    if rule.effect not in ("allow", "deny"):
        refused("rule-effect")
    if [] in (rule.subjects, rule.resources, rule.actions):
        refused("rule-empty")
    if len(rule.subjects or []) > 1024:
        refused("rule-limit")
    for subject in rule.subjects or []:
        if subject != "*" and key_in(subject) is None:
            refused("rule-subject")
    for resource in rule.resources or []:
        if resource != "*" and not re.fullmatch(TYPE + r"\*?", resource):
            refused("rule-resource")
    for action in rule.actions or []:
        if action not in ("read", "append", "govern", "checkpoint", "*"):
            refused("rule-action")
        if action == "checkpoint" and not on_root:
            refused("rule-checkpoint")
    if rule.effect == "allow":
        if matches_all(rule.actions):
            refused("rule-actions-needed")
        if "govern" in rule.actions or "checkpoint" in rule.actions:
            if matches_all(rule.subjects):
                refused("rule-subjects-needed")
            if rule.resources is not None:
                refused("rule-resources-forbidden")
    return rule


def matches_all(texts):
    return texts is None or "*" in texts  # a list with `*` and others is `*`


def matches(rule, access):
    if not matches_all(rule.subjects) and access.subject not in rule.subjects:
        return False
    if access.action == "checkpoint":  # matched only by name
        if rule.actions is None or "checkpoint" not in rule.actions:
            return False
    elif not matches_all(rule.actions) and access.action not in rule.actions:
        return False
    if matches_all(rule.resources):
        return True
    if access.action == "govern":  # has no resource: a rule with resources other than `*` does not match it
        return False
    return any(covers(pattern, access.resource) for pattern in rule.resources)


def covers(pattern, resource):
    return resource.startswith(pattern[:-1]) if pattern.endswith("*") else resource == pattern


def decide(rules, access):
    """8.2."""
    if any(rule.effect == "deny" and matches(rule, access) for rule in rules):
        return "deny"
    if any(rule.effect == "allow" and matches(rule, access) for rule in rules):
        return "allow"
    return "deny"


def rules_of(object):
    """8.3: the rules of a policy object, or None where it is none."""
    kind = kind_of(object)
    if kind == "event" and object.entries["type:s"] != "streams/policy":
        return None
    maps = object.entries.get("policies:am")
    if maps is None:
        return [] if kind == "event" else [EVERYONE_READS]
    return [read_rule(map, on_root=kind == "root") for map in maps]


def access_of(object):
    """8.6, 8.7: the access of an object."""
    author, type = object.entries["author:s"], object.entries["type:s"]
    action = {"streams/policy": "govern", "streams/checkpoint": "checkpoint"}.get(type, "append")
    return Access(author, action, type)


# ---------------------------------------------------------------------------------------------------------------------------------------
# 7 Admission, 8.7 born authorized
# ---------------------------------------------------------------------------------------------------------------------------------------


class Stream:
    """The admitted objects S of one stream, what waits, and what is refused."""

    def __init__(self, root):
        self.root = root
        self.admitted = {root.id: root}
        self.pasts = {root.id: frozenset()}
        self.forces = {}
        self.waiting = {}
        self.refused = {}

    def deliver(self, data):
        """What arrives has one fate (14.1): {fate: what is to be said of it}, and "then" what was admitted because of it."""
        try:
            object = decode_parts(data)
        except Fault as fault:
            return {fault.fate: fault.code}
        try:
            kind = judge_object(object)
            if object.id in self.admitted:
                return {"known": True}
            if object.id in self.refused:
                return {"refused": self.refused[object.id]}
            if kind != "event" or object.entries["stream:r"].digest != self.root.id:
                refused("other-stream")
            outcome = self.settle(object)
        except Fault as fault:
            if fault.fate == "refused":
                self.refused[object.id] = fault.code
            outcome = {fault.fate: fault.code}
        then = self.settle_waiting()
        return {**outcome, "then": then} if then else outcome

    def settle(self, object):
        """Admitted, refused or pending by the past."""
        cited = edges(object)
        if any(id in self.refused for id in cited):
            refused("parent-refused")  # 7.2
        missing = {id for id in cited if id not in self.admitted}
        if missing:
            self.waiting[object.id] = object
            return {"pending": [id_text(id) for id in sorted(missing)]}
        self.judge_past(object)
        self.admitted[object.id] = object
        self.pasts[object.id] = frozenset(cited).union(*(self.pasts[id] for id in cited))
        return {"admitted": True}

    def settle_waiting(self):
        """Until nothing changes: what waited is admitted, or refused, or waits on. The ids of what is admitted, ascending."""
        then, changed = [], True
        while changed:
            changed = False
            for id, object in list(self.waiting.items()):
                del self.waiting[id]
                try:
                    if "pending" in self.settle(object):
                        continue
                    then.append(id)
                except Fault as fault:
                    self.refused[id] = fault.code
                changed = True
        return [id_text(id) for id in sorted(then)]

    def judge_past(self, object):
        """7.1, with all that it cites admitted."""
        entries = object.entries
        if "previous:r" in entries and self.admitted[entries["previous:r"].digest].entries["author:s"] != entries["author:s"]:
            refused("previous-author")
        if entries["generation:u"] != 1 + max(generation(self.admitted[id]) for id in edges(object)):
            refused("generation-wrong")
        if "next:d" in entries and entries["author:s"] != self.owner():
            refused("next-forbidden")
        if not self.is_born_authorized(object):
            refused("not-authorized")

    def owner(self):
        return self.root.entries["author:s"]

    def is_born_authorized(self, object):
        """8.7: denials, withdrawals and voiding do not enter."""
        if object.entries["author:s"] == self.owner():
            return True
        access = access_of(object)
        for id in set(edges(object)).union(*(self.pasts[id] for id in edges(object))):
            rules = rules_of(self.admitted[id]) or []
            if any(rule.effect == "allow" and matches(rule, access) for rule in rules):
                return True
        return False

    def past(self, id):
        """The ids of the strict ancestors."""
        return self.pasts[id]

    def author(self, id):
        return self.admitted[id].entries["author:s"]

    def type(self, id):
        return self.admitted[id].entries["type:s"]

    # 9 Order and finality. `ids` is a set that is closed under past: all of S, or the past of a checkpoint alone.

    def lacks_force(self, id):
        """9.2: why a checkpoint is without force, or None where it has force. It reads the root and the past alone, so it never changes."""
        if id not in self.forces:
            data, past = self.admitted[id].entries["data:m"].entries, self.past(id)
            if not self.may_checkpoint(self.author(id)):
                self.forces[id] = "holder"
            elif data["count:u"] != len(past):
                self.forces[id] = "count"
            elif data["order:d"] != blake3(b"".join(self.order(past))):
                self.forces[id] = "order"
            else:
                self.forces[id] = None
        return self.forces[id]

    def may_checkpoint(self, author):
        """9.2: the owner, and whom the root's policies allow it; nothing later enters, no withdrawal either."""
        access = Access(author, "checkpoint", "streams/checkpoint")
        return author == self.owner() or decide(rules_of(self.root), access) == "allow"

    def accepted(self, ids):
        """9.3: C1, C2, …: the checkpoints with force that are comparable with every other with force."""
        force = [id for id in ids if self.type(id) == "streams/checkpoint" and self.lacks_force(id) is None]
        chain = [a for a in force if all(a == b or a in self.past(b) or b in self.past(a) for b in force)]
        return sorted(chain, key=lambda id: len(self.past(id)))

    def epoch(self, id, chain):
        """9.3: the least j with id = Cj or id in past(Cj), else one more than the last."""
        return next((j for j, point in enumerate(chain, 1) if id == point or id in self.past(point)), len(chain) + 1)

    def order(self, ids=None):
        """9.1: by (epoch, generation, tie, id)."""
        ids = self.admitted.keys() if ids is None else ids
        chain = self.accepted(ids)

        def place(id):
            height = generation(self.admitted[id])
            return self.epoch(id, chain), height, tie(self.root.id, height, key_in(self.author(id))), id

        return sorted(ids, key=place)

    def leaves(self):
        cited = {id for object in self.admitted.values() for id in edges(object)}
        return sorted(set(self.admitted) - cited)

    def frontier(self):
        """10.2: over the ids of all leaves, ascending."""
        return blake3(b"".join(self.leaves()))

    def gaps(self):
        cited = {id for object in self.waiting.values() for id in edges(object)}
        return sorted(cited - set(self.admitted) - set(self.waiting))

    def forks(self):
        """7.3: admitted objects of one author, roots apart, with the same previous, or all without."""
        groups = {}
        for id, object in self.admitted.items():
            if kind_of(object) == "event":
                groups.setdefault((object.entries["author:s"], object.entries.get("previous:r")), []).append(id)
        return sorted(sorted(group) for group in groups.values() if len(group) > 1)


def edges(object):
    """4.1: parents, and previous, which is an edge like a parent."""
    cited = [parent.digest for parent in object.entries.get("parents:ar", [])]
    return cited + ([object.entries["previous:r"].digest] if "previous:r" in object.entries else [])


def generation(object):
    return object.entries.get("generation:u", 0)  # 4.1: on a root it is 0


@functools.lru_cache(maxsize=None)
def tie(root, generation, author):
    """9.1."""
    return blake3_derive_key("streams 2026 order tie v1", root + generation.to_bytes(8, "big") + author)


# ---------------------------------------------------------------------------------------------------------------------------------------
# 8.4 to 8.10, 3.4 Judging
# ---------------------------------------------------------------------------------------------------------------------------------------
#
# Is it circular that the effective policy objects are those whose authors have a rank, and that ranks come from effective policy objects?
# No. Epochs come first: they depend on force, and force on the pasts of checkpoints (9.2), never on a verdict. Then ranks, one stratum after
# the other, for all policy objects together: whether a rank is k is decided by policy objects of rank below k, in both sets; and whether one
# of those is withdrawn, by policy objects of its own rank or below, so of rank below k too. Two that are beside each other therefore meet only
# when one of them has a lower rank: of equals neither enters the rank of the other. What is not ranked after stratum 16 is void. With the
# ranks known, every other verdict is a plain question to the two sets.

HIGHEST_RANK, INFINITE = 16, 17
AFTER_ALL = None  # in the place of an id: what would come after all of S (8.8)


@dataclass(frozen=True)
class Verdict:
    """8.9: `why` with, where a policy object decided, that object, the place of the rule in its list, its rank, and the set."""

    why: str
    by: bytes = None
    rule: int = None
    rank: int = None
    set: str = None

    @property
    def is_effective(self):
        return self.why in ("owner", "allowed", "force")


class Judgement:
    """All of S, judged: a pure function of the admitted objects."""

    def __init__(self, stream):
        self.stream, self.owner = stream, stream.owner()
        self.order = stream.order()
        self.chain = stream.accepted(stream.admitted)
        self.epoch = {id: stream.epoch(id, self.chain) for id in self.order}
        self.policies = {id: rules for id in self.order if (rules := rules_of(stream.admitted[id])) is not None}
        self.withdraws = {id: {named.digest for named in self.data(id, "withdraws:ar")} if self.data(id) else set() for id in self.policies}
        self.ranks = self.rank_policies()
        self.verdicts = {id: self.judge(id) for id in self.order}

    def data(self, id, key=None):
        """The entries of the data of an object of a `streams/` type, or one of them."""
        data = self.stream.admitted[id].entries.get("data:m") if self.stream.type(id).startswith("streams/") else None
        return (data and data.entries) if key is None else data.entries[key]

    # 8.4

    def is_past(self, p, e):
        return e is AFTER_ALL or p in self.stream.past(e)

    def known(self, e):
        """The effective policy objects in past(e)."""
        return {p for p in self.ranks if self.is_past(p, e)}

    def beside(self, e):
        """The effective policy objects of S that are neither e nor after e, leaving out those of a later epoch than e."""
        return {p for p in self.ranks if e is AFTER_ALL or p != e and not self.is_past(e, p) and self.epoch[p] <= self.epoch[e]}

    def two_sets(self, e):
        return ("known", self.known(e)), ("beside", self.beside(e))

    def withdrawals(self, p, within):
        """Those in the set that withdraw p: they name it, have it in their past, and their rank is that of p or below."""
        return [w for w in within if p in self.withdraws[w] and self.is_past(p, w) and self.ranks[w] <= self.ranks[p]]

    def standing(self, within):
        return [p for p in within if not self.withdrawals(p, within)]

    # 8.5

    def rank_policies(self):
        """The rank of every effective policy object: stratum 0, then 1 to 16, each from those below it."""
        self.ranks = {p: 0 for p in self.policies if self.stream.author(p) == self.owner}
        for k in range(1, HIGHEST_RANK + 1):
            stratum = [p for p in self.policies if p not in self.ranks and self.governs(self.stream.author(p), p, k)]
            self.ranks.update({p: k for p in stratum})  # all of them at once
        return self.ranks

    def governs(self, subject, e, k):
        """Whether in both sets the standing policy objects of rank below k decide that the subject may govern."""

        def decides(within):
            rules = [rule for p in self.standing(within) if self.ranks[p] < k for rule in self.policies[p]]
            return decide(rules, Access(subject, "govern", "streams/policy")) == "allow"

        return decides(self.known(e)) and decides(self.beside(e))

    def rank(self, subject, e):
        if subject == self.owner:
            return 0
        return next((k for k in range(1, HIGHEST_RANK + 1) if self.governs(subject, e, k)), INFINITE)

    # 8.6, 8.9

    def allowed(self, access, e, rank=None):
        """The verdict on an access at e, with the rule that decides it: the first in the order, `known` before `beside`, a denial before a lack.
        Policy objects count only where they are of rank below `rank`, if that is given."""
        if access.subject == self.owner:
            return Verdict("owner")
        bound = rank or INFINITE
        own = self.rank(access.subject, e)

        for name, within in self.two_sets(e):
            standing = self.standing(within)
            found = {"deny": [], "allow": []}
            for p in self.order:
                if p not in standing or self.ranks[p] >= bound:
                    continue
                for number, rule in enumerate(self.policies[p]):
                    if matches(rule, access) and (rule.effect == "allow" or self.ranks[p] < own):
                        found[rule.effect].append((p, number, self.ranks[p], name))
            if found["deny"]:
                return Verdict("denied", *found["deny"][0])
            if not found["allow"]:
                return self.lack(access, name, within)
            if name == "known":
                allowing = found["allow"][0]
        return Verdict("allowed", *allowing)

    def lack(self, access, name, within):
        """No standing rule allows it: the first withdrawal of one that would have, where there is one."""
        would = {p for p in within if any(rule.effect == "allow" and matches(rule, access) for rule in self.policies[p])}
        taken = [w for w in self.order if any(w in self.withdrawals(p, within) for p in would)]
        if not taken:
            return Verdict("no-rule", set=name)
        return Verdict("withdrawn", by=taken[0], rank=self.ranks[taken[0]], set=name)

    def judge(self, e):
        access = access_of(self.stream.admitted[e])
        if access.action == "checkpoint":  # 9.2
            return Verdict(self.stream.lacks_force(e) or "force")
        if access.action == "append" or access.subject == self.owner:
            return self.allowed(access, e)
        rank = self.rank(access.subject, e)  # 8.5: effective iff it is finite
        verdict = self.allowed(access, e, rank)
        return Verdict("rank") if rank == INFINITE and verdict.is_effective else verdict

    def is_effective(self, e):
        """At its own place."""
        return self.verdicts[e].is_effective

    # 8.8

    def reading(self, subject):
        return self.allowed(Access(subject, "read", self.stream.type(self.stream.root.id)), AFTER_ALL)

    def shown(self, subject):
        """What who may not read is shown: the policy object that says so, where its rule names the key."""
        verdict = self.reading(subject)
        if verdict.why == "denied" and subject in (self.policies[verdict.by][verdict.rule].subjects or []):
            return verdict.by

    # 8.10

    def adoptions(self):
        """By each adopted object: the adoption that counts, the first in the order."""
        adopted = {}
        for adopting in self.order:
            if self.stream.type(adopting) != "streams/adopt" or not self.is_effective(adopting):
                continue
            for id in {named.digest for named in self.data(adopting, "objects:ar")}:
                if id not in self.stream.past(adopting) or self.is_effective(id) or self.stream.type(id).startswith("streams/"):
                    continue
                access = Access(self.stream.author(adopting), "append", self.stream.type(id))
                if self.allowed(access, adopting).is_effective:
                    adopted.setdefault(id, adopting)
        return adopted

    def replay(self):
        """8.6, 8.10: what is effective, in the order; behind an adopting object what it adopts, in the order."""
        adopted, handed_out = self.adoptions(), []
        for id in self.order:
            if self.is_effective(id):
                handed_out += [id, *(one for one in self.order if adopted.get(one) == id)]
        return handed_out

    # 3.4

    def removed(self):
        """Pairs of an object and a map that is dropped there."""
        pairs = set()
        for redacting in self.order:
            if self.stream.type(redacting) != "streams/redact" or not self.is_effective(redacting):
                continue
            if self.rank(self.stream.author(redacting), redacting) == INFINITE:
                continue
            named = {map.digest for map in self.data(redacting, "maps:ar")}
            for id in self.stream.past(redacting):
                if not self.stream.type(id).startswith("streams/"):
                    pairs |= {(id, map) for map in named & maps_in_data(self.stream.admitted[id])}
        return sorted(pairs)


def maps_in_data(object):
    """The ids of the maps that stand in the data of an object, here or redacted: the data itself, and what is below it."""
    found = set()

    def visit(value, depth):
        if isinstance(value, Map):
            replace_maps(value.entries, visit)
            found.add(value.id)
        elif isinstance(value, Reference):
            found.add(value.digest)

    replace_maps({"data:m": object.entries["data:m"]} if "data:m" in object.entries else {}, visit)
    return found


def simulate(stream, objects):
    """8.9: the verdicts that would change, in the order that now is: of what is here, not of the objects themselves."""
    imagined = Stream(stream.root)
    for object in [*list(stream.admitted.values())[1:], *objects]:
        imagined.settle(object)
    now, then = Judgement(stream), Judgement(imagined)
    changed = [id for id in now.order if now.is_effective(id) != then.is_effective(id)]
    return [id for id in changed if now.is_effective(id)], [id for id in changed if then.is_effective(id)]


# ---------------------------------------------------------------------------------------------------------------------------------------
# 10 Synchronization: ranges (10.2.1), and evidence (10.4)
# ---------------------------------------------------------------------------------------------------------------------------------------

KEYED_HASH = 16
END_OF_KEYS = bytes([255])


class Ranges:
    """One side of a run: its keys, ascending, and what it found that it lacks."""

    def __init__(self, secret, keys):
        self.words, self.keys, self.found = struct.unpack("<8I", secret), sorted(set(keys)), set()

    def within(self, lower, upper):
        return [key for key in self.keys if lower <= key and (upper is None or key < upper)]

    def fingerprint(self, keys):
        hashes = (blake3_keyed(self.words, key, KEYED_HASH)[:16] for key in keys)
        return (sum(int.from_bytes(hash, "little") for hash in hashes) % (1 << 128)).to_bytes(16, "little")

    def begin(self):
        return write_ranges(self.divide(self.keys, None))

    def divide(self, keys, upper):
        parts = min(16, max(1, len(keys)))
        ends = [len(keys) * part // parts for part in range(parts + 1)]
        bounds = [shortest(keys[end - 1], keys[end]) for end in ends[1:-1]] + [upper]
        return [(bound, 1, self.fingerprint(keys[start:end])) for bound, start, end in zip(bounds, ends, ends[1:])]

    def answer(self, message):
        """What is said next, or None where the other said its last."""
        said, asked = [], False
        for lower, upper, kind, content in read_ranges(message):
            own = self.within(lower, upper)
            asked |= kind in (1, 2)
            if kind == 1 and content != self.fingerprint(own):
                said += [(upper, 2, own)] if len(own) <= 16 else self.divide(own, upper)
                continue
            if kind in (2, 3):
                self.found |= set(content) - set(own)
            rest = [key for key in own if key not in content] if kind == 2 else []
            said.append((upper, 3, rest) if rest else (upper, 0, b""))
        return write_ranges(said) if asked else None


def shortest(before, key):
    shared = next(at for at in range(40) if before[at] != key[at])
    return key[: shared + 1].ljust(40, b"\0")


def write_ranges(ranges):
    written, last, skipped = b"", bytes(40), None
    for upper, kind, content in ranges:
        if kind == 0:
            skipped = (upper, 0, b"")
            continue
        for bound, what, content in ([skipped] if skipped else []) + [(upper, kind, content)]:
            if bound is None:
                written += END_OF_KEYS
            else:
                shared = next((at for at in range(40) if bound[at] != last[at]), 40)
                end = max(shared, len(bound.rstrip(b"\0")))
                written += bytes([shared, end - shared]) + bound[shared:end]
                last = bound
            many = len(content).to_bytes(2, "big") + b"".join(content) if what in (2, 3) else content
            written += bytes([what]) + many
        skipped = None
    return written


def read_ranges(message):
    """(lower, upper, kind, content) for each range; `upper` is None at the end of all keys."""
    if len(message) > 64 << 10:
        unread("malformed")
    at, lower, ended, ranges = 0, bytes(40), False, []

    def take(count):
        nonlocal at
        taken = message[at : at + count]
        if len(taken) < count:
            unread("malformed")
        at += count
        return taken

    while at < len(message):
        shared = take(1)[0]
        if ended:
            unread("malformed")
        if shared == 255:
            upper, ended = None, True
        else:
            more = take(1)[0]
            if shared + more > 40:
                unread("malformed")
            upper = (lower[:shared] + take(more)).ljust(40, b"\0")
            if upper <= lower:
                unread("malformed")
        kind = take(1)[0]
        if kind > 3:
            unread("malformed")
        content = take(16) if kind == 1 else b""
        if kind in (2, 3):
            content = [take(40) for _ in range(int.from_bytes(take(2), "big"))]
            if any(key < lower or (upper is not None and key >= upper) for key in content):
                unread("malformed")
        ranges.append((lower, upper, kind, content))
        lower = upper or lower
    return ranges


STATEMENT_DOMAIN = b"streams.statement.v1"


def read_plain(data):
    """Plain CBOR of unsigned integers, bytes, lists and null, all of it."""
    value, end = read_plain_item(data, 0)
    if end != len(data):
        unread("malformed")
    return value


def read_plain_item(data, at):
    if at >= len(data):
        unread("malformed")
    major, additional, at = data[at] >> 5, data[at] & 31, at + 1
    if (major, additional) == (7, 22):
        return None, at
    size = {24: 1, 25: 2, 26: 4, 27: 8}.get(additional, 0)
    if additional > 27 or at + size > len(data):
        unread("malformed")
    number = int.from_bytes(data[at : at + size], "big") if size else additional
    at += size
    if major == 0:
        return number, at
    if major == 2 and at + number <= len(data):
        return data[at : at + number], at + number
    if major != 4 or number > len(data):
        unread("malformed")
    items = []
    for _ in range(number):
        item, at = read_plain_item(data, at)
        items.append(item)
    return items, at


def write_plain(value):
    if value is None:
        return b"\xf6"
    if isinstance(value, list):
        return encode_head(4, len(value)) + b"".join(map(write_plain, value))
    return encode_cbor(value)


def said_by(signed, names):
    """What a signed list says, by name; the last may be absent. Its signature is that of the peer that it names."""
    values, signature = signed
    said = dict(zip(names, values))
    is_read = len(names) - 1 <= len(values) <= len(names) and len(said["peer"]) == len(said["stream"]) == 32
    if not is_read or not usable_key(said["peer"]) or len(signature) != 64:
        unread("malformed")
    said["signed"] = verify(said["peer"], signed_bytes(write_plain(values), STATEMENT_DOMAIN), signature)
    return said


STATEMENT = ["peer", "stream", "frontier", "leaves", "store", "counter", "until"]
REFUSAL = ["peer", "stream", "object", "reason", "at", "store", "counter", ""]


def ids_in(data):
    return [data[at : at + 32] for at in range(0, len(data), 32)]


def sound(parts, judged=True):
    try:
        object = decode_parts(parts)
        if judged:
            judge_object(object)
        return object
    except Fault:
        unread("object")


def shown_by(file):
    """10.4: what evidence shows, of whom; or why it shows nothing."""
    try:
        kind, content = read_plain(file)
        return (shows_fork, shows_checkpoints, shows_contradiction, shows_broken_promise)[kind](*content)
    except (TypeError, ValueError, IndexError, AttributeError):
        unread("malformed")


def shows_fork(one, other):
    one, other = sound(one), sound(other)
    streams = {id_text(object.entries["stream:r"].digest) if kind_of(object) == "event" else "" for object in (one, other)}
    authors = {object.entries["author:s"] for object in (one, other)}
    if len(streams | authors) != 2 or "" in streams:
        unread("unrelated")
    previous = {edge.digest if (edge := object.entries.get("previous:r")) else b"" for object in (one, other)}
    if one.id == other.id or len(previous) != 1:
        unread("no-fork")
    return {"shows": "fork", "who": list(authors), "stream": streams.pop(), "objects": ascending([one.id, other.id])}


def shows_checkpoints(parts):
    root, *others = map(sound, parts)
    if kind_of(root) == "event":
        unread("unrelated")
    stream = Stream(root)
    for data in parts[1:]:
        if not {"admitted", "known"} & set(stream.deliver(data)):
            unread("unrelated")
    judgement = Judgement(stream)
    force = [id for id in judgement.order if stream.type(id) == "streams/checkpoint" and point_word(judgement, id) == "force"]
    beside = sorted(a for a in force if any(a != b and a not in stream.past(b) and b not in stream.past(a) for b in force))
    if not beside:
        unread("no-conflict")
    return {"shows": "checkpoints", "who": [stream.author(id) for id in beside], "stream": id_text(root.id), "objects": ascending(beside)}


def cited_in(blocks):
    return {object.id: edges(object) for object in (sound(parts, judged=False) for parts in blocks)}


def shows_contradiction(earlier, later, blocks):
    a, b = said_by(earlier, STATEMENT), said_by(later, STATEMENT)
    if not a["signed"] or not b["signed"]:
        unread("signature")
    if (a["peer"], a["store"]) != (b["peer"], b["store"]):
        unread("unrelated")
    shown = {"shows": "contradiction", "who": [author_text(a["peer"])], "stream": id_text(a["stream"]), "objects": []}
    if a["counter"] == b["counter"] and a != b:
        return shown
    if a["stream"] != b["stream"] or a["counter"] > b["counter"]:
        unread("unrelated")
    leaves = sorted(set(ids_in(b["leaves"])))
    if blake3(b"".join(leaves)) != b["frontier"]:
        unread("incomplete")
    cited, had = cited_in(blocks), set()
    while leaves:
        if (id := leaves.pop()) not in had:
            had.add(id)
            if id not in cited:
                unread("incomplete")
            leaves += cited[id]
    lost = [leaf for leaf in ids_in(a["leaves"]) if leaf not in had]
    if not lost:
        unread("no-contradiction")
    return {**shown, "objects": [id_text(lost[0])]}


def shows_broken_promise(statement, refusal, path):
    stated, refused = said_by(statement, STATEMENT), said_by(refusal, REFUSAL)
    if not stated["signed"] or not refused["signed"]:
        unread("signature")
    if any(stated[name] != refused[name] for name in ("peer", "stream", "store")):
        unread("unrelated")
    breaks = refused["reason"] in (1, 2) and stated["counter"] <= refused["counter"]
    if not breaks or stated.get("until") is None or refused["at"] >= stated["until"]:
        unread("no-promise")
    object = refused["object"] or stated["stream"]
    if object != stated["stream"]:
        cited, below, to_visit = cited_in(path), set(), ids_in(stated["leaves"])
        while to_visit:
            if (id := to_visit.pop()) not in below:
                below.add(id)
                to_visit += cited.get(id, [])
        if object not in below:
            unread("no-path")
    return {"shows": "broken-promise", "who": [author_text(stated["peer"])], "stream": id_text(stated["stream"]), "objects": [id_text(object)]}


# ---------------------------------------------------------------------------------------------------------------------------------------
# 12 The original proposal
# ---------------------------------------------------------------------------------------------------------------------------------------


def oh1(entries):
    """12.2, of a map as JSON (with the hint `o` for a map)."""
    return "oh1." + base58(oh1_value(entries, "o"))


def oh1_value(value, hint):
    def hash(tag, data):
        return hashlib.sha256(tag.encode() + data).digest()

    if hint == "o":
        pairs = b""
        for key in sorted(value):
            below = value[key]
            if below in (None, "", [], {}) or key.startswith("_") or key == "@signature:o":
                continue
            pairs += hash("s", key.encode()) + oh1_value(below, hint_of(key))
        return hash("o", pairs)
    if hint[0] == "a":
        elements = (element for element in value if element not in (None, "", [], {}))
        return hash("a", b"".join(oh1_value(element, hint[1:]) for element in elements))
    if hint in "iu":
        return hash(hint, str(value).encode())
    if hint == "b":
        return hash("b", bytes([value]))
    if hint == "d":
        return hash("d", base64.b64decode(value))
    if hint == "f":
        bits = struct.unpack(">Q", struct.pack(">d", value))[0]
        return hash("f", hash("f", b"%x" % bits))
    return hash("s", value.encode())


# ---------------------------------------------------------------------------------------------------------------------------------------
# The vectors: reading and checking (docs/vectors.md)
# ---------------------------------------------------------------------------------------------------------------------------------------


def read_bytes(value):
    return bytes.fromhex(read_text(value))


def read_text(value):
    """A text, or pieces of text and {"repeat", "times"}, one behind the other."""
    if isinstance(value, str):
        return value
    return "".join(piece if isinstance(piece, str) else piece["repeat"] * piece["times"] for piece in value)


def outcome(run):
    """What `run` returns, or the fault by its fate (where it has one) and code."""
    try:
        return run()
    except Fault as fault:
        return {"error" if fault.fate == "unread" else fault.fate: fault.code}


def differs(expected, got):
    if expected != got:
        return f"expected {shorten(expected)}, got {shorten(got)}"


def shorten(value):
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 400 else text[:400] + "…"


def stated(case, *fields):
    """What a case states of its outcome: the fields that it has."""
    return {field: case[field] for field in fields if field in case}


def there_and_back(object):
    """2.2: JSON → object → JSON loses nothing. A reference to another kind of id has no JSON."""
    if any(has_foreign(map.entries) for map in [object.map, *maps_of(object.map)]):
        return None
    again = encode_parts(read_json(print_json(object)))
    return differs(encode_parts(object).hex(), again.hex())


def check_ranges(case):
    """One side hears messages, answers all but a last one, and has found what it lacks."""
    side = Ranges(bytes.fromhex(case["secret"]), map(bytes.fromhex, case["keys"]))

    def hear():
        answers = [side.answer(read_bytes(message)) is not None for message in case["heard"]]
        return {"expected": {"answers": answers, "found": sorted(key.hex() for key in side.found)}}

    return differs(stated(case, "expected", "error"), outcome(hear))


def check_evidence(case):
    return differs(stated(case, "expected", "error"), outcome(lambda: {"expected": shown_by(read_bytes(case["file"]))}))


def check_oh1(case):
    return differs(case["expected"], oh1(case["input"]))


def check_decide(case):
    rules = [Rule(**rule) for rule in case["policies"]]
    return differs(case["expected"], decide(rules, Access(case["subject"], case["action"], case["resource"])))


def check_json(case):
    try:
        object = read_json(read_text(case["json"]))
    except Fault as fault:
        return differs(case.get("error", "no error"), fault.code)
    if "error" in case:
        return f"expected {case['error']}, got no error"
    got = {"id": id_text(object.id), "parts": encode_parts(object).hex()}
    expected = {**case["expected"], "parts": read_text(case["expected"]["parts"])}
    return differs(expected, got) or differs(got["parts"], encode_parts(decode_parts(encode_parts(object))).hex()) or there_and_back(object)


def check_parts(case):
    data = read_bytes(case["parts"])
    try:
        object = decode_parts(data)
    except Fault as fault:
        return differs(case.get("error", "no error"), fault.code)
    if "error" in case:
        return f"expected {case['error']}, got no error"
    remain = read_text(case["expected"]["parts"]) if "parts" in case["expected"] else data.hex()
    return (
        differs(case["expected"]["id"], id_text(object.id))
        or differs(remain, encode_parts(object).hex())
        or there_and_back(object)
    )


def check_object(case):
    def run():
        object = decode_parts(read_bytes(case["parts"]))
        facts = {"expected": "sound", "kind": judge_object(object), "id": id_text(object.id)}
        return {field: fact for field, fact in facts.items() if field in case or field == "expected"}

    return differs(stated(case, "expected", "kind", "id", "dropped", "newer", "refused"), outcome(run))


def check_author(case):
    def run():
        return {"expected": read_author(case["text"]).hex()}

    got = outcome(run)
    return differs(stated(case, "expected", "error"), {"error": got["refused"]} if "refused" in got else got)


def check_id(case):
    return differs(stated(case, "expected", "error"), outcome(lambda: {"expected": read_id(case["text"]).hex()}))


def judge_raw_signature(item):
    key, message, signature = (read_bytes(item[field]) for field in ("key", "message", "signature"))
    if not usable_key(key):
        return "author-key"
    return "valid" if verify(key, message, signature) else "invalid"


def check_signature(case):
    return differs(case["expected"], judge_raw_signature(case))


def check_batch(case):
    return differs(case["expected"], [judge_raw_signature(item) for item in case["items"]])


def check_hypothetical(case):
    return differs(case["expected"], id_text(hypothetical_root(case["type"], case["author"]).id))


def check_tie(case):
    return differs(case["expected"], tie(read_id(case["root"]), int(case["generation"]), read_author(case["author"])).hex())


def check_redact(case):
    object = decode_parts(read_bytes(case["parts"]))

    def run():
        after = redact(object, read_id(case["map"]))
        return {"expected": encode_parts(after).hex()} if after.id == object.id else {"error": "another id"}

    expected = stated(case, "expected", "error")
    if "expected" in expected:
        expected["expected"] = read_text(expected["expected"])
    return differs(expected, outcome(run))


def check_restore(case):
    object = decode_parts(read_bytes(case["parts"]))
    after = restore(object, [read_bytes(block) for block in case["maps"]])
    return differs(read_text(case["expected"]), encode_parts(after).hex())


def check_stream(case):
    root = decode_parts(read_bytes(case["root"]))
    if judge_object(root) == "event":
        return "the root is no root"
    stream = Stream(root)
    for number, delivery in enumerate(case["deliver"], 1):
        wrong = unknown_fields(delivery, DELIVERY_FIELDS)
        got = stream.deliver(read_bytes(delivery["parts"]))
        wrong = wrong or differs({field: delivery[field] for field in delivery if field != "parts"}, got)
        if wrong:
            return f"delivery {number}: {wrong}"
    return differs(case["expected"], state_of(stream))


def state_of(stream):
    return {
        "order": texts(stream.order()),
        "leaves": texts(stream.leaves()),
        "frontier": stream.frontier().hex(),
        "gaps": texts(stream.gaps()),
        "forks": [texts(fork) for fork in stream.forks()],
        "refused": texts(sorted(stream.refused)),
    }


def texts(ids):
    return [id_text(id) for id in ids]


def check_judge(case):
    root = decode_parts(read_bytes(case["root"]))
    if judge_object(root) == "event":
        return "the root is no root"
    stream = Stream(root)
    for parts in case["objects"]:
        stream.deliver(read_bytes(parts))
    expected = dict(case["expected"])
    wrong = unknown_fields(expected, {"order", "effective", *FACTS})
    simulated = expected.pop("simulated", [])
    got = judged(stream, expected)
    wrong = wrong or next((f"{fact}: {differs(expected[fact], got[fact])}" for fact in expected if expected[fact] != got[fact]), None)
    for what in simulated:
        voided, restored = simulate(stream, [decode_parts(read_bytes(parts)) for parts in what["objects"]])
        got = {"objects": what["objects"], "voided": texts(voided), "restored": texts(restored)}
        wrong = wrong or differs(what, got)
    return wrong


FACTS = {"refused", "epochs", "checkpoints", "explained", "ranks", "read", "shown", "adopted", "removed", "simulated"}


def judged(stream, expected):
    """What is judged of a stream: the order, what is effective, and those of the facts that are expected."""
    judgement = Judgement(stream)
    facts = {
        "order": lambda: texts(judgement.order),
        "effective": lambda: texts(judgement.replay()),
        "refused": lambda: texts(sorted(stream.refused)),
        "epochs": lambda: [list(judgement.epoch.values()).count(j) for j in range(1, len(judgement.chain) + 2)],
        "checkpoints": lambda: {id_text(id): point_word(judgement, id) for id in judgement.order if stream.type(id) == "streams/checkpoint"},
        "explained": lambda: [explained(judgement, read_id(one["id"])) for one in expected["explained"]],
        "ranks": lambda: [{**one, "rank": finite(judgement.rank(one["subject"], read_id(one["at"])))} for one in expected["ranks"]],
        "read": lambda: {subject: judgement.reading(subject).is_effective for subject in expected["read"]},
        "shown": lambda: {subject: (by := judgement.shown(subject)) and id_text(by) for subject in expected["shown"]},
        "adopted": lambda: [{"object": id_text(id), "by": id_text(judgement.adoptions()[id])} for id in judgement.order if id in judgement.adoptions()],
        "removed": lambda: [{"object": id_text(id), "map": id_text(map)} for id, map in judgement.removed()],
    }
    return {fact: facts[fact]() for fact in expected if fact in facts}


def point_word(judgement, id):
    return "accepted" if id in judgement.chain else judgement.stream.lacks_force(id) or "force"


def explained(judgement, id):
    verdict = judgement.verdicts[id]
    facts = {"id": id_text(id), "why": verdict.why, "by": verdict.by and id_text(verdict.by), "rule": verdict.rule, "rank": verdict.rank, "set": verdict.set}
    return {field: fact for field, fact in facts.items() if fact is not None}


def finite(rank):
    return None if rank == INFINITE else rank


def check_archive(case):
    import archive  # it takes BLAKE3 from here

    sealed = []
    try:
        manifest, objects, redacted = None, [], []
        for part in archive.read(read_bytes(case["archive"])):
            if manifest is None:
                manifest = part
                continue
            for object in proven(part, manifest["stream:r"][1]):
                objects.append(id_text(object.id))
                redacted += [id_text(object.id)] * any(isinstance(value, Reference) for value in places_of_maps(object.map))
            sealed = list(objects)
    except archive.Damage as damage:
        return differs(stated(case, "error", "sealed"), {"error": damage.code, "sealed": sealed})
    except Fault as fault:
        return differs(stated(case, "error", "sealed"), {"error": fault.code, "sealed": sealed})
    got = {"manifest": id_text(blake3(manifest_block(manifest))), "stream": id_text(manifest["stream:r"][1]), "objects": objects, "redacted": redacted}
    if "previous:r" in manifest:
        got["previous"] = id_text(manifest["previous:r"][1])
    return differs(case.get("expected"), got)


def proven(objects, stream):
    """11.1: the objects that have one seal, each sound and of the stream."""
    import archive

    for digest, block, signature, maps in objects:
        object = decode_parts(encode_cbor([block, signature, maps]))
        judge_object(object)
        own = object.entries["stream:r"].digest if "stream:r" in object.entries else object.id
        if own != stream:
            raise archive.Damage("other-stream", 0)
        yield object


def places_of_maps(map):
    """Every map in the place of a map, here or redacted."""
    found = []

    def visit(value, depth):
        found.append(value)
        if isinstance(value, Map):
            replace_maps(value.entries, visit)

    replace_maps(map.entries, visit)
    return found


def manifest_block(manifest):
    link = lambda value: Reference(value[1]) if isinstance(value, tuple) else value
    return encode_cbor({key: link(value) for key, value in manifest.items()})


ARCHIVE_DOMAIN = b"streams.archive.v1"


def check_vouching(case):
    """11.1: the parts of a map of exactly these fields, signed by its author under the domain of archives."""
    try:
        data = decode_cbor(read_bytes(case["vouching"]))
        block, signature, none = data
        entries = decode_block(block)
        seals, author = entries["seals:d"], key_in(entries["author:s"])
        good = none == [] and len(signature) == 64 and set(entries) == {"seals:d", "author:s", "archive:r"} and len(seals) % 32 == 0
        good = good and type(entries["archive:r"]) is Reference and author is not None and usable_key(author)
    except (Fault, KeyError, TypeError, ValueError):
        good = False
    if not good:
        return differs(stated(case, "error"), {"error": "vouching"})
    if not verify(author, signed_bytes(blake3(block), ARCHIVE_DOMAIN), signature):
        return differs(stated(case, "error"), {"error": "vouching-signature"})
    seals = [id_text(seals[at : at + 32]) for at in range(0, len(seals), 32)]
    return differs(case.get("expected"), {"author": entries["author:s"], "archive": id_text(entries["archive:r"].digest), "seals": seals})


KINDS = {
    "archive": (check_archive, {"archive", "expected", "error", "sealed", "early"}),
    "vouching": (check_vouching, {"vouching", "expected", "error"}),
    "oh1": (check_oh1, {"input", "expected"}),
    "oh1_not": (check_oh1, {"input", "expected"}),
    "decide": (check_decide, {"policies", "subject", "resource", "action", "expected"}),
    "json": (check_json, {"json", "expected", "error"}),
    "parts": (check_parts, {"parts", "expected", "error"}),
    "object": (check_object, {"parts", "expected", "id", "kind", "dropped", "newer", "refused"}),
    "author": (check_author, {"text", "expected", "error"}),
    "id": (check_id, {"text", "expected", "error"}),
    "signature": (check_signature, {"key", "message", "signature", "expected"}),
    "batch": (check_batch, {"items", "expected"}),
    "hypothetical": (check_hypothetical, {"type", "author", "expected"}),
    "tie": (check_tie, {"root", "generation", "author", "expected"}),
    "redact": (check_redact, {"parts", "map", "expected", "error"}),
    "restore": (check_restore, {"parts", "maps", "expected"}),
    "stream": (check_stream, {"root", "deliver", "expected"}),
    "judge": (check_judge, {"root", "objects", "expected"}),
    "ranges": (check_ranges, {"secret", "keys", "heard", "expected", "error"}),
    "evidence": (check_evidence, {"file", "expected", "error"}),
}
DELIVERY_FIELDS = {"parts", "admitted", "known", "pending", "dropped", "newer", "refused", "then"}


def unknown_fields(case, fields):
    unknown = sorted(set(case) - fields)
    return f"expected no field {', '.join(unknown)}, got it" if unknown else None


def check_case(kind, case):
    """None where the case holds, else what differs."""
    if kind not in KINDS:
        return "expected a known kind, got this"
    check, fields = KINDS[kind]
    try:
        return unknown_fields(case, fields | {"name"}) or check(case)
    except (Fault, KeyError, ValueError, TypeError) as error:
        return f"expected a case that can be read, got {error!r}"


def check_file(path):
    """The number of cases, and a line per failure."""
    count, failures = 0, []
    for kind, cases in json.loads(path.read_text()).items():
        if kind == "about":
            continue
        if kind not in KINDS:
            failures.append(f"FAIL {path.name} {kind}: expected a known kind, got this")
            continue
        names = set()
        for case in cases:
            count += 1
            wrong = "expected one case of this name, got two" if case.get("name") in names else check_case(kind, case)
            names.add(case.get("name"))
            if wrong:
                failures.append(f"FAIL {path.name} {kind} \"{case.get('name')}\": {wrong}")
    return count, failures


def check(paths):
    files = [file for path in paths for file in (sorted(path.glob("*.json")) if path.is_dir() else [path])]
    total, failed = 0, 0
    for file in files:
        count, failures = check_file(file)
        total, failed = total + count, failed + len(failures)
        print(*failures, sep="\n", end="\n" if failures else "")
    print(f"{total} cases in {len(files)} files: {failed} failed")
    return 1 if failed or not total else 0


# ---------------------------------------------------------------------------------------------------------------------------------------
# The vectors: writing. What a case expects is stated here by hand; a case that the reading above does not fulfil is not written.
# ---------------------------------------------------------------------------------------------------------------------------------------

FOLDER = pathlib.Path(__file__).parent / "vectors"


class File:
    """A vector file in the making."""

    def __init__(self, name, about):
        self.name, self.content = name, {"about": about}

    def add(self, kind, name, /, **fields):
        cases = self.content.setdefault(kind, [])
        case = {"name": name, **fields}
        if any(other["name"] == name for other in cases):
            sys.exit(f"{self.name} {kind}: two cases are named {name!r}")
        wrong = check_case(kind, case)
        if wrong:
            sys.exit(f"{self.name} {kind} {name!r}: {wrong}")
        cases.append(case)

    def write(self):
        kinds = []
        for kind, cases in self.content.items():
            if kind == "about":
                kinds.append(f' "about": {json.dumps(cases, ensure_ascii=False)}')
            else:
                lines = ",\n".join("  " + json.dumps(case) for case in cases)
                kinds.append(f" {json.dumps(kind)}: [\n{lines}\n ]")
        (FOLDER / self.name).write_text("{\n" + ",\n".join(kinds) + "\n}\n")

    # The kinds, with their byte strings as hex.

    def parts(self, name, data, error=None, *, remain=None):
        if error:
            return self.add("parts", name, parts=pieces(data), error=error)
        expected = {"id": id_text(blake3(decode_cbor(data)[0]))}
        if remain is not None:
            expected["parts"] = pieces(remain)
        self.add("parts", name, parts=pieces(data), expected=expected)

    def json(self, name, text, expected):
        if isinstance(expected, str):
            return self.add("json", name, json=text, error=expected)
        data = expected if isinstance(expected, bytes) else parts_of(expected)
        self.add("json", name, json=text, expected={"id": id_text(blake3(decode_cbor(data)[0])), "parts": pieces(data)})

    def object(self, name, data, fate=None, code=None, *, kind="event"):
        if fate:
            return self.add("object", name, parts=pieces(data), **{fate: code})
        self.add("object", name, parts=pieces(data), expected="sound", id=id_text(blake3(decode_cbor(data)[0])), kind=kind)

    def signature(self, name, key, message, signature, expected):
        self.add("signature", name, key=key.hex(), message=message.hex(), signature=signature.hex(), expected=expected)


def pieces(data):
    """Hex text, or, where the data is long and repeats itself, hex texts and {"repeat", "times"}."""
    if len(data) <= 512:
        return data.hex()
    found, plain, at = [], 0, 0
    while at < len(data):
        for period in range(1, 65):
            unit, times = data[at : at + period], 1
            while data[at + times * period : at + (times + 1) * period] == unit:
                times += 1
            if times * period >= 128 and times > 2:
                found += [data[plain:at].hex()] * (at > plain) + [{"repeat": unit.hex(), "times": times}]
                at += times * period
                plain = at
                break
        else:
            at += 1
    found += [data[plain:].hex()] * (plain < len(data))
    return found if len(found) > 1 or not isinstance(found[0], str) else found[0]


# Making objects. In what follows a nested map is a dict, and stands redacted where it is a Reference.


def build(entries):
    def place(value, depth):
        return build(value) if isinstance(value, dict) else value

    return make_map(replace_maps(entries, place))


def parts_of(entries, signature=b""):
    return encode_parts(Object(build(entries), signature))


def raw_parts(block, *maps, signature=b""):
    return encode_cbor([block, signature, list(maps)])


def value_block(key, value_hex):
    """The block of a map with one key, and the bytes of its value as given."""
    return b"\xa1" + encode_cbor(key) + bytes.fromhex(value_hex)


def block_of(entries):
    return build(entries).block


def id_of(entries):
    return build(entries).id


def reference(label):
    """The id of something that is not here."""
    return Reference(blake3(label.encode()))


FOREIGN = Foreign(bytes.fromhex("01551220") + hashlib.sha256(b"elsewhere").digest())  # a raw block under SHA-256


class Signer:
    def __init__(self, label):
        self.seed = hashlib.sha256(f"streams vectors: {label}".encode()).digest()
        self.key = public_key(self.seed)
        self.text = author_text(self.key)

    def sign(self, entries, domain=OBJECT_DOMAIN):
        return sign(self.seed, signed_bytes(id_of(entries), domain))


OWNER, BEN, CID, DEE = (Signer(label) for label in ("owner", "ben", "cid", "dee"))
TYPE_OF_ROOT, TYPE_OF_EVENT = "example/chat.Created", "example/chat.Said"
NONCE = bytes(range(16))


def signed(entries, by=OWNER):
    return parts_of(entries, by.sign(entries))


def without(entries, *keys):
    return {key: value for key, value in entries.items() if key not in keys}


ROOT_ENTRIES = {"type:s": TYPE_OF_ROOT, "author:s": OWNER.text, "nonce:d": NONCE}
HYPOTHETICAL = {"type:s": TYPE_OF_ROOT, "author:s": OWNER.text}
PARENTS = sorted((reference(f"parent {n}") for n in range(1, 18)), key=lambda parent: parent.digest)
EVENT = {
    "type:s": TYPE_OF_EVENT, "author:s": OWNER.text, "stream:r": reference("a stream"),
    "parents:ar": PARENTS[:1], "generation:u": 1,
}  # fmt: skip
POLICY = {**EVENT, "type:s": "streams/policy"}
READ_ALL = {"effect:s": "allow", "actions:as": ["read"]}


# values.json


def write_values():
    file = File("values.json", "Canonical bytes (spec 1.1 to 1.5, 2.1): the block of an object, in parts without signature and maps.")

    def fine(name, entries):
        file.parts(name, parts_of(entries))

    def block(name, hex, error=None):
        file.parts(name, raw_parts(bytes.fromhex(hex)), error)

    def value(name, key, hex, error=None):
        file.parts(name, raw_parts(value_block(key, hex)), error)

    every = {
        "text:s": "a", "integer:i": -1, "unsigned:u": 1, "float:f": 1.5, "bool:b": True, "bytes:d": b"\x01", "map:m": reference("a map"),
        "reference:r": reference("an object"), "texts:as": ["a", ""], "lists:aai": [[1], [], [-2, 3]], "maps:am": [reference("a map")],
    }  # fmt: skip
    block("the empty map", "a0")
    fine("every hint once", every)
    fine("keys are ascending by length first, then by bytes", {"b:s": "", "a:u": 0, "aa:s": "", "B:s": ""})
    fine("an empty text, an empty list and empty bytes are not absent", {"a:s": "", "b:as": [], "c:d": b"", "d:aam": [[], []]})
    fine("a text with U+0000 and other control characters", {"a:s": "\0\x1f\x7f\x9f"})
    fine("texts are not normalized", {"a:as": ["\u00e9", "e\u0301", "\U0001f600"]})
    fine("a noncharacter and a private character are text", {"a:s": "\ufffe\uffff\ue000"})
    fine("two names that differ in normalization alone are two names", {"\u00e9:s": "", "e\u0301:s": ""})
    fine("names with spaces, dots, and U+00A0, the first character after the controls", {"a b.c/d:s": "", "\u00a0:s": "", " :s": ""})
    fine("a name of 128 bytes", {"n" * 128 + ":s": ""})
    fine("a name of 128 bytes in 64 characters", {"\u00e9" * 64 + ":s": ""})
    value("a hint with 31 a, at the greatest depth of a value", "a:" + "a" * 31 + "s", "81" * 31 + "60")
    fine("names that look like hints", {"s:s": "", "aas:s": ""})
    value("the least integer, -2^63", "a:i", "3b7fffffffffffffff")
    value("the greatest signed integer, 2^63-1", "a:i", "1b7fffffffffffffff")
    value("the greatest unsigned integer, 2^64-1", "a:u", "1bffffffffffffffff")
    value("integers at the steps of their length", "a:ai", "89" "00" "17" "1818" "18ff" "190100" "19ffff" "1a00010000" "1affffffff" "1b0000000100000000")
    value("negative integers at the steps of their length", "a:ai", "87" + "20" "37" "3818" "38ff" "390100" "39ffff" "3b0000000100000000")
    value("float 0.0", "a:f", "fb0000000000000000")
    value("the least subnormal float", "a:f", "fb0000000000000001")
    value("the greatest finite float", "a:f", "fb7fefffffffffffff")
    value("a float with an integer value stays a float of 64 bits", "a:f", "fb3ff0000000000000")
    value("a reference to another kind of id decodes in the object's own block (it is newer, 4.2)", "a:r", encode_cbor(FOREIGN).hex())
    value("a reference behind a zero byte alone is one to another kind of id", "a:r", "d82a4100")
    value("another kind of id in the place of a map decodes in the object's own block", "a:m", encode_cbor(FOREIGN).hex())

    block("no bytes at all", "", "truncated")
    block("bytes end before an entry", "a1", "truncated")
    block("bytes end before a value", "a163613a73", "truncated")
    value("bytes end inside a text", "a:s", "6261", "truncated")
    value("bytes end inside the argument of an integer", "a:i", "19ff", "truncated")
    value("bytes end inside a float", "a:f", "fb3ff00000000000", "truncated")
    value("bytes end inside a list", "a:ai", "8201", "truncated")
    value("bytes end behind a tag", "a:r", "d82a", "truncated")
    value("a length far beyond the bytes", "a:d", "5b7fffffffffffffff", "truncated")
    value("a list of far more elements than there are bytes", "a:ai", "9b7fffffffffffffff", "truncated")
    block("a byte follows the map", "a000", "trailing")
    block("a second map follows the map", "a0a0", "trailing")

    value("23 in two bytes", "a:i", "1817", "not-shortest")
    value("255 in three bytes", "a:i", "1900ff", "not-shortest")
    value("65535 in five bytes", "a:i", "1a0000ffff", "not-shortest")
    value("2^32-1 in nine bytes", "a:u", "1b00000000ffffffff", "not-shortest")
    value("-1 in two bytes", "a:i", "3800", "not-shortest")
    value("the length of a text is longer than needed", "a:s", "780161", "not-shortest")
    value("the length of bytes is longer than needed", "a:d", "580101", "not-shortest")
    value("the length of a list is longer than needed", "a:ai", "980101", "not-shortest")
    block("the length of the map is longer than needed", "b80163613a6900", "not-shortest")
    block("the length of a key is longer than needed", "a1780363613a6900", "not-shortest")
    value("tag 42 in three bytes", "a:r", "d9002a" + encode_cbor(reference("x")).hex()[4:], "not-shortest")
    value("a text without length", "a:s", "7f6161ff", "indefinite")
    value("bytes without length", "a:d", "5f4101ff", "indefinite")
    value("a list without length", "a:ai", "9f01ff", "indefinite")
    block("a map without length", "bf63613a6900ff", "indefinite")
    value("a break where a value is due", "a:ai", "81ff", "indefinite")
    for byte, what in (("1c", "an integer"), ("5d", "bytes"), ("7e", "a text"), ("fc", "a simple value")):
        value(f"reserved additional information {int(byte, 16) & 31} of {what}", "a:i", byte, "reserved")

    value("a float of 16 bits", "a:f", "f93c00", "float-width")
    value("a float of 32 bits", "a:f", "fa3f800000", "float-width")
    value("not a number", "a:f", "fb7ff8000000000000", "not-finite")
    value("not a number, with a payload", "a:f", "fbfff0000000000001", "not-finite")
    value("infinity", "a:f", "fb7ff0000000000000", "not-finite")
    value("negative infinity", "a:f", "fbfff0000000000000", "not-finite")
    value("-0.0", "a:f", "fb8000000000000000", "negative-zero")
    value("-0.0 in a list", "a:af", "82fb0000000000000000fb8000000000000000", "negative-zero")
    value("tag 0", "a:s", "c06161", "tag")
    value("tag 41", "a:d", "d8294101", "tag")
    value("tag 43", "a:d", "d82b4101", "tag")
    value("a big integer, tag 2", "a:u", "c249010000000000000000", "tag")
    value("the tag of self-described CBOR before the value", "a:s", "d9d9f76161", "tag")
    value("null", "a:s", "f6", "simple")
    value("undefined", "a:s", "f7", "simple")
    value("simple value 0", "a:b", "e0", "simple")
    value("simple value 19", "a:b", "f3", "simple")
    value("simple value 255, in two bytes", "a:b", "f8ff", "simple")
    ours = "0001711e20" + "11" * 32
    value("tag 42 over a text", "a:r", "d82a6161", "reference")
    value("tag 42 over an integer", "a:r", "d82a00", "reference")
    value("tag 42 over no bytes", "a:r", "d82a40", "reference")
    value("tag 42 over an id without the zero byte", "a:r", "d82a5824" + ours[2:], "reference")
    value("tag 42 over an id behind another byte than zero", "a:r", "d82a582501" + ours[2:], "reference")
    value("a reference with a digest of 31 bytes", "a:r", "d82a5824" + ours[:-2], "reference")
    value("a reference with a digest of 33 bytes", "a:r", "d82a5826" + ours + "11", "reference")

    value("a text with a byte that begins nothing", "a:s", "61ff", "utf8")
    value("a text that ends inside a character", "a:s", "61c3", "utf8")
    value("a text with an overlong slash", "a:s", "62c0af", "utf8")
    value("a text with a surrogate", "a:s", "63eda080", "utf8")
    value("a text beyond U+10FFFF", "a:s", "64f4908080", "utf8")
    block("a key that is not UTF-8", "a164ff613a7360", "utf8")
    block("a list in the place of the block", "80", "not-a-map")
    block("a text in the place of the block", "6161", "not-a-map")
    block("a reference in the place of the block", encode_cbor(reference("x")).hex(), "not-a-map")
    block("an integer as a key", "a10060", "key")
    block("bytes as a key", "a143613a7360", "key")
    block("a longer key before a shorter", "a26461613a736063623a7360", "key-order")
    block("keys of one length in falling order", "a263623a736063613a7360", "key-order")
    block("a key twice", "a263613a736063613a7360", "key-repeated")
    block("a key twice, with two values", "a263613a736063613a736161", "key-repeated")

    value("an empty name", ":s", "60", "name")
    value("a name of 129 bytes", "n" * 129 + ":s", "60", "name")
    value("a name of 129 bytes in 65 characters", "\u00e9" * 64 + "n:s", "60", "name")
    for control in ("\0", "\n", "\x1f", "\x7f", "\x80", "\x9f"):
        value(f"a name with U+{ord(control):04X}", f"a{control}:s", "60", "name")
    value("a key without a hint", "a", "60", "hint")
    value("an empty hint", "a:", "60", "hint")
    value("an unknown hint", "a:x", "60", "hint")
    value("the map hint of the original proposal", "a:o", "60", "hint")
    value("a hint in upper case", "a:S", "60", "hint")
    value("a hint behind a space", "a: s", "60", "hint")
    value("two hints", "a:ss", "60", "hint")
    value("a list of nothing", "a:a", "80", "hint")
    value("an a behind the hint", "a:sa", "80", "hint")
    value("a hint with 32 a", "a:" + "a" * 32 + "s", "80", "hint")
    block("a name under two hints, adjacent", "a263613a690063613a7360", "name-repeated")
    file.parts("a name under two hints, far apart", raw_parts(encode_cbor({"a:i": 0, "b:i": 0, "bb:i": 0, "a:aas": []})), "name-repeated")
    file.parts("a name as a map and as a reference", raw_parts(encode_cbor({"a:m": reference("x"), "a:r": reference("x")})), "name-repeated")

    link = encode_cbor(reference("x")).hex()
    for name, key, hex in (
        ("an integer under s", "a:s", "01"),
        ("bytes under s", "a:s", "4161"),
        ("a text under d", "a:d", "6161"),
        ("a text under i", "a:i", "6131"),
        ("a float under i", "a:i", "fb3ff0000000000000"),
        ("2^63 under i", "a:i", "1b8000000000000000"),
        ("-2^63-1 under i", "a:i", "3b8000000000000000"),
        ("-2^64 under i", "a:i", "3bffffffffffffffff"),
        ("-1 under u", "a:u", "20"),
        ("a bool under u", "a:u", "f5"),
        ("an integer under f", "a:f", "01"),
        ("an integer under b", "a:b", "01"),
        ("a text under r", "a:r", "6161"),
        ("the bytes of an id, without their tag, under r", "a:r", link[4:]),
        ("a reference under s", "a:s", link),
        ("a reference under d", "a:d", link),
        ("bytes under m", "a:m", "4161"),
        ("a map in the place of its id", "a:m", "a0"),
        ("a map in the place of its id, in a list", "a:am", "81a0"),
        ("a map under r", "a:r", "a0"),
        ("a text under as", "a:as", "6161"),
        ("a list under s", "a:s", "816161"),
        ("an integer in a list of texts", "a:as", "82616101"),
        ("a list too few", "a:aai", "8101"),
        ("a list too many", "a:ai", "8180"),
        ("a bool in a list of integers", "a:ai", "8201f4"),
    ):
        value(name, key, hex, "hint-mismatch")
    value("a note", "_a:s", "60", "note")
    value("a note whose name is an underscore", "_:s", "60", "note")
    value("the signature inside the block", "_signature:d", "5840" + "00" * 64, "note")

    many = {chr(0x100 + n) + ":b": True for n in range(4097)}
    fine("4,096 entries", without(many, chr(0x100 + 4096) + ":b"))
    file.parts("4,097 entries", parts_of(many), "too-many-entries")
    fine("a list of 4,097 integers: lists of maps alone are limited", {"a:ai": [0] * 4097})
    fine("a list of 4,097 empty lists of maps: it holds lists, not maps", {"a:aam": [[]] * 4097})
    fine("a block of 64 KiB", {"a:d": bytes(65536 - 8)})
    file.parts("a block of 64 KiB and a byte", parts_of({"a:d": bytes(65537 - 8)}), "block-too-large")
    return file


# parts.json


def chain(length, innermost):
    """Maps nested `length` deep below the object, whose innermost is given: the innermost's values are at depth `length` + 1."""
    entries = innermost
    for _ in range(length):
        entries = {"m:m": entries}
    return entries


def write_parts():
    file = File("parts.json", "Parts (spec 1.5, 2.3): the list, the places of maps, maps that are left out, the limits of the whole object.")
    block = bytes.fromhex("a0")

    def shape(name, hex, error):
        file.parts(name, bytes.fromhex(hex), error)

    file.parts("an object without signature and maps", raw_parts(block))
    file.parts("an object with a signature, which is not verified here", raw_parts(block, signature=bytes(64)))
    file.parts("a signature of 63 bytes", raw_parts(block, signature=bytes(63)), "signature-length")
    file.parts("a signature of 65 bytes", raw_parts(block, signature=bytes(65)), "signature-length")
    file.parts("a signature of one byte", raw_parts(block, signature=bytes(1)), "signature-length")
    shape("no bytes", "", "truncated")
    shape("the list ends after the signature", "8341a040", "truncated")
    shape("a byte follows the list", "8341a0408000", "trailing")
    shape("a list of two", "8241a040", "parts")
    shape("a list of four", "8441a0408080", "parts")
    shape("the empty list", "80", "parts")
    shape("a map in the place of the list", "a0", "parts")
    shape("the block itself in the place of the list", "a163613a7360", "parts")
    shape("the block not as bytes", "83a04080", "parts")
    shape("the signature as a text", "8341a06080", "parts")
    shape("the map blocks not as a list", "8341a04040", "parts")
    shape("a map block not as bytes", "8341a04081a0", "parts")
    shape("a map block as a text", "8341a040816161", "parts")
    shape("the list without length", "9f41a04080ff", "indefinite")
    shape("the length of the list longer than needed", "980341a04080", "not-shortest")
    shape("the length of the block longer than needed", "835801a04080", "not-shortest")

    one, two, three = {"one:i": 1}, {"two:i": 2}, {"three:i": 3}
    b1, b2, b3 = map(block_of, (one, two, three))
    r1, r2, r3 = (Reference(blake3(b)) for b in (b1, b2, b3))
    file.parts("a map", parts_of({"a:m": one}))
    file.parts("an empty map", parts_of({"a:m": {}}))
    nested = {"a:m": {"b:m": one, "c:m": two}, "b:m": three}
    file.parts("maps are depth first in key order", parts_of(nested))
    upper = block_of({"b:m": r1, "c:m": r2})
    file.parts("maps level by level", raw_parts(block_of(nested), upper, b3, b1, b2), "stray-map")
    file.parts("maps before those that they stand in", raw_parts(block_of(nested), b1, b2, upper, b3), "stray-map")
    file.parts("key order is by length first", parts_of({"aa:m": one, "b:m": two}))
    file.parts("maps in the order of text, not of keys", raw_parts(block_of({"aa:m": one, "b:m": two}), b1, b2), "stray-map")
    file.parts("maps in lists, and in lists of lists", parts_of({"a:am": [one, two, one], "b:aam": [[three], [], [one, two]]}))
    file.parts("a map at two places is given twice", parts_of({"a:m": one, "b:m": one}))
    file.parts("a map at two places, given once: the second stands redacted", raw_parts(block_of({"a:m": one, "b:m": one}), b1))
    file.parts("a map at two places, given three times", raw_parts(block_of({"a:m": one, "b:m": one}), b1, b1, b1), "stray-map")
    file.parts("a map stands redacted", parts_of({"a:m": r1, "b:m": two}))
    file.parts("the last map stands redacted", parts_of({"a:m": one, "b:m": r2}))
    file.parts("every map stands redacted", parts_of({"a:m": r1, "b:am": [r2, r3]}))
    file.parts("maps in a list stand redacted between others", parts_of({"a:am": [r1, two, r3, two]}))
    file.parts("a map that is here, with a map below it redacted", parts_of({"a:m": {"b:m": r1, "c:m": two}}))
    file.parts("a map block that fits nowhere", raw_parts(block_of({"a:s": ""}), b1), "stray-map")
    file.parts("a map block behind the last place", raw_parts(block_of({"a:m": one}), b1, b2), "stray-map")
    file.parts("a map block before the one that fits", raw_parts(block_of({"a:m": one}), b2, b1), "stray-map")
    file.parts("a map block with another value", raw_parts(block_of({"a:m": one}), block_of({"one:i": 2})), "stray-map")
    file.parts("a map block that ends early", raw_parts(block_of({"a:m": one}), b1[:-1]), "stray-map")
    file.parts("the map below a redacted map", raw_parts(block_of({"a:m": {"b:m": one}}), b1), "stray-map")
    file.parts("the block that a reference names", raw_parts(block_of({"a:r": r1}), b1), "stray-map")
    file.parts("two maps exchanged", raw_parts(block_of({"a:m": one, "b:m": two}), b2, b1), "stray-map")
    file.parts("the object's own block as a map", raw_parts(block, block), "stray-map")

    # 1.5: maps that are left out.
    def left_out(name, bad, *, below=()):
        """`bad` is the block of a map that cannot be kept, between two that can."""
        place = Reference(blake3(bad))
        entries = {"a:m": one, "b:m": place, "c:m": two}
        file.parts(name, raw_parts(block_of(entries), b1, bad, *below, b2), remain=parts_of(entries))

    left_out("a map whose bytes are not canonical is left out", bytes.fromhex("a163613a691801"))
    left_out("a map with trailing bytes is left out", bytes.fromhex("a000"))
    left_out("a map block that is no map is left out", bytes.fromhex("80"))
    left_out("an empty map block is left out", b"")
    left_out("a map with keys in falling order is left out", bytes.fromhex("a263623a736063613a7360"))
    left_out("a map with an unknown hint is left out", encode_cbor({"a:x": 1}))
    left_out("a map with a control character in a name is left out", encode_cbor({"a\n:i": 1}))
    left_out("a map with a name under two hints is left out", encode_cbor({"a:i": 1, "a:s": ""}))
    left_out("a map with a note is left out", encode_cbor({"_a:i": 1}))
    left_out("a map with a signature of its own is left out", encode_cbor({"_signature:d": bytes(64)}))
    left_out("a map whose value does not agree with its hint is left out", encode_cbor({"a:u": -1}))
    left_out("a map with a map in the place of its id is left out", encode_cbor({"a:m": {}}))
    left_out("a map with -0.0 is left out", value_block("a:f", "fb8000000000000000"))
    left_out("a map with null is left out", value_block("a:s", "f6"))
    left_out("a map with a reference to another kind of id is left out", encode_cbor({"a:r": FOREIGN}))
    left_out("a map with another kind of id in a list is left out", encode_cbor({"a:aar": [[], [r1, FOREIGN]]}))
    left_out("a map with another kind of id in the place of a map is left out", encode_cbor({"a:m": FOREIGN}))
    left_out("a map is left out with the maps below it", encode_cbor({"_a:i": 1, "b:m": r3, "c:m": r3}), below=(b3, b3))
    left_out("a map is left out with what is below the maps below it", encode_cbor({"_a:i": 1, "b:m": Reference(blake3(upper))}), below=(upper, b1))
    many = {chr(0x100 + n) + ":b": True for n in range(4097)}
    left_out("a map with 4,097 entries is left out", encode_cbor(many))
    left_out("a map with a list of 4,097 maps is left out", encode_cbor({"a:am": [r3] * 4097}))
    file.parts("a map with a list of 4,096 redacted maps", parts_of({"a:m": {"a:am": [r3] * 4096}}))
    file.parts("a list of 4,097 references, which are no maps", parts_of({"a:m": {"a:ar": [r3] * 4097}}))

    bad = encode_cbor({"_a:i": 1})
    rb = Reference(blake3(bad))
    entries = {"a:m": rb, "b:m": rb, "c:m": one}
    file.parts("the same map is left out at two places", raw_parts(block_of(entries), bad, bad, b1), remain=parts_of(entries))
    entries = {"a:am": [one, rb, two]}
    file.parts("a map in a list is left out", raw_parts(block_of(entries), b1, bad, b2), remain=parts_of(entries))
    entries = {"a:m": {"b:m": rb, "c:m": one}, "d:m": two}
    file.parts("a map below a map is left out, the upper one stays", raw_parts(block_of(entries), block_of(entries["a:m"]), bad, b1, b2), remain=parts_of(entries))
    entries = {"a:m": rb, "b:m": r1, "c:m": two}
    file.parts("behind a map left out, a redacted map and one that fits", raw_parts(block_of(entries), bad, b3, b2), remain=parts_of(entries))
    entries = {"a:m": one, "b:m": rb}
    file.parts("what follows the last map, which is left out, was below it", raw_parts(block_of(entries), b1, bad, b2, b3), remain=parts_of(entries))
    entries = {"a:m": rb, "b:m": one}
    file.parts("a stray map behind one that fits behind a map left out", raw_parts(block_of(entries), bad, b1, b2), "stray-map")
    file.parts("a stray map before a map that would be left out", raw_parts(block_of(entries), b2, bad, b1), "stray-map")
    entries = {"a:m": FOREIGN, "b:m": one}
    file.parts("a map under another kind of id has no block", raw_parts(block_of(entries), b1))
    file.parts("a block for a map under another kind of id", raw_parts(block_of({"a:m": FOREIGN}), b1), "stray-map")

    # 1.5: depth.
    file.parts("a text at depth 32", parts_of(chain(31, {"a:s": ""})))
    file.parts("an empty map at depth 32", parts_of(chain(32, {})))
    file.parts("a redacted map at depth 33 does not count", parts_of(chain(32, {"a:m": r1})))
    file.parts("redacted maps in a list at depth 32 do not count", parts_of(chain(31, {"a:am": [r1]})))
    deep = chain(32, {"a:s": ""})
    kept = chain(31, {"m:m": Reference(id_of({"a:s": ""}))})
    file.parts("a map with a text at depth 33 is left out", parts_of(deep), remain=parts_of(kept))
    deep = chain(33, {})
    kept = chain(32, {"m:m": Reference(id_of({}))})
    file.parts("an empty map at depth 33 is left out", parts_of(deep), remain=parts_of(kept))
    deep = chain(31, {"a:ai": [1]})
    kept = chain(30, {"m:m": Reference(id_of({"a:ai": [1]}))})
    file.parts("a map with an integer in a list at depth 33 is left out", parts_of(deep), remain=parts_of(kept))
    file.parts("an empty list at depth 32", parts_of(chain(31, {"a:ai": []})))
    deep = chain(31, {"a:am": [{}]})
    kept = chain(31, {"a:am": [Reference(id_of({}))]})
    file.parts("an empty map in a list at depth 33 is left out", parts_of(deep), remain=parts_of(kept))
    deep = chain(40, {"a:s": ""})
    kept = {"a:s": ""}
    for _ in range(8):
        kept = {"m:m": kept}
    kept = chain(32, {"m:m": Reference(id_of(chain(7, {"a:s": ""})))})
    file.parts("maps 40 deep are left out from depth 33 on", parts_of(deep), remain=parts_of(kept))

    # 1.5: size and number.
    big = {"a:d": bytes(65536)}
    whole = {"a:am": [big] * 15, "b:m": {"c:d": bytes(64000)}, "d:d": b""}
    spare = 1024 * 1024 - sum(map(len, [block_of(whole), *(map.block for map in maps_of(build(whole)))]))
    whole["d:d"] = bytes(spare - 2)  # its length takes two bytes more
    file.parts("an object of 1 MiB in all its parts", parts_of(whole))
    file.parts("an object of 1 MiB and a byte in all its parts", parts_of({**whole, "d:d": bytes(spare - 1)}), "too-large")
    file.parts("the signature counts to the size of the whole", parts_of(whole, bytes(64)), "too-large")
    file.parts("a map of more than 64 KiB", parts_of({"a:m": {"a:d": bytes(70000)}}))
    file.parts("4,096 maps, the object included", parts_of({"a:m": {"b:am": [{}] * 4094}}))
    file.parts("4,097 maps, the object included", parts_of({"a:m": {"b:am": [{}] * 4095}}), "too-many-maps")
    more = {"a:m": {"b:am": [{}] * 4093}, "c:m": rb}
    file.parts("4,096 maps as received, one of them left out", raw_parts(block_of(more), *[map.block for map in maps_of(build(more))], bad), remain=parts_of(more))
    more = {"a:m": {"b:am": [{}] * 4094}, "c:m": rb}
    file.parts("4,097 maps as received, one of them to be left out", raw_parts(block_of(more), *[map.block for map in maps_of(build(more))], bad), "too-many-maps")
    file.parts("more than 4,096 maps, but redacted", parts_of({"a:m": {"b:am": [r1] * 4000}, "c:m": {"b:am": [r2] * 4000}}))
    return file


# json.json


def write_json():
    file = File("json.json", "JSON (spec 2.2, 14.3), read as an object into parts.")
    r1, r2 = reference("an object"), reference("a map")
    t1 = id_text(r1.digest)

    def fine(name, text, entries):
        file.json(name, text, entries)

    def one(name, key, value, entry=None, error=None):
        """An object with one key, its value as it is spelled."""
        file.json(name, f"{{{json.dumps(key)}:{value}}}", error or {key: entry})

    fine("the empty object", "{}", {})
    fine("white space everywhere", ' \t\r\n{ "a:s" : "b" ,\n"c:ai" : [ 1 , 2 ] } ', {"a:s": "b", "c:ai": [1, 2]})
    fine("the order of keys is of no account", '{"bb:s":"","a:s":""}', {"a:s": "", "bb:s": ""})
    fine(
        "every hint once",
        '{"s:s":"a","i:i":-1,"u:u":1,"f:f":1.5,"b:b":true,"d:d":"AQ==","m:m":{},"r:r":"%s","as:as":["a"],"aai:aai":[[1],[]],"am:am":[{},{"a:b":false}]}' % t1,
        {"s:s": "a", "i:i": -1, "u:u": 1, "f:f": 1.5, "b:b": True, "d:d": b"\x01", "m:m": {}, "r:r": r1, "as:as": ["a"], "aai:aai": [[1], []],
         "am:am": [{}, {"a:b": False}]},
    )  # fmt: skip
    one("an empty text is not absent", "a:s", '""', "")
    one("an empty list is not absent", "a:am", "[]", [])
    one("the escapes of a text", "a:s", r'"\"\\\/\b\f\n\r\t\u0000\u00e9"', "\"\\/\b\f\n\r\t\0\u00e9")
    one("hexadecimal digits of an escape in either case", "a:s", r'"\u00eF\u00Ef"', "\u00ef\u00ef")
    one("a surrogate pair is one character", "a:s", r'"\ud83d\ude00"', "\U0001f600")
    one("the last surrogate pair", "a:s", r'"\udbff\udfff"', "\U0010ffff")
    one("a character beyond the basic plane, not escaped", "a:s", '"\U0001f600"', "\U0001f600")
    one("U+007F and U+0085 need no escape in a text", "a:s", '"\x7f\x85"', "\x7f\x85")
    file.json("an escape in a key", r'{"\u0061:\u0073":""}', {"a:s": ""})
    one("a map redacted", "a:m", f'"{id_text(r2.digest)}"', r2)
    one("maps redacted in a list", "a:am", f'[{{}},"{id_text(r2.digest)}"]', [{}, r2])
    one("a reference, which is no map", "a:r", f'"{id_text(r2.digest)}"', r2)
    signature = OWNER.sign({"a:s": ""})
    text = base64.b64encode(signature).decode()
    file.json("a signature", f'{{"a:s":"","_signature:d":"{text}"}}', parts_of({"a:s": ""}, signature))
    file.json("a signature that does not verify is no fault of JSON", f'{{"a:s":"b","_signature:d":"{text}"}}', parts_of({"a:s": "b"}, signature))

    for name, key, spelled, number in (
        ("2^53-1 as a number", "a:i", "9007199254740991", 2**53 - 1),
        ("2^53 as a number", "a:i", "9007199254740992", 2**53),
        ("2^53 as a text", "a:i", '"9007199254740992"', 2**53),
        ("2^53+1 as a number, exactly", "a:i", "9007199254740993", 2**53 + 1),
        ("-2^53 as a number", "a:i", "-9007199254740992", -(2**53)),
        ("-2^53 as a text", "a:i", '"-9007199254740992"', -(2**53)),
        ("a small integer as a text", "a:i", '"-5"', -5),
        ("zero as a text", "a:u", '"0"', 0),
        ("the greatest signed integer as a number", "a:i", "9223372036854775807", 2**63 - 1),
        ("the greatest signed integer as a text", "a:i", '"9223372036854775807"', 2**63 - 1),
        ("the least signed integer as a number", "a:i", "-9223372036854775808", -(2**63)),
        ("the least signed integer as a text", "a:i", '"-9223372036854775808"', -(2**63)),
        ("the greatest unsigned integer as a number", "a:u", "18446744073709551615", 2**64 - 1),
        ("the greatest unsigned integer as a text", "a:u", '"18446744073709551615"', 2**64 - 1),
        ("an escape in an integer as a text", "a:i", r'"\u0031"', 1),
        ("1 under f is a float", "a:f", "1", 1.0),
        ("-0 under f is 0.0", "a:f", "-0", 0.0),
        ("-0.0 is read as 0.0", "a:f", "-0.0", 0.0),
        ("-0e0 is read as 0.0", "a:f", "-0e0", 0.0),
        ("1E5, 1e+5 and 100000.0 are one float", "a:af", "[1E5,1e+5,100000.0]", [1e5] * 3),
        ("0.1 is the nearest float", "a:f", "0.1", 0.1),
        ("2^53+1 under f is a tie, to even below", "a:f", "9007199254740993", 2.0**53),
        ("2^53+3 under f is a tie, to even above", "a:f", "9007199254740995", 2.0**53 + 4),
        ("a tie in the last place goes to even", "a:f", "1.00000000000000011102230246251565404236316680908203125", 1.0),
        ("a digit far behind a tie decides", "a:f", "1.00000000000000011102230246251565404236316680908203125" + "0" * 800 + "1", 1.0 + 2**-52),
        ("the next tie goes to even above", "a:f", "1.00000000000000033306690738754696212708950042724609375", 1.0 + 2**-51),
        ("the least subnormal float", "a:f", "5e-324", 5e-324),
        ("the least subnormal float, from above half of it", "a:f", "2.4703282292062328e-324", 5e-324),
        ("half of the least subnormal float, from below, underflows to 0.0", "a:f", "2.4703282292062327e-324", 0.0),
        ("the greatest subnormal float", "a:f", "2.225073858507201e-308", 2.225073858507201e-308),
        ("the least normal float", "a:f", "2.2250738585072014e-308", 2.0**-1022),
        ("the float that took parsers into endless loops", "a:f", "2.2250738585072012e-308", 2.0**-1022),
        ("underflow to 0.0", "a:f", "1e-400", 0.0),
        ("underflow to -0.0 is read as 0.0", "a:f", "-1e-400", 0.0),
        ("zero with a great exponent", "a:f", "0e400", 0.0),
        ("the greatest float", "a:f", "1.7976931348623157e308", 1.7976931348623157e308),
        ("the greatest float, from above", "a:f", "1.7976931348623158e308", 1.7976931348623157e308),
        ("a great integer under f", "a:f", "1" + "0" * 308, 1e308),
        ("bytes of every length of padding", "a:ad", '["","AA==","AAA=","AAAA","+/+/"]', [b"", b"\0", b"\0\0", b"\0\0\0", b"\xfb\xff\xbf"]),
    ):
        one(name, key, spelled, number)

    file.json("a note is left out", '{"_seen:u":1,"a:s":""}', {"a:s": ""})
    file.json("a note below is left out", '{"a:m":{"_seen:u":1,"b:am":[{"_c:s":""}]}}', {"a:m": {"b:am": [{}]}})
    file.json("a note with maps is left out with them", '{"_a:m":{"b:m":{}},"a:s":""}', {"a:s": ""})
    file.json("a signature below the top is a note", f'{{"a:m":{{"_signature:d":"{text}"}}}}', {"a:m": {}})
    file.json("a note whose name is an underscore", '{"_:s":"","a:s":""}', {"a:s": ""})

    for name, text in (
        ("no text", ""), ("white space alone", " "), ("an object that is not closed", '{"a:s":"b"'), ("something behind the object", "{} {}"),
        ("keys without quotes", '{a:"b"}'), ("single quotes", "{'a:s':'b'}"), ("a comma before the end of an object", '{"a:s":"b",}'),
        ("a comma before the end of a list", '{"a:ai":[1,]}'), ("a comma at the beginning of a list", '{"a:ai":[,1]}'),
        ("two values without a comma", '{"a:ai":[1 2]}'), ("a comment", '{"a:s":"b"/* */}'),
        ("a byte order mark", "\ufeff{}"), ("white space that is none in JSON", "\u00a0{}"), ("NaN", '{"a:f":NaN}'),
        ("Infinity", '{"a:f":Infinity}'), ("-Infinity", '{"a:f":-Infinity}'), ("a leading zero", '{"a:i":01}'),
        ("a leading zero of a float", '{"a:f":00.5}'), ("a plus sign", '{"a:i":+1}'), ("a float without digits before the point", '{"a:f":.5}'),
        ("a float without digits behind the point", '{"a:f":1.}'), ("an exponent without digits", '{"a:f":1e}'),
        ("a hexadecimal number", '{"a:i":0x1}'), ("a minus sign alone", '{"a:i":-}'), ("True", '{"a:b":True}'),
        ("a text over two lines", '{"a:s":"b\n"}'), ("a control character in a text", '{"a:s":"\x01"}'), ("a tab in a text", '{"a:s":"\t"}'),
        ("an unknown escape", r'{"a:s":"\x41"}'), ("an escape that is cut short", r'{"a:s":"\u00e"}'),
        ("an escape with a sign", r'{"a:s":"\u+0e9"}'),
        ("a lone high surrogate", r'{"a:s":"\ud83d"}'), ("a lone low surrogate", r'{"a:s":"\ude00"}'),
        ("a high surrogate before a character", r'{"a:s":"\ud83da"}'), ("two high surrogates", r'{"a:s":"\ud83d\ud83d"}'),
        ("a high surrogate before another escape", r'{"a:s":"\ud83d\u0061"}'),
        ("a surrogate pair in the wrong order", r'{"a:s":"\ude00\ud83d"}'),
        ("a lone surrogate in a key", r'{"a\ud83d:s":""}'), ("a lone surrogate in a note", r'{"_a:s":"\ud83d"}'),
        ("a number under s", '{"a:s":1}'), ("a number under d", '{"a:d":1}'), ("a number under b", '{"a:b":1}'),
        ("a number under r", '{"a:r":1}'), ("a number under m", '{"a:m":1}'),
    ):  # fmt: skip
        file.json(name, text, "json")
    file.json("a list in the place of the object", "[]", "not-a-map")
    file.json("a text in the place of the object", '"a"', "not-a-map")
    file.json("a key twice", '{"a:s":"b","a:s":"b"}', "key-repeated")
    file.json("a key twice, once by an escape", r'{"a:s":"b","\u0061:s":"b"}', "key-repeated")
    file.json("a key twice, below", '{"a:m":{"b:i":1,"c:i":1,"b:i":2}}', "key-repeated")
    file.json("a note twice", '{"_a:s":"b","_a:s":"b"}', "key-repeated")
    file.json("a name under two hints", '{"a:i":1,"b:i":1,"a:s":""}', "name-repeated")
    file.json("a name under two hints, below", '{"a:am":[{"a:i":1,"a:u":1}]}', "name-repeated")
    for name, key in (
        ("a key without a hint", "a"), ("an empty hint", "a:"), ("an unknown hint", "a:x"),
        ("the map hint of the original proposal", "a:o"), ("a list of nothing", "a:a"),
        ("a hint in upper case", "a:S"), ("a hint with 32 a", "a:" + "a" * 32 + "s"), ("a note without a hint", "_a"),
        ("a note with an unknown hint", "_a:x"), ("a signature without a hint", "_signature"),
    ):  # fmt: skip
        one(name, key, "[]", error="hint")
    for name, key in (
        ("an empty name", ":s"), ("a name of 129 bytes", "n" * 129 + ":s"), ("a name with U+0000", "a\0:s"),
        ("a name with a line feed", "a\n:s"), ("a name with U+0085", "a\x85:s"),
        ("a name with a colon", "a:b:s"), ("a note with a control character", "_a\x7f:s"),
    ):  # fmt: skip
        one(name, key, '""', error="name")
    for name, key, value in (
        ("null under s", "a:s", "null"), ("null under m", "a:m", "null"), ("null under i", "a:i", "null"),
        ("null in a list", "a:as", "[null]"), ("null in the place of a list", "a:as", "null"),
        ("a bool under i", "a:i", "true"), ("a bool under s", "a:s", "false"), ("a text under b", "a:b", '"true"'),
        ("a text under f", "a:f", '"1.5"'),
        ("a list under s", "a:s", "[]"), ("a list under m", "a:m", "[]"), ("an object under s", "a:s", "{}"), ("an object under r", "a:r", "{}"),
        ("an object under am", "a:am", "{}"), ("a text under as", "a:as", '"a"'), ("an element with too few lists", "a:aas", '["a"]'),
        ("an element with too many lists", "a:as", "[[]]"),
        ("-1 under u", "a:u", "-1"), ("-1 as a text under u", "a:u", '"-1"'), ("2^63 under i", "a:i", "9223372036854775808"),
        ("2^63 as a text under i", "a:i", '"9223372036854775808"'),
        ("-2^63-1 under i", "a:i", "-9223372036854775809"), ("-2^63-1 as a text under i", "a:i", '"-9223372036854775809"'),
        ("2^64 under u", "a:u", "18446744073709551616"),
        ("2^64 as a text under u", "a:u", '"18446744073709551616"'), ("an integer of 5,000 digits", "a:u", "9" * 5000),
    ):  # fmt: skip
        one(name, key, value, error="hint-mismatch")
    for name, value in (
        ("1.0 is no integer", "1.0"), ("1e0 is no integer", "1e0"), ("1E2 is no integer", "1E2"), ("-0 is no integer", "-0"),
        ("-0 as a text is no integer", '"-0"'),
        ("1.0 as a text is no integer", '"1.0"'), ("a leading zero in an integer as a text", '"01"'),
        ("a plus sign in an integer as a text", '"+1"'), ("an empty text is no integer", '""'),
        ("a space in an integer as a text", '" 1"'), ("a line feed behind an integer as a text", r'"1\n"'),
        ("a hexadecimal integer as a text", '"0x1"'), ("digits of another script", '"\u0661"'),
        ("separated digits", '"1_000"'), ("a minus sign alone as a text", '"-"'), ("2^53+1 with a point", "9007199254740993.0"),
    ):  # fmt: skip
        one(name, "a:i", value, error="integer")
    one("1e400 is infinite", "a:f", "1e400", error="not-finite")
    one("-1e400 is infinite", "a:f", "-1e400", error="not-finite")
    one("the least number that rounds to infinity", "a:f", "1.7976931348623159e308", error="not-finite")
    one("an integer that is infinite as a float", "a:f", "1" + "0" * 309, error="not-finite")
    for name, value in (
        ("base64 without padding", "AA"), ("base64 with too little padding", "AA="), ("base64 with too much padding", "AAA=="),
        ("padding alone", "="), ("base64 with a group too many of padding", "AAAA===="),
        ("base64 of the other alphabet", "-_-_"), ("a space in base64", "AA AA"), ("a line feed in base64", r"AAAA\n"),
        ("bits left over in base64", "QR=="), ("bits left over in two bytes of base64", "QUJ="),
        ("one digit of base64", "A"), ("padding inside base64", "AA==AAAA"),
    ):  # fmt: skip
        one(name, "a:d", f'"{value}"', error="base64")
    for name, value in wrong_ids():
        one(f"{name}, under r", "a:r", json.dumps(value), error="id")
    one("no id under m", "a:m", '"a"', error="id")
    one("no id in a list of maps", "a:am", '[{},""]', error="id")
    one("an id of another kind under m", "a:m", f'"{wrong_ids()[0][1]}"', error="id")

    for name, key, value in (
        ("a signature under another hint", "_signature:s", text), ("a signature as a list", "_signature:ad", [text]),
        ("an empty signature", "_signature:d", ""),
        ("a signature of 63 bytes", "_signature:d", base64.b64encode(bytes(63)).decode()),
        ("a signature of 65 bytes", "_signature:d", base64.b64encode(bytes(65)).decode()),
    ):  # fmt: skip
        one(name, key, json.dumps(value), error="signature-length")

    def maps_deep(length, innermost):
        return [{"repeat": '{"m:m":', "times": length}, innermost, {"repeat": "}", "times": length}]

    fine("a text at depth 32", maps_deep(31, '{"a:s":""}'), chain(31, {"a:s": ""}))
    fine("an empty map at depth 32", maps_deep(32, "{}"), chain(32, {}))
    fine("a redacted map at depth 33 does not count", maps_deep(32, f'{{"a:m":"{t1}"}}'), chain(32, {"a:m": r1}))
    for name, innermost, length in (("a text", '{"a:s":""}', 32), ("an empty map", "{}", 33), ("an integer in a list", '{"a:ai":[1]}', 31), ("an empty list", '{"a:ai":[]}', 32)):
        file.json(f"{name} at depth 33", maps_deep(length, innermost), "too-deep")
    file.json("maps 100,000 deep", maps_deep(100000, "{}"), "too-deep")
    names = [chr(0x4E00 + n) for n in range(4097)]
    file.json("4,097 entries", "{" + ",".join(f'"{name}:b":true' for name in names) + "}", "too-many-entries")
    redacted = {"repeat": f'"{t1}",', "times": 4095}
    fine("a list of 4,096 redacted maps", ['{"a:m":{"b:am":[', redacted, f'"{t1}"]}}}}'], {"a:m": {"b:am": [r1] * 4096}})
    file.json("a list of 4,097 redacted maps", ['{"a:m":{"b:am":[', redacted, f'"{t1}","{t1}"]}}}}'], "too-many-entries")
    maps = {"repeat": "{},", "times": 4093}
    fine("4,096 maps, the object included", ['{"a:m":{"b:am":[', maps, "{}]}}"], {"a:m": {"b:am": [{}] * 4094}})
    file.json("4,097 maps, the object included", ['{"a:m":{"b:am":[', maps, "{},{}]}}"], "too-many-maps")
    zeros = {"repeat": "A", "times": 87360}  # 65,520 bytes
    fine("a block of 64 KiB", ['{"a:d":"', zeros, 'AAAAAAAAAAA="}'], {"a:d": bytes(65536 - 8)})
    file.json("a block of 64 KiB and a byte", ['{"a:d":"', zeros, 'AAAAAAAAAAAA"}'], "block-too-large")
    many = ['{"a:am":[', {"repeat": '{"b:s":"' + "b" * 8180 + '"},', "times": 127}]
    inner, outer = len(block_of({"b:s": "b" * 8180})), 8 + 128 * 41
    rest = 1024 * 1024 - 127 * inner - outer - 8
    one_mib = {"a:am": [{"b:s": "b" * 8180}] * 127 + [{"b:s": "b" * rest}]}
    assert sum(map(len, decode_cbor(parts_of(one_mib))[2])) + len(block_of(one_mib)) == 1024 * 1024
    fine("an object of 1 MiB in all its parts", [*many, '{"b:s":"', {"repeat": "b", "times": rest}, '"}]}'], one_mib)
    file.json("an object of 1 MiB and a byte in all its parts", [*many, '{"b:s":"', {"repeat": "b", "times": rest + 1}, '"}]}'], "too-large")
    return file


def wrong_ids():
    """Texts that are no id, or not in its one spelling."""
    digest = reference("an object").digest
    text = id_text(digest)
    last = text[-1]
    return [
        ("an id of another kind", "b" + base32(FOREIGN.bytes)),
        ("an empty text", ""),
        ("the prefix alone", "bafyr4i"),
        ("an id in upper case", text.upper()),
        ("an id whose second half is in upper case", text[:30] + text[30:].upper()),
        ("an id without its multibase", text[1:]),
        ("an id in upper case behind its multibase in lower case", "b" + text[1:].upper()),
        ("an id with padding", text + "======"),
        ("an id cut short", text[:-1]),
        ("an id with a letter too many", text + "a"),
        ("an id with bits left over", text[:-1] + "abcdefghijklmnopqrstuvwxyz234567"["abcdefghijklmnopqrstuvwxyz234567".index(last) + 1]),
        ("an id with a space before it", " " + text),
        ("an id with a line feed behind it", text + "\n"),
        ("an id with a digit that base32 has not", text[:-2] + "1" + last),
        ("an id in base58", "z" + base58(OUR_PREFIX + digest)),
        ("an id in hexadecimal", "f" + (OUR_PREFIX + digest).hex()),
        ("the digest in hexadecimal", digest.hex()),
        ("a digest of 31 bytes", "b" + base32(OUR_PREFIX + digest[:-1])),
        ("a digest of 33 bytes", "b" + base32(OUR_PREFIX + digest + b"\0")),
        ("an id as raw data", "b" + base32(bytes.fromhex("01551e20") + digest)),
        ("an id with another hash", "b" + base32(bytes.fromhex("01711220") + digest)),
        ("an id with a longer spelling of its codec", "b" + base32(bytes.fromhex("01f1001e20") + digest)),
    ]


# identity.json


def write_identity():
    file = File("identity.json", "Ids, authors, hypothetical roots and ties (spec 3.2, 4.1, 5.1, 6.1, 9.1).")

    def author(name, text, key=None, error=None):
        file.add("author", name, text=text, **({"error": error} if error else {"expected": key.hex()}))

    for name, signer in (("an author", OWNER), ("another author", BEN)):
        author(name, signer.text, signer.key)
    rfc = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    author("the first key of RFC 8032", "z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw", rfc)
    mixed = encode_point(add(decode_point(OWNER.key), TORSION))
    author("a key of mixed order is a key", author_text(mixed), mixed)
    author("no text", "", error="author")
    text = OWNER.text
    for name, wrong in (
        ("47 characters", text[:-1]), ("49 characters", text + "1"), ("without its multibase", text[1:]),
        ("in another multibase", "u" + text[1:]), ("with an upper case multibase", "Z" + text[1:]),
        ("with a digit that base58 has not, 0", text[:-1] + "0"), ("with a digit that base58 has not, l", text[:20] + "l" + text[21:]),
        ("with a digit that base58 has not, beyond ASCII", text[:-1] + "\u00e9"),
        ("with a space before it", " " + text), ("with a line feed behind it", text + "\n"), ("with a leading zero", "z1" + text[1:]),
        ("as a did", "did:key:" + text),
        ("as 32 bytes without their codec", "z" + base58(OWNER.key)), ("in hexadecimal", OWNER.key.hex()),
        ("under the codec of X25519", "z" + base58(bytes.fromhex("ec01") + OWNER.key)),
        ("under the codec of a secret key", "z" + base58(bytes.fromhex("8026") + OWNER.key)),
        ("of 31 bytes", "z" + base58(ED25519_PUB + OWNER.key[:31])), ("of 33 bytes", "z" + base58(ED25519_PUB + OWNER.key + b"\0")),
        ("in base58 of another alphabet", "z" + text[1:].swapcase()), ("of the greatest number of 47 digits", "z" + "z" * 47),
    ):  # fmt: skip
        author(f"a key {name}", wrong, error="author")
    for name, key in weak_keys():
        author(name, author_text(key), error="author-key")

    digest = reference("an object").digest
    file.add("id", "an id", text=id_text(digest), expected=digest.hex())
    file.add("id", "the id of the empty map", text="bafyr4ia7stf7ge5tzyrsk6tskhva7sk2erkw5jqr4t4pi5pfjglrxlw3ai", expected=blake3(b"\xa0").hex())
    file.add("id", "an id of zeros", text="bafyr4ia" + "a" * 51, expected="00" * 32)
    file.add("id", "an id of ones", text=id_text(b"\xff" * 32), expected="ff" * 32)
    for name, text in wrong_ids():
        file.add("id", name, text=text, error="id")
    file.add("id", "an id with a digit beyond ASCII", text=id_text(digest)[:-1] + "\u0131", error="id")

    def hypothetical(name, type, author):
        file.add("hypothetical", name, type=type, author=author.text, expected=id_text(blake3(encode_cbor({"type:s": type, "author:s": author.text}))))

    hypothetical("a hypothetical root", "example/profile.Created", OWNER)
    hypothetical("another author", "example/profile.Created", BEN)
    hypothetical("another type", "example/chat.Created", OWNER)
    hypothetical("a type of one character", "a", OWNER)
    hypothetical("a type of 256 characters", "a" * 256, OWNER)

    def tie_of(name, root, generation, signer):
        material = root + generation.to_bytes(8, "big") + signer.key
        expected = blake3_derive_key("streams 2026 order tie v1", material)
        file.add("tie", name, root=id_text(root), generation=str(generation), author=signer.text, expected=expected.hex())

    tie_of("the tie of a root", digest, 0, OWNER)
    tie_of("the first generation", digest, 1, OWNER)
    tie_of("another author", digest, 1, BEN)
    tie_of("another root", blake3(b"\xa0"), 1, OWNER)
    tie_of("a generation of two bytes is big-endian", digest, 256, OWNER)
    tie_of("a generation beyond 2^53", digest, 2**53 + 1, OWNER)
    tie_of("the greatest generation", digest, 2**64 - 1, OWNER)
    # 12.2: the original project's own facts are in proposal.json; these hold what the paragraph says beyond them.
    for name, entries, expected in (
        ("a float is hashed twice, as hex without leading zeros", {"a:f": 1.5}, "oh1.7u9ErdE4cQYNtCNt1D1eJU2iRvU5t28EvHKTHWHmUNJi"),
        ("0.0 is one hexadecimal digit", {"a:f": 0.0}, "oh1.7TWC8atMN5GUVorvybg6nNEb2xX1WEsy26bAV3Q8dfiM"),
        ("a list of floats", {"a:af": [1.5, -2.0]}, "oh1.Ccu1woFhNXvzGS2FmZTohapuczYDJX16UMujQRGrLrgm"),
        ("empty elements of a list are left out", {"a:as": ["b", "", "c"]}, "oh1.6SGJbombvThcHWzycuNWXmNWY3bSbG9rzvu9WqH663gq"),
        ("a bool, and bytes", {"a:b": True, "b:d": "AQI="}, "oh1.8wo1soJy1mN7kGmxDhkg5BmCMAQGbprPJZEit7kr9KdV"),
    ):
        assert oh1(entries) == expected, name
        file.add("oh1", name, input=entries, expected=expected)

    return file


def find_torsion():
    """A point of order 8: what multiplication by the prime order leaves of a point."""
    for y in range(2, 100):
        point = decode_point(y.to_bytes(32, "little"))
        if point and not same_point(multiply(4 * L, point), IDENTITY):
            return multiply(L, point)


TORSION = find_torsion()


def encode_y(y, sign):
    return (y | sign << 255).to_bytes(32, "little")


def weak_keys():
    """Keys that no author may have, each with what is wrong with it."""
    no_point = next(y for y in range(2, 100) if x_of(y, 0) is None)
    above = next(y for y in range(2, 19) if x_of(y, 0) is not None)
    keys = [("a key that is no point", encode_y(no_point, 0)), ("a key that is no point, with the other sign", encode_y(no_point, 1))]
    keys += [(f"a key of small order, {n} times a point of order 8", encode_point(multiply(n, TORSION))) for n in range(8)]
    keys += [
        ("a key of small order, not canonical: 0 as p", encode_y(P, 0)),
        ("a key of small order, not canonical: 0 as p, with the other sign", encode_y(P, 1)),
        ("a key of small order, not canonical: 1 as p + 1", encode_y(P + 1, 0)),
        ("a key of small order, not canonical: 1 with the sign of x = 0", encode_y(1, 1)),
        ("a key of small order, not canonical: -1 with the sign of x = 0", encode_y(P - 1, 1)),
        ("a key of full order that is not canonical", encode_y(P + above, 0)),
        ("a key of full order that is not canonical, with the other sign", encode_y(P + above, 1)),
        ("a key of 32 bytes ff", b"\xff" * 32),
    ]
    return keys


# header.json


def write_header():
    file = File("header.json", "The header (spec 4, 5, 14.4, 14.5), the data of streams/ types, and the order of fates (4.2).")

    def sound(name, entries, kind="event"):
        file.object(name, signed(entries), kind=kind)

    def refuse(name, entries, code):
        file.object(name, signed(entries), "refused", code)

    def is_newer(name, entries, code):
        file.object(name, signed(entries), "newer", code)

    file.object("a hypothetical root", parts_of(HYPOTHETICAL), kind="hypothetical")
    sound("an ordinary root", ROOT_ENTRIES, "root")
    sound("a root with everything a root may have", {**ROOT_ENTRIES, "timestamp:u": 1, "policies:am": [READ_ALL], "next:d": bytes(32), "data:m": {"a:m": {}}}, "root")
    sound("a root with empty data", {**ROOT_ENTRIES, "data:m": {}}, "root")
    file.object("type, author and timestamp are an ordinary root without a nonce", signed({**HYPOTHETICAL, "timestamp:u": 1}), "refused", "nonce")
    sound("an event", EVENT)
    sound("an event with everything an event may have", {**EVENT, "previous:r": PARENTS[0], "timestamp:u": 2**64 - 1, "data:m": {"a:s": "b"}})
    sound("an event whose data stands redacted", {**EVENT, "data:m": reference("data")})
    sound("a type of 256 characters", {**EVENT, "type:s": "t" * 256})
    sound("a type with every character there is", {**EVENT, "type:s": "azAZ09._-/:@"})
    sound("a type that only looks like one of this document", {**EVENT, "type:s": "streams"})
    sound("a type with this document's in its middle", {**EVENT, "type:s": "example/streams/policy"})
    sound("a type in another case than this document's", {**EVENT, "type:s": "Streams/policy"})
    sound("16 parents", {**EVENT, "parents:ar": PARENTS[:16]})
    sound("the greatest generation", {**EVENT, "generation:u": 2**64 - 1})
    sound("any reference to another kind of id in data leaves a map out, and the object sound", {**EVENT, "data:m": {"a:r": FOREIGN}})
    sound("previous that is no parent", {**EVENT, "previous:r": PARENTS[5]})

    refuse("no type", without(EVENT, "type:s"), "type")
    refuse("an empty type", {**EVENT, "type:s": ""}, "type")
    refuse("a type of 257 characters", {**EVENT, "type:s": "t" * 257}, "type")
    for what, type in (("a space", "a b"), ("a line feed at its end", "a\n"), ("an asterisk", "a*"), ("a character beyond ASCII", "\u00e9"), ("U+0000", "a\0"), ("a hash", "a#b")):
        refuse(f"a type with {what}", {**EVENT, "type:s": type}, "type")
    refuse("a root without a type", without(ROOT_ENTRIES, "type:s"), "type")
    refuse("an ordinary root with a space in its type", {**ROOT_ENTRIES, "type:s": "a b"}, "type")
    file.object("a hypothetical root with a bad type", parts_of({**HYPOTHETICAL, "type:s": "a b"}), "refused", "type")
    file.object("no author", signed(without(EVENT, "author:s")), "refused", "author")
    file.object("no author and no signature: none can be judged", parts_of(without(EVENT, "author:s")), "refused", "author")
    file.object("an object without anything", parts_of({"type:s": "a", "nonce:d": NONCE}), "refused", "author")
    for what, text in (("empty", ""), ("of 47 characters", OWNER.text[:-1]), ("of another codec", "z" + base58(bytes.fromhex("ec01") + OWNER.key)), ("that is a name", "ana")):
        file.object(f"an author {what}", signed({**EVENT, "author:s": text}), "refused", "author")
    file.object("a hypothetical root with an author that is none", parts_of({**HYPOTHETICAL, "author:s": "ana"}), "refused", "author")
    for name, key in weak_keys()[:4] + weak_keys()[10:]:
        file.object(f"an author with {name}", signed({**EVENT, "author:s": author_text(key)}), "refused", "author-key")
    weak = author_text(weak_keys()[4][1])
    file.object("a weak author and no signature: none can be judged", parts_of({**EVENT, "author:s": weak}), "refused", "author-key")
    file.object("a hypothetical root of a weak author", parts_of({**HYPOTHETICAL, "author:s": weak}), "refused", "author-key")

    for type in sorted(STREAMS_TYPES):
        data = {"data:m": STREAMS_DATA[type]}
        refuse(f"a root of type {type}", {**ROOT_ENTRIES, "type:s": type, **data}, "root-type")
        sound(f"an event of type {type}", {**EVENT, "type:s": type, **data})
        is_newer(f"type {type} with a letter more", {**EVENT, "type:s": type + "x", **data}, "newer-type")
    file.object("a hypothetical root of type streams/policy", parts_of({**HYPOTHETICAL, "type:s": "streams/policy"}), "refused", "root-type")
    refuse("a root with parents", {**ROOT_ENTRIES, "parents:ar": PARENTS[:1]}, "root-edges")
    refuse("a root with an empty list of parents", {**ROOT_ENTRIES, "parents:ar": []}, "root-edges")
    refuse("a root with previous", {**ROOT_ENTRIES, "previous:r": PARENTS[0]}, "root-edges")
    refuse("a root with generation 0", {**ROOT_ENTRIES, "generation:u": 0}, "root-edges")
    refuse("an event without its stream is a root, with edges", {**without(EVENT, "stream:r"), "nonce:d": NONCE}, "root-edges")
    refuse("an ordinary root without a nonce", {**without(ROOT_ENTRIES, "nonce:d"), "data:m": {}}, "nonce")
    refuse("an empty nonce", {**ROOT_ENTRIES, "nonce:d": b""}, "nonce")
    refuse("a nonce of 15 bytes", {**ROOT_ENTRIES, "nonce:d": NONCE[:15]}, "nonce")
    refuse("a nonce of 17 bytes", {**ROOT_ENTRIES, "nonce:d": NONCE + b"\0"}, "nonce")
    refuse("an event with a nonce", {**EVENT, "nonce:d": NONCE}, "nonce-forbidden")
    refuse("no parents", without(EVENT, "parents:ar"), "parents")
    refuse("previous in the place of parents", {**without(EVENT, "parents:ar"), "previous:r": PARENTS[0]}, "parents")
    refuse("an empty list of parents", {**EVENT, "parents:ar": []}, "parents")
    refuse("17 parents", {**EVENT, "parents:ar": PARENTS[:17]}, "parents")
    refuse("parents that fall", {**EVENT, "parents:ar": [PARENTS[1], PARENTS[0]]}, "parents-order")
    refuse("the last of 16 parents in the wrong place", {**EVENT, "parents:ar": [*PARENTS[:14], PARENTS[15], PARENTS[14]]}, "parents-order")
    refuse("a parent twice", {**EVENT, "parents:ar": [PARENTS[0], PARENTS[0]]}, "parents-order")
    by_text = sorted(PARENTS[:16], key=lambda parent: id_text(parent.digest))
    assert by_text != PARENTS[:16]
    refuse("parents ascend by their bytes, not by their text", {**EVENT, "parents:ar": by_text}, "parents-order")
    refuse("no generation", without(EVENT, "generation:u"), "generation")
    refuse("policies on an event", {**EVENT, "policies:am": [READ_ALL]}, "policies-forbidden")
    refuse("an empty list of policies on an event", {**EVENT, "policies:am": []}, "policies-forbidden")
    refuse("policies on streams/redact", {**EVENT, "type:s": "streams/redact", "data:m": STREAMS_DATA["streams/redact"], "policies:am": [READ_ALL]}, "policies-forbidden")
    refuse("an empty list of policies on a root", {**ROOT_ENTRIES, "policies:am": []}, "policies-count")
    refuse("an empty list of policies on streams/policy", {**POLICY, "policies:am": []}, "policies-count")
    sound("64 policies", {**ROOT_ENTRIES, "policies:am": [READ_ALL] * 64}, "root")
    refuse("65 policies", {**ROOT_ENTRIES, "policies:am": [READ_ALL] * 65}, "policies-count")
    sound("64 policies on streams/policy", {**POLICY, "policies:am": [READ_ALL] * 64})
    refuse("65 policies on streams/policy", {**POLICY, "policies:am": [READ_ALL] * 65}, "policies-count")
    sound("next on streams/policy", {**POLICY, "policies:am": [READ_ALL], "next:d": bytes(32)})
    for length in (0, 31, 33):
        refuse(f"next of {length} bytes", {**ROOT_ENTRIES, "next:d": bytes(length)}, "next")
    refuse("next of 31 bytes on streams/policy", {**POLICY, "policies:am": [READ_ALL], "next:d": bytes(31)}, "next")
    refuse("next on an event", {**EVENT, "next:d": bytes(32)}, "next-forbidden")
    refuse("next on streams/checkpoint", {**EVENT, "type:s": "streams/checkpoint", "data:m": STREAMS_DATA["streams/checkpoint"], "next:d": bytes(32)}, "next-forbidden")

    # The data of `streams/` types.
    x = reference("x")
    sound("policies and withdrawals in one", {**POLICY, "policies:am": [READ_ALL], "data:m": {"withdraws:ar": [x]}})
    sound("policies without data", {**POLICY, "policies:am": [READ_ALL]})
    sound("a subscription without data", {**EVENT, "type:s": "streams/subscription"})
    sound("a subscription with empty data", {**EVENT, "type:s": "streams/subscription", "data:m": {}})
    refuse("neither policies nor data", POLICY, "policy-empty")
    for type, code in (("streams/redact", "data"), ("streams/adopt", "data"), ("streams/checkpoint", "data")):
        refuse(f"{type} without data", {**EVENT, "type:s": type}, code)
        refuse(f"{type} with empty data", {**EVENT, "type:s": type, "data:m": {}}, code)
    refuse("streams/policy with empty data", {**POLICY, "data:m": {}}, "data")
    refuse("streams/policy with rules and empty data", {**POLICY, "policies:am": [READ_ALL], "data:m": {}}, "data")
    for type, name, ids in (("streams/policy", "withdraws", "ar"), ("streams/redact", "maps", "ar"), ("streams/adopt", "objects", "ar")):
        event = {**EVENT, "type:s": type}
        sound(f"{type} with 1,024 ids", {**event, "data:m": {f"{name}:ar": [x] * 1024}})
        refuse(f"{type} with 1,025 ids", {**event, "data:m": {f"{name}:ar": [x] * 1025}}, "ids-count")
        refuse(f"{type} with no ids", {**event, "data:m": {f"{name}:ar": []}}, "ids-count")
        refuse(f"{type} with a name too many", {**event, "data:m": {f"{name}:ar": [x], "why:s": ""}}, "data")
        refuse(f"{type} with one id in the place of a list", {**event, "data:m": {f"{name}:r": x}}, "data")
        refuse(f"{type} with its ids as texts", {**event, "data:m": {f"{name}:as": [id_text(x.digest)]}}, "data")
    sound("ids of a list need not ascend, nor be distinct", {**POLICY, "data:m": {"withdraws:ar": [PARENTS[1], PARENTS[0], PARENTS[1]]}})
    event = {**EVENT, "type:s": "streams/checkpoint"}
    refuse("streams/checkpoint without order", {**event, "data:m": {"count:u": 1}}, "data")
    refuse("streams/checkpoint without count", {**event, "data:m": {"order:d": bytes(32)}}, "data")
    refuse("streams/checkpoint with a signed count", {**event, "data:m": {"count:i": 1, "order:d": bytes(32)}}, "data")
    refuse("streams/checkpoint with a name too many", {**event, "data:m": {"count:u": 1, "order:d": bytes(32), "salt:d": bytes(16)}}, "data")
    sound("streams/checkpoint with an order that cannot be right is without force, not refused", {**event, "data:m": {"count:u": 0, "order:d": b""}})
    event = {**EVENT, "type:s": "streams/subscription"}
    refuse("streams/subscription with a name too many", {**event, "data:m": {"expires:u": 1, "a:s": ""}}, "data")
    refuse("streams/subscription with another hint", {**event, "data:m": {"expires:i": 1}}, "data")

    # 4.2, 14.4: newer.
    is_newer("an unknown name at the top", {**EVENT, "a:s": ""}, "newer-name")
    is_newer("an unknown name on a root", {**ROOT_ENTRIES, "succeeds:r": x}, "newer-name")
    is_newer("an unknown name with a map", {**EVENT, "extra:m": {"a:s": ""}}, "newer-name")
    is_newer("a name of the original proposal", {**EVENT, "owner:s": OWNER.text}, "newer-name")
    is_newer("a known name in another case", {**EVENT, "Timestamp:u": 1}, "newer-name")
    file.object("type, author and an unknown name are no hypothetical root", signed({**HYPOTHETICAL, "a:s": ""}), "newer", "newer-name")
    for key, value in (("type:as", ["a"]), ("author:d", OWNER.key), ("nonce:s", "a"), ("stream:s", "a"), ("parents:r", PARENTS[0]), ("previous:ar", [PARENTS[0]]), ("generation:i", 1), ("timestamp:i", 1), ("policies:m", {}), ("next:ad", [bytes(32)]), ("data:am", [{}])):
        name = key.partition(":")[0]
        base = ROOT_ENTRIES if name == "nonce" else EVENT
        is_newer(f"{name} under another hint", {**{k: v for k, v in base.items() if not k.startswith(name + ":")}, key: value}, "newer-hint")
    is_newer("an unknown streams/ type", {**EVENT, "type:s": "streams/rotate"}, "newer-type")
    is_newer("the prefix streams/ alone", {**EVENT, "type:s": "streams/"}, "newer-type")
    is_newer("a root of an unknown streams/ type", {**ROOT_ENTRIES, "type:s": "streams/rotate"}, "newer-type")
    file.object("a hypothetical root of an unknown streams/ type", parts_of({**HYPOTHETICAL, "type:s": "streams/rotate"}), "newer", "newer-type")
    is_newer("stream is another kind of id", {**EVENT, "stream:r": FOREIGN}, "newer-reference")
    is_newer("a parent is another kind of id", {**EVENT, "parents:ar": [FOREIGN]}, "newer-reference")
    is_newer("one of several parents is another kind of id", {**EVENT, "parents:ar": [PARENTS[0], FOREIGN]}, "newer-reference")
    is_newer("previous is another kind of id", {**EVENT, "previous:r": FOREIGN}, "newer-reference")
    is_newer("data is another kind of id", {**EVENT, "data:m": FOREIGN}, "newer-reference")
    is_newer("data of a streams/ type is another kind of id", {**POLICY, "data:m": FOREIGN}, "newer-reference")
    is_newer("a rule is another kind of id", {**POLICY, "policies:am": [READ_ALL, FOREIGN]}, "newer-reference")
    is_newer("another kind of id in a rule", {**POLICY, "policies:am": [{**READ_ALL, "by:r": FOREIGN}]}, "newer-reference")
    is_newer("another kind of id in the data of streams/policy", {**POLICY, "data:m": {"withdraws:ar": [x, FOREIGN]}}, "newer-reference")
    is_newer("another kind of id in the data of streams/redact", {**EVENT, "type:s": "streams/redact", "data:m": {"maps:ar": [FOREIGN]}}, "newer-reference")
    is_newer("another kind of id in the data of streams/adopt", {**EVENT, "type:s": "streams/adopt", "data:m": {"objects:ar": [FOREIGN]}}, "newer-reference")

    # 7.1: what must be whole.
    def drop(name, entries, code="not-whole"):
        file.object(name, signed(entries), "dropped", code)

    drop("a rule stands redacted", {**POLICY, "policies:am": [reference("a rule")]})
    drop("one of several rules of a root stands redacted", {**ROOT_ENTRIES, "policies:am": [READ_ALL, reference("a rule")]})
    for type in sorted(STREAMS_TYPES):
        drop(f"the data of {type} stands redacted", {**EVENT, "type:s": type, "data:m": reference("data")})
    drop("the data of an unknown streams/ type stands redacted", {**EVENT, "type:s": "streams/rotate", "data:m": reference("data")})
    drop("policies where they are forbidden must be whole too", {**EVENT, "policies:am": [reference("a rule")]})
    drop("a rule with a note is left out, and so not whole", {**POLICY, "policies:am": [{**READ_ALL, "_a:s": ""}]})
    drop("data of streams/redact that is not canonical is left out, and so not whole", {**EVENT, "type:s": "streams/redact", "data:m": {"maps:x": []}})
    rule = block_of(READ_ALL)
    object = {**POLICY, "policies:am": [READ_ALL]}
    signature = OWNER.sign(object)
    file.object("a rule that was tampered with is a stray map", raw_parts(block_of(object), rule.replace(b"read", b"rear"), signature=signature), "dropped", "stray-map")

    # 4.2: dropped before newer before refused.
    def unsigned(name, entries, fate, code):
        file.object(name, parts_of(entries), fate, code)

    unsigned("unsigned, and refused were it signed", {**EVENT, "parents:ar": []}, "dropped", "unsigned")
    unsigned("unsigned, and newer were it signed", {**EVENT, "a:s": ""}, "dropped", "unsigned")
    unsigned("an ordinary root unsigned", ROOT_ENTRIES, "dropped", "unsigned")
    file.object("signed by another, and newer were it not", parts_of({**EVENT, "a:s": ""}, BEN.sign({**EVENT, "a:s": ""})), "dropped", "bad-signature")
    file.object("signed by another, and refused were it not", parts_of({**EVENT, "nonce:d": NONCE}, BEN.sign({**EVENT, "nonce:d": NONCE})), "dropped", "bad-signature")
    drop("not whole, and newer were it whole", {**POLICY, "policies:am": [reference("a rule")], "a:s": ""})
    is_newer("an unknown name, and no parents", {**without(EVENT, "parents:ar"), "a:s": ""}, "newer-name")
    is_newer("an unknown name, and no author: no signature can be judged", {**without(EVENT, "author:s"), "a:s": ""}, "newer-name")
    is_newer("an unknown name, and a weak author", {**EVENT, "author:s": weak, "a:s": ""}, "newer-name")
    is_newer("an unknown streams/ type, and a nonce", {**EVENT, "type:s": "streams/rotate", "nonce:d": NONCE}, "newer-type")
    is_newer("another kind of id as 17th parent", {**EVENT, "parents:ar": [*PARENTS[:16], FOREIGN]}, "newer-reference")
    drop("a note in the block, and refused were it not there", {**EVENT, "_a:s": "", "parents:ar": []}, "note")
    return file


STREAMS_DATA = {
    "streams/policy": {"withdraws:ar": [reference("x")]},
    "streams/redact": {"maps:ar": [reference("x")]},
    "streams/adopt": {"objects:ar": [reference("x")]},
    "streams/subscription": {"expires:u": 1},
    "streams/checkpoint": {"count:u": 1, "order:d": bytes(32)},
}


# signatures.json


def craft(secret, key, r, r_bytes, message):
    """A signature with this R, for a key that may have a part of small order: S = r + k a."""
    return r_bytes + ((r + challenge(r_bytes, key, message) * secret) % L).to_bytes(32, "little")


def verify_without_cofactor(key, message, signature):
    """What 6.1 does not say: S B = R + k A."""
    r, s = decode_point(signature[:32]), int.from_bytes(signature[32:], "little")
    k = challenge(signature[:32], key, message)
    return same_point(multiply(s, BASE), add(r, multiply(k, decode_point(key))))


def message_for(accept):
    """The first message of a row that will do."""
    return next(message for n in range(1000) for message in [b"message %d" % n] if accept(message))


def write_signatures():
    file = File("signatures.json", "Signatures (spec 6): ZIP-215 over a message as it is, batches, and the signatures of objects.")
    check = file.signature
    for number, key, message, signature in (
        (1, "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
        (2, "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
        (3, "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
    ):  # fmt: skip
        check(f"test {number} of RFC 8032", *map(bytes.fromhex, (key, message, signature)), "valid")
    message = b"a message"
    key, (secret, _) = OWNER.key, secret_scalar(OWNER.seed)
    good = sign(OWNER.seed, message)
    s = int.from_bytes(good[32:], "little")
    with_s = lambda s: good[:32] + s.to_bytes(32, "little")
    long = bytes(range(256)) * 4
    check("a message of 1,024 bytes", key, long, sign(OWNER.seed, long), "valid")
    check("another message", key, b"another message", good, "invalid")
    check("no message", key, b"", good, "invalid")
    check("another key", BEN.key, message, good, "invalid")
    check("the key of the other sign", key[:31] + bytes([key[31] ^ 0x80]), message, good, "invalid")
    for name, at, mask in (("R with its first bit turned", 0, 1), ("R with its sign turned", 31, 0x80), ("S with its first bit turned", 32, 1)):
        check(name, key, message, good[:at] + bytes([good[at] ^ mask]) + good[at + 1 :], "invalid")
    check("R and S exchanged", key, message, good[32:] + good[:32], "invalid")
    check("64 zero bytes", key, message, bytes(64), "invalid")
    check("64 bytes ff", key, message, b"\xff" * 64, "invalid")
    check("the order added to S", key, message, with_s(s + L), "invalid")
    check("twice the order added to S", key, message, with_s(s + 2 * L), "invalid")
    check("the highest bit of S set", key, message, with_s(s + 2**255), "invalid")
    check("S is the order", key, message, with_s(L), "invalid")
    check("S is 0", key, message, with_s(0), "invalid")
    check("S negated", key, message, with_s(L - s), "invalid")
    no_point = weak_keys()[0][1]
    check("R is no point", key, message, craft(secret, key, 0, no_point, message), "invalid")
    check("R is no point, with the other sign", key, message, craft(secret, key, 0, weak_keys()[1][1], message), "invalid")

    # ZIP-215: R of small order, in every encoding, canonical or not.
    small = [(f"{n} times a point of order 8", encode_point(multiply(n, TORSION))) for n in range(8)]
    small += [(name.partition("not canonical: ")[2], encoding) for name, encoding in weak_keys() if "small order, not canonical" in name]
    small.append(("1 as p + 1 with the sign of x = 0", encode_y(P + 1, 1)))
    for name, encoding in small:
        check(f"R of small order: {name}", key, message, craft(secret, key, 0, encoding, message), "valid")
    forged = craft(secret, key, 0, encode_y(P + 1, 0), message)
    k = challenge(encode_y(1, 0), key, message)
    check("R is hashed as it stands, not as it would be canonical", key, message, forged[:32] + (k * secret % L).to_bytes(32, "little"), "invalid")

    # ZIP-215: parts of small order in R and in the key.
    r = challenge(b"r", b"", b"")
    mixed_r = encode_point(add(multiply(r, BASE), TORSION))
    signature = craft(secret, key, r, mixed_r, message)
    assert not verify_without_cofactor(key, message, signature)
    check("R of mixed order, which a check without cofactor refuses", key, message, signature, "valid")
    r_bytes = encode_point(multiply(r, BASE))
    for times in (1, 2, 4):
        mixed = encode_point(add(decode_point(key), multiply(times, TORSION)))
        order = 8 // times
        clash = message_for(lambda m: challenge(r_bytes, mixed, m) % order != 0)
        signature = craft(secret, mixed, r, r_bytes, clash)
        assert not verify_without_cofactor(mixed, clash, signature)
        check(f"a key with a part of order {order}, which a check without cofactor refuses", mixed, clash, signature, "valid")
    mixed = encode_point(add(decode_point(key), TORSION))
    agree_message = message_for(lambda m: challenge(r_bytes, mixed, m) % 8 == 0)
    signature = craft(secret, mixed, r, r_bytes, agree_message)
    assert verify_without_cofactor(mixed, agree_message, signature)
    check("a key of mixed order, where a check without cofactor agrees", mixed, agree_message, signature, "valid")
    cancel = message_for(lambda m: challenge(mixed_r, mixed, m) % 8 == 7)
    signature = craft(secret, mixed, r, mixed_r, cancel)
    assert verify_without_cofactor(mixed, cancel, signature)
    check("parts of small order in R and key that cancel out", mixed, cancel, signature, "valid")
    keep = message_for(lambda m: challenge(mixed_r, mixed, m) % 8 == 3)
    signature = craft(secret, mixed, r, mixed_r, keep)
    assert not verify_without_cofactor(mixed, keep, signature)
    check("parts of small order in R and key that do not cancel out", mixed, keep, signature, "valid")
    check("R and key of mixed order, and another message", mixed, message + b"!", signature, "invalid")
    check("R of small order and a key of mixed order", mixed, message, craft(secret, mixed, 0, encode_point(TORSION), message), "valid")
    check("the key without its part of small order", key, keep, signature, "invalid")

    # The key is judged first.
    for name, weak in weak_keys():
        check(name, weak, message, encode_y(1, 0) + bytes(32), "author-key")
    check("a key that is no point, under a signature that is none", no_point, message, b"\xff" * 64, "author-key")

    # Batches.
    def item(key, message, signature):
        return {"key": key.hex(), "message": message.hex(), "signature": signature.hex()}

    def batch(name, items, expected):
        file.add("batch", name, items=items, expected=expected)

    goods = [item(signer.key, message, sign(signer.seed, message)) for signer in (OWNER, BEN, CID, DEE)]
    bad = item(CID.key, b"another message", sign(CID.seed, message))
    batch("an empty batch", [], [])
    batch("one that is valid", goods[:1], ["valid"])
    batch("one that is invalid", [bad], ["invalid"])
    batch("four that are valid", goods, ["valid"] * 4)
    batch("the same one twice", [goods[0], goods[0]], ["valid"] * 2)
    batch("one invalid among valid ones", [goods[0], bad, goods[3]], ["valid", "invalid", "valid"])
    batch("all invalid", [bad, bad], ["invalid"] * 2)
    shifted = lambda signer, by: sign(signer.seed, message)[:32] + ((int.from_bytes(sign(signer.seed, message)[32:], "little") + by) % L).to_bytes(32, "little")
    batch("two faults in S that cancel out in a sum without factors", [item(OWNER.key, message, shifted(OWNER, 1)), item(BEN.key, message, shifted(BEN, -1))], ["invalid"] * 2)
    moved = []
    for signer, step in ((OWNER, BASE), (BEN, negate(BASE))):
        scalar = secret_scalar(signer.seed)[0]
        moved.append(item(signer.key, message, craft(scalar, signer.key, r, encode_point(add(multiply(r, BASE), step)), message)))
    batch("two faults in R that cancel out in a sum without factors", moved, ["invalid"] * 2)
    over = item(OWNER.key, message, with_s(s + L))
    batch("S beyond the order among valid ones", [goods[1], over], ["valid", "invalid"])
    torsion = item(key, message, craft(secret, key, r, mixed_r, message))
    batch("R of mixed order, which a batch without cofactor refuses", [torsion, goods[1]], ["valid"] * 2)
    opposite = item(key, message, craft(secret, key, r, encode_point(add(multiply(r, BASE), negate(TORSION))), message))
    batch("parts of small order that cancel out in a batch without cofactor", [torsion, opposite], ["valid"] * 2)
    eight = [torsion] * 8
    batch("eight times the same part of small order", eight, ["valid"] * 8)
    mixed_item = item(mixed, keep, signature)
    batch("a key of mixed order beside one that is invalid", [mixed_item, bad], ["valid", "invalid"])
    batch("R of small order that is not canonical, in a batch", [item(key, message, forged), goods[2]], ["valid"] * 2)
    batch("R that is no point, in a batch", [item(key, message, craft(secret, key, 0, no_point, message)), goods[2]], ["invalid", "valid"])

    # Objects.
    file.object("an object signed by its author", signed(EVENT))
    file.object("a signature by another key", parts_of(EVENT, BEN.sign(EVENT)), "dropped", "bad-signature")
    for domain in ("streams.session.v1", "streams.statement.v1", "streams.archive.v1", "streams.object.v2", ""):
        file.object(f"a signature under the domain {domain or 'of no letters'}", parts_of(EVENT, OWNER.sign(EVENT, domain.encode())), "dropped", "bad-signature")
    file.object("a signature over the id alone", parts_of(EVENT, sign(OWNER.seed, id_of(EVENT))), "dropped", "bad-signature")
    file.object("a signature without the zero byte", parts_of(EVENT, sign(OWNER.seed, OBJECT_DOMAIN + id_of(EVENT))), "dropped", "bad-signature")
    file.object("a signature over the text of the id", parts_of(EVENT, sign(OWNER.seed, OBJECT_DOMAIN + b"\0" + id_text(id_of(EVENT)).encode())), "dropped", "bad-signature")
    file.object("a signature over the block", parts_of(EVENT, sign(OWNER.seed, OBJECT_DOMAIN + b"\0" + block_of(EVENT))), "dropped", "bad-signature")
    file.object("a signature over the hash of the parts", parts_of(EVENT, sign(OWNER.seed, OBJECT_DOMAIN + b"\0" + blake3(parts_of(EVENT)))), "dropped", "bad-signature")
    file.object("the signature of another object", parts_of(EVENT, OWNER.sign({**EVENT, "timestamp:u": 1})), "dropped", "bad-signature")
    file.object("no signature", parts_of(EVENT), "dropped", "unsigned")
    file.object("a signature of zeros", parts_of(EVENT, bytes(64)), "dropped", "bad-signature")
    file.object("a signature of 63 bytes on an object", parts_of(EVENT, OWNER.sign(EVENT)[:63]), "dropped", "signature-length")
    file.object("a signature of 65 bytes on an object", parts_of(EVENT, OWNER.sign(EVENT) + b"\0"), "dropped", "signature-length")
    valid = OWNER.sign(EVENT)
    beyond = valid[:32] + (int.from_bytes(valid[32:], "little") + L).to_bytes(32, "little")
    file.object("a signature with S beyond the order", parts_of(EVENT, beyond), "dropped", "bad-signature")
    file.object("another signature of the same author is as good: R of mixed order", parts_of(EVENT, craft(secret, key, r, mixed_r, signed_bytes(id_of(EVENT)))))
    by_mixed = {**EVENT, "author:s": author_text(mixed)}
    file.object("an author whose key is of mixed order", parts_of(by_mixed, craft(secret, mixed, r, r_bytes, signed_bytes(id_of(by_mixed)))))
    with_data = {**EVENT, "data:m": {"a:s": "b"}}
    file.object("the signature of a whole object", parts_of(with_data, OWNER.sign(with_data)))
    file.object("the same signature holds with data redacted", parts_of({**EVENT, "data:m": Reference(id_of({"a:s": "b"}))}, OWNER.sign(with_data)))
    file.object("an ordinary root signed by another", parts_of(ROOT_ENTRIES, BEN.sign(ROOT_ENTRIES)), "dropped", "bad-signature")
    file.object("a hypothetical root signed by its author", signed(HYPOTHETICAL), "dropped", "signed-hypothetical")
    file.object("a hypothetical root with a signature of zeros", parts_of(HYPOTHETICAL, bytes(64)), "dropped", "signed-hypothetical")
    return file


# rules.json


def write_rules():
    file = File("rules.json", "Rules (spec 8.1), as an object's own fault, and decisions by them (8.2).")

    def rule(name, rule, code=None, *, root=True):
        """A rule on an ordinary root, or on streams/policy."""
        entries = {**(ROOT_ENTRIES if root else POLICY), "policies:am": [rule]}
        if code:
            file.object(name, signed(entries), "refused", code)
        else:
            file.object(name, signed(entries), kind="root" if root else "event")

    allow, deny = {"effect:s": "allow"}, {"effect:s": "deny"}
    read, append = {**allow, "actions:as": ["read"]}, {**allow, "actions:as": ["append"]}
    govern = {**allow, "actions:as": ["govern"], "subjects:as": [BEN.text]}
    rule("an allow rule with all four names", {**allow, "actions:as": ["read", "append"], "subjects:as": [BEN.text, CID.text], "resources:as": ["example/a", "example/*"]})
    rule("an allow rule with an action alone", read)
    rule("a deny rule with an effect alone", deny)
    rule("a deny rule with * everywhere", {**deny, "actions:as": ["*"], "subjects:as": ["*"], "resources:as": ["*"]})
    rule("a list with * and others", {**deny, "actions:as": ["read", "*"], "subjects:as": [BEN.text, "*"], "resources:as": ["*", "a"]})
    rule("everybody by *", {**read, "subjects:as": ["*"]})
    rule("a subject that is no point has the form", {**deny, "subjects:as": [author_text(weak_keys()[0][1])]})
    rule("a subject twice", {**deny, "subjects:as": [BEN.text, BEN.text]})
    rule("1,024 subjects", {**deny, "subjects:as": [BEN.text] * 1024})
    rule("1,025 subjects", {**deny, "subjects:as": [BEN.text] * 1025}, "rule-limit")
    rule("a resource of 256 characters", {**read, "resources:as": ["r" * 256]})
    rule("a resource of this document", {**append, "resources:as": ["streams/redact"]})
    rule("a prefix that ends within a word", {**read, "resources:as": ["exam*"]})
    rule("an allow rule for govern on a root", govern)
    rule("an allow rule for govern on streams/policy", govern, root=False)
    rule("an allow rule for govern and others", {**govern, "actions:as": ["read", "append", "govern"]})
    rule("an allow rule for checkpoint on a root", {**govern, "actions:as": ["checkpoint"]})
    rule("a deny rule for checkpoint on a root", {**deny, "actions:as": ["checkpoint"]})
    rule("a deny rule for govern without subjects", {**deny, "actions:as": ["govern"]})
    rule("a deny rule for govern with resources", {**deny, "actions:as": ["govern"], "resources:as": ["a"]})
    file.object("two rules, the second with a fault", signed({**ROOT_ENTRIES, "policies:am": [read, {**read, "effect:s": "permit"}]}), "refused", "rule-effect")
    file.object("the last of 64 rules with a fault", signed({**ROOT_ENTRIES, "policies:am": [read] * 63 + [{}]}), "refused", "rule")

    rule("an empty rule", {}, "rule")
    rule("a rule without an effect", {"actions:as": ["read"]}, "rule")
    rule("a rule with a name too many", {**read, "why:s": ""}, "rule")
    rule("a rule with salt", {**read, "salt:d": bytes(16)}, "rule")
    rule("a rule with a map", {**read, "extra:m": {}}, "rule")
    rule("a rule of the original proposal", {**deny, "action:s": "read"}, "rule")
    rule("actions under another hint", {**deny, "actions:s": "read"}, "rule")
    rule("subjects under another hint", {**deny, "subjects:ad": [BEN.key]}, "rule")
    rule("resources under another hint", {**deny, "resources:ar": [reference("x")]}, "rule")
    rule("an effect under another hint", {"effect:b": True, "actions:as": ["read"]}, "rule")
    for effect in ("", "ALLOW", "Deny", "permit", "*"):
        rule(f"the effect {effect!r}", {"effect:s": effect, "actions:as": ["read"]}, "rule-effect")
    for action in ("", "Read", "write", "READ", "r*", "read "):
        rule(f"the action {action!r} in an allow rule", {**allow, "actions:as": [action]}, "rule-action")
        rule(f"the action {action!r} in a deny rule", {**deny, "actions:as": [action]}, "rule-action")
    rule("an unknown action behind known ones", {**allow, "actions:as": ["read", "append", "delete"]}, "rule-action")
    rule("an empty list of actions", {**allow, "actions:as": []}, "rule-empty")
    rule("an empty list of actions in a deny rule", {**deny, "actions:as": []}, "rule-empty")
    rule("an empty list of subjects", {**read, "subjects:as": []}, "rule-empty")
    rule("an empty list of resources", {**read, "resources:as": []}, "rule-empty")
    for what, subject in (
        ("that is empty", ""), ("that is a name", "ben"), ("with a prefix", "z6Mk*"), ("of 47 characters", BEN.text[:-1]),
        ("of 49 characters", BEN.text + "1"), ("of another codec", "z" + base58(bytes.fromhex("ec01") + BEN.key)),
        ("as a did", "did:key:" + BEN.text), ("with a digit that base58 has not", BEN.text[:-1] + "l"),
    ):  # fmt: skip
        rule(f"a subject {what}", {**read, "subjects:as": [subject]}, "rule-subject")
    rule("one of several subjects that is none", {**deny, "subjects:as": [BEN.text, CID.text, "dee"]}, "rule-subject")
    for what, resource in (("that is empty", ""), ("with * inside", "a*b"), ("with * before", "*b"), ("with two *", "a**"), ("with a space", "a b"), ("beyond ASCII", "\u00e9"), ("of 257 characters", "r" * 257), ("with a question mark", "a?")):
        rule(f"a resource {what}", {**read, "resources:as": [resource]}, "rule-resource")
    rule("one of several resources that is none", {**read, "resources:as": ["a", "b*", "c d"]}, "rule-resource")
    rule("an allow rule without actions", allow, "rule-actions-needed")
    rule("an allow rule without actions, with subjects and resources", {**allow, "subjects:as": [BEN.text], "resources:as": ["a"]}, "rule-actions-needed")
    rule("an allow rule for every action by *", {**allow, "actions:as": ["*"]}, "rule-actions-needed")
    rule("an allow rule for an action and *", {**allow, "actions:as": ["read", "*"]}, "rule-actions-needed")
    for action in ("govern", "checkpoint"):
        one = {**allow, "actions:as": [action]}
        rule(f"{action} for everybody, without subjects", one, "rule-subjects-needed")
        rule(f"{action} for everybody by *", {**one, "subjects:as": ["*"]}, "rule-subjects-needed")
        rule(f"{action} for a subject and *", {**one, "subjects:as": [BEN.text, "*"]}, "rule-subjects-needed")
        rule(f"{action} for everybody, beside read", {**one, "actions:as": ["read", action]}, "rule-subjects-needed")
        rule(f"{action} with a resource", {**one, "subjects:as": [BEN.text], "resources:as": ["a"]}, "rule-resources-forbidden")
        rule(f"{action} with * as its resource", {**one, "subjects:as": [BEN.text], "resources:as": ["*"]}, "rule-resources-forbidden")
        rule(f"{action} beside append, with a resource", {**one, "actions:as": ["append", action], "subjects:as": [BEN.text], "resources:as": ["a"]}, "rule-resources-forbidden")
    rule("an allow rule for checkpoint on streams/policy", {**govern, "actions:as": ["checkpoint"]}, "rule-checkpoint", root=False)
    rule("checkpoint beside read on streams/policy", {**govern, "actions:as": ["read", "checkpoint"]}, "rule-checkpoint", root=False)
    rule("a deny rule for checkpoint on streams/policy", {**deny, "actions:as": ["checkpoint"]}, "rule-checkpoint", root=False)
    rule("a rule on streams/policy with an unknown effect", {**read, "effect:s": "permit"}, "rule-effect", root=False)

    def decide(name, rules, access, expected):
        policies = [{name.partition(":")[0]: value for name, value in rule.items()} for rule in rules]
        subject, action, resource = access
        file.add("decide", name, policies=policies, subject=subject, action=action, resource=resource, expected=expected)

    def for_p(rule, *subjects):
        return {**rule, "subjects": list(subjects)}

    allow, deny = {"effect": "allow"}, {"effect": "deny"}
    a_read = {**allow, "actions": ["read"]}
    p_read = ("p0", "read", "foo")
    decide("no rules", [], p_read, "deny")
    decide("only a deny rule that does not match", [for_p(deny, "p1")], p_read, "deny")
    decide("one of several rules allows", [for_p(a_read, "p1"), for_p(a_read, "p0"), {**allow, "actions": ["append"]}], p_read, "allow")
    decide("a denial before the allowance", [deny, a_read], p_read, "deny")
    decide("a denial behind the allowance", [a_read, deny], p_read, "deny")
    decide("a general denial outweighs a specific allowance", [for_p({**a_read, "resources": ["foo"]}, "p0"), deny], p_read, "deny")
    decide("a denial for another subject", [a_read, for_p(deny, "p1")], p_read, "allow")
    decide("a denial of another action", [a_read, {**deny, "actions": ["append"]}], p_read, "allow")
    decide("a denial of another resource", [a_read, {**deny, "resources": ["bar"]}], p_read, "allow")
    decide("subject and action must match in one rule", [for_p({**allow, "actions": ["append"]}, "p0"), for_p(a_read, "p1")], p_read, "deny")
    decide("* as a subject", [for_p(a_read, "*")], p_read, "allow")
    decide("* among subjects", [for_p(a_read, "p1", "*")], p_read, "allow")
    decide("a subject is no prefix", [for_p(a_read, "p*")], p_read, "deny")
    decide("a subject in another case", [for_p(a_read, "P0")], p_read, "deny")
    decide("* as an action of a deny rule", [a_read, {**deny, "actions": ["*"]}], p_read, "deny")
    decide("* among actions of a deny rule", [a_read, {**deny, "actions": ["append", "*"]}], p_read, "deny")
    decide("* as a resource", [{**a_read, "resources": ["*"]}], p_read, "allow")
    decide("* among resources", [{**a_read, "resources": ["bar", "*"]}], p_read, "allow")
    decide("a prefix", [{**a_read, "resources": ["fo*"]}], p_read, "allow")
    decide("a prefix is a prefix of itself", [{**a_read, "resources": ["foo*"]}], p_read, "allow")
    decide("a prefix longer than the resource", [{**a_read, "resources": ["foo.*"]}], p_read, "deny")
    decide("a prefix that ends in a slash", [{**a_read, "resources": ["a/*"]}], ("p0", "read", "a/b.C"), "allow")
    decide("a prefix crosses slashes", [{**a_read, "resources": ["a/*"]}], ("p0", "read", "a/b/c/d"), "allow")
    decide("another prefix", [{**a_read, "resources": ["b*"]}], p_read, "deny")
    decide("a prefix in the middle is none", [{**a_read, "resources": ["oo*"]}], p_read, "deny")
    decide("a resource without * is no prefix", [{**a_read, "resources": ["fo"]}], p_read, "deny")
    decide("a resource in another case", [{**a_read, "resources": ["FOO"]}], p_read, "deny")
    decide("a prefix in a deny rule", [a_read, {**deny, "resources": ["f*"]}], p_read, "deny")
    decide("a dot is a dot", [{**a_read, "resources": ["f.o"]}], p_read, "deny")
    decide("one action of several", [{**allow, "actions": ["append", "read"]}], p_read, "allow")
    p_govern = ("p0", "govern", "foo")
    a_govern = for_p({**allow, "actions": ["govern"]}, "p0")
    decide("govern by name", [a_govern], p_govern, "allow")
    decide("append is not govern", [for_p({**allow, "actions": ["append", "read"]}, "p0")], p_govern, "deny")
    decide("govern is not append", [a_govern], ("p0", "append", "foo"), "deny")
    decide("a rule with a resource does not match govern", [{**a_govern, "resources": ["foo"]}], p_govern, "deny")
    decide("a rule with a prefix does not match govern", [{**a_govern, "resources": ["f*"]}], p_govern, "deny")
    decide("a rule with * as its resource matches govern", [{**a_govern, "resources": ["*"]}], p_govern, "allow")
    decide("a rule with * among its resources matches govern", [{**a_govern, "resources": ["foo", "*"]}], p_govern, "allow")
    decide("a denial of a resource does not deny govern", [a_govern, {**deny, "resources": ["foo"]}], p_govern, "allow")
    decide("a denial of every resource denies govern", [a_govern, {**deny, "resources": ["*"]}], p_govern, "deny")
    decide("a denial of everything denies govern", [a_govern, deny], p_govern, "deny")
    decide("a denial of govern for everybody", [a_govern, {**deny, "actions": ["govern"]}], p_govern, "deny")
    p_checkpoint = ("p0", "checkpoint", "streams/checkpoint")
    a_checkpoint = for_p({**allow, "actions": ["checkpoint"]}, "p0")
    decide("checkpoint by name", [a_checkpoint], p_checkpoint, "allow")
    decide("checkpoint only by name: not without actions", [allow], p_checkpoint, "deny")
    decide("checkpoint only by name: not by *", [{**allow, "actions": ["*"]}], p_checkpoint, "deny")
    decide("a denial of everything does not deny checkpoint", [a_checkpoint, deny], p_checkpoint, "allow")
    decide("a denial of * does not deny checkpoint", [a_checkpoint, {**deny, "actions": ["*"]}], p_checkpoint, "allow")
    decide("a denial of checkpoint by name", [a_checkpoint, {**deny, "actions": ["checkpoint"]}], p_checkpoint, "deny")
    decide("checkpoint by name beside *", [a_checkpoint, {**deny, "actions": ["*", "checkpoint"]}], p_checkpoint, "deny")
    decide("checkpoint for another", [a_checkpoint], ("p1", "checkpoint", "streams/checkpoint"), "deny")
    return file


# redaction.json


def write_redaction():
    file = File("redaction.json", "Redaction (spec 3.3): dropping maps, taking them back, and what stays of an object.")
    one, two, three = {"one:i": 1}, {"two:i": 2}, {"three:i": 3}
    r1, r2, r3 = (Reference(id_of(entries)) for entries in (one, two, three))

    def redacts(name, before, map, after):
        """`before` and `after` are entries, or parts; an error code in the place of `after`."""
        before = before if isinstance(before, bytes) else parts_of(before)
        stated = {"error": after} if isinstance(after, str) else {"expected": pieces(after if isinstance(after, bytes) else parts_of(after))}
        file.add("redact", name, parts=pieces(before), map=id_text(map.digest), **stated)

    def restores(name, before, blocks, after):
        before = before if isinstance(before, bytes) else parts_of(before)
        blocks = [block if isinstance(block, bytes) else block_of(block) for block in blocks]
        expected = pieces(after if isinstance(after, bytes) else parts_of(after))
        file.add("restore", name, parts=pieces(before), maps=[pieces(block) for block in blocks], expected=expected)

    outer = {"one:m": one, "two:m": two}
    ro = Reference(id_of(outer))
    redacts("a map", {"a:m": one, "b:m": two}, r1, {"a:m": r1, "b:m": two})
    redacts("a map below a map", {"a:m": outer, "b:m": three}, r1, {"a:m": {"one:m": r1, "two:m": two}, "b:m": three})
    redacts("a map with all below it", {"a:m": outer, "b:m": three}, ro, {"a:m": ro, "b:m": three})
    redacts("the same map at two places", {"a:m": one, "b:m": one, "c:m": two}, r1, {"a:m": r1, "b:m": r1, "c:m": two})
    redacts("the same map at two depths", {"a:m": outer, "b:m": one}, r1, {"a:m": {"one:m": r1, "two:m": two}, "b:m": r1})
    redacts("the same map, here and already redacted", raw_parts(block_of({"a:m": one, "b:m": one}), block_of(one)), r1, {"a:m": r1, "b:m": r1})
    redacts("a map in a list", {"a:am": [one, two, three]}, r2, {"a:am": [one, r2, three]})
    redacts("a map twice in a list", {"a:am": [one, two, one]}, r1, {"a:am": [r1, two, r1]})
    redacts("a map in a list of lists", {"a:aam": [[one], [two, one], []]}, r1, {"a:aam": [[r1], [two, r1], []]})
    redacts("the empty map", {"a:m": {}, "b:m": one}, Reference(id_of({})), {"a:m": Reference(id_of({})), "b:m": one})
    redacts("a reference of the same id stays", {"a:m": one, "b:r": r1}, r1, {"a:m": r1, "b:r": r1})
    redacts("a map beside a redacted one", {"a:m": r1, "b:m": two}, r2, {"a:m": r1, "b:m": r2})
    event = {**EVENT, "data:m": outer}
    signature = OWNER.sign(event)
    redacts("the data of a signed object: the signature stays", parts_of(event, signature), ro, parts_of({**EVENT, "data:m": ro}, signature))
    salted = {"text:s": "yes", "salt:d": bytes(range(16))}
    rs = Reference(id_of(salted))
    redacts("a map with salt goes with its salt", {"a:m": {"b:m": salted}}, rs, {"a:m": {"b:m": rs}})
    redacts("an equal text under another salt is another map", {"a:m": salted, "b:m": {"text:s": "yes", "salt:d": bytes(16)}}, rs, {"a:m": rs, "b:m": {"text:s": "yes", "salt:d": bytes(16)}})
    root = {**ROOT_ENTRIES, "policies:am": [READ_ALL], "data:m": one}
    redacts("the data of a root with policies", signed(root), r1, parts_of({**root, "data:m": r1}, OWNER.sign(root)))
    looks = {**EVENT, "data:m": {"policies:am": [READ_ALL]}}
    rule = Reference(id_of(READ_ALL))
    redacts("a map in data that looks like a rule", looks, rule, {**EVENT, "data:m": {"policies:am": [rule]}})

    redacts("a map that stands nowhere", {"a:m": one}, r2, "unknown-map")
    redacts("a map that stands redacted already", {"a:m": r1, "b:m": two}, r1, "unknown-map")
    redacts("a map below a redacted map", {"a:m": ro}, r1, "unknown-map")
    redacts("a reference is no map", {"a:r": r1}, r1, "unknown-map")
    redacts("a list of references holds no maps", {"a:ar": [r1, r2]}, r1, "unknown-map")
    redacts("the object itself", {"a:m": one}, Reference(id_of({"a:m": one})), "unknown-map")
    redacts("the stream of an object", signed(EVENT), EVENT["stream:r"], "unknown-map")
    redacts("a parent of an object", signed(EVENT), EVENT["parents:ar"][0], "unknown-map")
    redacts("a rule of a root", signed(root), rule, "whole-map")
    redacts("a rule of streams/policy", signed({**POLICY, "policies:am": [READ_ALL]}), rule, "whole-map")
    deny_ben = {"effect:s": "deny", "subjects:as": [BEN.text]}
    redacts("the second rule of two", signed({**POLICY, "policies:am": [READ_ALL, deny_ben]}), Reference(id_of(deny_ben)), "whole-map")
    both = {**ROOT_ENTRIES, "policies:am": [READ_ALL], "data:m": {"copy:m": READ_ALL}}
    redacts("a rule that stands in data too", signed(both), rule, "whole-map")
    for type in sorted(STREAMS_TYPES):
        entries = {**EVENT, "type:s": type, "data:m": STREAMS_DATA[type]}
        redacts(f"the data of {type}", signed(entries), Reference(id_of(STREAMS_DATA[type])), "whole-map")

    restores("a map", {"a:m": r1, "b:m": two}, [one], {"a:m": one, "b:m": two})
    restores("a map at every place where it stands redacted", {"a:m": r1, "b:am": [r1, two, r1]}, [one], {"a:m": one, "b:am": [one, two, one]})
    restores("maps in any order", {"a:m": r1, "b:m": r2}, [two, one], {"a:m": one, "b:m": two})
    restores("a map and a map below it", {"a:m": ro}, [outer, one], {"a:m": {"one:m": one, "two:m": r2}})
    restores("a map below another that comes later", {"a:m": ro}, [two, one, outer], {"a:m": outer})
    restores("a map below one that is here", {"a:m": {"one:m": r1, "two:m": two}}, [one], {"a:m": outer})
    restores("a map below one that stays redacted", {"a:m": ro}, [one, two], {"a:m": ro})
    restores("a map that is here already", {"a:m": one}, [one], {"a:m": one})
    restores("a map given twice", {"a:m": r1}, [one, one], {"a:m": one})
    restores("no map", {"a:m": r1}, [], {"a:m": r1})
    restores("a map that fits nowhere", {"a:m": r1}, [two], {"a:m": r1})
    restores("a map that a reference names is no map here", {"a:r": r1}, [one], {"a:r": r1})
    restores("a map that was tampered with fits nowhere", {"a:m": r1}, [{"one:i": 2}], {"a:m": r1})
    restores("a map behind which a byte follows fits nowhere", {"a:m": r1}, [block_of(one) + b"\0"], {"a:m": r1})
    restores("one that fits among others that do not", {"a:m": r1, "b:m": r2}, [three, b"", two], {"a:m": r1, "b:m": two})
    restores("the data of a signed object", parts_of({**EVENT, "data:m": ro}, signature), [one, outer, two], parts_of(event, signature))

    def not_taken(name, block, more=()):
        entries = {"a:m": Reference(blake3(block)), "b:m": r1}
        restores(name, entries, [block, *more, one], {**entries, "b:m": one})

    not_taken("a map that is not canonical is not taken", bytes.fromhex("a163613a691801"))
    not_taken("a block that is no map is not taken", bytes.fromhex("80"))
    not_taken("a map with a note is not taken", encode_cbor({"_a:i": 1}))
    not_taken("a map with an unknown hint is not taken", encode_cbor({"a:x": 1}))
    not_taken("a map with a reference to another kind of id is not taken", encode_cbor({"a:r": FOREIGN}))
    not_taken("a map below one that is not taken", encode_cbor({"_a:i": 1, "b:m": r2}), [two])
    not_taken("a map with a list of 4,097 maps is not taken", encode_cbor({"a:am": [r3] * 4097}))
    not_taken("a map that takes the whole beyond 1 MiB is not taken", encode_cbor({"a:d": bytes(1024 * 1024)}))
    deep = chain(32, {"a:s": ""})
    kept = chain(31, {"m:m": Reference(id_of({"a:s": ""}))})
    restores("a map with a text at depth 33 is not taken", kept, [{"a:s": ""}], kept)
    kept, whole = chain(30, {"m:m": Reference(id_of({"a:s": ""}))}), chain(31, {"a:s": ""})
    restores("a map with a text at depth 32 is taken", kept, [{"a:s": ""}], whole)
    full = {"a:m": {"b:am": [{}] * 4093}, "c:m": r1}
    restores("the 4,096th map is taken", full, [one], {**full, "c:m": one})
    full = {"a:m": {"b:am": [{}] * 4094}, "c:m": r1}
    restores("the 4,097th map is not taken", full, [one], full)
    return file


# streams.json


class Story:
    """A stream case in the making: what is delivered, each with the fate that the story tells."""

    def __init__(self, name, root, by=OWNER):
        self.name = name
        self.root = root
        self.parts = parts_of(root) if set(root) == {"type:s", "author:s"} else signed(root, by)
        self.deliveries = []

    def deliver(self, what, fate="admitted", of=True, then=()):
        """`what` is an Event, or parts; `of` is a code, or for `pending` the events that are not admitted."""
        if fate in ("admitted", "known"):
            of = True
        elif fate == "pending":
            of = ascending(of)
        delivery = {"parts": pieces(what if isinstance(what, bytes) else what.parts), fate: of}
        if then:
            delivery["then"] = ascending(then)
        self.deliveries.append(delivery)
        return self

    def end(self, file, order, leaves=None, gaps=(), forks=(), refused=()):
        """`order`: events, without the root; a set where the tie decides. Leaves: without them the last of the order."""
        root = id_of(self.root)
        expected_order = [root]
        for step in order:
            expected_order += tie_order(root, step) if isinstance(step, (set, frozenset)) else [step.id]
        leaves = ascending(leaves) if leaves is not None else [id_text(expected_order[-1])]
        expected = {
            "order": [id_text(id) for id in expected_order],
            "leaves": leaves,
            "frontier": blake3(b"".join(read_id(leaf) for leaf in leaves)).hex(),
            "gaps": ascending(gaps),
            "forks": sorted((ascending(fork) for fork in forks), key=lambda fork: read_id(fork[0])),
            "refused": ascending(refused),
        }
        file.add("stream", self.name, root=pieces(self.parts), deliver=self.deliveries, expected=expected)


def ascending(events):
    """Their ids, ascending; an event, or an id."""
    return [id_text(id) for id in sorted(event if isinstance(event, bytes) else event.id for event in events)]


def tie_order(root, events):
    """Events of one generation: by the tie, spelled out once more."""

    def key(event):
        author = base58_decode(event.entries["author:s"][1:])[2:]
        return blake3_derive_key("streams 2026 order tie v1", root + struct.pack(">Q", event.generation) + author), event.id

    return [event.id for event in sorted(events, key=key)]


class Event:
    """A signed event of a story. Generation follows from parents and previous, unless it is given."""

    def __init__(self, root, by, parents=(), previous=None, generation=None, **more):
        stream = id_of(root)
        cited = [*parents, *([previous] if previous else [])]
        self.by, self.cited = by, cited
        self.generation = generation if generation is not None else 1 + max([0, *(event.generation for event in cited if isinstance(event, Event))])
        self.entries = {
            "type:s": TYPE_OF_EVENT, "author:s": by.text, "stream:r": Reference(stream), "generation:u": self.generation,
            "parents:ar": sorted((Reference(event.id if isinstance(event, Event) else event) for event in parents or [stream]), key=lambda r: r.digest),
        }  # fmt: skip
        if previous:
            self.entries["previous:r"] = Reference(previous.id if isinstance(previous, Event) else previous)
        self.entries.update({MORE[name]: value for name, value in more.items()})
        self.id = id_of(self.entries)
        self.parts = signed(self.entries, by)


MORE = {"type": "type:s", "time": "timestamp:u", "data": "data:m", "rules": "policies:am", "next": "next:d", "extra": "extra:s", "stream": "stream:r", "nonce": "nonce:d"}


def allows(*actions, subjects=None, resources=None):
    rule = {"effect:s": "allow", "actions:as": list(actions)}
    if subjects is not None:
        rule["subjects:as"] = [subject.text for subject in subjects]
    if resources is not None:
        rule["resources:as"] = list(resources)
    return rule


def denies(*subjects):
    return {"effect:s": "deny", "subjects:as": [subject.text for subject in subjects]}


def write_streams():
    file = File("streams.json", "Streams (spec 7, 8.7, 9.1): admission, what waits, what is refused, order, leaves, forks.")
    open_root = {**ROOT_ENTRIES, "policies:am": [allows("read", "append")]}
    event = lambda by, *parents, root=open_root, **more: Event(root, by, parents, **more)

    # The root.
    Story("a hypothetical root alone", HYPOTHETICAL).end(file, [])
    Story("an ordinary root alone", open_root).end(file, [])
    Story("a root again", open_root).deliver(signed(open_root), "known").end(file, [])
    Story("a hypothetical root again", HYPOTHETICAL).deliver(parts_of(HYPOTHETICAL), "known").end(file, [])
    Story("a root again, signed by another", open_root).deliver(signed(open_root, BEN), "dropped", "bad-signature").end(file, [])
    other = {**open_root, "nonce:d": bytes(16)}
    Story("another root", open_root).deliver(signed(other), "refused", "other-stream").end(file, [], refused=[id_of(other)])
    (
        Story("a hypothetical root in a stream with an ordinary one", open_root)
        .deliver(parts_of(HYPOTHETICAL), "refused", "other-stream").end(file, [], refused=[id_of(HYPOTHETICAL)])
    )

    # Order (9.1).
    a1 = Event(HYPOTHETICAL, OWNER)
    a2 = Event(HYPOTHETICAL, OWNER, [a1], a1)
    a3 = Event(HYPOTHETICAL, OWNER, [a2], a2)
    Story("a chain of the owner on a hypothetical root", HYPOTHETICAL).deliver(a1).deliver(a2).deliver(a3).end(file, [a1, a2, a3])
    a, b, c, d = (event(by) for by in (OWNER, BEN, CID, DEE))
    for number, arrival in enumerate(((a, b, c, d), (d, c, b, a), (b, d, a, c)), 1):
        story = Story(f"four concurrent events, arrival {number}", open_root)
        for one in arrival:
            story.deliver(one)
        story.end(file, [{a, b, c, d}], leaves=[a, b, c, d])
    b2, m = event(BEN, b, previous=b), event(CID, a, b, previous=c)
    x = event(OWNER, b2, m, previous=a)
    story = Story("concurrent chains that meet, parents first", open_root)
    for one in (a, b, c, b2, m, x):
        story.deliver(one)
    story.end(file, [{a, b, c}, {b2, m}, x])
    story = Story("concurrent chains that meet, the last first", open_root)
    story.deliver(x, "pending", [a, b2, m]).deliver(m, "pending", [a, b, c]).deliver(b2, "pending", [b]).deliver(c).deliver(b, then=[b2]).deliver(a, then=[m, x])
    story.end(file, [{a, b, c}, {b2, m}, x])
    story = Story("concurrent chains that meet, in another arrival", open_root)
    story.deliver(b2, "pending", [b]).deliver(a).deliver(m, "pending", [b, c]).deliver(b, then=[b2]).deliver(x, "pending", [m]).deliver(c, then=[m, x])
    story.end(file, [{a, b, c}, {b2, m}, x])
    late, early = event(BEN, time=2**64 - 1), event(CID, time=0)
    top = event(DEE, late, time=1)
    (
        Story("a timestamp is never an input to the order", open_root)
        .deliver(late).deliver(early).deliver(top).end(file, [{late, early}, top], leaves=[early, top])
    )
    far = event(BEN, b2, previous=b2)
    (
        Story("a generation before a later one, whatever the ids", open_root)
        .deliver(b).deliver(b2).deliver(far).deliver(c).end(file, [{b, c}, b2, far], leaves=[far, c])
    )
    twins = [event(BEN, data={"n:i": n}) for n in range(3)]
    story = Story("events of one author and generation have one tie: the id decides", open_root)
    for one in twins:
        story.deliver(one)
    story.end(file, [set(twins)], leaves=twins, forks=[twins])
    signers = [Signer(f"signer {n}") for n in range(16)]
    wide = [event(by) for by in signers]
    join = event(OWNER, *wide)
    story = Story("an event with 16 parents", open_root)
    for one in wide[::-1]:
        story.deliver(one)
    story.deliver(join).end(file, [set(wide), join])
    apart = event(CID, a, b, b2)
    (
        Story("a parent that is in the past of another parent", open_root)
        .deliver(a).deliver(b).deliver(b2).deliver(apart).end(file, [{a, b}, b2, apart])
    )
    same = event(BEN, b, previous=b)
    Story("previous that is a parent too", open_root).deliver(b).deliver(same).end(file, [b, same])
    edge = event(BEN, a, previous=b)
    Story("previous is an edge like a parent: no leaf remains below it", open_root).deliver(a).deliver(b).deliver(edge).end(file, [{a, b}, edge])
    first = event(OWNER, previous=id_of(open_root))
    Story("previous is the root, by its author", open_root).deliver(first).end(file, [first])

    # What waits (7.2).
    b3 = event(BEN, b2, previous=b2)
    Story("a parent that is not here", open_root).deliver(b2, "pending", [b]).end(file, [], gaps=[b])
    (
        Story("a chain that arrives in reverse", open_root)
        .deliver(b3, "pending", [b2]).deliver(b2, "pending", [b]).deliver(b, then=[b2, b3]).end(file, [b, b2, b3])
    )
    Story("a chain that waits has one gap, below it", open_root).deliver(b3, "pending", [b2]).deliver(b2, "pending", [b]).end(file, [], gaps=[b])
    (
        Story("two parents are not here, and one comes", open_root)
        .deliver(m, "pending", [a, b, c]).deliver(b).deliver(c).end(file, [{b, c}], leaves=[b, c], gaps=[a])
    )
    only_previous = event(BEN, a, previous=b)
    Story("previous alone is not here", open_root).deliver(a).deliver(only_previous, "pending", [b]).end(file, [a], gaps=[b])
    Story("what waits comes again", open_root).deliver(b2, "pending", [b]).deliver(b2, "pending", [b]).deliver(b, then=[b2]).end(file, [b, b2])
    (
        Story("what waits comes again, tampered", open_root)
        .deliver(b2, "pending", [b]).deliver(parts_of(b2.entries, bytes(64)), "dropped", "bad-signature").deliver(b, then=[b2])
        .end(file, [b, b2])
    )
    fan = [event(by, b) for by in (OWNER, CID, DEE)]
    story = Story("several that wait for one", open_root)
    for one in fan:
        story.deliver(one, "pending", [b])
    story.deliver(b, then=fan).end(file, [b, set(fan)], leaves=fan)
    (
        Story("the order of what is here, while something waits", open_root)
        .deliver(x, "pending", [a, b2, m]).deliver(a).deliver(b).end(file, [{a, b}], leaves=[a, b], gaps=[b2, m])
    )

    # The same id in several forms (the rule above the rules).
    with_data = event(BEN, data={"text:s": "yes", "inner:m": {"salt:d": bytes(16)}})
    signature = decode_cbor(with_data.parts)[1]
    data_id = Reference(id_of(with_data.entries["data:m"]))
    bare = parts_of({**with_data.entries, "data:m": data_id}, signature)
    inner = parts_of({**with_data.entries, "data:m": {"text:s": "yes", "inner:m": Reference(id_of({"salt:d": bytes(16)}))}}, signature)
    child = event(CID, with_data)
    Story("an event again", open_root).deliver(b).deliver(b, "known").end(file, [b])
    Story("redacted first, then whole", open_root).deliver(bare).deliver(with_data, "known").end(file, [with_data])
    (
        Story("whole first, then redacted in two ways", open_root)
        .deliver(with_data).deliver(inner, "known").deliver(bare, "known").end(file, [with_data])
    )
    (
        Story("what is built on a redacted event", open_root)
        .deliver(child, "pending", [with_data]).deliver(bare, then=[child]).end(file, [with_data, child])
    )
    tampered = raw_parts(block_of(with_data.entries), block_of({"text:s": "no"}), signature=signature)
    Story("a tampered copy of a known event", open_root).deliver(with_data).deliver(tampered, "dropped", "stray-map").end(file, [with_data])
    (
        Story("a tampered copy first: the gap stays, and the sound copy comes", open_root)
        .deliver(child, "pending", [with_data]).deliver(tampered, "dropped", "stray-map").deliver(with_data, then=[child])
        .end(file, [with_data, child])
    )
    (
        Story("a tampered copy leaves the gap", open_root)
        .deliver(child, "pending", [with_data]).deliver(tampered, "dropped", "stray-map").end(file, [], gaps=[with_data])
    )
    Story("an unsigned copy of a known event", open_root).deliver(b).deliver(parts_of(b.entries), "dropped", "unsigned").end(file, [b])
    (
        Story("a copy signed by another, of a known event", open_root)
        .deliver(b).deliver(signed(b.entries, CID), "dropped", "bad-signature").end(file, [b])
    )
    secret = secret_scalar(BEN.seed)[0]
    resigned = parts_of(b.entries, craft(secret, BEN.key, 5, encode_point(multiply(5, BASE)), signed_bytes(b.id)))
    assert resigned != b.parts
    Story("a known event under another signature of its author", open_root).deliver(b).deliver(resigned, "known").end(file, [b])
    rules = event(OWNER, type="streams/policy", rules=[allows("read")])
    not_whole = parts_of({**rules.entries, "policies:am": [Reference(id_of(allows("read")))]}, decode_cbor(rules.parts)[1])
    (
        Story("a policy object with its rule redacted, then whole", open_root)
        .deliver(not_whole, "dropped", "not-whole").deliver(rules).end(file, [rules])
    )
    Story("a known policy object with its rule redacted", open_root).deliver(rules).deliver(not_whole, "dropped", "not-whole").end(file, [rules])

    # Refused, and what cites it (7.1, 7.2).
    bad = event(BEN, type="streams/redact", data={})
    above = event(CID, bad)
    higher = event(DEE, above)
    Story("refused by its header", open_root).deliver(bad, "refused", "data").end(file, [], refused=[bad])
    Story("refused, and again", open_root).deliver(bad, "refused", "data").deliver(bad, "refused", "data").end(file, [], refused=[bad])
    (
        Story("what cites a refused object", open_root)
        .deliver(bad, "refused", "data").deliver(above, "refused", "parent-refused").deliver(higher, "refused", "parent-refused")
        .end(file, [], refused=[bad, above, higher])
    )
    (
        Story("what waits for an object that is refused", open_root)
        .deliver(higher, "pending", [above]).deliver(above, "pending", [bad]).deliver(bad, "refused", "data")
        .end(file, [], refused=[bad, above, higher])
    )
    mixed = event(CID, a, bad)
    (
        Story("one parent refused, the other admitted", open_root)
        .deliver(a).deliver(bad, "refused", "data").deliver(mixed, "refused", "parent-refused")
        .end(file, [a], refused=[bad, mixed])
    )
    (
        Story("one parent refused, the other not here", open_root)
        .deliver(bad, "refused", "data").deliver(mixed, "refused", "parent-refused").end(file, [], refused=[bad, mixed])
    )
    on_bad = event(BEN, a, previous=bad)
    (
        Story("previous refused", open_root)
        .deliver(a).deliver(bad, "refused", "data").deliver(on_bad, "refused", "parent-refused")
        .end(file, [a], refused=[bad, on_bad])
    )
    (
        Story("a refused object again, after what cites it", open_root)
        .deliver(bad, "refused", "data").deliver(above, "refused", "parent-refused").deliver(above, "refused", "parent-refused")
        .end(file, [], refused=[bad, above])
    )
    (
        Story("a refused object in an unsigned copy", open_root)
        .deliver(bad, "refused", "data").deliver(parts_of(bad.entries), "dropped", "unsigned").end(file, [], refused=[bad])
    )
    nonce = event(BEN, b, nonce=NONCE)
    (
        Story("refused by its header before its parents are here", open_root)
        .deliver(nonce, "refused", "nonce-forbidden").end(file, [], refused=[nonce])
    )

    # Another stream.
    theirs = Event(other, BEN)
    Story("an event of another stream", open_root).deliver(theirs, "refused", "other-stream").end(file, [], refused=[theirs])
    lost = event(BEN, b, stream=Reference(id_of(other)))
    (
        Story("an event of another stream, before its parents are here", open_root)
        .deliver(lost, "refused", "other-stream").end(file, [], refused=[lost])
    )
    (
        Story("an event that names its parent as its stream", open_root)
        .deliver(b).deliver(event(CID, b, stream=Reference(b.id)), "refused", "other-stream")
        .end(file, [b], refused=[event(CID, b, stream=Reference(b.id))])
    )
    across = event(CID, theirs)
    Story("a parent of another stream is a gap", open_root).deliver(across, "pending", [theirs]).end(file, [], gaps=[theirs])
    (
        Story("a parent of another stream comes", open_root)
        .deliver(across, "pending", [theirs]).deliver(theirs, "refused", "other-stream").end(file, [], refused=[theirs, across])
    )
    on_root = event(CID, id_of(other))
    (
        Story("another stream's root as a parent", open_root)
        .deliver(on_root, "pending", [id_of(other)]).deliver(signed(other), "refused", "other-stream")
        .end(file, [], refused=[id_of(other), on_root])
    )

    # previous and generation.
    stolen = event(CID, b, previous=b)
    Story("previous of another author", open_root).deliver(b).deliver(stolen, "refused", "previous-author").end(file, [b], refused=[stolen])
    Story("previous of another author, which comes later", open_root).deliver(stolen, "pending", [b]).deliver(b).end(file, [b], refused=[stolen])
    on_owner = event(BEN, previous=id_of(open_root))
    Story("previous is the root, by another", open_root).deliver(on_owner, "refused", "previous-author").end(file, [], refused=[on_owner])
    hypo = Event(HYPOTHETICAL, OWNER, previous=id_of(HYPOTHETICAL))
    Story("previous is a hypothetical root, by its author", HYPOTHETICAL).deliver(hypo).end(file, [hypo])
    for name, wrong in (("0", 0), ("as great as its parent's", 1), ("too great by one", 3), ("the greatest there is", 2**64 - 1)):
        off = event(CID, b, generation=wrong)
        Story(f"a generation that is {name}", open_root).deliver(b).deliver(off, "refused", "generation-wrong").end(file, [b], refused=[off])
    least = event(CID, a, b2, generation=2)
    (
        Story("a generation by the least parent", open_root)
        .deliver(a).deliver(b).deliver(b2).deliver(least, "refused", "generation-wrong")
        .end(file, [{a, b}, b2], leaves=[a, b2], refused=[least])
    )
    unseen = event(BEN, a, previous=b2, generation=2)
    (
        Story("a generation that leaves previous out", open_root)
        .deliver(a).deliver(b).deliver(b2).deliver(unseen, "refused", "generation-wrong")
        .end(file, [{a, b}, b2], leaves=[a, b2], refused=[unseen])
    )
    counted = event(BEN, a, previous=b2)
    (
        Story("a generation by previous, which is above the parents", open_root)
        .deliver(a).deliver(b).deliver(b2).deliver(counted).end(file, [{a, b}, b2, counted])
    )
    off = event(CID, b, generation=7)
    on_off = event(DEE, off)
    (
        Story("a wrong generation, found when the parent comes, takes what waits above it", open_root)
        .deliver(on_off, "pending", [off]).deliver(off, "pending", [b]).deliver(b).end(file, [b], refused=[off, on_off])
    )

    # Forks (7.3).
    l, r = event(BEN, b, previous=b, data={"n:i": 1}), event(BEN, b, previous=b, data={"n:i": 2})
    Story("a fork: the same previous", open_root).deliver(b).deliver(l).deliver(r).end(file, [b, {l, r}], leaves=[l, r], forks=[[l, r]])
    (
        Story("a fork: both without previous", open_root)
        .deliver(twins[0]).deliver(twins[1]).end(file, [set(twins[:2])], leaves=twins[:2], forks=[twins[:2]])
    )
    no_previous = event(BEN, b)
    (
        Story("a fork: without previous, where the author should have cited one", open_root)
        .deliver(b).deliver(no_previous).end(file, [b, no_previous], forks=[[b, no_previous]])
    )
    again = event(BEN, l, previous=b)
    (
        Story("a fork in one line: previous skips the author's latest", open_root)
        .deliver(b).deliver(l).deliver(again).end(file, [b, l, again], forks=[[l, again]])
    )
    Story("no fork: two authors without previous", open_root).deliver(a).deliver(b).end(file, [{a, b}], leaves=[a, b])
    own = event(OWNER)
    Story("no fork: the root and the owner's first without previous", open_root).deliver(own).end(file, [own])
    cites_root = event(OWNER, previous=id_of(open_root), data={})
    (
        Story("no fork: one cites the root, the other nothing", open_root)
        .deliver(own).deliver(cites_root).end(file, [{own, cites_root}], leaves=[own, cites_root])
    )
    cites_too = event(OWNER, previous=id_of(open_root), data={"a:i": 1})
    (
        Story("a fork: both cite the root", open_root)
        .deliver(cites_too).deliver(cites_root)
        .end(file, [{cites_too, cites_root}], leaves=[cites_too, cites_root], forks=[[cites_root, cites_too]])
    )
    cl, cr = event(CID, c, previous=c, data={"n:i": 1}), event(CID, c, previous=c, data={"n:i": 2})
    story = Story("two forks of two authors", open_root)
    for one in (b, c, l, r, cl, cr):
        story.deliver(one)
    story.end(file, [{b, c}, {l, r, cl, cr}], leaves=[l, r, cl, cr], forks=[[l, r], [cl, cr]])
    healed = event(BEN, l, r, previous=l)
    (
        Story("a fork stays a fact when it is merged", open_root)
        .deliver(b).deliver(l).deliver(r).deliver(healed).end(file, [b, {l, r}, healed], forks=[[l, r]])
    )
    (
        Story("a fork with a refused object is none", open_root)
        .deliver(b).deliver(l).deliver(wrong := event(BEN, b, previous=b, generation=9), "refused", "generation-wrong")
        .end(file, [b, l], refused=[wrong])
    )
    (
        Story("a fork with an object that waits is none yet", open_root)
        .deliver(b).deliver(l).deliver(waits := event(BEN, c, previous=b), "pending", [c]).end(file, [b, l], gaps=[c])
    )

    # Newer.
    newer_one = event(BEN, extra="")
    on_newer = event(CID, newer_one)
    Story("a newer object is not admitted, not refused, and no gap", open_root).deliver(newer_one, "newer", "newer-name").end(file, [])
    (
        Story("what cites a newer object waits", open_root)
        .deliver(newer_one, "newer", "newer-name").deliver(on_newer, "pending", [newer_one]).end(file, [], gaps=[newer_one])
    )
    (
        Story("a newer type in another stream is newer first", open_root)
        .deliver(Event(other, BEN, type="streams/rotate"), "newer", "newer-type").end(file, [])
    )

    # Born authorized (8.7).
    def stories(root):
        return lambda name: Story(name, root), lambda by, *parents, **more: Event(root, by, parents, **more)

    story, event = stories(HYPOTHETICAL)
    stranger = event(BEN)
    story("on a hypothetical root another may not append").deliver(stranger, "refused", "not-authorized").end(file, [], refused=[stranger])
    for type, data in (("streams/subscription", None), ("streams/redact", {"maps:ar": [reference("x")]}), ("streams/adopt", {"objects:ar": [reference("x")]})):
        one = event(BEN, type=type, **({"data": data} if data else {}))
        story(f"on a hypothetical root another may not append {type}").deliver(one, "refused", "not-authorized").end(file, [], refused=[one])
    subscription = event(OWNER, type="streams/subscription")
    story("the owner may append any type").deliver(subscription).end(file, [subscription])

    plain = dict(ROOT_ENTRIES)
    story, event = stories(plain)
    stranger = event(BEN)
    (
        story("a root without policies allows everybody to read, not to append")
        .deliver(stranger, "refused", "not-authorized").end(file, [], refused=[stranger])
    )
    grant = event(OWNER, type="streams/policy", rules=[allows("append", subjects=[BEN])])
    after, beside = event(BEN, grant), event(BEN)
    story("a grant in the past").deliver(grant).deliver(after).end(file, [grant, after])
    story("a grant that is only concurrent").deliver(grant).deliver(beside, "refused", "not-authorized").end(file, [grant], refused=[beside])
    story("a concurrent grant that comes later").deliver(beside, "refused", "not-authorized").deliver(grant).end(file, [grant], refused=[beside])
    story("a grant in the past that is not here yet").deliver(after, "pending", [grant]).deliver(grant, then=[after]).end(file, [grant, after])
    for_cid = event(CID, grant)
    story("a grant for another").deliver(grant).deliver(for_cid, "refused", "not-authorized").end(file, [grant], refused=[for_cid])
    between = event(OWNER, grant, previous=grant)
    far = event(OWNER, between, previous=between)
    later = event(BEN, far)
    story("a grant far in the past").deliver(grant).deliver(between).deliver(far).deliver(later).end(file, [grant, between, far, later])
    by_previous = event(BEN, between, previous=after)
    (
        story("what is concurrent to a removed branch keeps its own past")
        .deliver(grant).deliver(between).deliver(after).deliver(by_previous).end(file, [grant, {between, after}, by_previous])
    )
    withdrawal = event(OWNER, grant, previous=grant, type="streams/policy", data={"withdraws:ar": [Reference(grant.id)]})
    knowing = event(BEN, withdrawal)
    (
        story("a grant that was withdrawn still counts for admission")
        .deliver(grant).deliver(withdrawal).deliver(knowing).end(file, [grant, withdrawal, knowing])
    )
    denial = event(OWNER, grant, previous=grant, type="streams/policy", rules=[denies(BEN)])
    in_spite = event(BEN, denial)
    story("a denial in the past does not enter").deliver(grant).deliver(denial).deliver(in_spite).end(file, [grant, denial, in_spite])
    self_grant = event(BEN, type="streams/policy", rules=[allows("append", subjects=[BEN])])
    story("who does not govern may not grant").deliver(self_grant, "refused", "not-authorized").end(file, [], refused=[self_grant])
    self_govern = event(BEN, type="streams/policy", rules=[allows("govern", subjects=[BEN])])
    story("a policy object is not in its own past").deliver(self_govern, "refused", "not-authorized").end(file, [], refused=[self_govern])
    on_refused = event(BEN, self_grant)
    (
        story("a grant that was refused")
        .deliver(self_grant, "refused", "not-authorized").deliver(on_refused, "refused", "parent-refused")
        .end(file, [], refused=[self_grant, on_refused])
    )
    govern = event(OWNER, type="streams/policy", rules=[allows("govern", subjects=[BEN])])
    by_ben = event(BEN, govern, type="streams/policy", rules=[allows("append", subjects=[CID])])
    by_cid = event(CID, by_ben)
    story("a chain of rules that leads to the owner").deliver(govern).deliver(by_ben).deliver(by_cid).end(file, [govern, by_ben, by_cid])
    (
        story("a chain of rules, the last first")
        .deliver(by_cid, "pending", [by_ben]).deliver(by_ben, "pending", [govern]).deliver(govern, then=[by_ben, by_cid])
        .end(file, [govern, by_ben, by_cid])
    )
    just_govern = event(BEN, govern)
    story("govern is not append").deliver(govern).deliver(just_govern, "refused", "not-authorized").end(file, [govern], refused=[just_govern])
    grants_himself = event(BEN, govern, type="streams/policy", rules=[allows("append", subjects=[BEN])])
    then_appends = event(BEN, grants_himself, previous=grants_himself)
    (
        story("who governs may grant to himself")
        .deliver(govern).deliver(grants_himself).deliver(then_appends).end(file, [govern, grants_himself, then_appends])
    )
    policy_by_appender = event(BEN, grant, type="streams/policy", rules=[allows("append")])
    (
        story("append is not govern")
        .deliver(grant).deliver(policy_by_appender, "refused", "not-authorized").end(file, [grant], refused=[policy_by_appender])
    )
    withdraws_by_appender = event(BEN, grant, type="streams/policy", data={"withdraws:ar": [Reference(grant.id)]})
    (
        story("who does not govern may not withdraw")
        .deliver(grant).deliver(withdraws_by_appender, "refused", "not-authorized")
        .end(file, [grant], refused=[withdraws_by_appender])
    )
    strange = event(BEN, govern, type="streams/policy", data={"withdraws:ar": [reference("x"), Reference(govern.id)]})
    story("a withdrawal of what is not here is without force, not refused").deliver(govern).deliver(strange).end(file, [govern, strange])
    demote = event(OWNER, govern, previous=govern, type="streams/policy", data={"withdraws:ar": [Reference(govern.id)]})
    void = event(BEN, demote, type="streams/policy", rules=[allows("append", subjects=[CID])])
    on_void = event(CID, void)
    (
        story("a void policy object counts for admission")
        .deliver(govern).deliver(demote).deliver(void).deliver(on_void).end(file, [govern, demote, void, on_void])
    )
    with_next = event(BEN, govern, type="streams/policy", rules=[allows("read")], next=bytes(32))
    (
        story("next by one who governs, not the owner")
        .deliver(govern).deliver(with_next, "refused", "next-forbidden").end(file, [govern], refused=[with_next])
    )
    own_next = event(OWNER, type="streams/policy", rules=[allows("read")], next=bytes(32))
    story("next by the owner").deliver(own_next).end(file, [own_next])
    checkpoint = {"count:u": 1, "order:d": blake3(id_of(plain))}
    point = event(OWNER, type="streams/checkpoint", data=checkpoint)
    story("a checkpoint of the owner").deliver(point).end(file, [point])
    own_point = event(BEN, grant, type="streams/checkpoint", data=checkpoint)
    story("append is not checkpoint").deliver(grant).deliver(own_point, "refused", "not-authorized").end(file, [grant], refused=[own_point])
    govern_point = event(BEN, govern, type="streams/checkpoint", data=checkpoint)
    (
        story("govern is not checkpoint")
        .deliver(govern).deliver(govern_point, "refused", "not-authorized").end(file, [govern], refused=[govern_point])
    )
    late_rule = event(OWNER, type="streams/policy", rules=[allows("checkpoint", subjects=[BEN])])
    story("a rule for checkpoint outside a root").deliver(late_rule, "refused", "rule-checkpoint").end(file, [], refused=[late_rule])

    holders = {**ROOT_ENTRIES, "policies:am": [allows("checkpoint", subjects=[BEN]), allows("append", subjects=[CID]), allows("govern", subjects=[DEE])]}
    story, event = stories(holders)
    checkpoint = {"count:u": 1, "order:d": blake3(id_of(holders))}
    point = event(BEN, type="streams/checkpoint", data=checkpoint)
    story("a checkpoint of a holder by the root").deliver(point).end(file, [point])
    point = event(BEN, type="streams/checkpoint", data={"count:u": 99, "order:d": bytes(32)})
    story("a checkpoint with a wrong count is without force, not refused").deliver(point).end(file, [point])
    point = event(CID, type="streams/checkpoint", data=checkpoint)
    story("a checkpoint of another than the holders").deliver(point, "refused", "not-authorized").end(file, [], refused=[point])
    one = event(BEN)
    story("checkpoint is not append").deliver(one, "refused", "not-authorized").end(file, [], refused=[one])
    one = event(DEE, type="streams/policy", rules=[allows("append", subjects=[BEN])])
    two = event(BEN, one)
    story("govern by a rule of the root").deliver(one).deliver(two).end(file, [one, two])

    typed = {**ROOT_ENTRIES, "policies:am": [allows("append", resources=["example/chat.Said", "example/poll.*"]), denies(DEE)]}
    story, event = stories(typed)
    one, two = event(BEN), event(BEN, type="example/poll.Voted")
    story("append for a type").deliver(one).end(file, [one])
    story("append for a prefix of types").deliver(two).end(file, [two])
    for name, type in (("another type", "example/chat.Removed"), ("a longer type", "example/chat.SaidAgain"), ("a type before the end of the prefix", "example/poll"), ("a type in another case", "example/chat.said"), ("a streams/ type", "streams/subscription")):
        one = event(BEN, type=type)
        story(f"append for a type is not for {name}").deliver(one, "refused", "not-authorized").end(file, [], refused=[one])
    one = event(DEE)
    story("a denial in the root does not enter").deliver(one).end(file, [one])
    denied_all = {**ROOT_ENTRIES, "policies:am": [allows("append"), {"effect:s": "deny"}]}
    story, event = stories(denied_all)
    one, two = event(BEN), event(OWNER)
    story("a denial of everything does not enter, nor bind the owner").deliver(one).deliver(two).end(file, [{one, two}], leaves=[one, two])
    only_denied = {**ROOT_ENTRIES, "policies:am": [{"effect:s": "deny", "subjects:as": [CID.text]}]}
    story, event = stories(only_denied)
    one, two = event(BEN), event(CID)
    story("a denial of the author allows nothing").deliver(two, "refused", "not-authorized").end(file, [], refused=[two])
    story("a denial for another allows nothing").deliver(one, "refused", "not-authorized").end(file, [], refused=[one])
    shared = {**ROOT_ENTRIES, "policies:am": [allows("append", subjects=[BEN, CID])]}
    story, event = stories(shared)
    one, two, three = event(BEN), event(CID), event(DEE)
    (
        story("append for several")
        .deliver(one).deliver(two).deliver(three, "refused", "not-authorized")
        .end(file, [{one, two}], leaves=[one, two], refused=[three])
    )
    redact_all = {**ROOT_ENTRIES, "policies:am": [allows("append", subjects=[BEN], resources=["streams/*"])]}
    story, event = stories(redact_all)
    one = event(BEN, type="streams/redact", data={"maps:ar": [reference("x")]})
    two = event(BEN, type="streams/policy", rules=[allows("read")])
    three = event(BEN, type="streams/checkpoint", data={"count:u": 1, "order:d": bytes(32)})
    story("append for streams/ types admits streams/redact").deliver(one).end(file, [one])
    story("append for streams/ types does not admit streams/policy").deliver(two, "refused", "not-authorized").end(file, [], refused=[two])
    (
        story("append for streams/ types does not admit streams/checkpoint")
        .deliver(three, "refused", "not-authorized").end(file, [], refused=[three])
    )
    return file


# judging.json


EVE, FAY, GUS = (Signer(label) for label in ("eve", "fay", "gus"))
APPEND_ALL = {"effect:s": "allow", "actions:as": ["append"]}
DENY_ALL = {"effect:s": "deny"}


class Scene:
    """A stream to be judged, in the making. Without `after` an event comes after the root alone."""

    def __init__(self, root):
        self.root, self.events = root, []

    def event(self, by, *after, **more):
        """`previous` is the author's latest in the past."""
        own = [event for event in past_of(after) if event.by is by]
        latest = max(own, key=lambda event: event.generation, default=id_of(self.root) if by is OWNER else None)
        event = Event(self.root, by, after, latest, **more)
        assert all(event.id != other.id for other in self.events), "an event twice"
        self.events.append(event)
        return event

    def said(self, by, *after, text=None):
        return self.event(by, *after, **({"data": {"text:s": text}} if text else {}))

    def policy(self, by, *after, rules=(), withdraws=()):
        more = {"rules": list(rules)} if rules else {}
        if withdraws:
            more["data"] = {"withdraws:ar": [as_reference(one) for one in withdraws]}
        return self.event(by, *after, type="streams/policy", **more)

    def withdraws(self, by, what, *after):
        return self.policy(by, *(after or [what]), withdraws=[what])

    def adopts(self, by, objects, *after):
        return self.event(by, *(after or objects), type="streams/adopt", data={"objects:ar": [as_reference(one) for one in objects]})

    def redacts(self, by, maps, *after):
        return self.event(by, *after, type="streams/redact", data={"maps:ar": [Reference(id_of(map)) for map in maps]})

    def point(self, by, *after, chain=(), count=None, order=None):
        """A checkpoint over its past, in which `chain` is accepted; or with a wrong count or order."""
        past = past_of(after)
        right = blake3(b"".join(stated_order(self.root, past, chain)))
        count = 1 + len(past) if count is None else count
        return self.event(by, *after, type="streams/checkpoint", data={"count:u": count, "order:d": right if order is None else order})

    def arrival(self, file):
        """What is judged does not depend on the order of arrival (9.1): as they were made, in reverse, and the first half last, in turn."""
        half = len(self.events) // 2
        return [self.events, self.events[::-1], self.events[half:] + self.events[:half]][len(file.content.get("judge", ())) % 3]

    def judged(
        self, file, name, *, void=(), why=(), chain=(), points=(), ranks=(), read=(), shown=(), adopted=(), removed=None, refused=(),
        simulated=(), deliver=None,
    ):  # fmt: skip
        """Adds a case. `void`: those that are not effective, with the reason or None; `why`: reasons of others. `chain`: the checkpoints that are
        accepted; `points`: what the others are. `adopted`: by each object its adoption. What is neither void nor refused is effective."""
        delivered = self.arrival(file) if deliver is None else deliver
        admitted = [event for event in delivered if event not in refused]
        void, adopted = dict.fromkeys(void) if not isinstance(void, dict) else void, dict(adopted)
        order = stated_order(self.root, admitted, chain)
        not_here = {event.id for event in void}
        effective = []
        for id in order:
            if id not in not_here:
                effective += [id, *(one for one in order if any(one == object.id and by.id == id for object, by in adopted.items()))]
        expected = {"order": texts(order), "effective": texts(effective)}
        if refused:
            expected["refused"] = ascending(refused)
        checkpoints = [event for event in admitted if event.entries["type:s"] == "streams/checkpoint"]
        if checkpoints:
            epochs = [stated_epoch(event, chain) for event in admitted]
            expected["epochs"] = [epochs.count(j) + (j == 1) for j in range(1, len(chain) + 2)]
            words = {**dict.fromkeys(chain, "accepted"), **dict(points)}
            assert set(words) == set(checkpoints), f"{name}: every checkpoint is stated"
            expected["checkpoints"] = {id_text(event.id): words[event] for event in sorted(words, key=lambda event: order.index(event.id))}
        reasons = {**{event: reason for event, reason in void.items() if reason}, **dict(why)}
        if reasons:
            expected["explained"] = [{"id": id_text(event.id), **reason} for event, reason in reasons.items()]
        if ranks:
            at = lambda event: id_text(event.id) if event else id_text(id_of(self.root))
            expected["ranks"] = [{"subject": subject.text, "at": at(event), "rank": rank} for subject, event, rank in ranks]
        if read:
            expected["read"] = {subject.text: may for subject, may in dict(read).items()}
        if shown:
            expected["shown"] = {subject.text: by and id_text(by.id) for subject, by in dict(shown).items()}
        if adopted or any(event.entries["type:s"] == "streams/adopt" for event in admitted):
            pairs = sorted(adopted.items(), key=lambda pair: order.index(pair[0].id))
            expected["adopted"] = [{"object": id_text(object.id), "by": id_text(by.id)} for object, by in pairs]
        if removed is not None:
            pairs = sorted(((event.id if event else id_of(self.root)), id_of(map)) for event, map in removed)
            expected["removed"] = [{"object": id_text(id), "map": id_text(map)} for id, map in pairs]
        if simulated:
            expected["simulated"] = [
                {"objects": [event.parts.hex() for event in objects], "voided": [id_text(event.id) for event in voided], "restored": [id_text(event.id) for event in restored]}
                for objects, voided, restored in simulated
            ]
        root_parts = parts_of(self.root) if set(self.root) == {"type:s", "author:s"} else signed(self.root)
        file.add("judge", name, root=root_parts.hex(), objects=[pieces(event.parts) for event in delivered], expected=expected)


def as_reference(what):
    return what if isinstance(what, Reference) else Reference(what.id if isinstance(what, Event) else what)


def past_of(after):
    found, open_events = [], [event for event in after if isinstance(event, Event)]
    while open_events:
        event = open_events.pop()
        if event not in found:
            found.append(event)
            open_events += [cited for cited in event.cited if isinstance(cited, Event)]
    return found


def stated_epoch(event, chain):
    """9.3, by the chain that is stated."""
    return next((j for j, point in enumerate(chain) if event in [point, *past_of(point.cited)]), len(chain)) + 1


def stated_order(root, events, chain):
    """The root, then the epochs that are stated, each by generation, tie and id."""
    order = [id_of(root)]
    for epoch in range(1, len(chain) + 2):
        within = [event for event in events if stated_epoch(event, chain) == epoch]
        for height in sorted({event.generation for event in within}):
            order += tie_order(order[0], [event for event in within if event.generation == height])
    return order


# Reasons (8.9).


def reason(why, by=None, rule=None, rank=None, set=None):
    by = by if by is None or isinstance(by, bytes) else by.id
    facts = {"why": why, "by": by and id_text(by), "rule": rule, "rank": rank, "set": set}
    return {field: fact for field, fact in facts.items() if fact is not None}


def denied(by, set="beside", rule=0, rank=0):
    return reason("denied", by, rule, rank, set)


def withdrawn(by, set="beside", rank=0):
    return reason("withdrawn", by, None, rank, set)


def allowed(by, rule=0, rank=0):
    return reason("allowed", by, rule, rank, "known")


NO_RULE, TOO_FAR, BY_OWNER, FORCE = reason("no-rule", set="known"), reason("rank"), reason("owner"), reason("force")


def root_with(*rules):
    return {**ROOT_ENTRIES, "policies:am": list(rules)}


def write_judging():
    file = File("judging.json", "Judging (spec 8.4 to 8.10, 3.4, 9): what is effective, ranks, reading, adoption, removal, checkpoints, epochs. Most cases show what is not allowed.")
    judge_append(file)
    judge_withdrawals(file)
    judge_ranks(file)
    judge_reading(file)
    judge_adoption(file)
    judge_removal(file)
    judge_checkpoints(file)
    judge_finality(file)
    return file


def judge_append(file):
    """8.4, 8.6: what the author knew must allow it, and what was decided beside it must not forbid it."""
    give = lambda *who, actions=("append",), **more: allows(*actions, subjects=who, **more)

    # The owner, and the root.
    s = Scene(ROOT_ENTRIES)
    s.judged(file, "a root alone is effective")
    s = Scene(HYPOTHETICAL)
    s.judged(file, "a hypothetical root alone is effective", ranks=[(OWNER, None, 0), (BEN, None, None)])
    own = s.said(OWNER)
    stranger = s.said(BEN)
    s.judged(file, "on a hypothetical root the owner alone writes", refused=[stranger], why={own: BY_OWNER})
    s = Scene(root_with(DENY_ALL))
    own = s.said(OWNER)
    rules = s.policy(OWNER, rules=[give(BEN)])
    said = s.said(BEN, rules)
    s.judged(
        file, "a denial of everything in the root: not the owner, and everybody else",
        void={said: denied(id_of(s.root), "known")}, why={own: BY_OWNER},
    )  # fmt: skip
    s = Scene(root_with(APPEND_ALL))
    deny = s.policy(OWNER, rules=[denies(OWNER)])
    own = s.said(OWNER, deny)
    s.judged(file, "the owner denies the owner: without effect", why={own: BY_OWNER})

    # One grant, and what takes it: before, beside, after.
    def granted(root=ROOT_ENTRIES, rule=None):
        s = Scene(root)
        return s, s.policy(OWNER, rules=[rule or give(BEN)])

    s, grant = granted()
    said = s.said(BEN, grant)
    s.judged(file, "a grant that the author knew", why={said: allowed(grant)})
    s, grant = granted()
    said = s.said(CID, grant)
    s.judged(file, "a grant for another", refused=[said])
    deny = lambda: s.policy(OWNER, grant, rules=[denies(BEN)])
    s, grant = granted()
    denial = deny()
    said = s.said(BEN, denial)
    s.judged(file, "a denial that the author knew", void={said: denied(denial, "known")})
    s, grant = granted()
    denial, said = deny(), s.said(BEN, grant)
    s.judged(file, "a denial beside it", void={said: denied(denial)})
    s.judged(file, "a denial beside it, which arrives later", void={said: denied(denial)}, deliver=[grant, said, denial])
    s.judged(file, "before the denial beside it arrives", why={said: allowed(grant)}, deliver=[grant, said])
    s, grant = granted()
    said = s.said(BEN, grant)
    denial = s.policy(OWNER, said, rules=[denies(BEN)])
    later = s.said(BEN, denial)
    s.judged(file, "what was seen before a denial stays", void={later: denied(denial, "known")}, why={said: allowed(grant)})
    s, grant = granted()
    said = s.said(BEN, grant)
    other = s.said(OWNER, said)
    far = s.said(BEN, said, text="again")
    denial = s.policy(OWNER, other, rules=[denies(BEN)])
    s.judged(file, "of two in a row, the one that the denial has not seen goes", void={far: denied(denial)})
    s, grant = granted()
    base = s.said(BEN, grant)
    denial = s.policy(OWNER, base, rules=[denies(BEN)])
    backdated = s.said(BEN, grant, text="I was never removed")
    chained = s.said(BEN, backdated, text="nor here")
    s.judged(file, "a removed author cites old parents: admitted, and void", void={backdated: denied(denial), chained: denied(denial)})
    s, grant = granted()
    denial = deny()
    said = s.said(BEN, grant)
    meets = s.said(BEN, said, denial, text="merged")
    s.judged(file, "an author that merges with its own removal", void={said: denied(denial), meets: denied(denial, "known")})
    s, grant = granted()
    denial = s.policy(OWNER, rules=[denies(BEN)])
    said = s.said(BEN, grant)
    s.judged(file, "a grant and a denial, beside each other: the denial", void={said: denied(denial)})
    s, grant = granted()
    denial = deny()
    again = s.policy(OWNER, denial, rules=[give(BEN)])
    said = s.said(BEN, again)
    s.judged(file, "a later grant does not undo a denial", void={said: denied(denial, "known")})
    s = Scene(ROOT_ENTRIES)
    both = s.policy(OWNER, rules=[give(BEN), denies(BEN)])
    said = s.said(BEN, both)
    s.judged(file, "a denial after an allowance in one list", void={said: denied(both, "known", 1)})
    s = Scene(ROOT_ENTRIES)
    both = s.policy(OWNER, rules=[denies(BEN), give(BEN)])
    said = s.said(BEN, both)
    s.judged(file, "a denial before an allowance in one list", void={said: denied(both, "known", 0)})
    s, grant = granted()
    taken = s.withdraws(OWNER, grant)
    said = s.said(BEN, taken)
    s.judged(file, "a withdrawal that the author knew", void={said: withdrawn(taken, "known")})
    s, grant = granted()
    taken, said = s.withdraws(OWNER, grant), s.said(BEN, grant)
    s.judged(file, "a withdrawal beside it", void={said: withdrawn(taken)})
    s, grant = granted()
    said = s.said(BEN, grant)
    taken = s.withdraws(OWNER, grant, said)
    s.judged(file, "what was seen before a withdrawal stays", why={said: allowed(grant)})

    # Whom and what a rule matches.
    for title, rule, void in (
        ("another subject", denies(CID), False),
        ("several subjects", denies(CID, BEN), True),
        ("everybody, without subjects", DENY_ALL, True),
        ("everybody, by *", {**DENY_ALL, "subjects:as": ["*"]}, True),
        ("everybody, by * beside a key", {**DENY_ALL, "subjects:as": [CID.text, "*"]}, True),
        ("append", {**denies(BEN), "actions:as": ["append"]}, True),
        ("every action, by *", {**denies(BEN), "actions:as": ["*"]}, True),
        ("read", {**denies(BEN), "actions:as": ["read"]}, False),
        ("govern", {**denies(BEN), "actions:as": ["govern"]}, False),
        ("read and append", {**denies(BEN), "actions:as": ["read", "append"]}, True),
        ("its type", {**denies(BEN), "resources:as": [TYPE_OF_EVENT]}, True),
        ("another type", {**denies(BEN), "resources:as": ["example/chat.Created"]}, False),
        ("a type that begins like it", {**denies(BEN), "resources:as": ["example/chat.Sai"]}, False),
        ("a prefix of its type", {**denies(BEN), "resources:as": ["example/chat.*"]}, True),
        ("its whole type as a prefix", {**denies(BEN), "resources:as": [TYPE_OF_EVENT + "*"]}, True),
        ("a prefix of another type", {**denies(BEN), "resources:as": ["example/poll.*"]}, False),
        ("every type, by *", {**denies(BEN), "resources:as": ["*"]}, True),
        ("streams/ types", {**denies(BEN), "resources:as": ["streams/*"]}, False),
    ):
        s, grant = granted()
        denial = s.policy(OWNER, grant, rules=[rule])
        said = s.said(BEN, grant)
        s.judged(file, f"a denial beside it, of {title}: {'void' if void else 'without effect'}", void={said: denied(denial)} if void else ())
    for title, rule in (
        ("for the prefix of its type", give(BEN, resources=["example/*"])),
        ("for its type among others", give(BEN, resources=["example/poll.Voted", TYPE_OF_EVENT])),
        ("of everybody", APPEND_ALL),
        ("of everybody, by *", {**APPEND_ALL, "subjects:as": ["*"]}),
    ):
        s, grant = granted(rule=rule)
        said = s.said(BEN, grant)
        s.judged(file, f"a grant {title}", why={said: allowed(grant)})
    for title, rule in (
        ("for another type", give(BEN, resources=["example/poll.*"])),
        ("to read", give(BEN, actions=["read"])),
        ("to govern", give(BEN, actions=["govern"])),
    ):
        s, grant = granted(rule=rule)
        said = s.said(BEN, grant)
        s.judged(file, f"a grant {title} is not one to append here", refused=[said])
    s = Scene(root_with(give(BEN), give(BEN, CID), APPEND_ALL))
    said, other = s.said(CID), s.said(DEE)
    s.judged(file, "the first rule of the list that allows it", why={said: allowed(id_of(s.root), 1), other: allowed(id_of(s.root), 2)})
    s = Scene(root_with(APPEND_ALL))
    first = s.policy(OWNER, rules=[denies(CID), denies(BEN)])
    second = s.policy(OWNER, first, rules=[denies(BEN)])
    said = s.said(BEN)
    s.judged(file, "of several denials the first in the order, and its rule", void={said: denied(first, rule=1)})
    s, grant = granted()
    known = s.policy(OWNER, grant, rules=[denies(BEN)])
    aside = s.policy(OWNER, rules=[denies(BEN)], withdraws=[id_of(s.root)])
    said = s.said(BEN, known)
    s.judged(file, "a denial that was known speaks before one beside", void={said: denied(known, "known")})
    s, grant = granted()
    taken = s.withdraws(OWNER, grant)
    denial = s.policy(OWNER, grant, rules=[denies(BEN)])
    said = s.said(BEN, taken)
    s.judged(file, "a lack in what was known speaks before a denial beside", void={said: withdrawn(taken, "known")})
    said = s.said(BEN, taken, denial)
    s.judged(file, "a denial speaks before a lack in the same set", void={said: denied(denial, "known")}, deliver=[grant, taken, denial, said])

    # Re-granting and restoring.
    s, grant = granted()
    denial, said = deny(), s.said(BEN, grant)
    knowing = s.said(BEN, denial, text="knowing")
    lifted = s.withdraws(OWNER, denial)
    after = s.said(BEN, lifted, text="after")
    s.judged(
        file, "withdrawing a denial revives what was beside it, not what was written knowing it",
        void={knowing: denied(denial, "known")}, why={said: allowed(grant), after: allowed(grant)},
    )  # fmt: skip
    s, grant = granted()
    taken, said = s.withdraws(OWNER, grant), s.said(BEN, grant)
    knowing = s.said(BEN, taken, text="knowing")
    again = s.policy(OWNER, taken, rules=[give(BEN)])
    after = s.said(BEN, again, text="after")
    s.judged(
        file, "re-granting revives what was beside the removal, not what was written knowing it",
        void={knowing: withdrawn(taken, "known")}, why={said: allowed(grant), after: allowed(again)},
    )  # fmt: skip
    late = s.said(BEN, grant, text="nobody has seen this")
    s.judged(file, "re-granting revives what was beside the removal and arrives after it", void=[knowing])
    s, grant = granted()
    denial, said, unseen = deny(), s.said(BEN, grant), s.said(BEN, grant, text="unseen")
    lifted = s.withdraws(OWNER, denial, denial, said)
    s.judged(
        file, "a denial is withdrawn by who has seen what it voided: that stays void, what it has not seen is revived",
        void={said: denied(denial)}, why={unseen: allowed(grant)},
    )  # fmt: skip
    adopt = s.adopts(OWNER, [said], lifted)
    s.judged(file, "a denial is withdrawn by who has seen what it voided, and adopts it", void={said: denied(denial)}, adopted={said: adopt})
    s, grant = granted()
    taken, said, unseen = s.withdraws(OWNER, grant), s.said(BEN, grant), s.said(BEN, grant, text="unseen")
    again = s.policy(OWNER, taken, said, rules=[give(BEN)])
    s.judged(
        file, "a re-grant by who has seen what the removal voided: that stays void, what it has not seen is revived",
        void={said: withdrawn(taken)}, why={unseen: allowed(grant)},
    )  # fmt: skip
    both = s.said(BEN, again, unseen, text="on")
    s.judged(
        file, "after a re-grant the author goes on, above what is void and what is revived",
        void={said: withdrawn(taken)}, why={both: allowed(again)},
    )  # fmt: skip
    s = Scene(root_with(APPEND_ALL, allows("govern", subjects=[CID])))
    denial, said = s.policy(CID, rules=[denies(BEN)]), s.said(BEN)
    out = s.policy(OWNER, said, rules=[denies(CID)])
    s.judged(
        file, "the author of a denial is denied beside it by who has seen what it voided: revived",
        void={denial: denied(out)}, why={said: allowed(id_of(s.root))},
    )  # fmt: skip
    s, grant = granted()
    denial, said = deny(), s.said(BEN, grant)
    other = s.withdraws(OWNER, grant, denial)
    s.judged(file, "a denial and a withdrawal beside it: the denial is named", void={said: denied(denial)})
    lifted = s.withdraws(OWNER, denial, other)
    s.judged(file, "with the denial lifted the withdrawal remains", void={said: withdrawn(other)})
    s, grant = granted()
    second = s.policy(OWNER, rules=[give(BEN, CID)])
    taken = s.withdraws(OWNER, grant)
    said = s.said(BEN, grant, second)
    s.judged(
        file, "of two grants one is withdrawn beside it",
        why={said: allowed(min(grant, second, key=lambda one: stated_order(s.root, [grant, second], ()).index(one.id)))},
    )  # fmt: skip
    s, grant = granted()
    second = s.policy(OWNER, grant, rules=[give(BEN)])
    taken = s.withdraws(OWNER, grant, second)
    said = s.said(BEN, taken)
    s.judged(file, "of two grants that were known one is withdrawn", why={said: allowed(second)})
    s, grant = granted()
    first, second = deny(), s.policy(OWNER, grant, rules=[denies(CID, BEN)])
    lifted = s.withdraws(OWNER, first)
    said = s.said(BEN, grant)
    s.judged(file, "of two denials one is withdrawn", void={said: denied(second)})
    s, grant = granted()
    denial = deny()
    second = s.policy(OWNER, denial, rules=[denies(BEN)])
    lifted = s.policy(OWNER, second, withdraws=[denial, second])
    said = s.said(BEN, lifted)
    s.judged(file, "both denials withdrawn by one withdrawal", why={said: allowed(grant)})
    s, grant = granted()
    said = s.said(BEN, grant)
    cid = s.policy(OWNER, grant, rules=[give(CID)])
    other = s.said(CID, cid)
    denial = s.policy(OWNER, cid, rules=[denies(CID)])
    s.judged(file, "a denial takes whom it names, and nobody else", void={other: denied(denial)}, why={said: allowed(grant)})
    s, grant = granted()
    said = s.said(BEN, grant)
    reply = s.said(OWNER, said)
    denial = s.policy(OWNER, grant, rules=[denies(BEN)])
    s.judged(file, "what cites a void object may be effective", void={said: denied(denial)})
    s, grant = granted()
    said = s.said(BEN, grant)
    grandchild = s.said(BEN, s.said(OWNER, said), text="third")
    denial = s.policy(OWNER, said, rules=[denies(BEN)])
    s.judged(file, "a denial in the middle of what others cite", void={grandchild: denied(denial)})
    s, grant = granted(root=root_with(APPEND_ALL), rule={**DENY_ALL, "actions:as": ["append"]})
    said, own = s.said(BEN, grant), s.said(OWNER, grant)
    beside = s.said(BEN, text="before I knew")
    s.judged(file, "a stream that its owner closes", void={said: denied(grant, "known"), beside: denied(grant)})
    for title, type, data in (
        ("streams/subscription", "streams/subscription", {}),
        ("streams/redact", "streams/redact", {"maps:ar": [reference("x")]}),
        ("streams/adopt", "streams/adopt", {"objects:ar": [reference("x")]}),
    ):
        s, grant = granted(rule=give(BEN, resources=["streams/*"]))
        one = s.event(BEN, grant, type=type, data=data)
        s.judged(file, f"{title} needs append, and has it", why={one: allowed(grant)})
        denial = s.policy(OWNER, grant, rules=[{**denies(BEN), "resources:as": [type]}])
        s.judged(file, f"{title} needs append, and is denied beside it", void={one: denied(denial)})
    s = Scene(root_with(APPEND_ALL, allows("govern", subjects=[CID])))
    base = s.policy(CID, rules=[allows("read")])
    left, right = s.policy(CID, base, rules=[denies(DEE)]), s.policy(CID, base, rules=[denies(BEN)])
    on_left, on_right, on_both = s.said(BEN, left), s.said(BEN, right), s.said(BEN, left, right)
    s.judged(
        file, "a governor's fork: each branch is known or beside by itself",
        void={on_left: denied(right, rank=1), on_right: denied(right, "known", rank=1), on_both: denied(right, "known", rank=1)},
    )  # fmt: skip
    dee_left, dee_both = s.said(DEE, right), s.said(DEE, left, right)
    lifts = s.policy(CID, right, withdraws=[left, right])
    late = s.said(BEN, lifts, text="late")
    s.judged(
        file, "a governor's fork: a withdrawal on one branch does not reach the other", void={on_right: denied(right, "known", rank=1), on_both: denied(right, "known", rank=1), dee_left: denied(left, rank=1), dee_both: denied(left, "known", rank=1)},
        why={on_left: allowed(id_of(s.root)), late: allowed(id_of(s.root))},
    )
    s = Scene(root_with(APPEND_ALL, allows("govern", subjects=[CID])))
    first = s.policy(CID, rules=[denies(BEN)])
    beside = s.said(DEE)
    second = s.policy(CID, beside, rules=[denies(EVE)])
    third = s.policy(CID, second, beside, first, withdraws=[first, second])
    b, e = s.said(BEN, third), s.said(EVE, third)
    s.judged(file, "a governor's fork, merged by a withdrawal of both branches", why={b: allowed(id_of(s.root)), e: allowed(id_of(s.root))})
    s = Scene(root_with(APPEND_ALL))
    said = s.said(BEN)
    for by in (CID, DEE, EVE):
        said = s.said(by, said)
    denial = s.policy(OWNER, rules=[DENY_ALL])
    s.judged(file, "a wildcard denial beside a conversation", void={event: denied(denial) for event in s.events[:4]})
    calm = s.withdraws(OWNER, denial)
    s.judged(file, "a wildcard denial beside a conversation, withdrawn beside it too")
    s = Scene(root_with(APPEND_ALL))
    left, right = s.said(BEN, text="left"), s.said(BEN, text="right")
    denial = s.policy(OWNER, left, rules=[denies(BEN)])
    s.judged(file, "of a fork the branch that the denial has not seen goes", void={right: denied(denial)}, why={left: allowed(id_of(s.root))})


def judge_withdrawals(file):
    """8.3, 8.4: what a withdrawal names, and by whom."""
    give = lambda *who, actions=("append",): allows(*actions, subjects=who)
    s = Scene(ROOT_ENTRIES)
    grant = s.policy(OWNER, rules=[give(BEN)])
    taken = s.policy(OWNER, withdraws=[grant])
    said = s.said(BEN, grant)
    s.judged(file, "a withdrawal that does not have in its past what it names", why={said: allowed(grant)})
    both = s.said(BEN, grant, taken, text="knowing both")
    s.judged(file, "a withdrawal beside what it names is without force, also for who knows both", why={both: allowed(grant)})
    merged = s.said(OWNER, both)
    s.judged(file, "a withdrawal beside what it names is without force, also when both are merged")
    s = Scene(ROOT_ENTRIES)
    grant = s.policy(OWNER, rules=[give(BEN)])
    taken = s.withdraws(OWNER, grant)
    undo = s.withdraws(OWNER, taken)
    said, beside = s.said(BEN, undo), s.said(BEN, grant, text="beside")
    s.judged(file, "a withdrawal cannot itself be withdrawn", void={said: withdrawn(taken, "known"), beside: withdrawn(taken)})
    s = Scene(ROOT_ENTRIES)
    grant = s.policy(OWNER, rules=[give(BEN)])
    swap = s.policy(OWNER, grant, rules=[give(CID)], withdraws=[grant])
    undo = s.withdraws(OWNER, swap)
    ben, cid = s.said(BEN, undo), s.said(CID, undo)
    s.judged(
        file, "of a withdrawn withdrawal with rules the rules go, and the withdrawal stays",
        void={ben: withdrawn(swap, "known"), cid: withdrawn(undo, "known")},
    )  # fmt: skip
    for title, what in (
        ("an event", lambda s, grant: s.said(OWNER, grant)),
        ("what nobody has", lambda s, grant: reference("nothing")),
        ("a subscription", lambda s, grant: s.event(OWNER, grant, type="streams/subscription")),
    ):
        s = Scene(ROOT_ENTRIES)
        grant = s.policy(OWNER, rules=[give(BEN)])
        named = what(s, grant)
        after = [named] if isinstance(named, Event) else [grant]
        taken = s.policy(OWNER, *after, withdraws=[named])
        said = s.said(BEN, taken)
        s.judged(file, f"a withdrawal of {title} is without force", why={said: allowed(grant)})
        taken = s.policy(OWNER, taken, withdraws=[named, grant, named])
        knowing = s.said(BEN, taken)
        s.judged(
            file, f"a withdrawal of {title}, and of a grant, and again: the grant", void={said: withdrawn(taken), knowing: withdrawn(taken, "known")},
        )  # fmt: skip
    s = Scene(root_with(APPEND_ALL))
    taken = s.policy(OWNER, withdraws=[id_of(s.root)])
    knowing, beside = s.said(BEN, taken), s.said(BEN)
    s.judged(file, "the owner withdraws the root's policies", void={knowing: withdrawn(taken, "known"), beside: withdrawn(taken)})
    again = s.policy(OWNER, taken, rules=[APPEND_ALL])
    s.judged(file, "the owner withdraws the root's policies, and writes others", void={knowing: withdrawn(taken, "known")})
    s = Scene(root_with(APPEND_ALL, give(BEN, actions=["govern"])))
    taken = s.policy(BEN, withdraws=[id_of(s.root)])
    said = s.said(CID, taken)
    s.judged(file, "a governor may not withdraw the root's policies", why={taken: allowed(id_of(s.root), 1), said: allowed(id_of(s.root))})
    s = Scene(ROOT_ENTRIES)
    one, two = s.policy(OWNER, rules=[give(BEN)]), s.policy(OWNER, rules=[give(CID)])
    taken = s.withdraws(OWNER, one, one, two)
    ben, cid = s.said(BEN, one, two), s.said(CID, one, two)
    s.judged(file, "a withdrawal takes what it names, and nothing beside it", void={ben: withdrawn(taken)})
    s = Scene(ROOT_ENTRIES)
    one = s.policy(OWNER, rules=[give(BEN), give(CID)])
    taken = s.withdraws(OWNER, one)
    ben, cid = s.said(BEN, one), s.said(CID, one)
    s.judged(file, "a withdrawal takes all the rules of what it names", void={ben: withdrawn(taken), cid: withdrawn(taken)})
    s = Scene(ROOT_ENTRIES)
    one = s.policy(OWNER, rules=[give(BEN)])
    first = s.withdraws(OWNER, one)
    second = s.withdraws(OWNER, one, first)
    said = s.said(BEN, one)
    s.judged(file, "of several withdrawals the first in the order is named", void={said: withdrawn(first)})
    s = Scene(ROOT_ENTRIES)
    govern = s.policy(OWNER, rules=[give(BEN, actions=["govern"])])
    grant = s.policy(BEN, govern, rules=[give(CID)])
    removed = s.withdraws(OWNER, govern, grant)
    void = s.policy(BEN, removed, rules=[give(DEE)])
    cid, dee = s.said(CID, removed), s.said(DEE, void)
    s.judged(
        file, "a removed governor's earlier grants stay, and later ones are void",
        void={void: withdrawn(removed, "known"), dee: NO_RULE}, why={cid: allowed(grant, rank=1)},
    )  # fmt: skip
    taken = s.withdraws(OWNER, grant, removed)
    last = s.said(CID, taken, text="last")
    s.judged(
        file, "a removed governor's earlier grants, withdrawn by the owner",
        void={void: None, dee: None, cid: withdrawn(taken), last: withdrawn(taken, "known")},
    )  # fmt: skip
    s = Scene(ROOT_ENTRIES)
    govern = s.policy(OWNER, rules=[give(BEN, actions=["govern"])])
    grant = s.policy(BEN, govern, rules=[give(CID)])
    removed = s.withdraws(OWNER, govern)
    cid = s.said(CID, grant)
    s.judged(file, "a grant beside the removal of its author is void, and what it allowed", void={grant: withdrawn(removed), cid: NO_RULE})
    s = Scene(root_with(APPEND_ALL))
    govern = s.policy(OWNER, rules=[give(BEN, actions=["govern"])])
    denial = s.policy(BEN, govern, rules=[denies(CID)])
    removed = s.withdraws(OWNER, govern)
    cid = s.said(CID)
    s.judged(
        file, "a denial beside the removal of its author is void, and takes nothing",
        void={denial: withdrawn(removed)}, why={cid: allowed(id_of(s.root))},
    )  # fmt: skip
    s = Scene(ROOT_ENTRIES)
    govern = s.policy(OWNER, rules=[give(BEN, actions=["govern"])])
    grant = s.policy(OWNER, govern, rules=[give(CID)])
    demoted = s.withdraws(OWNER, govern, grant)
    taken = s.withdraws(BEN, grant, demoted)
    cid = s.said(CID, taken)
    s.judged(file, "a withdrawal of an author who no longer governs", void={taken: withdrawn(demoted, "known")}, why={cid: allowed(grant)})

    # 8.4: rank(w) ≤ rank(p).
    def ladder():
        s = Scene(root_with(APPEND_ALL, give(BEN, CID, actions=["govern"])))
        ranks = s.policy(BEN, rules=[give(DEE, EVE, actions=["govern"])])
        return s, ranks, s.policy(DEE, ranks, rules=[give(FAY, actions=["govern"])])

    for title, by, takes, rank in (("the owner", OWNER, True, 0), ("a senior", CID, True, 1), ("its author", DEE, True, 2), ("an equal", EVE, True, 2), ("a junior", FAY, False, 3)):
        s, ranks, top = ladder()
        denial = s.policy(DEE, top, rules=[denies(GUS)])
        lifted = s.withdraws(by, denial)
        said = s.said(GUS, denial, lifted)
        effect = {"why": {said: allowed(id_of(s.root))}} if takes else {"void": {said: denied(denial, "known", rank=2)}}
        s.judged(file, f"a denial is withdrawn by {title}: {'lifted' if takes else 'without force'}", ranks=[(by, lifted, rank)], **effect)
        s, ranks, top = ladder()
        grant = s.policy(DEE, top, rules=[give(GUS, actions=["govern"])])
        taken = s.withdraws(by, grant)
        act = s.policy(GUS, grant, rules=[denies(EVE)])
        s.judged(
            file, f"a grant is withdrawn by {title}: {'taken' if takes else 'without force'}",
            void={act: withdrawn(taken, rank=rank)} if takes else (), why={} if takes else {act: allowed(grant, rank=2)},
            ranks=[(GUS, act, None if takes else 3)],
        )
    s = Scene(root_with(give(BEN, CID, actions=["govern"])))
    mine = s.policy(BEN, rules=[give(DEE)])
    demoted = s.policy(OWNER, mine, withdraws=[id_of(s.root)], rules=[give(CID, actions=["govern"])])
    junior = s.policy(CID, demoted, rules=[give(BEN, actions=["govern"])])
    taken = s.withdraws(BEN, mine, junior)
    said = s.said(DEE, mine, taken)
    s.judged(
        file, "who has become junior may not withdraw what it gave as a senior", ranks=[(BEN, mine, 1), (BEN, taken, 2)],
        why={said: allowed(mine, rank=1)},
    )  # fmt: skip


def judge_ranks(file):
    """8.5, and what ranks do to denials (8.6)."""
    govern = lambda *who: allows("govern", subjects=who)
    s = Scene(root_with(govern(BEN)))
    s.judged(file, "whom the root lets govern has rank 1, after the root", ranks=[(OWNER, None, 0), (BEN, None, None)])
    one = s.policy(BEN, rules=[govern(CID)])
    two = s.policy(CID, one, rules=[govern(DEE)])
    said = s.policy(OWNER, two, rules=[APPEND_ALL])
    s.judged(
        file, "ranks rise by one with every grant",
        ranks=[(BEN, one, 1), (CID, two, 2), (DEE, said, 3), (CID, one, None), (EVE, said, None), (OWNER, two, 0)],
    )  # fmt: skip
    s = Scene(ROOT_ENTRIES)
    one = s.policy(OWNER, rules=[govern(BEN)])
    two = s.policy(BEN, one, rules=[govern(CID)])
    three = s.policy(OWNER, two, rules=[govern(CID)])
    four = s.policy(CID, three, rules=[APPEND_ALL])
    s.judged(file, "the least rank of two", ranks=[(CID, three, 2), (CID, four, 1)], why={four: allowed(three)})
    five = s.withdraws(OWNER, three, four)
    six = s.policy(CID, five, rules=[APPEND_ALL])
    beside = s.policy(CID, three, rules=[allows("read")])
    s.judged(file, "a withdrawn grant leaves the other rank, known or beside", ranks=[(CID, six, 2), (CID, beside, 2), (CID, four, 1)])

    s = Scene(ROOT_ENTRIES)
    one = s.policy(OWNER, rules=[govern(BEN)])
    out = s.withdraws(OWNER, one)
    act = s.policy(BEN, out, rules=[APPEND_ALL])
    again = s.policy(OWNER, out, rules=[govern(BEN)])
    s.judged(file, "a rank needs what was known: a grant beside it is not enough", void={act: withdrawn(out, "known")}, ranks=[(BEN, act, None)])
    s = Scene(root_with(govern(CID)))
    one = s.policy(OWNER, rules=[govern(BEN)])
    two = s.policy(CID, one, rules=[govern(BEN)])
    out = s.withdraws(OWNER, one, two)
    act = s.policy(BEN, out, rules=[denies(DEE)])
    again = s.policy(OWNER, out, rules=[govern(BEN)])
    s.judged(file, "a rank is the same in both sets: what is lower beside does not lower it", why={act: allowed(two, rank=1)}, ranks=[(BEN, act, 2)])

    signers = [Signer(f"governor {n}") for n in range(1, 19)]
    s = Scene(ROOT_ENTRIES)
    links, by = [], OWNER
    for signer in signers:
        links.append(s.policy(by, *links[-1:], rules=[govern(signer)]))
        by = signer
    last = s.policy(by, links[-1], rules=[APPEND_ALL])
    s.judged(
        file, "a chain of 16 governs, the 17th is too far, the 18th has no rule", void={links[17]: TOO_FAR, last: NO_RULE},
        why={links[16]: allowed(links[15], rank=15)}, ranks=[(signers[n - 1], links[n], n if n <= 16 else None) for n in range(1, 18)],
    )
    short = s.policy(OWNER, links[-1], rules=[govern(signers[9])])
    s.judged(
        file, "a shorter chain that comes later helps nobody who did not know it",
        void=[links[17], last], ranks=[(signers[16], short, None), (signers[9], short, 10)],
    )  # fmt: skip
    s = Scene(ROOT_ENTRIES)
    links, by = [], OWNER
    for signer in signers[:16]:
        links.append(s.policy(by, *links[-1:], rules=[govern(signer)]))
        by = signer
    denial = s.policy(signers[15], links[-1], rules=[denies(signers[16])])
    opened = s.policy(OWNER, links[-1], rules=[APPEND_ALL])
    said = s.said(signers[16], opened)
    s.judged(file, "a denial of rank 16 counts", void={said: denied(denial, rank=16)})
    taken = s.withdraws(OWNER, links[0], links[-1])
    s.judged(
        file, "the first link of a chain is withdrawn beside its end alone: the middle governs on",
        void={said: denied(denial, rank=16)}, ranks=[(signers[1], taken, 2), (signers[0], taken, 1)],
    )  # fmt: skip

    s = Scene(ROOT_ENTRIES)
    one = s.policy(OWNER, rules=[govern(BEN)])
    two = s.policy(BEN, one, rules=[govern(CID)])
    three = s.policy(CID, two, rules=[govern(DEE)])
    taken = s.withdraws(OWNER, one)
    s.judged(file, "the first link of a chain is withdrawn beside the rest: the rest is void", void={two: withdrawn(taken), three: NO_RULE})
    again = s.policy(OWNER, taken, rules=[govern(BEN)])
    s.judged(file, "the first link is given again: the chain is restored", ranks=[(DEE, three, None), (CID, three, 2), (BEN, two, 1)])

    # Two who give to each other.
    s = Scene(root_with(govern(BEN)))
    one = s.policy(BEN, rules=[govern(CID)])
    two = s.policy(CID, one, rules=[govern(BEN)])
    s.judged(file, "mutual grants do not lift a rank", ranks=[(BEN, two, 1), (CID, two, 2)])
    out = s.policy(OWNER, two, withdraws=[id_of(s.root)])
    three = s.policy(BEN, out, rules=[APPEND_ALL])
    four = s.policy(CID, three, rules=[APPEND_ALL])
    s.judged(file, "after the withdrawal of a governor's rule its puppet gives it back, one rank lower", ranks=[(BEN, three, 3), (CID, four, 2)])
    five = s.policy(OWNER, out, rules=[denies(BEN)])
    s.judged(file, "a denial beside ends what the puppet gave back", void={three: denied(five)}, ranks=[(BEN, three, None), (CID, four, 2)])
    six = s.policy(OWNER, four, five, withdraws=[one])
    seven = s.policy(CID, six, rules=[govern(BEN)])
    s.judged(
        file, "with the puppet's grant withdrawn both are out",
        void={three: None, seven: withdrawn(six, "known")}, ranks=[(BEN, seven, None), (CID, seven, None)],
    )  # fmt: skip
    s = Scene(root_with(govern(BEN, CID)))
    one, two = s.policy(BEN, rules=[govern(CID)]), s.policy(CID, rules=[govern(BEN)])
    out = s.policy(OWNER, one, two, withdraws=[id_of(s.root)])
    three, four = s.policy(BEN, out, rules=[APPEND_ALL]), s.policy(CID, out, rules=[APPEND_ALL])
    s.judged(file, "two equals who gave to each other before the removal of both: each holds by the other", ranks=[(BEN, three, 2), (CID, four, 2)])
    s = Scene(root_with(govern(BEN, CID)))
    out = s.policy(OWNER, withdraws=[id_of(s.root)])
    one, two = s.policy(BEN, rules=[govern(CID)]), s.policy(CID, rules=[govern(BEN)])
    s.judged(file, "two equals who give to each other beside the removal of both: neither holds", void={one: withdrawn(out), two: withdrawn(out)})
    three = s.policy(BEN, one, two, rules=[govern(DEE)])
    four = s.policy(DEE, three, rules=[govern(BEN)])
    s.judged(
        file, "no circle of grants hangs in the air", void={one: None, two: None, three: withdrawn(out), four: NO_RULE}, ranks=[(DEE, four, None)],
    )  # fmt: skip
    s = Scene(root_with(govern(BEN)))
    self_grant = s.policy(BEN, rules=[govern(BEN), allows("append", subjects=[BEN])])
    out = s.policy(OWNER, self_grant, withdraws=[id_of(s.root)])
    act = s.policy(BEN, out, rules=[APPEND_ALL])
    s.judged(file, "who gives to itself has the rank below its own, after its removal", ranks=[(BEN, act, 2)])

    # Who may take what from whom: DEE has rank 2, by BEN's grant.
    for title, by, rank, takes in (
        ("the owner", OWNER, 0, True), ("a senior who gave", BEN, 1, True), ("a senior who did not give", CID, 1, True),
        ("an equal", EVE, 2, False), ("a junior", FAY, 3, False), ("a stranger", GUS, None, False),
    ):  # fmt: skip
        for where in ("known", "beside", "seen before"):
            s = Scene(root_with(APPEND_ALL, govern(BEN, CID)))
            root = id_of(s.root)
            grant = s.policy(BEN, rules=[govern(DEE, EVE)])
            base = s.policy(DEE, grant, rules=[govern(FAY)])

            def place(act):
                """What DEE says, and decides, and beside, before or after it the act."""
                if where == "known":
                    acted = act(base)
                    return acted, s.said(DEE, acted), s.policy(DEE, acted, rules=[allows("read")])
                said, ruled = s.said(DEE, base), s.policy(DEE, base, rules=[allows("read")])
                return act(base) if where == "beside" else act(said, ruled), said, ruled

            set = where if where != "seen before" else None
            goes = takes and set
            refused = rank is None
            denial, said, ruled = place(lambda *after: s.policy(by, *after, rules=[denies(DEE)]))
            name = f"a governor is denied by {title}, {where}: {'void' if goes else 'without effect'}"
            if rank in (None, 2, 3) and where == "seen before" or refused and where == "known":
                continue
            void = {said: denied(denial, set, rank=rank), ruled: denied(denial, set, rank=rank)} if goes else {}
            s.judged(file, name, void=void, refused=[denial] if refused else (), ranks=[(DEE, ruled, None if goes else 2)])
            if where == "seen before":
                continue

            s = Scene(s.root)
            grant = s.policy(BEN, rules=[govern(DEE, EVE)])
            base = s.policy(DEE, grant, rules=[govern(FAY)])
            taken, said, ruled = place(lambda *after: s.policy(by, *after, withdraws=[grant]))
            void = {ruled: withdrawn(taken, set, rank)} if goes else {}
            s.judged(
                file, f"a governor's grant is withdrawn by {title}, {where}: {'taken' if goes else 'without effect'}", void=void,
                why={said: allowed(root)}, refused=[taken] if refused else (), ranks=[(DEE, ruled, None if goes else 2)],
            )

    # Two against each other.
    s = Scene(root_with(APPEND_ALL, govern(BEN, CID)))
    root = id_of(s.root)
    ben, cid = s.policy(BEN, rules=[denies(CID)]), s.policy(CID, rules=[denies(BEN)])
    b, c = s.said(BEN, ben, cid), s.said(CID, ben, cid)
    s.judged(file, "two equals deny each other: neither goes", ranks=[(BEN, b, 1), (CID, c, 1)], why={b: allowed(root), c: allowed(root)})
    over = s.policy(OWNER, b, c, rules=[denies(BEN)])
    late = s.said(BEN, b, text="late")
    s.judged(
        file, "the owner decides between them: what was seen stays, and the denial by the other comes to bind",
        void={late: denied(cid, "known", rank=1)}, why={b: allowed(root)}, ranks=[(BEN, late, None), (BEN, b, 1)],
    )  # fmt: skip
    s = Scene(root_with(APPEND_ALL, govern(BEN)))
    root = id_of(s.root)
    grant = s.policy(BEN, rules=[govern(CID)])
    ben, cid = s.policy(BEN, grant, rules=[denies(CID)]), s.policy(CID, grant, rules=[denies(BEN), DENY_ALL], withdraws=[grant])
    b, c = s.said(BEN, grant, text="b"), s.said(CID, grant, text="c")
    s.judged(
        file, "a senior and a junior deny each other, beside each other: the senior wins",
        void={cid: denied(ben, rank=1), c: denied(ben, rank=1)}, why={b: allowed(root)},
    )  # fmt: skip
    s = Scene(root_with(APPEND_ALL, govern(BEN)))
    grant = s.policy(BEN, rules=[govern(CID)])
    coup = s.policy(CID, grant, rules=[denies(BEN), denies(OWNER)], withdraws=[grant, id_of(s.root)])
    b, own = s.said(BEN, coup), s.said(OWNER, coup)
    back = s.policy(BEN, coup, rules=[denies(CID)])
    c = s.said(CID, coup)
    s.judged(
        file, "a junior's coup, known to all, takes nothing",
        void={c: denied(back, rank=1)}, ranks=[(BEN, back, 1), (CID, coup, 2)], why={own: BY_OWNER},
    )  # fmt: skip
    s = Scene(root_with(APPEND_ALL, govern(BEN, CID)))
    ben = s.policy(BEN, rules=[DENY_ALL])
    b, c, d, own = s.said(BEN, ben), s.said(CID, ben), s.said(DEE, ben), s.said(OWNER, ben)
    s.judged(file, "a moderator denies everybody: neither the owner, nor itself, nor its equal", void={d: denied(ben, "known", rank=1)})
    s = Scene(root_with(APPEND_ALL, govern(BEN, CID)))
    ben, cid = s.policy(BEN, rules=[denies(DEE)]), s.policy(CID, rules=[govern(DEE)])
    d = s.said(DEE, cid)
    act = s.policy(DEE, cid, rules=[denies(EVE)])
    s.judged(file, "an equal of its author gives govern to whom it denies: the denial holds", void={d: denied(ben, rank=1), act: denied(ben, rank=1)})
    over = s.policy(OWNER, act, d, rules=[govern(DEE)])
    after = s.said(DEE, over, text="after")
    merged = s.policy(DEE, over, ben, rules=[allows("read")])
    s.judged(
        file, "a senior of its author gives govern to whom it denies: from there on the denial does not bind", void={d: denied(ben, rank=1), act: denied(ben, rank=1)},
        ranks=[(DEE, after, 1), (DEE, merged, 1), (DEE, d, None)],
    )
    s = Scene(root_with(APPEND_ALL, govern(BEN)))
    ben = s.policy(BEN, rules=[denies(DEE)])
    over = s.policy(OWNER, ben, rules=[allows("append", subjects=[DEE])])
    d = s.said(DEE, over)
    s.judged(file, "a senior of its author gives append to whom it denies: the denial holds", void={d: denied(ben, "known", rank=1)})
    lifted = s.withdraws(OWNER, ben, over)
    after = s.said(DEE, lifted, text="after")
    s.judged(file, "a senior withdraws the denial instead", void={d: denied(ben, "known", rank=1)}, why={after: allowed(id_of(s.root))})
    s = Scene(root_with(govern(BEN)))
    one = s.policy(BEN, rules=[govern(CID)])
    d = s.policy(OWNER, one, rules=[{**denies(CID), "actions:as": ["append"]}])
    act = s.policy(CID, d, rules=[allows("append", subjects=[CID])])
    said = s.said(CID, act)
    s.judged(file, "a denial of append leaves govern", void={said: denied(d, "known")}, why={act: allowed(one, rank=1)})
    for title, rule, void in (
        ("of govern", {**DENY_ALL, "actions:as": ["govern"]}, True),
        ("with resources other than *", {**DENY_ALL, "resources:as": ["streams/policy"]}, False),
        ("with a prefix of all streams/ types", {**DENY_ALL, "resources:as": ["streams/*"]}, False),
        ("with * among its resources", {**DENY_ALL, "resources:as": ["streams/*", "*"]}, True),
        ("of read and append", {**DENY_ALL, "actions:as": ["read", "append"]}, False),
        ("of checkpoint", None, False),
    ):
        s = Scene(root_with(govern(BEN), *([] if rule else [{**DENY_ALL, "actions:as": ["checkpoint"]}])))
        denial = s.policy(OWNER, rules=[rule]) if rule else None
        act = s.policy(BEN, rules=[APPEND_ALL])
        s.judged(file, f"a denial {title} {'takes' if void else 'does not take'} govern", void={act: denied(denial)} if void else ())
    s = Scene(root_with(govern(BEN), allows("append", subjects=[BEN], resources=["streams/*"])))
    act = s.policy(BEN, rules=[{**allows("append", subjects=[CID], resources=["streams/policy"])}])
    bad = s.policy(CID, act, rules=[APPEND_ALL])
    s.judged(file, "append for streams/policy is not govern", refused=[bad])

    # The owner recovers.
    s = Scene(root_with(APPEND_ALL, govern(BEN)))
    bad = s.policy(BEN, rules=[denies(GUS), govern(CID, DEE)])
    worse = s.policy(CID, bad, rules=[denies(OWNER), govern(EVE)])
    fix = s.policy(OWNER, worse, rules=[denies(BEN, CID, DEE, EVE)], withdraws=[bad, worse])
    calm = s.said(GUS, fix)
    others = [s.policy(by, worse, rules=[denies(GUS)]) for by in (BEN, CID, EVE)]
    tail = s.said(DEE, fix)
    s.judged(
        file, "the owner recovers a stream from its governors",
        void={**{other: denied(fix) for other in others}, tail: denied(fix, "known")}, why={calm: allowed(id_of(s.root))},
    )  # fmt: skip
    s = Scene(root_with(govern(BEN)))
    puppet = s.policy(BEN, rules=[govern(CID)])
    out = s.policy(OWNER, puppet, rules=[denies(BEN)])
    back = s.policy(CID, out, rules=[govern(BEN)])
    act = s.policy(BEN, back, rules=[APPEND_ALL])
    s.judged(file, "a puppet cannot give back what a senior denies", void={act: denied(out, "known")}, ranks=[(CID, back, 2), (BEN, act, None)])
    lifts = s.withdraws(CID, out, back)
    act2 = s.policy(BEN, lifts, rules=[govern(DEE)])
    s.judged(file, "a puppet cannot withdraw what a senior denies", void={act: denied(out, "known"), act2: denied(out, "known")})
    s = Scene(root_with(govern(BEN)))
    out = s.policy(OWNER, rules=[denies(BEN)])
    puppet = s.policy(BEN, rules=[govern(CID)])
    back = s.policy(CID, puppet, rules=[govern(BEN)])
    act = s.policy(BEN, back, rules=[APPEND_ALL])
    s.judged(file, "a puppet that is made beside the removal is void", void={puppet: denied(out), back: NO_RULE, act: denied(out)})
    s = Scene(root_with(APPEND_ALL, govern(BEN)))
    denial = s.policy(BEN, rules=[denies(CID)])
    removal = s.policy(OWNER, rules=[denies(BEN)])
    c = s.said(CID, text="innocent")
    s.judged(file, "a denial by who is denied beside it takes nothing", void={denial: denied(removal)})
    s = Scene(root_with(APPEND_ALL, govern(BEN, CID)))
    weak = s.policy(BEN, rules=[denies(CID)])
    mine = s.policy(CID, rules=[denies(DEE)])
    demote = s.policy(OWNER, weak, mine, rules=[govern(BEN)], withdraws=[id_of(s.root)])
    c = s.said(CID, weak)
    open_again = s.policy(OWNER, demote, rules=[APPEND_ALL])
    knowing = s.said(CID, open_again, text="knowing")
    s.judged(
        file, "who loses its rank is bound by its former equal's denial",
        void={c: denied(weak, "known", rank=1), knowing: denied(weak, "known", rank=1)}, ranks=[(CID, c, None)],
    )  # fmt: skip


def judge_reading(file):
    """8.8: for the stream as a whole, as if after all of it."""
    read = lambda *who: allows("read", subjects=who)
    s = Scene(ROOT_ENTRIES)
    s.judged(file, "everybody reads below a root without policies", read={OWNER: True, BEN: True})
    taken = s.policy(OWNER, withdraws=[id_of(s.root)])
    s.judged(file, "the owner withdraws the implicit rule: the owner alone reads", read={OWNER: True, BEN: False}, shown={BEN: None})
    given = s.policy(OWNER, taken, rules=[read(BEN)])
    s.judged(file, "after the implicit rule is withdrawn, whom a rule names", read={OWNER: True, BEN: True, CID: False})
    s = Scene(HYPOTHETICAL)
    s.judged(file, "everybody reads below a hypothetical root", read={OWNER: True, BEN: True})
    taken = s.policy(OWNER, withdraws=[id_of(s.root)])
    s.judged(file, "the owner withdraws the implicit rule of a hypothetical root", read={OWNER: True, BEN: False})
    s = Scene(root_with(APPEND_ALL))
    s.judged(file, "append is not read", read={OWNER: True, BEN: False})
    s = Scene(root_with(read(BEN)))
    s.judged(file, "a root with policies: whom they let read", read={OWNER: True, BEN: True, CID: False})
    denial = s.policy(OWNER, rules=[denies(BEN)])
    s.judged(file, "who may not read is shown the denial that names it", read={BEN: False, CID: False}, shown={BEN: denial, CID: None})
    s = Scene(ROOT_ENTRIES)
    denial = s.policy(OWNER, rules=[DENY_ALL])
    s.judged(file, "who may not read is not shown a denial of everybody", read={OWNER: True, BEN: False}, shown={BEN: None})
    second = s.policy(OWNER, denial, rules=[denies(CID), {**denies(BEN), "actions:as": ["read"]}])
    s.judged(file, "who may not read is not shown a denial behind the deciding one", read={BEN: False}, shown={BEN: None, CID: None})
    s = Scene(ROOT_ENTRIES)
    denial = s.policy(OWNER, rules=[{"effect:s": "deny", "subjects:as": [BEN.text, "*"]}])
    s.judged(file, "a denial of everybody that names a key besides", read={BEN: False, CID: False}, shown={BEN: denial, CID: None})
    for title, rule, may in (
        ("the type of the root", {**DENY_ALL, "resources:as": [TYPE_OF_ROOT]}, False),
        ("a prefix of the type of the root", {**DENY_ALL, "resources:as": ["example/*"]}, False),
        ("the type of an event", {**DENY_ALL, "resources:as": [TYPE_OF_EVENT]}, True),
        ("append", {**DENY_ALL, "actions:as": ["append"]}, True),
        ("read", {**DENY_ALL, "actions:as": ["read"]}, False),
    ):
        s = Scene(ROOT_ENTRIES)
        s.policy(OWNER, rules=[rule])
        s.judged(file, f"a denial of {title}: {'they read' if may else 'nobody reads'}", read={BEN: may, OWNER: True})
    s = Scene(root_with({**allows("read"), "resources:as": [TYPE_OF_EVENT]}))
    s.judged(file, "an allowance to read the type of an event is none to read the stream", read={BEN: False})
    s = Scene(root_with(allows("govern", subjects=[BEN]), allows("read")))
    one = s.policy(BEN, rules=[denies(CID)])
    out = s.policy(OWNER, rules=[denies(BEN)])
    s.judged(file, "a void denial takes no reading", void={one: denied(out)}, read={BEN: False, CID: True}, shown={BEN: out})
    s = Scene(root_with(allows("govern", subjects=[BEN, CID]), allows("read")))
    one = s.policy(BEN, rules=[denies(CID), denies(DEE)])
    s.judged(file, "an equal takes no reading", read={BEN: True, CID: True, DEE: False}, shown={DEE: one})
    out = s.policy(OWNER, one, withdraws=[id_of(s.root)], rules=[allows("read")])
    s.judged(file, "who governs no longer loses the reading that its former equal denies", read={BEN: True, CID: False}, shown={CID: one})
    s = Scene(ROOT_ENTRIES)
    denial = s.policy(OWNER, rules=[denies(BEN)])
    lifted = s.withdraws(OWNER, denial)
    s.judged(file, "a denial is withdrawn, and its subject reads again", read={BEN: True})


def judge_adoption(file):
    """8.10."""
    give = lambda *who: allows("append", subjects=who)

    def removed():
        """BEN may append; what it says beside its removal is void."""
        s = Scene(root_with(give(BEN, CID)))
        denial = s.policy(OWNER, rules=[denies(BEN)])
        return s, denial, s.said(BEN, text="adopt me")

    s, denial, said = removed()
    owner = s.adopts(OWNER, [said], denial, said)
    s.judged(file, "a void object, adopted by the owner, at the place of the adoption", void={said: denied(denial)}, adopted={said: owner})
    s, denial, said = removed()
    cid = s.adopts(CID, [said])
    s.judged(file, "a void object, adopted by who may append its type", void=[said], adopted={said: cid})
    s, denial, said = removed()
    more = s.said(BEN, said, text="and me")
    cid = s.adopts(CID, [more, said, more], more)
    s.judged(file, "what is adopted together comes in the order, each once, whatever the list", void=[said, more], adopted={said: cid, more: cid})
    s, denial, said = removed()
    more = s.said(BEN, said, text="and me")
    cid = s.adopts(CID, [more])
    s.judged(file, "an adoption takes what it names, not its past", void=[said, more], adopted={more: cid})
    s, denial, said = removed()
    beside = s.adopts(CID, [said], denial)
    s.judged(file, "an adoption of what is not in its past", void=[said])
    s, denial, said = removed()
    cid = s.adopts(CID, [reference("nothing")], said)
    s.judged(file, "an adoption of what nobody has", void=[said])
    cid2 = s.adopts(CID, [reference("nothing"), said], cid)
    s.judged(file, "an adoption of what nobody has, and of a void object", void=[said], adopted={said: cid2})
    s = Scene(root_with(give(BEN, CID)))
    said = s.said(BEN)
    cid = s.adopts(CID, [said])
    s.judged(file, "what is effective is not adopted")
    denial = s.policy(OWNER, rules=[denies(BEN)])
    s.judged(file, "what becomes void by a denial that arrives later is adopted", void=[said], adopted={said: cid})
    lifted = s.withdraws(OWNER, denial)
    s.judged(file, "what is restored is handed out at its own place again")
    s = Scene(root_with(give(CID)))
    govern = s.policy(OWNER, rules=[allows("govern", subjects=[BEN])])
    out = s.policy(OWNER, govern, rules=[denies(BEN)])
    for title, one in (
        ("streams/policy", s.policy(BEN, govern, rules=[give(DEE)])),
        ("streams/subscription", s.event(DEE, s.events[-1], type="streams/subscription", data={})),
    ):
        adopt = s.adopts(OWNER, [one], out, s.events[-1])
        void = [event for event in s.events if event.by in (BEN, DEE)]
        s.judged(file, f"a void {title} is not adopted", void=void)
    s, denial, said = removed()
    first = s.adopts(CID, [said])
    second = s.adopts(OWNER, [said], first)
    s.judged(file, "of two adoptions the first in the order counts", void=[said], adopted={said: first})
    s.judged(
        file, "of two adoptions the first in the order counts, whatever arrives first",
        void=[said], adopted={said: first}, deliver=[said, second, first, denial],
    )  # fmt: skip
    s, denial, said = removed()
    first = s.adopts(CID, [said])
    denial_of_cid = s.policy(OWNER, denial, rules=[denies(CID)])
    second = s.adopts(OWNER, [said], first)
    s.judged(file, "a void adoption does not count: the next does", void={said: denied(denial), first: denied(denial_of_cid)}, adopted={said: second})
    s = Scene(root_with(give(BEN), allows("append", subjects=[CID], resources=["streams/adopt"])))
    denial, said = s.policy(OWNER, rules=[denies(BEN)]), s.said(BEN)
    cid = s.adopts(CID, [said])
    s.judged(file, "an adopter that may not append the type itself", void=[said])
    own = s.adopts(OWNER, [said], cid)
    s.judged(file, "an adopter that may not append the type does not take the place of one that may", void=[said], adopted={said: own})
    s = Scene(root_with(give(BEN), allows("append", subjects=[CID], resources=["streams/adopt", TYPE_OF_EVENT])))
    denial, said = s.policy(OWNER, rules=[denies(BEN)]), s.said(BEN)
    other = s.event(BEN, said, type="example/poll.Voted")
    cid = s.adopts(CID, [said, other])
    s.judged(file, "each is judged alone, by its type", void=[said, other], adopted={said: cid})
    s = Scene(root_with(give(BEN), allows("append", subjects=[CID], resources=["example/*"])))
    denial, said = s.policy(OWNER, rules=[denies(BEN)]), s.said(BEN)
    cid = s.adopts(CID, [said])
    s.judged(file, "an adopter that may append the type, not streams/adopt", refused=[cid], void=[said])
    s, denial, said = removed()
    again = s.adopts(BEN, [said])
    s.judged(file, "a removed author cannot adopt what is its own", void={said: denied(denial), again: denied(denial)})
    s, denial, said = removed()
    early = s.adopts(CID, [said])
    beside = s.policy(OWNER, denial, rules=[{**denies(CID), "resources:as": [TYPE_OF_EVENT]}])
    s.judged(file, "an adopter that is denied the type beside the adoption", void=[said])
    s, denial, said = removed()
    cid = s.adopts(CID, [id_of(s.root), said], said)
    s.judged(file, "the root is effective, and not adopted", void=[said], adopted={said: cid})
    s, denial, said = removed()
    first = s.adopts(BEN, [said])
    outer = s.adopts(CID, [first, said])
    s.judged(file, "a void adoption is not adopted, what it names may be", void=[said, first], adopted={said: outer})


def judge_removal(file):
    """3.4."""
    secret, inner = {"salt:d": bytes(16), "text:s": "secret"}, {"salt:d": bytes(range(16)), "text:s": "inner"}
    outer = {"salt:d": b"\1" * 16, "inner:m": inner}
    data = {"secret:m": secret, "outer:m": outer}
    root = root_with(APPEND_ALL, allows("govern", subjects=[BEN]))

    def told(root=root, **more):
        s = Scene(root)
        return s, s.event(CID, data=data, **more)

    s, said = told()
    redact = s.redacts(OWNER, [secret], said)
    s.judged(file, "a map that the owner redacts", removed=[(said, secret)])
    s, said = told()
    redact = s.redacts(BEN, [inner], said)
    s.judged(file, "a nested map that a governor redacts", removed=[(said, inner)])
    s, said = told()
    redact = s.redacts(BEN, [outer, secret, outer], said)
    s.judged(file, "several maps at once, in no order", removed=[(said, secret), (said, outer)])
    s, said = told()
    redact = s.redacts(BEN, [data], said)
    s.judged(file, "the whole data is a map of the data", removed=[(said, data)])
    s, said = told()
    redact = s.redacts(DEE, [secret], said)
    s.judged(file, "a redaction by who does not govern is effective, and removes nothing", why={redact: allowed(id_of(root))}, removed=[])
    s, said = told()
    redact = s.redacts(CID, [secret], said)
    s.judged(file, "an author that does not govern does not remove its own", removed=[])
    s, said = told()
    redact = s.redacts(BEN, [secret])
    s.judged(file, "a redaction of what is not in its past", removed=[])
    again = s.redacts(BEN, [secret], said, redact)
    s.judged(file, "a redaction of what is in its past, after one that was beside", removed=[(said, secret)])
    s, said = told()
    other = s.event(DEE, data={"copy:m": secret})
    redact = s.redacts(BEN, [secret], said)
    s.judged(file, "a copy of the map in an object that is not in the past stays", removed=[(said, secret)])
    both = s.redacts(OWNER, [secret], other, redact)
    s.judged(file, "a copy of the map in every object of the past goes", removed=[(said, secret), (other, secret)])
    s, said = told()
    out = s.policy(OWNER, rules=[{**denies(BEN), "actions:as": ["govern"]}])
    redact = s.redacts(BEN, [secret], said)
    s.judged(file, "a redaction beside the removal of its author's govern removes nothing", why={redact: allowed(id_of(root))}, removed=[])
    s, said = told()
    redact = s.redacts(BEN, [secret], said)
    out = s.policy(OWNER, redact, rules=[denies(BEN)])
    s.judged(file, "a redaction that was seen before its author's removal stands", removed=[(said, secret)])
    s, said = told()
    out = s.policy(OWNER, rules=[{**denies(BEN), "resources:as": ["streams/redact"]}])
    redact = s.redacts(BEN, [secret], said)
    s.judged(file, "a void redaction removes nothing", void={redact: denied(out)}, removed=[], ranks=[(BEN, redact, 1)])
    lifted = s.withdraws(OWNER, out)
    s.judged(file, "a redaction that is restored removes", removed=[(said, secret)])
    s, said = told(root_with(allows("append", subjects=[CID]), allows("govern", subjects=[BEN])))
    redact = s.redacts(BEN, [secret], said)
    s.judged(file, "a governor that may not append streams/redact", refused=[redact], removed=[])
    rule = allows("read", subjects=[DEE])
    s = Scene(root)
    policy = s.policy(OWNER, rules=[rule])
    redact = s.redacts(BEN, [rule], policy)
    s.judged(file, "a rule is never redacted", removed=[], read={DEE: True})
    said = s.event(CID, policy, data={"rule:m": rule})
    redact = s.redacts(BEN, [rule], said, redact)
    s.judged(file, "a rule stays, and a map of the same bytes in data goes", removed=[(said, rule)], read={DEE: True})
    s = Scene({**root, "policies:am": [*root["policies:am"], rule], "data:m": {"rule:m": rule, "about:m": secret}})
    redact = s.redacts(BEN, [rule, secret])
    s.judged(file, "the data of the root is redacted, its rules are not", removed=[(None, rule), (None, secret)], read={DEE: True})
    s = Scene(root)
    first = s.redacts(BEN, [secret])
    names = {"maps:ar": [Reference(id_of(secret))]}
    redact = s.redacts(OWNER, [names], first)
    s.judged(file, "the data of a streams/ type is never redacted", removed=[])
    s, said = told()
    redact = s.redacts(BEN, [{"text:s": "not here"}], said)
    s.judged(file, "a redaction of a map that stands nowhere", removed=[])
    s, said = told()
    by_reference = s.event(DEE, said, data={"points:r": Reference(id_of(secret))})
    redact = s.redacts(BEN, [secret], by_reference)
    s.judged(file, "a reference to the id of a map is no map", removed=[(said, secret)])
    s = Scene(root)
    lists = s.event(CID, data={"all:aam": [[secret, inner], [secret]]})
    redact = s.redacts(BEN, [secret], lists)
    s.judged(file, "a map in lists, at each of its places", removed=[(lists, secret)])
    s = Scene(root)
    said = s.event(CID, data={**data, "secret:m": Reference(id_of(secret))})
    redact = s.redacts(BEN, [secret], said)
    s.judged(file, "a map that was not here goes too: it is not taken again", removed=[(said, secret)])
    s = Scene(root)
    denial = s.policy(OWNER, rules=[denies(CID)])
    said = s.event(CID, data=data)
    redact = s.redacts(BEN, [secret], said)
    s.judged(file, "a map in a void object is removed too", void={said: denied(denial)}, removed=[(said, secret)])
    s, said = told()
    redact = s.redacts(BEN, [secret, inner], said)
    lifted = s.policy(OWNER, redact, withdraws=[redact])
    s.judged(file, "a redaction is not withdrawn: it is no policy object", removed=[(said, secret), (said, inner)])


def judge_checkpoints(file):
    """9.1 to 9.3: force, acceptance, epochs."""
    hold = lambda *who: allows("checkpoint", subjects=who)
    s = Scene(root_with(APPEND_ALL))
    point = s.point(OWNER)
    s.judged(file, "a checkpoint over the root alone", chain=[point], why={point: FORCE})
    s = Scene(HYPOTHETICAL)
    said = s.said(OWNER)
    point = s.point(OWNER, said)
    s.judged(file, "a checkpoint on a hypothetical root", chain=[point])

    def room(*rules):
        s = Scene(root_with(APPEND_ALL, *rules))
        return s, s.said(BEN), s.said(CID)

    s, b, c = room()
    point = s.point(OWNER, b, c)
    late, after = s.said(DEE), s.said(EVE, point)
    s.judged(file, "a checkpoint ends an epoch: what arrives late comes behind it", chain=[point])
    s.judged(file, "before the checkpoint arrives", deliver=[b, c, late])
    s.judged(file, "the checkpoint arrives last", chain=[point], deliver=[late, c, b, point])
    second = s.point(OWNER, late, after, chain=[point])
    late2 = s.said(FAY)
    s.judged(file, "a second checkpoint above the first", chain=[point, second])
    third = s.point(OWNER, second, late2, chain=[point, second])
    s.judged(file, "a third checkpoint, over late arrivals too", chain=[point, second, third])
    s.judged(file, "three checkpoints, in another arrival", chain=[point, second, third], deliver=s.events[::-1])
    direct = s.point(OWNER, third, chain=[point, second, third])
    s.judged(file, "a checkpoint directly on a checkpoint", chain=[point, second, third, direct])
    for title, why, more in (
        ("a count too small by one", "count", {"count": 2}), ("a count too great by one", "count", {"count": 4}),
        ("a count that includes itself", "count", {"count": 4, "order": bytes(32)}), ("the greatest count there is", "count", {"count": 2**64 - 1}),
        ("a count of 0", "count", {"count": 0}), ("another digest", "order", {"order": bytes(32)}), ("a digest that is too short", "order", {"order": b""}),
    ):  # fmt: skip
        s, b, c = room()
        point = s.point(OWNER, b, c, **more)
        late = s.said(DEE)
        s.judged(file, f"a checkpoint with {title} is without force", void={point: reason(why)}, points={point: why})
    s, b, c = room()
    ids = stated_order(s.root, [b, c], ())
    for title, order in (
        ("in the order of the ids", sorted(ids)), ("without the root", ids[1:]), ("with the root last", ids[1:] + ids[:1]),
    ):  # fmt: skip
        assert order != ids
        point = s.point(OWNER, b, c, order=blake3(b"".join(order)))
        s.judged(file, f"a checkpoint whose digest is {title}", void={point: reason("order")}, points={point: "order"}, deliver=[b, c, point])
    texts_digest = blake3("".join(texts(ids)).encode())
    point = s.point(OWNER, b, c, order=texts_digest)
    s.judged(
        file, "a checkpoint whose digest is over the texts of the ids",
        void={point: reason("order")}, points={point: "order"}, deliver=[b, c, point],
    )  # fmt: skip
    s, b, c = room()
    first = s.point(OWNER, b)
    late = s.said(DEE)
    flat = s.point(OWNER, first, c, late)
    assert stated_order(s.root, past_of([first, c, late]), ()) != stated_order(s.root, past_of([first, c, late]), [first])
    s.judged(
        file, "a nested checkpoint that overlooks the epochs in its own past", chain=[first], points={flat: "order"}, void={flat: reason("order")},
    )  # fmt: skip
    right = s.point(OWNER, first, c, late, chain=[first])
    s.judged(file, "a nested checkpoint that counts the epochs in its own past", chain=[first, right], deliver=[b, c, first, late, right])
    s, b, c = room()
    wrong = s.point(OWNER, b, count=7)
    above = s.point(OWNER, wrong, c)
    s.judged(file, "a checkpoint above one without force", chain=[above], points={wrong: "count"}, void=[wrong])
    s, b, c = room()
    deny = s.policy(OWNER, rules=[denies(CID)])
    point = s.point(OWNER, b, c, deny)
    s.judged(file, "a checkpoint counts what is void, and its own policies", chain=[point], void={c: denied(deny)})

    # Holders.
    s, b, c = room(hold(BEN))
    point = s.point(BEN, b, c)
    s.judged(file, "a holder by the root", chain=[point], why={point: FORCE})
    other = s.point(CID, b, c)
    s.judged(file, "who is no holder is refused", chain=[point], refused=[other])
    own = s.point(OWNER, point, chain=[point])
    s.judged(file, "the owner is a holder beside those of the root", chain=[point, own], refused=[other])
    s, b, c = room(hold(BEN), {**denies(BEN), "actions:as": ["checkpoint"]})
    point = s.point(BEN, c)
    s.judged(file, "a holder that the root denies by name: admitted, without force", points={point: "holder"}, void={point: reason("holder")})
    s, b, c = room(hold(BEN, CID), {**DENY_ALL, "actions:as": ["checkpoint"]})
    point, own = s.point(BEN, c), s.point(OWNER, b, c)
    s.judged(file, "the root denies checkpoint to all: the owner alone has it", chain=[own], points={point: "holder"}, void=[point])
    s, b, c = room(hold(BEN), DENY_ALL)
    point = s.point(BEN, c)
    s.judged(file, "a denial of everything in the root is none of checkpoint", chain=[point], void=[b, c])
    s, b, c = room(hold(BEN))
    denial = s.policy(OWNER, c, rules=[denies(BEN)])
    point = s.point(BEN, denial)
    s.judged(file, "a holder that is denied everything later remains a holder", chain=[point], void={b: denied(denial)})
    s, b, c = room(hold(BEN))
    taken = s.policy(OWNER, c, withdraws=[id_of(s.root)])
    point = s.point(BEN, taken)
    s.judged(file, "a holder remains one when the root's policies are withdrawn", chain=[point], void={b: withdrawn(taken)})
    s, b, c = room({**allows("govern", subjects=[BEN])})
    point = s.point(BEN, c)
    s.judged(file, "who governs is no holder", refused=[point])
    s, b, c = room(hold(BEN))
    bad = s.policy(OWNER, c, rules=[{**denies(BEN), "actions:as": ["checkpoint"]}])
    s.judged(file, "a later denial of checkpoint is refused", refused=[bad])

    # Acceptance.
    s, b, c = room(hold(BEN, CID))
    left, right = s.point(BEN, b), s.point(CID, c)
    s.judged(file, "two incomparable checkpoints: neither is accepted", points={left: "force", right: "force"}, why={left: FORCE, right: FORCE})
    s.judged(file, "before the second of two incomparable checkpoints", chain=[left], deliver=[b, c, left])
    heal = s.point(OWNER, left, right)
    s.judged(file, "a checkpoint above both heals", chain=[heal], points={left: "force", right: "force"})
    half = s.point(OWNER, left)
    assert half.id != heal.id
    s.judged(
        file, "a checkpoint above one of both does not heal",
        points={left: "force", right: "force", half: "force"}, deliver=[b, c, left, right, half],
    )  # fmt: skip
    s, b, c = room(hold(BEN, CID))
    base = s.point(OWNER, b)
    late = s.said(DEE)
    left, right = s.point(BEN, base, chain=[base]), s.point(CID, base, c, chain=[base])
    above = s.point(BEN, left, late, chain=[base, left])
    s.judged(
        file, "two incomparable checkpoints un-accept what is above the last below both", chain=[base],
        points={left: "force", right: "force", above: "force"},
    )  # fmt: skip
    s.judged(file, "before the incomparable one arrives", chain=[base, left, above], deliver=[event for event in s.events if event is not right])
    healed = s.point(OWNER, above, right, chain=[base])
    s.judged(file, "healing: the epochs between remain one", chain=[base, healed], points={left: "force", right: "force", above: "force"})
    wrong = s.point(OWNER, above, right, chain=[base, left, above])
    assert wrong.id != healed.id
    s.judged(
        file, "a healing checkpoint that counts the un-accepted epochs is without force", chain=[base], void={wrong: reason("order")},
        points={left: "force", right: "force", above: "force", wrong: "order"}, deliver=[event for event in s.events if event is not healed],
    )
    s, b, c = room(hold(BEN))
    left, right = s.point(BEN, b), s.point(BEN, b, c)
    s.judged(file, "one holder, twice beside itself: neither is accepted", points={left: "force", right: "force"})
    s, b, c = room(hold(BEN, CID))
    left, right = s.point(BEN, b), s.point(CID, c, count=9)
    s.judged(file, "an incomparable checkpoint without force does no harm", chain=[left], points={right: "count"}, void=[right])
    s, b, c = room(hold(BEN, CID), {**denies(CID), "actions:as": ["checkpoint"]})
    left, right = s.point(BEN, b), s.point(CID, c)
    s.judged(file, "an incomparable checkpoint of a denied holder does no harm", chain=[left], points={right: "holder"}, void=[right])
    s, b, c = room(hold(BEN, CID, DEE))
    one, two, three = s.point(BEN, b), s.point(CID, c), s.point(DEE)
    s.judged(file, "three incomparable checkpoints", points={one: "force", two: "force", three: "force"})
    some = s.point(OWNER, one, two)
    s.judged(file, "a checkpoint above two of three does not heal", points={one: "force", two: "force", three: "force", some: "force"})
    every = s.point(OWNER, some, three)
    s.judged(file, "a checkpoint above all three heals", chain=[every], points={one: "force", two: "force", three: "force", some: "force"})
    s, b, c = room(hold(BEN, CID))
    base = s.point(OWNER, b)
    top = s.point(OWNER, base, c, chain=[base])
    side = s.point(CID)
    s.judged(file, "a checkpoint beside all of a chain un-accepts all of it", points={base: "force", top: "force", side: "force"})
    s, b, c = room()
    left, right = s.said(BEN, b, text="left"), s.said(BEN, b, text="right")
    point = s.point(OWNER, left)
    s.judged(file, "a fork across a checkpoint: the branch that it has not seen is later", chain=[point])
    both = s.point(OWNER, point, right, chain=[point])
    s.judged(file, "a checkpoint over a fork", chain=[point, both])
    s, b, c = room()
    first = s.point(OWNER, b)
    fork = s.point(OWNER, c)
    s.judged(file, "a fork of the owner in two checkpoints", points={first: "force", fork: "force"})


def judge_finality(file):
    """9.4: what has the epoch of an accepted checkpoint stands; later policy objects are left out beside it."""
    hold = allows("checkpoint", subjects=[GUS])
    govern = lambda *who: allows("govern", subjects=who)

    def room(*rules):
        s = Scene(root_with(APPEND_ALL, hold, govern(DEE), *rules))
        said = s.said(BEN, text="early")
        return s, said, s.point(GUS, said)

    s, said, point = room()
    denial = s.policy(OWNER, rules=[denies(BEN)])
    late = s.said(BEN, text="late")
    s.judged(
        file, "a denial that arrives behind a checkpoint leaves what is final", chain=[point],
        void={late: denied(denial)}, why={said: allowed(id_of(s.root))},
    )  # fmt: skip
    s.judged(file, "the same denial, without the checkpoint", void={late: denied(denial), said: denied(denial)}, deliver=[said, denial, late])
    follow = s.said(BEN, point, text="after")
    s.judged(file, "after a checkpoint, beside the denial: void", chain=[point], void={late: denied(denial), follow: denied(denial)})
    s, said, point = room()
    taken = s.policy(OWNER, withdraws=[id_of(s.root)])
    late = s.said(BEN, text="late")
    s.judged(file, "a withdrawal that arrives behind a checkpoint leaves what is final", chain=[point], void={late: withdrawn(taken)})
    s, said, point = room()
    denial = s.policy(DEE, rules=[denies(BEN)])
    out = s.policy(OWNER, point, rules=[denies(DEE)])
    late = s.said(BEN, text="late")
    s.judged(
        file, "a late denial by who is removed beside it, after the checkpoint: void", chain=[point],
        void={denial: denied(out)}, why={late: allowed(id_of(s.root))},
    )  # fmt: skip
    s = Scene(root_with(APPEND_ALL, hold))
    said = s.said(BEN, text="early")
    denial = s.policy(OWNER, rules=[denies(BEN)])
    point = s.point(GUS, said, denial)
    lifted = s.withdraws(OWNER, denial)
    late = s.said(BEN, text="late")
    s.judged(
        file, "a denial that is lifted behind a checkpoint: what is void and final stays void", chain=[point],
        void={said: denied(denial)}, why={late: allowed(id_of(s.root))},
    )  # fmt: skip
    s.judged(file, "the same, without the checkpoint: restored", deliver=[said, denial, lifted, late])
    adopt = s.adopts(OWNER, [said], lifted, point)
    s.judged(file, "what is void and final can be adopted", chain=[point], void={said: denied(denial)}, adopted={said: adopt})
    s = Scene(root_with(APPEND_ALL, hold))
    grant = s.policy(OWNER, rules=[govern(BEN)])
    act = s.policy(BEN, grant, rules=[govern(CID)])
    point = s.point(GUS, act)
    out = s.withdraws(OWNER, grant)
    late = s.policy(BEN, grant, rules=[denies(DEE)])
    cid = s.policy(CID, act, rules=[denies(EVE)])
    s.judged(
        file, "a governor that is removed beside a checkpoint: final grants stay, late ones are void", chain=[point], void={late: withdrawn(out)},
        why={act: allowed(grant), cid: allowed(act, rank=1)}, ranks=[(BEN, act, 1), (BEN, late, None), (CID, cid, 2)],
    )
    s.judged(
        file, "a governor that is removed beside its grants, without the checkpoint",
        void={late: withdrawn(out), act: withdrawn(out), cid: NO_RULE}, deliver=[grant, act, out, late, cid],
    )  # fmt: skip
    s = Scene(root_with(APPEND_ALL, hold, govern(BEN)))
    said = s.said(CID)
    act = s.policy(BEN, rules=[denies(CID)])
    first = s.point(GUS, said)
    second = s.point(GUS, first, act, chain=[first])
    out = s.policy(OWNER, first, rules=[denies(BEN)])
    more = s.said(CID, text="more")
    s.judged(
        file, "a late denial, final itself in the second epoch: not of the first, but of what is beside it later", chain=[first, second],
        void={more: denied(act, rank=1)}, why={said: allowed(id_of(s.root)), act: allowed(id_of(s.root), 2)},
    )
    s, said, point = room()
    tail = [s.said(by, point, text="tail") for by in (CID, DEE)]
    late = [s.said(by, text="old parents") for by in (EVE, FAY)]
    s.judged(file, "late objects with old parents come behind the checkpoint, by their generation", chain=[point])
    s, said, point = room()
    tail = s.said(BEN, point, text="tail")
    old = s.policy(OWNER, said, rules=[{**denies(BEN), "actions:as": ["append"]}])
    s.judged(
        file, "a denial that cites what is below the checkpoint, beside its tail", chain=[point],
        void={tail: denied(old)}, why={said: allowed(id_of(s.root))},
    )  # fmt: skip
    second = s.point(GUS, tail, chain=[point])
    s.judged(
        file, "a second checkpoint re-judges the tail: what is final now is beside a later denial", chain=[point, second],
        why={tail: allowed(id_of(s.root))},
    )  # fmt: skip
    third = s.point(OWNER, old, point, chain=[point])
    s.judged(file, "an incomparable checkpoint re-judges it again", chain=[point], points={second: "force", third: "force"}, void={tail: denied(old)})
    heal = s.point(GUS, second, third, chain=[point])
    s.judged(
        file, "a healing checkpoint makes both final, and the denial holds", chain=[point, heal], points={second: "force", third: "force"},
        void={tail: denied(old)},
    )  # fmt: skip
    s = Scene(root_with(APPEND_ALL, hold, govern(BEN, CID)))
    ben, cid = s.policy(BEN, rules=[denies(DEE)]), s.policy(CID, rules=[denies(EVE)])
    d, e = s.said(DEE), s.said(EVE)
    point = s.point(GUS, ben, d, e)
    s.judged(
        file, "the checkpoint decides between a denial it has seen and one it has not", chain=[point],
        void={d: denied(ben, rank=1)}, why={e: allowed(id_of(s.root), 0)},
    )  # fmt: skip
    s, said, point = room()
    high = s.policy(OWNER, point, rules=[denies(BEN)])
    second = s.point(GUS, high, chain=[point])
    low = s.policy(OWNER, rules=[denies(BEN)])
    late = s.said(BEN, text="late")
    s.judged(
        file, "the first denial in the order is the one of the earlier epoch, whatever the generation", chain=[point, second],
        void={late: denied(high)}, why={said: allowed(id_of(s.root))},
    )  # fmt: skip
    s.judged(file, "the same denials, without the second checkpoint", chain=[point], void={late: denied(low)}, deliver=[said, point, high, low, late])
    s, said, point = room()
    grant = s.policy(DEE, point, rules=[govern(EVE)])
    late = s.policy(EVE, grant, rules=[denies(BEN)])
    ben = s.said(BEN, point, text="tail")
    second = s.point(GUS, late, chain=[point])
    s.judged(file, "a denial that a checkpoint makes final reaches what comes late", chain=[point, second], void={ben: denied(late, rank=2)})
    third = s.point(GUS, ben, point, chain=[point])
    s.judged(
        file, "a denial and what is beside it, each below a checkpoint of its own, both un-accepted", chain=[point],
        points={second: "force", third: "force"},
        void={ben: denied(late, rank=2)},
    )  # fmt: skip
    s, said, point = room()
    gone = s.policy(OWNER, point, rules=[denies(DEE)])
    redact = s.redacts(DEE, [{"text:s": "early"}], said)
    s.judged(file, "a late redaction by who governs no longer", chain=[point], void={redact: denied(gone)}, removed=[])
    s, said, point = room()
    taken = s.policy(OWNER, withdraws=[id_of(s.root)])
    s.judged(file, "reading is never final", chain=[point], read={BEN: False, OWNER: True})
    s, said, point = room()
    second = s.said(BEN, text="second")
    denial = s.policy(OWNER, said, rules=[denies(BEN)])
    s.judged(file, "what is final by a checkpoint stands, its author's fork does not", chain=[point], void={second: denied(denial)})

    # 8.9: what would change.
    s = Scene(root_with(APPEND_ALL, hold))
    said, other = s.said(BEN), s.said(CID)
    denial = Event(s.root, OWNER, [], id_of(s.root), type="streams/policy", rules=[denies(BEN)])
    harmless = Event(s.root, OWNER, [], id_of(s.root), type="streams/policy", rules=[denies(DEE)])
    seen = Event(s.root, OWNER, [said], id_of(s.root), type="streams/policy", rules=[denies(BEN, CID)])
    s.judged(
        file, "what would change: by a denial, by one of another, by one that has seen it",
        simulated=[([denial], [said], []), ([harmless], [], []), ([seen], [other], []), ([], [], [])],
    )  # fmt: skip
    both = Event(s.root, OWNER, [denial], denial, type="streams/policy", data={"withdraws:ar": [Reference(denial.id)]})
    s.judged(file, "what would change by two together", simulated=[([denial, both], [], [])])
    s.events.append(denial)
    s.judged(file, "what would be restored", void=[said], simulated=[([both], [], [said])])
    point = s.point(GUS, said)
    s.events.remove(point)
    s.judged(file, "what a checkpoint would restore", void=[said], simulated=[([point], [], [said]), ([both, point], [], [said])])
    s.events.append(point)
    s.judged(file, "a denial of what is final would change nothing", chain=[point], simulated=[([harmless], [], []), ([seen], [other], [])])


# peers.json


SECRET = bytes(range(32))


def range_key(generation, label):
    return generation.to_bytes(8, "big") + hashlib.sha256(f"streams vectors: {label}".encode()).digest()


def write_peers():
    file = File("peers.json", "What peers say: ranges (10.2.1), and evidence that somebody who was not there can check (10.4).")
    write_ranges_cases(file)
    write_evidence_cases(file)
    return file


def write_ranges_cases(file):
    def keys(numbers):
        return [range_key(number // 3, f"key {number}") for number in numbers]

    def heard(side, messages, name, error=None):
        case = {"secret": SECRET.hex(), "keys": sorted(key.hex() for key in side), "heard": [message.hex() for message in messages]}
        if error:
            return file.add("ranges", name, **case, error=error)
        there = Ranges(SECRET, side)
        answers = [there.answer(message) is not None for message in messages]
        found = sorted(key.hex() for key in there.found)
        file.add("ranges", name, **case, expected={"answers": answers, "found": found})

    def run(name, ours, theirs):
        """Both sides of a run, each as a case; what is found is stated by the sets, not by the run."""
        sides, said = [Ranges(SECRET, ours), Ranges(SECRET, theirs)], [[], []]
        message, to = sides[0].begin(), 1
        while message is not None:
            said[to].append(message)
            message, to = sides[to].answer(message), 1 - to
        assert sides[0].found == set(theirs) - set(ours) and sides[1].found == set(ours) - set(theirs)
        heard(theirs, said[1], f"{name}: whoever answers")
        heard(ours, said[0], f"{name}: whoever asked")

    run("equal sets end with one message", keys(range(40)), keys(range(40)))
    run("nobody has anything", [], [])
    run("one has nothing", [], keys(range(3)))
    run("the other has nothing", keys(range(3)), [])
    run("few keys are listed", keys(range(10)), keys(range(5, 15)))
    run("seventeen keys are divided", keys(range(17)), keys(range(1, 18)))
    run("one key of a hundred differs", keys(range(100)), keys([*range(99), 200]))
    run("differences here and there", keys(range(0, 120)), keys([*range(0, 50), *range(51, 90), *range(93, 125)]))
    run("one has more, and the other a part of it", keys(range(80)), keys(range(20, 40)))
    run("keys that share a generation", [range_key(7, n) for n in range(30)], [range_key(7, n) for n in range(10, 45)])

    few = keys(range(4))
    list_all = write_ranges([(None, 2, few)])
    heard(keys(range(2)), [list_all], "a list is answered, and what it has more is found")
    heard(few, [write_ranges([(None, 3, keys(range(6)))])], "what is said last is not answered")
    heard(few, [b""], "an empty message is the last")
    heard(few, [write_ranges([(None, 1, bytes(16))])], "a fingerprint of no keys is that of none")
    for name, message in (
        ("a kind that is unknown", bytes([255, 4])),
        ("a fingerprint that is cut off", bytes([255, 1]) + bytes(15)),
        ("a list that is cut off", list_all[:-1]),
        ("a bound that is cut off", bytes([0, 3, 1])),
        ("a bound without anything said", bytes([0, 1, 1])),
        ("a bound of more than 40 bytes", bytes([0, 41]) + bytes([1] * 41) + bytes([0])),
        ("a bound that shares what would be too long", bytes([0, 1, 5, 0, 1, 40]) + bytes([1] * 40) + bytes([0])),
        ("bounds that do not ascend", bytes([0, 1, 5, 0, 0, 1, 5, 0])),
        ("a first bound of zeros", bytes([0, 0, 0])),
        ("something behind the end of all keys", bytes([255, 0, 255, 0])),
        ("a key at its upper bound", bytes([0, 8]) + few[-1][:8] + bytes([2, 0, 1]) + few[-1]),
        ("a key below its lower bound", bytes([0, 1, 1, 0, 255, 2, 0, 1]) + few[0]),
        ("more than 64 KiB", bytes([255, 0]) + bytes(64 << 10)),
    ):
        heard(few, [message], name, "malformed")


def write_evidence_cases(file):
    root = root_with(allows("append", "read"), allows("checkpoint", subjects=[BEN]))
    parts, stream = signed(root), id_of(root)
    scene = Scene(root)
    first, second = scene.said(BEN), scene.said(BEN, text="beside it")
    third = scene.said(CID, first)
    fourth = scene.said(BEN, third)
    other_stream = Scene(root_with(allows("append")))
    elsewhere, other_root = other_stream.said(BEN), id_of(other_stream.root)

    def shows(name, kind, content, expected):
        """`expected`: (what, who, objects), or why it shows nothing."""
        file_bytes = write_plain([kind, content])
        if isinstance(expected, str):
            return file.add("evidence", name, file=pieces(file_bytes), error=expected)
        what, who, objects = expected
        stated = {"shows": what, "who": [one.text for one in who], "stream": id_text(stream), "objects": objects}
        file.add("evidence", name, file=pieces(file_bytes), expected=stated)

    def signed_list(by, values):
        return [values, sign(by.seed, signed_bytes(write_plain(values), STATEMENT_DOMAIN))]

    def states(leaves, counter, by=DEE, until=None, store=1, of=stream, frontier=None):
        leaves = sorted(leaf if isinstance(leaf, bytes) else leaf.id for leaf in leaves)
        digest = blake3(b"".join(leaves)) if frontier is None else frontier
        values = [by.key, of, digest, b"".join(leaves), bytes([store] * 16), counter]
        return signed_list(by, values + ([until] if until is not None else []))

    def refuses(object, reason, at, counter, by=DEE, store=1, of=stream):
        id = object if object is None or isinstance(object, bytes) else object.id
        return signed_list(by, [by.key, of, id, reason, at, bytes([store] * 16), counter])

    def forged(signed):
        return [signed[0], bytes([signed[1][0] ^ 1]) + signed[1][1:]]

    fork = ascending([first, second])
    shows("two objects of one author after the same object are a fork", 0, [first.parts, second.parts], ("fork", [BEN], fork))
    shows("a fork, the other way round", 0, [second.parts, first.parts], ("fork", [BEN], fork))
    shows("an object is no fork of itself", 0, [first.parts, first.parts], "no-fork")
    shows("what follows is no fork", 0, [first.parts, fourth.parts], "no-fork")
    shows("objects of two authors are no fork", 0, [first.parts, third.parts], "unrelated")
    shows("objects of two streams are no fork", 0, [first.parts, elsewhere.parts], "unrelated")
    shows("a root is no fork", 0, [first.parts, parts], "unrelated")
    flipped = decode_cbor(first.parts)
    flipped[1] = bytes([flipped[1][0] ^ 1]) + flipped[1][1:]
    shows("an object with a wrong signature shows nothing", 0, [encode_cbor(flipped), second.parts], "object")
    shows("bytes that are no object show nothing", 0, [b"\x83", second.parts], "object")

    one, two = scene.point(OWNER, third), scene.point(BEN, fourth, second)
    holders = sorted([(one.id, OWNER), (two.id, BEN)])
    below = [parts, *(event.parts for event in (first, second, third, fourth, one, two))]
    shows("checkpoints that do not know of each other", 1, [below], ("checkpoints", [by for _, by in holders], [id_text(id) for id, _ in holders]))
    shows("one checkpoint conflicts with nothing", 1, [below[:-1]], "no-conflict")
    wrong = scene.point(BEN, fourth, second, count=1)
    shows("a checkpoint without force conflicts with nothing", 1, [[*below[:-1], wrong.parts]], "no-conflict")
    shows("checkpoints whose past is not there", 1, [[parts, one.parts, two.parts]], "unrelated")
    shows("objects without their root", 1, [below[1:]], "unrelated")
    shows("no objects at all", 1, [[]], "malformed")

    had, has, all_below = states([fourth, second], 4), states([third], 5), [event.parts for event in (first, third)] + [parts]
    lost = [id_text(min(second.id, fourth.id))]
    shows("who had leaves, and has them no more", 2, [had, has, all_below], ("contradiction", [DEE], lost))
    shows("two statements under one number", 2, [had, states([third], 4), []], ("contradiction", [DEE], []))
    shows("two streams under one number", 2, [had, states([elsewhere], 4, of=other_root), []], ("contradiction", [DEE], []))
    shows("a statement is not contradicted by itself", 2, [had, had, below], "no-contradiction")
    shows("who has more than before", 2, [has, states([fourth, second], 6), [*all_below, fourth.parts, second.parts]], "no-contradiction")
    shows("the earlier is given as the later", 2, [has, had, below], "unrelated")
    shows("statements about two streams", 2, [states([elsewhere], 3, of=other_root), has, all_below], "unrelated")
    shows("statements of two peers", 2, [states([fourth], 4, by=CID), has, all_below], "unrelated")
    shows("statements of two stores of one peer", 2, [states([fourth], 4, store=2), has, all_below], "unrelated")
    shows("a statement that the peer did not sign", 2, [forged(had), has, all_below], "signature")
    shows("a later statement that the peer did not sign", 2, [had, forged(has), all_below], "signature")
    shows("blocks that are lacking below the later leaves", 2, [had, has, all_below[1:]], "incomplete")
    shows("leaves that are not all that the frontier names", 2, [had, states([third], 5, frontier=bytes(32)), all_below], "incomplete")
    shows("a block that is no object", 2, [had, has, [b"", *all_below]], "object")

    promise, path = states([fourth], 3, until=1000), [fourth.parts, third.parts]
    gone = ("broken-promise", [DEE], [id_text(first.id)])
    shows("what was promised, and is gone", 3, [promise, refuses(first, 2, 999, 3), path], gone)
    shows("what was promised, and is unknown", 3, [promise, refuses(first, 1, 0, 9), path], gone)
    shows("a stream of which something was promised, and nothing is known", 3, [promise, refuses(None, 1, 10, 3), []], ("broken-promise", [DEE], [id_text(stream)]))
    shows("a leaf that was promised", 3, [promise, refuses(fourth, 2, 10, 3), []], ("broken-promise", [DEE], [id_text(fourth.id)]))
    shows("a promise that is over", 3, [promise, refuses(first, 2, 1000, 3), path], "no-promise")
    shows("what was refused before it was promised", 3, [promise, refuses(first, 1, 10, 2), path], "no-promise")
    shows("nothing was promised", 3, [states([fourth], 3), refuses(first, 2, 10, 3), path], "no-promise")
    shows("who may not read is denied", 3, [promise, refuses(first, 0, 10, 3), path], "no-promise")
    shows("who is busy breaks no promise", 3, [promise, refuses(first, 3, 10, 3), path], "no-promise")
    shows("a refusal of another store", 3, [promise, refuses(first, 2, 10, 3, store=2), path], "unrelated")
    shows("a refusal of another peer", 3, [promise, refuses(first, 2, 10, 3, by=CID), path], "unrelated")
    shows("a refusal of another stream", 3, [promise, refuses(first, 2, 10, 3, of=other_root), path], "unrelated")
    shows("a path that does not lead there", 3, [promise, refuses(first, 2, 10, 3), path[1:]], "no-path")
    shows("what is not below the leaves", 3, [promise, refuses(second, 2, 10, 3), path], "no-path")
    shows("a refusal that the peer did not sign", 3, [promise, forged(refuses(first, 2, 10, 3)), path], "signature")
    shows("a promise that the peer did not sign", 3, [forged(promise), refuses(first, 2, 10, 3), path], "signature")

    whole = write_plain([0, [first.parts, second.parts]])
    for name, data in (("an empty file", b""), ("a file that is cut off", whole[:-1]), ("a file with a byte behind it", whole + b"\0"), ("a kind that is unknown", write_plain([9, []]))):
        file.add("evidence", name, file=pieces(data), error="malformed")


# archives.json


class Archive:
    """An archive in the making: groups of objects, each object as its entries, its signature, and its blocks."""

    def __init__(self, stream, *groups, previous=None, frontier=bytes(32), **changes):
        self.stream, self.groups, self.previous, self.frontier, self.changes = stream, groups, previous, frontier, changes

    @property
    def manifest(self):
        ids = [id_of(entries) for group in self.groups for entries, _ in group]
        manifest = {
            "format:s": "streams.archive.v1", "stream:r": Reference(self.stream), "count:u": len(ids), "frontier:d": self.frontier,
            "order:d": blake3(b"".join(ids)),
        }  # fmt: skip
        if self.previous:
            manifest["previous:r"] = Reference(self.previous)
        return {key: value for key, value in {**manifest, **self.changes}.items() if value is not None}

    def sections(self):
        """The sections: of the manifest, of the blocks of each object, of each seal."""
        sections = [section(encode_cbor(self.manifest))]
        for group in self.groups:
            blocks = [blocks_of(entries) for entries, _ in group]
            sections += [section(block) for own in blocks for block in own]
            sections.append(section(seal(blocks, b"".join(signature for _, signature in group))))
        return sections

    @property
    def bytes(self):
        return car(blake3(encode_cbor(self.manifest)), *self.sections())


def blocks_of(entries):
    object = Object(build(entries))
    return [object.map.block, *(map.block for map in maps_of(object.map))]


def seal(blocks, signatures, **changes):
    content = blake3(b"".join(blake3(block) for own in blocks for block in own))
    return encode_cbor({"blocks:au": [len(own) for own in blocks], "content:d": content, "_signatures:d": signatures, **changes})


def varint(number):
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + varint(number >> 7)


def section(block, cid=None):
    cid = cid or b"\x01\x71\x1e\x20" + blake3(block)
    return varint(len(cid) + len(block)) + cid + block


def car(root, *sections, header=None):
    header = encode_cbor(header or {"roots": [Reference(root)], "version": 1})
    return varint(len(header)) + header + b"".join(sections)


def write_archives():
    file = File("archives.json", "Archives (spec 11): frame, manifest, seals, what is told first, and vouching.")

    def good(name, archive, redacted=(), early=False):
        manifest = archive.manifest
        objects = [id_text(id_of(entries)) for group in archive.groups for entries, _ in group]
        expected = {"manifest": id_text(blake3(encode_cbor(manifest))), "stream": id_text(archive.stream), "objects": objects, "redacted": [id_text(id_of(entries)) for entries in redacted]}
        if archive.previous:
            expected["previous"] = id_text(archive.previous)
        file.add("archive", name, archive=pieces(archive.bytes), expected=expected, **({"early": True} if early else {}))

    def bad(name, data, error, sealed=()):
        file.add("archive", name, archive=pieces(data), error=error, sealed=[id_text(id_of(entries)) for entries, _ in sealed])

    leaves = lambda *objects: blake3(b"".join(sorted(id_of(entries) for entries, _ in objects)))
    signed_object = lambda entries, by=OWNER: (entries, by.sign(entries))
    stream = id_of({**ROOT_ENTRIES, "policies:am": [allows("read", "append")]})
    root = signed_object({**ROOT_ENTRIES, "policies:am": [allows("read", "append")]})

    def event(by, parents, generation, previous=None, **more):
        entries = {
            "type:s": TYPE_OF_EVENT, "author:s": by.text, "stream:r": Reference(stream), "generation:u": generation,
            "parents:ar": sorted((Reference(id_of(parent)) for parent, _ in parents), key=lambda r: r.digest), **more,
        }  # fmt: skip
        if previous:
            entries["previous:r"] = Reference(id_of(previous[0]))
        return signed_object(entries, by)

    data = lambda text: {"text:s": text, "salt:d": bytes(16)}
    one = event(OWNER, [root], 1, root, **{"data:m": data("one")})
    left, right = sorted(
        (event(by, [one], 2, **{"data:m": {**data("beside"), "below:am": [{"deep:m": {}}, {}]}}) for by in (BEN, CID)),
        key=lambda event: blake3_derive_key("streams 2026 order tie v1", stream + struct.pack(">Q", 2) + base58_decode(event[0]["author:s"][1:])[2:]),
    )  # fmt: skip
    last = event(DEE, [left, right], 3)
    everything = [root, one, left, right, last]
    archive = Archive(stream, everything, frontier=leaves(last))

    hypothetical = (HYPOTHETICAL, b"")
    alone = Archive(id_of(HYPOTHETICAL), [hypothetical], frontier=leaves(hypothetical))
    good("a hypothetical root alone, without a signature", alone)
    below = {
        "type:s": TYPE_OF_EVENT, "author:s": OWNER.text, "stream:r": Reference(id_of(HYPOTHETICAL)), "generation:u": 1,
        "parents:ar": [Reference(id_of(HYPOTHETICAL))], "previous:r": Reference(id_of(HYPOTHETICAL)),
    }  # fmt: skip
    below = signed_object(below)
    good("a hypothetical root and an object behind it", Archive(id_of(HYPOTHETICAL), [hypothetical, below], frontier=leaves(below)))
    good("a root alone", Archive(stream, [root], frontier=leaves(root)))
    good("objects beside each other, with maps below maps", archive)
    good("seals earlier than they need to be", Archive(stream, [root], [one, left], [right, last], frontier=leaves(last)), early=True)
    redacted = ({**one[0], "data:m": Reference(id_of(one[0]["data:m"]))}, one[1])
    good("a redacted map", Archive(stream, [root, redacted], frontier=leaves(one)), [redacted[0]])
    partly = {**left[0]["data:m"], "below:am": [{"deep:m": reference("deep")}, reference("a map")]}
    partly = event(BEN, [one], 2, **{"data:m": partly})
    good("a redacted map below maps that are here", Archive(stream, [root, one, partly], frontier=leaves(partly)), [partly[0]])
    embedded = event(OWNER, [one], 2, one, **{"data:m": left[0]})
    hidden = ({**embedded[0], "data:m": Reference(id_of(left[0]))}, embedded[1])
    pair = sorted([hidden, left], key=lambda event: blake3_derive_key("streams 2026 order tie v1", stream + struct.pack(">Q", 2) + base58_decode(event[0]["author:s"][1:])[2:]))
    good("an object that stands redacted in another, beside it: the seal divides them", Archive(stream, [root, one, hidden, left], frontier=leaves(*pair)), [hidden[0]])
    good("an object that is a map of another, beside it", Archive(stream, [root, one, embedded, left], frontier=leaves(*pair)))
    like = event(OWNER, [one], 2, one, **{"data:m": {"blocks:au": [1], "content:d": bytes(32), "signatures:d": bytes(64)}})
    good("a map that looks like a seal, without the `_`", Archive(stream, [root, one, like], frontier=leaves(like)))
    values = {
        "i:i": -(2**63), "u:u": 2**64 - 1, "large:i": 2**53 + 1, "half:f": 0.5, "whole:f": 1.0, "floats:af": [0.0, -1.5, 1e300], "b:b": False, "d:d": bytes(300),
        "s:s": "ünï", "r:r": reference("elsewhere"), "texts:as": [], "maps:am": [{}, {"deep:m": {"whole:f": 3.0}}, {}], "lists:aai": [[1], [], [-1, 2**40]],
    }  # fmt: skip
    kinds = event(OWNER, [one], 2, one, **{"data:m": values})
    good("every kind of value", Archive(stream, [root, one, kinds], frontier=leaves(kinds)))
    first = Archive(stream, [root, one], frontier=leaves(one))
    behind = dict(previous=blake3(encode_cbor(first.manifest)), frontier=leaves(last))
    good("what is new since another archive", Archive(stream, [left, right, last], **behind))
    good("nothing new", Archive(stream, **{**behind, "frontier": leaves(one)}))

    # The frame.
    whole, sections = archive.bytes, archive.sections()
    id = blake3(encode_cbor(archive.manifest))
    head = whole[:59]
    bad("no bytes", b"", "header")
    bad("a file of something else", b"PK\x03\x04" + bytes(96), "header")
    bad("half a header", whole[:30], "header")
    bad("version 2", car(id, *sections, header={"roots": [Reference(id)], "version": 2}), "header")
    bad("no root", car(id, header={"roots": [], "version": 1}) + b"".join(sections)[:200], "header")
    bad("another kind of root", car(id, header={"roots": [FOREIGN], "version": 1}) + b"".join(sections)[:200], "header")
    bad("another length of the header", bytes([0x39]) + whole[1:], "header")
    bad("the header alone", head, "truncated")
    bad("the header names another manifest", car(blake3(b""), *sections), "root")
    bad("half a manifest", whole[:100], "truncated")
    bad("a length that is longer than it needs to be", head + sections[0] + varint(36 + len(blocks_of(root[0])[0]))[:-1] + bytes([sections[1][1] | 128, 0]) + sections[1][2:], "section-length")
    bad("a length of five bytes", head + sections[0] + b"\xff\xff\xff\xff\x0f" + sections[1], "section-length")
    bad("a section of no block", head + sections[0] + section(b"")[:37], "section-length")
    bad("a section of no length", head + sections[0] + b"\0" + sections[1], "section-length")
    bad("a section longer than a block may be", head + sections[0] + varint(37 + (1 << 20)) + sections[1][2:], "section-length")
    bad("a raw block", head + sections[0] + section(b"raw", b"\x01\x55\x1e\x20" + blake3(b"raw")), "section-id")
    bad("a block under SHA-256", head + sections[0] + section(b"\xa0", b"\x01\x71\x12\x20" + hashlib.sha256(b"\xa0").digest()), "section-id")
    bad("a CIDv0", head + sections[0] + section(b"\xa0", b"\x12\x20" + bytes(34)), "section-id")
    flip = lambda data, at: data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    ends = [59]
    for one_section in sections:
        ends.append(ends[-1] + len(one_section))
    bad("a bit of the manifest", flip(whole, ends[1] - 1), "block")
    bad("a bit of a block", flip(whole, ends[2] - 1), "block")
    bad("a bit of the id of a block", flip(whole, ends[1] + 20), "block")
    bad("a bit of the last map", flip(whole, ends[-3] - 1), "block")
    bad("a bit of a signature", flip(whole, ends[-1] - 1), "block")

    # The manifest.
    changed = lambda *groups, **changes: Archive(stream, *groups, frontier=leaves(last), **changes).bytes
    bad("a manifest of a newer format", changed(everything, **{"format:s": "streams.archive.v2"}), "newer-format")
    bad("a manifest of something else", changed(everything, **{"format:s": "archive"}), "manifest")
    bad("a manifest without a format", changed(everything, **{"format:s": None}), "manifest")
    bad("a manifest without a stream", changed(everything, **{"stream:r": None}), "manifest")
    bad("a manifest without a count", changed(everything, **{"count:u": None}), "manifest")
    bad("a manifest with another field", changed(everything, **{"more:s": ""}), "manifest")
    bad("a manifest with a short digest", changed(everything, **{"order:d": bytes(31)}), "manifest")
    bad("a manifest with a frontier that is text", changed(everything, **{"frontier:d": None, "frontier:s": ""}), "manifest")
    bad("a manifest that is no map", car(blake3(b"\x80"), section(b"\x80")), "manifest")
    bad("one object more than there is", changed(everything, **{"count:u": 6}), "count", everything)
    bad("one object less than there is", changed(everything, **{"count:u": 4}), "count", everything)
    bad("another order", changed(everything, **{"order:d": bytes(32)}), "order", everything)
    bad("two objects in another order, with their seal", changed([root, one, right, left, last], **{"order:d": archive.manifest["order:d"]}), "order", everything[:2] + [right, left, last])
    bad("an object of another stream", Archive(blake3(b""), everything).bytes, "other-stream")
    bad("a root of another stream", changed([root, signed_object(ROOT_ENTRIES)]), "other-stream")

    # Seals.
    both = Archive(stream, [root, one], [left, right, last], frontier=leaves(last))
    parts = both.sections()
    joined = lambda *parts, of=both: car(blake3(encode_cbor(of.manifest)), *parts)
    bad("cut behind a seal", joined(*parts[:6]), "count", [root, one])
    bad("cut before a seal", joined(*parts[:-1]), "unsealed", [root, one])
    bad("cut inside a block", both.bytes[:-100], "truncated", [root, one])
    bad("a block is missing", joined(*parts[:2], *parts[3:]), "content")
    bad("a map is missing", joined(*parts[:8], *parts[9:]), "content", [root, one])
    bad("a block is there twice", joined(*parts[:3], *parts[2:]), "content")
    bad("two blocks are swapped", joined(parts[0], parts[2], parts[1], *parts[3:]), "content")
    bad("a seal is missing", joined(*parts[:5], *parts[6:]), "unsealed")
    bad("a seal is there twice", joined(*parts[:6], *parts[5:]), "content", [root, one])
    bad("a map of an object in another group", joined(*parts[:4], parts[8], *parts[4:]), "content")
    blocks = [blocks_of(entries) for entries, _ in everything]
    signatures = b"".join(signature for _, signature in everything)
    resealed = lambda changes={}, signatures=signatures, blocks=blocks: joined(*sections[:-1], section(seal(blocks, signatures, **changes)), of=archive)
    bad("a seal of no object", resealed({"blocks:au": []}), "seal")
    bad("a seal of an object without blocks", resealed({"blocks:au": [0, 4, 5, 5, 1]}), "seal")
    bad("a seal with short digests", joined(*sections[:-1], section(b"\xa3\x69blocks:au\x81\x01\x69content:d\x40\x6d_signatures:d\x40"), of=archive), "seal")
    bad("a seal of more blocks than there are", resealed({"blocks:au": [2, 2, 5, 5, 2]}), "content")
    bad("a seal of fewer blocks than there are", resealed({"blocks:au": [2, 2, 5, 5]}), "content")
    bad("a seal of other blocks", resealed({"content:d": bytes(32)}), "content")
    bad("a seal with half a signature", resealed(signatures=signatures[:-32]), "seal")
    bad("a seal with bytes behind it", joined(*sections[:-1], section(seal(blocks, signatures) + b"\0"), of=archive), "seal")
    long = b"\x98\x05" + bytes(len(own) for own in blocks)
    bad("a seal with a length that is longer than it needs to be", joined(*sections[:-1], section(seal(blocks, signatures).replace(b"\x85" + long[2:], long)), of=archive), "seal")
    bad("a signature is missing behind others", resealed(signatures=signatures[64:]), "unsigned")
    bad("all signatures are missing", resealed(signatures=b""), "unsigned")
    bad("two signatures are swapped", resealed(signatures=signatures[64:128] + signatures[:64] + signatures[128:]), "bad-signature")
    bad("a signature under another domain", Archive(stream, [root, (one[0], OWNER.sign(one[0], b"streams.archive.v1"))]).bytes, "bad-signature")
    bad("a signature on a hypothetical root", Archive(id_of(HYPOTHETICAL), [(HYPOTHETICAL, bytes(64))]).bytes, "signed-hypothetical")
    without_rules = section(seal([blocks[0][:1], *blocks[1:]], signatures))
    bad("rules without their map, and so the seal says", joined(*sections[:2], *sections[3:-1], without_rules, of=archive), "not-whole")
    divided = blocks[:2] + [blocks[2] + blocks[3][:1], blocks[3][1:], blocks[4]]
    bad("blocks divided otherwise: an object as the map of another", resealed(blocks=divided), "stray-map")

    # Vouching.
    ids = [blake3(seal([blocks_of(entries) for entries, _ in group], b"".join(signature for _, signature in group))) for group in both.groups]
    claim = {"seals:d": b"".join(ids), "author:s": OWNER.text, "archive:r": Reference(blake3(encode_cbor(both.manifest)))}
    vouching = lambda entries=claim, by=OWNER, domain=ARCHIVE_DOMAIN: encode_cbor([encode_cbor(entries), sign(by.seed, signed_bytes(blake3(encode_cbor(entries)), domain)), []])
    expected = {"author": OWNER.text, "archive": id_text(claim["archive:r"].digest), "seals": [id_text(id) for id in ids]}
    file.add("vouching", "for an archive of two seals", vouching=vouching().hex(), expected=expected)
    file.add("vouching", "for an archive of nothing", vouching=vouching({**claim, "seals:d": b""}).hex(), expected={**expected, "seals": []})
    for name, data, error in (
        ("signed by another", vouching(by=BEN), "vouching-signature"),
        ("signed as an object", vouching(domain=OBJECT_DOMAIN), "vouching-signature"),
        ("a bit of the signature", flip(vouching(), len(vouching()) - 2), "vouching-signature"),
        ("no bytes", b"", "vouching"),
        ("cut short", vouching()[:-1], "vouching"),
        ("bytes behind it", vouching() + b"\0", "vouching"),
        ("without an author", vouching(without(claim, "author:s")), "vouching"),
        ("without an archive", vouching(without(claim, "archive:r")), "vouching"),
        ("a field more", vouching({**claim, "more:s": ""}), "vouching"),
        ("half the id of a seal", vouching({**claim, "seals:d": claim["seals:d"][:-16]}), "vouching"),
        ("an archive of another kind of id", vouching({**claim, "archive:r": FOREIGN}), "vouching"),
        ("an author that is none", vouching({**claim, "author:s": "z6Mk"}), "vouching"),
        ("an author of small order", vouching({**claim, "author:s": author_text(encode_y(1, 0))}), "vouching"),
        ("a map beside it", encode_cbor([encode_cbor(claim), bytes(64), [b"\xa0"]]), "vouching"),
        ("no signature", encode_cbor([encode_cbor(claim), b"", []]), "vouching"),
    ):
        file.add("vouching", name, vouching=data.hex(), error=error)
    return file


def write():
    for make in (write_values, write_parts, write_json, write_identity, write_header, write_signatures, write_rules, write_redaction, write_streams, write_judging, write_peers, write_archives):
        make().write()
    print(f"written to {FOLDER}")
    return 0


# ---------------------------------------------------------------------------------------------------------------------------------------
# Searching: small streams at random, and what must hold of every one of them.
# ---------------------------------------------------------------------------------------------------------------------------------------


class Invented:
    """A random stream: unsigned objects, so that it is quick to make. Everybody acts, allowed or not, on leaves or on old parents."""

    PEOPLE = [OWNER.text, BEN.text, CID.text, DEE.text]

    def __init__(self, random):
        self.random = random
        everybody, holder = self.PEOPLE[1:], random.choice(self.PEOPLE[1:])
        rules = [APPEND_ALL] * random.choice((0, 1, 1))
        rules += [self.rule("allow", "govern", someone) for someone in everybody if random.random() < 0.5]
        rules += [self.rule("allow", "checkpoint", holder)] * random.choice((0, 0, 1))
        self.may_checkpoint = [OWNER.text, holder]
        root = {**ROOT_ENTRIES, "nonce:d": random.randbytes(16), **({"policies:am": rules} if rules else {})}
        self.stream = Stream(Object(build(root)))
        self.refusals = {}
        self.weights = random.choice(((25, 45, 25, 2, 3), (25, 30, 15, 25, 5)))  # much is governed, or much is made final
        for _ in range(random.randint(4, 16)):
            self.invent()

    @staticmethod
    def rule(effect, action, *subjects):
        return {"effect:s": effect, **({"actions:as": [action]} if action else {}), "subjects:as": list(subjects)}

    def invent(self):
        random, stream = self.random, self.stream
        everything = list(stream.admitted)
        parents = stream.leaves() if random.random() < 0.4 else random.sample(everything, min(len(everything), random.choice((1, 1, 1, 2, 3))))
        parents = sorted(set(parents))[:16]
        past = set(parents).union(*(stream.past(id) for id in parents))
        more = {"type:s": TYPE_OF_EVENT}
        author = random.choice(self.PEOPLE)
        kind = random.choices(("said", "rules", "withdraws", "checkpoint", "adopts"), self.weights)[0]
        if kind == "rules":
            someone = random.choice(self.PEOPLE)
            effect, action = random.choice((("allow", "govern"), ("allow", "append"), ("deny", None), ("deny", "govern"), ("deny", "append")))
            more = {"type:s": "streams/policy", "policies:am": [self.rule(effect, action, someone)]}
        elif kind == "withdraws":
            policies = [id for id in (past if random.random() < 0.8 else everything) if rules_of(stream.admitted[id]) is not None] or parents
            named = random.sample(policies, min(len(policies), random.choice((1, 1, 2))))
            more = {"type:s": "streams/policy", "data:m": {"withdraws:ar": [Reference(id) for id in named]}}
        elif kind == "checkpoint":
            author = random.choice(self.may_checkpoint)
            data = {"count:u": len(past) + (random.random() < 0.1), "order:d": blake3(b"".join(stream.order(past)))}
            more = {"type:s": "streams/checkpoint", "data:m": data}
        elif kind == "adopts":
            more = {"type:s": "streams/adopt", "data:m": {"objects:ar": [Reference(id) for id in random.sample(everything, 1)]}}
        height = 1 + max(generation(stream.admitted[id]) for id in parents)
        edges = {"stream:r": Reference(stream.root.id), "parents:ar": [Reference(id) for id in parents], "generation:u": height}
        event = Object(build({**more, **edges, "author:s": author, "timestamp:u": random.getrandbits(32)}))
        try:
            stream.settle(event)
        except Fault as fault:
            self.refusals[event.id] = fault.code

    def part(self, ids):
        """The stream of a replica that holds these ids alone, delivered in another order."""
        stream = Stream(self.stream.root)
        ids = [id for id in ids if id != self.stream.root.id]
        self.random.shuffle(ids)
        for id in ids:
            if id not in stream.admitted:
                stream.settle(self.stream.admitted[id])
                stream.settle_waiting()
        assert not stream.waiting
        return stream

    def some(self):
        """A subset that is closed under past."""
        ids = self.random.sample(list(self.stream.admitted), self.random.randint(1, len(self.stream.admitted)))
        return {self.stream.root.id}.union(ids, *(self.stream.past(id) for id in ids))


def broken_promises(invented):
    """The invariants, each with the paragraph that promises it. Yields a title for each that does not hold."""
    whole = invented.stream
    now = Judgement(whole)

    again = Judgement(invented.part(whole.admitted))
    if (now.order, now.verdicts, now.epoch, now.replay()) != (again.order, again.verdicts, again.epoch, again.replay()):
        yield "9.1: the outcome depends on S alone, not on the order of delivery"

    for id in now.order:
        object, author, verdict = whole.admitted[id], whole.author(id), now.verdicts[id]
        point = whole.type(id) == "streams/checkpoint"
        if any(now.order.index(ancestor) > now.order.index(id) for ancestor in whole.past(id)):
            yield "9.1: the order extends the causal order"
        if author == now.owner and not point and not verdict.is_effective:
            yield "8.3: the owner is always effective"
        if id in now.policies and now.ranks.get(id, INFINITE) != now.rank(author, id):
            yield "8.5: the ranks that the strata give are those that the definition gives"
        if id in now.policies and (id in now.ranks) != verdict.is_effective:
            yield "8.5: a policy object is effective iff the rank of its author at it is finite"
        if verdict.why == "allowed" and not (verdict.by in whole.past(id) and verdict.by in now.ranks and leads_to_owner(now, verdict.by)):
            yield "8.7: who is effective has a chain of rules that leads to the owner"
        if id not in now.policies and not point and not verdict.is_effective and allowed_by_seniors(now, id):
            yield "8.6: equals and juniors take nothing that a senior gave"
        if not point and author != now.owner and verdict.is_effective and denied_in_spite(now, id):
            yield "8.6: nobody is effective against a standing denial by the owner that is not after it"

    for p, rank in now.ranks.items():
        without = muted(whole, p)
        for subject in invented.PEOPLE:
            for e in now.order:
                before, after = now.rank(subject, e), without.rank(subject, e)
                if before != after and min(before, after) <= rank:
                    yield "8.5: a policy object changes no rank that is its author's own or a lower number"

    for _ in range(3):
        smaller = invented.part(invented.some())
        before = Judgement(smaller)
        yield from changed_by_arrivals(before, now)

    top = {"type:s": TYPE_OF_EVENT, "author:s": OWNER.text}
    for rules in ([DENY_ALL], [{"effect:s": "allow", "actions:as": ["govern", "append"], "subjects:as": invented.PEOPLE}], None):
        more = {"type:s": "streams/policy", "policies:am": rules} if rules else {
            "type:s": "streams/policy", "data:m": {"withdraws:ar": [Reference(id) for id in now.policies]},
        }  # fmt: skip
        height = 1 + max(generation(object) for object in whole.admitted.values())
        edges = {"stream:r": Reference(whole.root.id), "parents:ar": [Reference(id) for id in whole.leaves()[:16]], "generation:u": height}
        if len(whole.leaves()) <= 16 and simulate(whole, [Object(build({**top, **more, **edges}))]) != ([], []):
            yield "8.4: a policy object above everything changes no verdict"


def leads_to_owner(judgement, p):
    if judgement.ranks[p] == 0:
        return True
    given = judgement.verdicts[p].by
    return judgement.ranks[given] < judgement.ranks[p] and given in judgement.stream.past(p) and leads_to_owner(judgement, given)


def allowed_by_seniors(judgement, e):
    """Whether the author governs at e, and those of lower rank alone decide, in both sets, that it is allowed."""
    access = access_of(judgement.stream.admitted[e])
    rank = judgement.rank(access.subject, e)

    def decides(within):
        return decide([rule for p in judgement.standing(within) if judgement.ranks[p] < rank for rule in judgement.policies[p]], access) == "allow"

    return 1 <= rank <= HIGHEST_RANK and decides(judgement.known(e)) and decides(judgement.beside(e))


def denied_in_spite(judgement, e):
    """Whether the owner denies its author the access in a policy object that nobody withdraws, that has not seen e, and is of no later epoch."""
    access = access_of(judgement.stream.admitted[e])
    named = set().union(*(judgement.withdraws[w] for w in judgement.ranks))
    return any(
        judgement.ranks[p] == 0 and p not in named and e not in judgement.stream.past(p) and judgement.epoch[p] <= judgement.epoch[e]
        and any(rule.effect == "deny" and matches(rule, access) for rule in judgement.policies[p])
        for p in judgement.ranks
    )  # fmt: skip


def muted(stream, p):
    """The judgement in which p stays where it is, and says nothing."""

    class Muted(Judgement):
        def rank_policies(self):
            self.policies[p], self.withdraws[p] = [], set()
            return super().rank_policies()

    return Muted(stream)


def changed_by_arrivals(before, after):
    """9.1, 9.4, of a replica that holds less, and one that holds more."""
    points = lambda judgement: {id for id in judgement.order if judgement.stream.type(id) == "streams/checkpoint"}
    if points(before) == points(after) and [id for id in after.order if id in before.epoch] != before.order:
        yield "9.1: adding objects that are not checkpoints never changes the mutual order of others"
    force = [id for id in points(after) if after.stream.lacks_force(id) is None]
    past = after.stream.past
    beside = [(a, b) for a in force for b in force if a != b and a not in past(b) and b not in past(a)]
    stands = len(before.chain)
    if beside:  # back to the last accepted one below both
        below = [c for c in before.chain if all(c in past(a) and c in past(b) for a, b in beside)]
        stands = len(below)
    if after.chain[:stands] != before.chain[:stands]:
        yield "9.4: accepted checkpoints stay accepted, unless a holder equivocates"
    final = [id for id in before.order if before.epoch[id] <= stands]
    if after.order[: len(final)] != final or any(after.epoch[id] != before.epoch[id] for id in final):
        yield "9.4: the order and epochs of what is final stand"
    if any(after.verdicts[id] != before.verdicts[id] for id in final):
        yield "9.4: the verdicts of what is final stand, with their reasons"
    replayed = lambda judgement: judgement.replay()[: len([id for id in judgement.replay() if place_of(judgement, id) in final])]
    if replayed(after) != replayed(before):
        yield "9.4: the replay of what is final stands"


def place_of(judgement, id):
    """Where an object is handed out: at itself, or at what adopts it."""
    return id if judgement.is_effective(id) else judgement.adoptions()[id]


def search(seconds, seed):
    """Prints what was found; each stream can be made again by its number."""
    end, number, broken = time.monotonic() + seconds, seed, {}
    sizes, void, final, refused = 0, 0, 0, 0
    while time.monotonic() < end:
        invented = Invented(Random(number))
        judgement = Judgement(invented.stream)
        sizes, refused = sizes + len(judgement.order), refused + len(invented.refusals)
        void += sum(not verdict.is_effective for verdict in judgement.verdicts.values())
        final += sum(epoch <= len(judgement.chain) for epoch in judgement.epoch.values())
        for title in set(broken_promises(invented)):
            broken.setdefault(title, []).append((len(judgement.order), number))
        number += 1
    print(f"{number - seed} streams, {sizes} objects admitted, {refused} refused, {void} void, {final} final")
    for title, found in sorted(broken.items()):
        print(f"BROKEN {len(found)} times, the smallest by seed {min(found)[1]}, {min(found)[0]} objects: {title}")
    return 1 if broken else 0


def main(arguments):
    if arguments == ["write"]:
        return write()
    if arguments[:1] == ["check"]:
        return check([pathlib.Path(argument) for argument in arguments[1:]] or [FOLDER])
    if arguments[:1] == ["search"]:
        options = dict(zip(arguments[1::2], arguments[2::2]))
        return search(float(options.get("--seconds", 20)), int(options.get("--seed", 1)))
    print(__doc__.strip())
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
