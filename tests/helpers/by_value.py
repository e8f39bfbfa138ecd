"""Functions of test modules for worker processes, which cannot import these."""

from __future__ import annotations

import sys
from collections.abc import Callable

import cloudpickle


class ByValue:
    """A function that workers get by value, with what it uses of its module."""

    def __init__(self, function: Callable) -> None:
        self.function = function

    def __reduce__(self):
        module = sys.modules[self.function.__module__]
        cloudpickle.register_pickle_by_value(module)
        try:
            return cloudpickle.loads, (cloudpickle.dumps(self.function),)
        finally:
            cloudpickle.unregister_pickle_by_value(module)
