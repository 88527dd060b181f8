"""The chapter `python` of `docs/performance.md`: rows of its table. Run by `scripts/bench`.

    python bench.py PROGRAM    # that of the benches, which does the same in Rust
"""

import ctypes
import gc
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import streams_core as streams

OBJECTS, MANY = 20_000, 1_000_000
ALICE = streams.SigningKey.from_bytes(bytes([1] * 32))


def row(what: str, ours: str, beside: str, figure: float, bound: float, at_most: bool = True) -> None:
    holds = figure <= bound if at_most else figure >= bound
    mark, sign = ("holds" if holds else "**missed**"), ("≤" if at_most else "≥")
    print(f"| {what} | {ours} | {beside} | {figure:.2f} | {sign} {bound:g} | {mark} |")


def seconds(work: Callable[[], object]) -> float:
    gc.collect()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def written(count: int) -> tuple[streams.Authentic, list[bytes]]:
    """A root, and the parts of objects behind it by sixteen authors."""
    keys = [streams.SigningKey.from_bytes(bytes([n + 1] * 32)) for n in range(16)]
    root = streams.Draft.root("bench/list", policies=[streams.Rule.open_to_all()], nonce=bytes(16)).sign(ALICE)
    tip, parts, latest = root, [], {0: root.id}
    for n in range(count):
        edges = streams.Edges(root.id, [tip.id], latest.get(n % 16), n + 1)
        tip = streams.Draft.event("bench/list.Added", edges, {"item": "milk", "number": n}).sign(keys[n % 16])
        latest[n % 16] = tip.id
        parts.append(tip.parts)
    return root, parts


def ingest(program: str, root: streams.Authentic, parts: list[bytes]) -> streams.Stream:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "parts"
        file.write_bytes(b"".join(len(one).to_bytes(4) + one for one in [root.parts, *parts]))
        ours, theirs = [], []
        for _ in range(5):
            stream = streams.Node().create(root)
            ours.append(seconds(lambda: stream.ingest(parts)) * 1e6 / len(parts))
            theirs.append(float(subprocess.run([program, "ingest", file], capture_output=True, check=True).stdout))
    row(
        "Python: verified ingest of a list, batched inside, into memory",
        f"{median(ours):.2f} µs each",
        f"the same in Rust, {median(theirs):.2f} µs",
        median(ours) / median(theirs),
        1.25,
    )
    return stream


def iteration(stream: streams.Stream) -> None:
    count = len(stream)
    rate = count / median(seconds(lambda: sum(1 for _ in stream)) for _ in range(5))
    row("Python: iterate over an open stream", f"{rate:.0f} entries/s", "its bound in thousands", rate / 1e3, 300, False)


def ids() -> None:
    data = {"item": "milk", "count": 2, "done": False}

    def many() -> None:
        for _ in range(10_000):
            streams.id_of(data)

    cost = median(seconds(many) for _ in range(7)) / 10_000 * 1e6
    row("Python: the id of a dict of three", f"{cost:.2f} µs", "its bound in µs", cost, 5)


def imports() -> None:
    def run(code: str) -> float:
        return median(seconds(lambda: subprocess.run([sys.executable, "-c", code], check=True)) for _ in range(9))

    cost = (run("import streams_core") - run("pass")) * 1e3
    row("Python: import streams_core", f"{cost:.1f} ms", "its bound in ms", cost, 50)


def resident() -> int:
    """What the process has in memory, without what its allocator keeps for later."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def many() -> None:
    """A million objects into SQLite: what the process grows by, beside their parts, which the open stream holds, and
    beside the pages that SQLite keeps, which go when the store is closed; and then reading them from the file alone."""
    root, some = written(1000)
    size = 0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "many.db"
        node = streams.Node(file)
        stream = node.create(root)
        stream.ingest(some)
        tip, generation = streams.Object.decode(some[-1]), 1000
        previous = stream.edges(ALICE.verifying_key).previous
        before = resident()
        for start in range(0, MANY, 4096):
            batch = []
            for n in range(start, min(start + 4096, MANY)):
                generation += 1
                edges = streams.Edges(root.id, [tip.id], previous, generation)
                tip = streams.Draft.event("bench/list.Added", edges, {"number": n}).sign(ALICE)
                previous = tip.id
                batch.append(tip.parts)
                size += len(batch[-1])
            stream.ingest(batch).check()
        del batch
        with_pages = resident()
        node.close()
        grown = resident() - before
        pages = (with_pages - before - grown) / 1e6
        row(
            "Python: memory of 1M objects into SQLite, each, without its parts",
            f"{(grown - size) / MANY:.0f} bytes",
            f"its bound in bytes; SQLite's pages are {pages:.0f} MB",
            (grown - size) / MANY,
            128,
        )
        with streams.Node(file) as cold:
            shelf = cold[root.id]
            took = seconds(lambda: sum(1 for _ in shelf))
            rate = (MANY + 1001) / took
        row("Python: iterate over 1M objects in an SQLite file", f"{rate:.0f} entries/s", "its bound in thousands", rate / 1e3, 300, False)


def main() -> None:
    program = sys.argv[1]
    root, parts = written(OBJECTS)
    stream = ingest(program, root, parts)
    iteration(stream)
    ids()
    imports()
    many()


if __name__ == "__main__":
    main()
