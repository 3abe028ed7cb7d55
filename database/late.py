"""Libraries that few processes ever use."""

from importlib import import_module
from typing import Any


class Late:
    """Stands for a library that few processes ever use: it is loaded by the first who asks for something of it, so
    that the others don't hold it (`memory_mb`)."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self._name), name)
