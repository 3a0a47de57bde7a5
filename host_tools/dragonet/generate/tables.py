"""The boards' dictionaries, for generators."""

from __future__ import annotations

import functools
import importlib
from typing import Any

from dragonet import paths

paths.use_firmware()

from core import ports  # noqa: E402


@functools.cache
def dictionaries() -> dict[str, Any]:
    """core.dictionary.Dictionary of each board by role."""
    return {role: importlib.import_module(f"{role}.dictionary").DICTIONARY for role in ports.BOARDS}
