# The virtual board, for programs that run on it; checked with the host tools, not against the boards' stubs.
from typing import Any

def __getattr__(name: str) -> Any: ...
