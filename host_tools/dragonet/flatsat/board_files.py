"""Loads parts.py and pins_unix.py of boards/<role>/ into the host: the flatsat reads the tables that firmware reads."""

from __future__ import annotations

import functools
import importlib.util
import sys
from types import ModuleType

from dragonet import paths
from dragonet.errors import UserError


@functools.cache
def board_module(role: str, name: str) -> ModuleType:
    """boards/<role>/<name>.py, loaded under a name of its own. pins files need the virtual board's `machine`."""
    path = paths.BOARDS / role / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"dragonet_{role}_{name}", path)
    if spec is None or spec.loader is None or not path.exists():
        raise UserError(f"{path} is missing: this checkout is not whole")
    if str(paths.VIRTUAL_BOARD) not in sys.path:
        sys.path.append(str(paths.VIRTUAL_BOARD))  # after CPython's own: only `machine` and `twin` are found there
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
