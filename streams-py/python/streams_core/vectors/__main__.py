"""Runs all vectors, or those of some kinds, by the installed package: `python -m streams_core.vectors [KIND …]`."""

import sys
import time

from . import cases, kinds, run


def main() -> int:
    """Runs them; the number is that of a process: 0 where all held."""
    wanted = sys.argv[1:] or kinds()
    if unknown := set(wanted) - set(kinds()):
        print(f"there is no kind {', '.join(sorted(unknown))}: there are {', '.join(kinds())}", file=sys.stderr)
        return 2
    ran, failed, start = 0, 0, time.perf_counter()
    for kind in wanted:
        for case in cases(kind):
            ran += 1
            try:
                run(case)
            except Exception as error:
                failed += 1
                print(f"{case.file}.json {case.kind} “{case.name}”: {error or type(error).__name__}")
    print(f"{ran - failed} of {ran} vectors hold, {time.perf_counter() - start:.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
