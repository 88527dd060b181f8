"""For tests: peers in a simulated world, the contract of a store, and strategies for hypothesis.

`World` is many nodes on one thread, over links that break, from a seed. `conforms` runs the contract of a store against
one that you wrote. `streams_core.testing.strategies` has objects, streams and DAGs for hypothesis
(`pip install streams-core[testing]`).
"""

from collections.abc import Callable

from .._core import World
from .._core import conforms as _conforms
from ..types import AnyStore

__all__ = ["World", "conforms"]


def conforms(make: Callable[[], AnyStore]) -> None:
    """Runs the whole contract of a store; `make` gives another, empty one each time.

    Raises:
        AssertionError: the store does not keep it; the message tells where.

    >>> conforms(MemoryStore)
    """
    _conforms(make)
