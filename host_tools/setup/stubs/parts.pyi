# Which board's parts these are is decided when the board starts.
from typing import Any

def __getattr__(name: str) -> Any: ...
