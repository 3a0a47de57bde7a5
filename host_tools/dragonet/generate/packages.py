"""boards/<role>/package.json, by which `mpremote mip install` puts a board's files on stock MicroPython.

A board carries what its main.py, app, dictionary and pins import, what these import in turn, and the whole bus
library but its bench services: what a team adds may open connections that no app of ours does.
"""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

from dragonet.paths import BOARDS, FIRMWARE

ROLES = ("eps", "beacon", "sensor")
_PINS = "pins_rp2.py"


def write(role: str) -> bool:
    """True when the file of `role` was not as it should be, and now is."""
    path = BOARDS / role / "package.json"
    text = render(role)
    if path.exists() and path.read_text() == text:
        return False
    path.write_text(text)
    return True


def render(role: str) -> str:
    """The text of package.json of `role`."""
    version = json.loads((BOARDS / role / "package.json").read_text())["version"]
    lines = [f'        ["{target}", "{source}"]' for target, source in _files(role)]
    return '{\n    "version": "%s",\n    "urls": [\n%s\n    ]\n}\n' % (version, ",\n".join(lines))


def modules(role: str, firmware: Path = FIRMWARE) -> list[str]:
    """Paths below firmware/ of what a board of `role` runs, sorted. firmware: another copy of that folder."""
    found: set[str] = set()
    board = BOARDS / role
    waiting = ["boot.py", "main.py", "core/start.py", f"{role}/app.py", f"{role}/compact.py"]
    waiting += [name for path in (board / "parts.py", board / _PINS) for name in _imported(path, firmware)]
    waiting += [f"csp/{path.name}" for path in (firmware / "csp").glob("*.py") if not path.name.startswith("bench_")]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _imported(firmware / name, firmware)
    return sorted(found)


def _files(role: str) -> Iterator[tuple[str, str]]:
    for name in modules(role):
        yield name, f"../../firmware/{name}"
    yield "parts.py", "parts.py"
    yield "pins.py", _PINS


def _imported(path: Path, firmware: Path) -> Iterator[str]:
    """Firmware files that a file names: imports, and modules named in strings for __import__."""
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value:
            names = [node.value]
        for name in names:
            parts = name.split(".")
            if not all(part.isidentifier() for part in parts):
                continue
            for k in range(1, len(parts) + 1):
                base = "/".join(parts[:k])
                for file in (f"{base}.py", f"{base}/__init__.py"):
                    if (firmware / file).is_file():
                        yield file
