"""What a CSP packet says, as a record: nodes, services, and what boards say by their tables: heartbeats, housekeeping,
events, time, commands."""

from __future__ import annotations

import functools
import struct
from typing import Any

from dragonet import paths
from dragonet.flatsat.housekeeping import tables
from dragonet.ground import telemetry
from dragonet.ground.commander import dictionary
from dragonet.ground.csp_client import node_name

paths.use_firmware()

from core import command_table, commands, heartbeat, ports, time_commands  # noqa: E402
from csp import packet, services  # noqa: E402

_LAST_SERVER_PORT = 16
_CMP_CODES = {1: "ident", 2: "route_set", 3: "if_stats", 4: "peek", 5: "poke", 6: "clock", 7: "route_set"}
_SERVICES = ("CMP", "PING", "PS", "MEMFREE", "REBOOT", "BUF_FREE", "UPTIME")
_FLAGS = (
    (packet.FLAG_SFP, "sfp"), (packet.FLAG_HMAC, "hmac"), (packet.FLAG_XTEA, "xtea"),
    (packet.FLAG_RDP, "rdp"), (packet.FLAG_CRC32, "crc"),
)  # fmt: skip


@functools.cache
def port_names() -> dict[int, str]:
    """Server ports: services and the satellite's own (core/ports.py)."""
    names = {getattr(services, name): name.lower() for name in _SERVICES}
    for name, value in vars(ports).items():
        if name.isupper() and isinstance(value, int) and name.lower() not in ports.MODES:
            names[value] = name.lower()
    return names


def describe(one: Any, data: bytes, version: int) -> dict[str, Any]:
    """A packet's header, and what it carries where that is known. data: without CRC."""
    found: dict[str, Any] = {
        "version": version,
        "pri": one.pri,
        "src": one.src,
        "src_name": node_name(one.src, version),
        "dst": one.dst,
        "dst_name": node_name(one.dst, version),
        "dport": one.dport,
        "sport": one.sport,
        "flags": [name for bit, name in _FLAGS if one.flags & bit],
        "length": len(data),
        "what": _what(one, data),
        "data": data.hex(),
    }
    values = _values(one, data, version)
    if values is not None:
        found["values"] = values
    return found


def _what(one: Any, data: bytes) -> str:
    """The service, and whether it is asked or answered."""
    names = port_names()
    is_reply = one.sport <= _LAST_SERVER_PORT < one.dport
    port = one.sport if is_reply else one.dport
    name = names.get(port, f"port {port}")
    if port == services.CMP and len(data) >= 2:
        name = f"cmp {_CMP_CODES.get(data[1], data[1])}"
    return f"{name} reply" if is_reply else name


def _values(one: Any, data: bytes, version: int) -> dict[str, Any] | None:
    """Fields of what boards say, or a number; None where there is no table, or the bytes do not fit it."""
    try:
        if one.dport == ports.HEARTBEAT:
            mode, cause, boots, of = heartbeat.unpack(data)
            return {"mode": ports.MODES[mode], "reset_cause": cause, "boots": boots, "dictionary": f"{of:04x}"}
        if one.dport == ports.HK:
            table = tables().get(node_name(one.src, version))
            return None if table is None else table.scaled(table.unpack(data))
        if one.dport == ports.EVENT:
            return _event(node_name(one.src, version), data)
        if one.dport == ports.TIME:
            return _time(data)
        if one.dport == ports.COMMAND:
            return _command(node_name(one.dst, version), data)
        if one.sport == ports.COMMAND:
            return _reply(node_name(one.src, version), data)
    except (ValueError, IndexError, struct.error):
        return None
    if one.sport in (services.MEMFREE, services.BUF_FREE, services.UPTIME) and len(data) == 4:
        return {port_names()[one.sport]: int.from_bytes(data, "big")}
    return None


def _event(role: str, data: bytes) -> dict[str, Any] | None:
    if role not in ports.BOARDS:
        return None
    told = telemetry.event(dictionary(role), data)
    return {name: told[name] for name in ("name", "severity", "a", "b", "sequence", "mission_s")}


def _time(data: bytes) -> dict[str, Any]:
    kind, tag, flags, steps, seconds, us, held_us = struct.unpack(time_commands.EXCHANGE, data)
    names = ("request", "reply", "notice")
    return {
        "kind": names[kind], "tag": tag, "synchronised": bool(flags & 1), "steps": steps,
        "time_s": seconds, "time_us": us, "held_us": held_us,
    }  # fmt: skip


def _opcode(role: str, opcode: int) -> str:
    """The command's name where the board's dictionary has it."""
    known = dictionary(role).commands if role in ports.BOARDS else command_table.COMMANDS
    return next((line[1] for line in known if line[0] == opcode), f"{opcode:#04x}")


def _command(role: str, data: bytes) -> dict[str, Any]:
    slot, sequence = struct.unpack_from(commands.HEADER, data)
    at = commands.UNSIGNED_SIZE if slot == commands.UNSIGNED_SLOT else commands.SIGNED_SIZE
    return {
        "command": _opcode(role, data[at]), "slot": None if slot == commands.UNSIGNED_SLOT else slot,
        "sequence": sequence, "arguments": data[at + 1 :].hex(),
    }  # fmt: skip


def _reply(role: str, data: bytes) -> dict[str, Any]:
    opcode, sequence, status = struct.unpack_from(commands.REPLY_LAYOUT, data)
    more = data[commands.REPLY_SIZE :]
    found = {"command": _opcode(role, opcode), "sequence": sequence, "status": command_table.STATUSES[status]}
    if status in (command_table.REFUSED, command_table.FAILED):
        return {**found, "reason": {line[0]: line[1] for line in command_table.REASONS}.get(more[0], more[0])}
    return {**found, "data": more.hex()}
