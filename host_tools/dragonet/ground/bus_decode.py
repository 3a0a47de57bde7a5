"""What a CSP packet says, as a record: nodes, services, heartbeats and housekeeping by the boards' tables."""

from __future__ import annotations

import functools
from typing import Any

from dragonet import paths
from dragonet.flatsat.housekeeping import tables
from dragonet.ground.csp_client import node_name

paths.use_firmware()

from core import heartbeat, ports  # noqa: E402
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
    """Fields of a heartbeat, of housekeeping, of a number; None where there is no table."""
    if one.dport == ports.HEARTBEAT:
        try:
            mode, cause, boots, dictionary = heartbeat.unpack(data)
        except ValueError:
            return None
        return {"mode": ports.MODES[mode], "reset_cause": cause, "boots": boots, "dictionary": f"{dictionary:04x}"}
    if one.dport == ports.HK:
        table = tables().get(node_name(one.src, version))
        if table is None or table.size != len(data):
            return None
        return table.scaled(table.unpack(data))
    if one.sport in (services.MEMFREE, services.BUF_FREE, services.UPTIME) and len(data) == 4:
        return {port_names()[one.sport]: int.from_bytes(data, "big")}
    return None
