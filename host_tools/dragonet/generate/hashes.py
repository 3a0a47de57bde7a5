"""firmware/core/hashes.py: what each board expects of the dictionaries of the others, without their tables."""

from __future__ import annotations

from dragonet.generate import tables
from dragonet.paths import FIRMWARE

PATH = FIRMWARE / "core" / "hashes.py"

_HEAD = """\
# Low halves of the hashes of all boards' dictionaries, as they stand in their heartbeats.
# Written by `dragonet generate hashes`; do not edit.
HASHES = {
    # role: (its housekeeping alone, its dictionary)
"""


def render() -> str:
    """The text of hashes.py."""
    lines = [
        f'    "{role}": (0x{one.hk.hash & 0xFFFF:04X}, 0x{one.hash & 0xFFFF:04X}),\n'
        for role, one in tables.dictionaries().items()
    ]
    return _HEAD + "".join(lines) + "}\n"


def write() -> bool:
    """True when the file was not as it should be, and now is."""
    text = render()
    if PATH.exists() and PATH.read_text() == text:
        return False
    PATH.write_text(text)
    return True
