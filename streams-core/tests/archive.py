#!/usr/bin/env python3
"""Reads archives (docs/archives.md), and proves them: the standard library alone, and BLAKE3 and Ed25519 from reference.py.

    python3 archive.py FILE...      tells what is in each; the exit code is 1 where something is wrong
"""

import struct
import sys

from reference import blake3, id_text, key_in, usable_key, verify

CID = bytes.fromhex("01711e20")  # version 1, dag-cbor, BLAKE3, 32 bytes: before each digest
SECTION_LIMIT = 36 + (1 << 20)


class Damage(Exception):
    """What is wrong first, and where in the file."""

    def __init__(self, code, offset):
        super().__init__(f"at {offset}: {code}")
        self.code, self.offset = code, offset


def decode(data, at=0):
    """An item of CBOR, and where it ends. A link becomes ("link", digest)."""
    major, small, at = data[at] >> 5, data[at] & 31, at + 1
    size = {24: 1, 25: 2, 26: 4, 27: 8}.get(small, 0)
    number, at = int.from_bytes(data[at : at + size], "big") if size else small, at + size
    if small > 27 or (major < 7 and size and number < (24 if size == 1 else 1 << 4 * size)):
        raise ValueError("not the one way to write it")
    if major < 2:
        return number if major == 0 else -1 - number, at
    if major < 4:
        string = data[at : at + number]
        if len(string) < number:
            raise ValueError("cut short")
        return string if major == 2 else string.decode(), at + number
    if major < 6:
        items = []
        for _ in range(number * (major - 3)):
            item, at = decode(data, at)
            items.append(item)
        return items if major == 4 else dict(zip(items[::2], items[1::2])), at
    if major == 6:
        cid, at = decode(data, at)
        return ("link", cid[5:]), at
    return {20: False, 21: True}.get(small) if small < 27 else struct.unpack(">d", number.to_bytes(8, "big"))[0], at


def sections(file, at):
    """Each block with its digest and its place. Its length is a varint: seven bits a byte, the lowest first."""
    while at < len(file):
        begin, length, shift = at, 0, 0
        while True:
            if at == len(file):
                raise Damage("truncated", begin)
            byte, at = file[at], at + 1
            length |= (byte & 127) << shift
            if byte < 128:
                break
            shift += 7
            if shift == 21:
                raise Damage("section-length", begin)
        if (shift and not byte) or not 36 < length <= SECTION_LIMIT:
            raise Damage("section-length", begin)
        if len(file) >= at + 36 and file[at : at + 4] != CID:
            raise Damage("section-id", begin)
        if at + length > len(file):
            raise Damage("truncated", begin)
        digest, block, at = file[at + 4 : at + 36], file[at + 36 : at + length], at + length
        if blake3(block) != digest:
            raise Damage("block", begin)
        yield begin, digest, block


def read(file):
    """The manifest, then lists of objects that have one seal, each as (digest, block, signature, map blocks). What is given is proven, but for
    the signatures: judge() does that. The last thing that is found out is whether all of it is there."""
    header = bytes.fromhex("3aa265726f6f747381d82a582500") + CID
    if not (file.startswith(header) and file[50:59] == b"\x67version\x01"):
        raise Damage("header", 0)
    manifest, unsealed, order, begin = None, [], b"", 59
    for begin, digest, block in sections(file, 59):
        if manifest is None:
            manifest = read_manifest(block, begin)
            if digest != file[18:50]:
                raise Damage("root", 0)
            yield manifest
        elif block.startswith(b"\xa3\x69blocks:au") and b"_signatures:d" in block:
            seal = read_seal(block, begin)
            counts, signatures = seal["blocks:au"], seal["_signatures:d"]
            own = unsealed[max(0, len(unsealed) - sum(counts)) :]
            if sum(counts) > len(unsealed) or blake3(b"".join(digest for _, digest, _ in own)) != seal["content:d"]:
                raise Damage("content", begin)
            if len(own) < len(unsealed):
                raise Damage("unsealed", unsealed[0][0])
            objects, at = [], 0
            unsigned = len(counts) - len(signatures) // 64  # a hypothetical root, which is the first, has none
            for number, count in enumerate(counts):
                (_, digest, block), *maps = unsealed[at : at + count]
                place = 64 * (number - unsigned)
                signature = signatures[place : place + 64] if place >= 0 and unsigned in (0, 1) else b""
                objects.append((digest, block, signature, [map for _, _, map in maps]))
                at, order = at + count, order + digest
            unsealed = []
            yield objects
        else:
            unsealed.append((begin, digest, block))
    if manifest is None:
        raise Damage("truncated", 59)
    if unsealed:
        raise Damage("unsealed", unsealed[0][0])
    if len(order) != 32 * manifest["count:u"]:
        raise Damage("count", len(file))
    if blake3(order) != manifest["order:d"]:
        raise Damage("order", len(file))


def read_manifest(block, at):
    try:
        manifest, end = decode(block)
        if manifest["format:s"].startswith("streams.archive.") and manifest["format:s"] != "streams.archive.v1":
            raise Damage("newer-format", at)
        fields = ["count:u", "order:d", "format:s", "stream:r", "frontier:d"] + ["previous:r"] * ("previous:r" in manifest)
        good = all(len(manifest[name]) == 32 for name in ("order:d", "frontier:d")) and type(manifest["count:u"]) is int
        good = good and all(manifest[name][0] == "link" for name in fields if name.endswith(":r"))
        if good and end == len(block) and list(manifest) == fields and manifest["format:s"] == "streams.archive.v1":
            return manifest
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        pass
    raise Damage("manifest", at)


def read_seal(block, at):
    try:
        seal, end = decode(block)
        counts, signatures = seal["blocks:au"], seal["_signatures:d"]
        good = 1 <= len(counts) <= 1024 and all(1 <= count <= 4096 for count in counts) and len(signatures) % 64 == 0
        if good and end == len(block) and list(seal) == ["blocks:au", "content:d", "_signatures:d"] and len(seal["content:d"]) == 32:
            return seal
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        pass
    raise Damage("seal", at)


def judge(digest, block, signature):
    """Whether the author signed the object; a hypothetical root needs none."""
    entries, _ = decode(block)
    if set(entries) == {"type:s", "author:s"}:
        return not signature
    key = key_in(entries.get("author:s", ""))
    return key is not None and usable_key(key) and len(signature) == 64 and verify(key, b"streams.object.v1\0" + digest, signature)


def main(paths):
    wrong = 0
    for path in paths:
        with open(path, "rb") as file:
            parts = read(file.read())
        try:
            manifest, count = next(parts), 0
            for digest, block, signature, _ in (object for objects in parts for object in objects):
                if not judge(digest, block, signature):
                    raise Damage(f"{id_text(digest)} is not signed by its author", 0)
                count += 1
            print(f"{path}: {count} objects of {id_text(manifest['stream:r'][1])}, order {manifest['order:d'].hex()}")
        except Damage as damage:
            print(f"{path}: {damage}")
            wrong += 1
    return 1 if wrong or not paths else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
