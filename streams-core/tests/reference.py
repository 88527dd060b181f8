#!/usr/bin/env python3
"""The specification of Streams, read literally: slow, short, and the judge of every faster implementation.

    python3 reference.py check [PATH...]    run vector files, or folders of them (default: the folder `vectors` beside this file)
    python3 reference.py write              write the vector files anew (proposal.json is given, and stays as it is)

The numbers in comments are the paragraphs of docs/spec.md; the format of the vectors is docs/vectors.md. Everything is the standard library of
Python 3.11. The rooms follow the sections: what the specification builds on (BLAKE3, Ed25519, bases), 1 to 12, 14, then the vectors.
"""

import base64
import functools
import hashlib
import json
import pathlib
import re
import struct
import sys
from dataclasses import dataclass

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
        for ancestor in self.past(object):
            rules = rules_of(ancestor) or []
            if any(rule.effect == "allow" and matches(rule, access) for rule in rules):
                return True
        return False

    def past(self, object):
        """The strict ancestors."""
        found, open_ids = {}, edges(object)
        while open_ids:
            id = open_ids.pop()
            if id not in found:
                found[id] = self.admitted[id]
                open_ids += edges(found[id])
        return found.values()

    # 9 Order and finality. There are no accepted checkpoints yet: every epoch is equal.

    def order(self):
        """9.1."""
        return sorted(self.admitted, key=self.order_key)

    def order_key(self, id):
        object = self.admitted[id]
        author = key_in(object.entries["author:s"])
        return generation(object), tie(self.root.id, generation(object), author), id

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


def tie(root, generation, author):
    """9.1."""
    return blake3_derive_key("streams 2026 order tie v1", root + generation.to_bytes(8, "big") + author)


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
    texts = lambda ids: [id_text(id) for id in ids]
    return {
        "order": texts(stream.order()),
        "leaves": texts(stream.leaves()),
        "frontier": stream.frontier().hex(),
        "gaps": texts(stream.gaps()),
        "forks": [texts(fork) for fork in stream.forks()],
        "refused": texts(sorted(stream.refused)),
    }


KINDS = {
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
        self.by = by
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


def write():
    for make in (write_values, write_parts, write_json, write_identity, write_header, write_signatures, write_rules, write_redaction, write_streams):
        make().write()
    print(f"written to {FOLDER}")
    return 0


def main(arguments):
    if arguments == ["write"]:
        return write()
    if arguments[:1] == ["check"]:
        return check([pathlib.Path(argument) for argument in arguments[1:]] or [FOLDER])
    print(__doc__.strip())
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
