"""For tests: peers in a simulated world, the contract of a store, and strategies for hypothesis.

`World` is many nodes on one thread, over links that break, from a seed. `conforms` runs the contract of a store against
one that you wrote, and `conforms_archiver` that of an archiver. `streams_core.testing.strategies` has objects, streams and DAGs for hypothesis
(`pip install streams-core[testing]`).
"""

from collections.abc import Callable

from .._core import World
from .._core import conforms as _conforms
from .._core import conforms_archiver as _conforms_archiver
from ..keep import AnyArchiver
from ..types import AnyStore

__all__ = ["World", "conforms", "conforms_archiver"]


def conforms(make: Callable[[], AnyStore]) -> None:
    """Runs the whole contract of a store; `make` gives another, empty one each time.

    Raises:
        AssertionError: the store does not keep it; the message tells where.

    >>> conforms(MemoryStore)
    """
    _conforms(make)


def conforms_archiver(archiver: AnyArchiver) -> None:
    """Runs the whole contract of an archiver, which has nothing of these tests in it before.

    Raises:
        AssertionError: the archiver does not keep it; the message tells where.

    >>> from streams_core.keep import FolderArchiver
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     conforms_archiver(FolderArchiver(folder))
    """
    _conforms_archiver(archiver)
