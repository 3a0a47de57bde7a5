"""A bench for teams with many of them: the files that labgrid's exporter and environment want.

The exporter's file names the serial ports and instruments of this bench's computer; a place is to be made for each
group ('labgrid-client -p NAME create', then add-match). The environment's file has a target a board. labgrid has no CAN
resource: the bus stays with the bench file. The exporter's file is a Jinja template, in which one # begins a statement.
Names of classes and fields: labgrid 26.0 (doc/configuration.rst).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dragonet.bench.benchfile import Bench, Entry
from dragonet.bench.tables import Tables
from dragonet.errors import UserError

SPEED = 115_200
EXPORTER, ENVIRONMENT = "exporter.yaml", "env.yaml"


def exporter(bench: Bench, found: Tables) -> dict[str, Any]:
    """Group -> resource -> fields. UserError: nothing of it can be shared."""
    groups: dict[str, Any] = {}
    for entry in bench.boards:
        resource = _port(entry)
        if resource is not None:
            groups[f"{bench.name}-{entry.name}"] = {"location": bench.name, **resource}
    if not groups:
        raise UserError(f"{bench.path}: no board has a port that labgrid could export: give one a serial port or a uid")
    for name, wanted in (("supply", found.supply), ("array", found.array)):
        if wanted is not None:
            groups[f"{bench.name}-{name}"] = {"location": bench.name, "PyVISADevice": _visa(wanted.resource)}
    return groups


def environment(bench: Bench, found: Tables) -> dict[str, Any]:
    """A target a board and an instrument, each at its place."""
    targets: dict[str, Any] = {}
    for group, resources in exporter(bench, found).items():
        driver = "PyVISADriver" if "PyVISADevice" in resources else "SerialDriver"
        name = group.removeprefix(f"{bench.name}-")
        targets[name] = {"resources": {"RemotePlace": {"name": group}}, "drivers": {driver: {}}}
    return {"targets": targets}


def write(bench: Bench, found: Tables, folder: Path) -> list[Path]:
    """Both files. UserError: not writable."""
    head = f"## Written by 'dragonet bench labgrid' from {bench.path.name}; do not edit.\n"
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in ((EXPORTER, exporter(bench, found)), (ENVIRONMENT, environment(bench, found))):
            path = folder / name
            path.write_text(head + yaml(content))
            written.append(path)
    except OSError as error:
        raise UserError(f"{folder}: cannot write there: {error.strerror}") from None
    return written


def _port(entry: Entry) -> dict[str, Any] | None:
    """The resource that is a board's serial port; None: it has none that outlives a program."""
    if entry.kind == "uid":
        return {"USBSerialPort": {"match": {"ID_SERIAL_SHORT": entry.reach[4:]}, "speed": SPEED}}
    if entry.kind == "network":
        where = urlsplit(entry.reach)
        protocol = "rfc2217" if where.scheme == "rfc2217" else "raw"
        return {
            "NetworkSerialPort": {"host": where.hostname, "port": where.port, "speed": SPEED, "protocol": protocol}
        }
    if entry.kind == "serial":
        return {"RawSerialPort": {"port": entry.reach, "speed": SPEED}}
    return None


def _visa(resource: str) -> dict[str, str]:
    """labgrid joins them again: TYPE::URL::INSTR."""
    kind, _, rest = resource.partition("::")
    return {"type": kind, "url": rest.removesuffix("::INSTR")}


def yaml(content: dict[str, Any], depth: int = 0) -> str:
    """Plain YAML of nested tables of texts and numbers."""
    lines = ""
    for key, value in content.items():
        lines += "  " * depth + f"{key}:"
        if isinstance(value, dict) and value:
            lines += "\n" + yaml(value, depth + 1)
        elif isinstance(value, dict):
            lines += " {}\n"
        else:
            text = str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"
            lines += f" {text}\n"
    return lines
