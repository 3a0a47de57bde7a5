"""firmware/core/compact.py and <role>/compact.py: the tables as a board keeps them (firmware/core/lines.py).

And sensor/ais_places.py, from sensor/ais_table.py.
"""

from __future__ import annotations

import struct
from typing import Any

from dragonet.errors import UserError
from dragonet.generate import tables
from dragonet.paths import FIRMWARE

from core import command_table, event_table, hk_table, parameter_table, ports, system_table  # isort: skip
from core.lines import Lines  # isort: skip
from sensor import ais_table  # isort: skip

_WRITTEN = "# Written by `dragonet generate compact`; do not edit.\n"
_CORE = (
    "# The core's tables as a board keeps them: core/lines.py. The dictionary of a board whose own cannot be read.\n"
    + _WRITTEN
    + "from core.dictionary import Dictionary\nfrom core.lines import Lines\nfrom core.telemetry import Set\n\n"
)
_ROLE = (
    "# The {role}'s dictionary as the board keeps it: core/lines.py.\n"
    + _WRITTEN
    + "from core.dictionary import Dictionary\nfrom core.lines import Lines\nfrom core.telemetry import Set\n\n"
)


def files() -> dict[str, str]:
    """Path below firmware/, and text, of each file. UserError: a table holds what Lines cannot."""
    found = {"core/compact.py": _core()}
    found.update({f"{role}/compact.py": _role(one) for role, one in tables.dictionaries().items()})
    found["sensor/ais_places.py"] = _ais_places()
    return found


def write() -> list[str]:
    """Paths of the files that were not as they should be, and now are."""
    changed = []
    for name, text in files().items():
        path = FIRMWARE / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            changed.append(f"firmware/{name}")
    return changed


def text(table: Any, name_column: int, described: bool = True) -> str:
    """A table's lines, for Lines(name_column, ...), in Python. described: its last column is a description."""
    lines = []
    for line in table:
        kept = (*line[:-1], "") if described else tuple(line)
        cells = [kept[name_column], *(_cell(value) for k, value in enumerate(kept) if k != name_column)]
        lines.append("|".join(cells))
        if set(lines[-1]) & set('\n"\\') or not lines[-1].isascii() or _read(name_column, lines[-1]) != kept:
            raise UserError(f"{line[name_column]}: core/lines.py cannot keep {line}")
    return 'Lines(%d, b"""\n%s""")' % (name_column, "".join(f"{line}\n" for line in lines))


def _read(name_column: int, line: str) -> tuple[Any, ...]:
    return Lines(name_column, f"\n{line}\n".encode())[0]


def _cell(value: Any) -> str:
    if not isinstance(value, tuple):
        return str(value)
    if value and isinstance(value[0], tuple):
        return "(%s)" % "".join(",".join(map(str, each)) + ";" for each in value)
    return "(%s)" % ",".join(map(str, value))


def _set(table: Any) -> str:
    return f'Set("{table.name}", {text(table.fields, 0)}, 0x{table.hash:08X})'


def _core() -> str:
    parts = [
        _CORE,
        f"SYSTEM = {_set(system_table.SYSTEM)}\n\n\n",
        "def dictionary(role):\n",
        f'    hk = Set(role, {text(hk_table.COMMON, 0)})\n',
        f"    parameters = {text(parameter_table.PARAMETERS, 0)}\n",
        f"    events = {text(event_table.EVENTS, 1)}\n",
        f"    commands = {text(command_table.COMMANDS, 1)}\n",
        "    return Dictionary(role, hk, parameters, events, commands, sets=(SYSTEM,))\n",
    ]
    return "".join(parts)


def _role(one: Any) -> str:
    assert one.role in ports.BOARDS and one.sets[1:] == (system_table.SYSTEM,)
    parts = [
        _ROLE.format(role=one.role),
        f"HK = {_set(one.hk)}\n\n",
        f"PARAMETERS = {text(one.parameters, 0)}\n\n\n",
        "def dictionary():\n",
        "    from core.compact import SYSTEM\n\n",
        f"    events = {text(one.events, 1)}\n",
        f"    commands = {text(one.commands, 1)}\n",
        f"    limits = {text(one.limits, 0, described=False)}\n",
        f'    return Dictionary("{one.role}", HK, PARAMETERS, events, commands, limits, (SYSTEM,), 0x{one.hash:08X})\n',
    ]
    return "".join(parts)


def _ais_places() -> str:
    by_type = bytes(ais_table.TYPES.get(kind, 255) for kind in range(max(ais_table.TYPES) + 1))
    parts = [
        "# Where a board finds what it needs of AIS messages, by number of the layout in sensor/ais_table.py.\n",
        _WRITTEN,
        "# Constant bytes, which stay in flash where tuples of a slot would not.\n",
        "# fmt: off\n",
        f"# The layout of a message type, 255: only counted.\nBY_TYPE = (\n    {_escaped(by_type)}\n)\n",
        f"# Fewest bits.\nFEWEST = {ais_table.FEWEST}\n",
    ]
    for name, code, size in (("POSITION", "B", "u8"), ("STATIC", "H", "u16")):
        fields = getattr(ais_table, name)
        rows = []
        for layout in ais_table.LAYOUTS:
            plan = ais_table.plan(layout, fields)
            row = struct.pack(f">{len(plan)}{code}", *plan) if any(plan) else b""
            rows.append(f"    # {', '.join(map(str, plan)) if row else 'none'}\n    {_escaped(row)},\n")
        parts.append(f"# First bit and width, {size} each, 0 and 0 where there is none: {', '.join(fields)}.\n")
        parts.append(f"{name} = (\n{''.join(rows)})\n")
    return "".join(parts)


def _escaped(data: bytes) -> str:
    return 'b"' + "".join(f"\\x{byte:02x}" for byte in data) + '"'
