from collections.abc import Iterator

from .testing import Loop

def virtual_loop() -> Iterator[Loop]: ...
