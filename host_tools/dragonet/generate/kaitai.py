"""Kaitai Struct formats (.ksy): what the boards say on the bus, and the beacon's AX.25 frames.

For kaitai-struct-compiler 0.10: https://doc.kaitai.io. Values in units are instances named like the field; they are
missing where the board said "not available".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from dragonet.generate.tables import dictionaries, fields

from core import event_table, events, heartbeat, ports  # isort: skip

_HEAD = """\
meta:
  id: {id}
  title: "{title}"
  license: MIT
  ks-version: 0.9
  endian: be
  bit-endian: be
"""

# CSP 2, https://github.com/libcsp/libcsp: 48 bits of header, then the data, then a CRC-32C where the flag says so.
_CSP = """\
seq:
  - id: csp
    type: csp_header
  - id: body
    type:
      switch-on: csp.destination_port
      cases:
        {heartbeat}: heartbeat
        {hk}: housekeeping
        {event}: event
  - id: crc32c
    type: u4
    if: csp.has_crc
types:
  csp_header:
    seq:
      - id: priority
        type: b2
        enum: priority
      - id: destination
        type: b14
      - id: source
        type: b14
        enum: node
      - id: destination_port
        type: b6
      - id: source_port
        type: b6
      - id: reserved
        type: b1
      - id: has_fragment
        type: b1
      - id: has_hmac
        type: b1
      - id: has_xtea
        type: b1
      - id: has_rdp
        type: b1
      - id: has_crc
        type: b1
  heartbeat:
    doc: What a board says of itself each second.
    seq:
      - id: reset_cause
        type: b4
      - id: mode
        type: b4
        enum: mode
      - id: boots
        doc: since the board was made, modulo 256
        type: u1
      - id: dictionary
        doc: low half of the hash of the board's dictionary; here {hash:#06x}
        type: u2
  event:
    doc: Something that happened on the board.
    seq:
      - id: sequence
        doc: of the events that the board kept
        type: u4
      - id: mission_s
        doc: powered seconds since separation
        type: u4
      - id: number
        type: u1
        enum: event_number
      - id: boots
        doc: modulo 256
        type: u1
      - id: a
        type: s4
      - id: b
        type: s4
"""

_AX25 = """\
seq:
  - id: destination
    type: address
  - id: source
    type: address
  - id: control
    contents: [0x03]
  - id: protocol
    contents: [0xf0]
  - id: text
    doc: >-
      Words between spaces: the satellite's name, the kind of frame (POWER, ENVIRONMENT, STATUS), then for each board
      its name and name=value pairs with units; NA is a value that is not available.
    type: str
    encoding: ASCII
    size-eos: true
types:
  address:
    seq:
      - id: callsign_rotated
        type: callsign
        size: 6
        process: ror(1)
      - id: ssid_raw
        type: u1
    instances:
      callsign:
        value: callsign_rotated.callsign
      ssid:
        value: (ssid_raw & 0x1e) >> 1
      last:
        value: (ssid_raw & 1) == 1
  callsign:
    seq:
      - id: callsign
        type: str
        encoding: ASCII
        size: 6
"""


def board(role: str) -> str:
    """The .ksy of one board's packets on the bus."""
    one = dictionaries()[role]
    own = list(fields(one.hk))
    doc = [f":field {field.name}: body.{field.name}" for field in own]
    doc += [f":field {name}: csp.{name}" for name in ("source", "destination", "destination_port")]
    lines = [
        _HEAD.format(id=f"dragonet_{role}", title=f"Dragonet {role} board: packets on its CSP bus").rstrip("\n"),
        "doc: |",
        *(f"  {line}" for line in doc),
        _CSP.format(
            heartbeat=ports.HEARTBEAT, hk=ports.HK, event=ports.EVENT, hash=one.hash & 0xFFFF
        ).rstrip("\n"),
        *_set("housekeeping", one.hk, "as broadcast each 20 s"),
        *(line for table in one.sets[1:] for line in _set(table.name, table, "as the data of an answer to tm_get")),
        "enums:",
        *_enum("node", sorted((value, name) for name, value in ports.ADDRESSES.items())),
        *_enum("priority", enumerate(("critical", "high", "normal", "low"))),
        *_enum("mode", enumerate(ports.MODES)),
        *_enum("event_number", ((line[0], line[1]) for line in one.events)),
    ]
    return "\n".join(lines) + "\n"


def beacon() -> str:
    """The .ksy of the beacon's AX.25 frames, without flags and FCS, as receivers hand them on."""
    doc = (":field dest_callsign: destination.callsign", ":field src_callsign: source.callsign",
           ":field src_ssid: source.ssid", ":field text: text")  # fmt: skip
    head = _HEAD.format(id="dragonet_beacon_ax25", title="Dragonet beacon: AX.25 frames").rstrip("\n")
    return "\n".join((head, "doc: |", *(f"  {line}" for line in doc), _AX25))


def _set(name: str, table: Any, what: str) -> Iterator[str]:
    yield f"  {name}:"
    yield f"    doc: {table.name}, {what}; {table.size} bytes"
    yield "    seq:"
    own = list(fields(table))
    for field in own:
        yield f"      - id: {field.name}_raw"
        yield f"        type: {'s' if field.signed else 'u'}{field.size}"
    yield "    instances:"
    for field in own:
        scale = "" if field.scale == 1 else f" * {field.scale!r}"
        unit = f", {field.unit}" if field.unit else ""
        yield f"      {field.name}:"
        yield f"        doc: {_text(field.description + unit)}"
        yield f"        value: {field.name}_raw{scale}"
        yield f"        if: {field.name}_raw != {field.reserved}"


def _enum(name: str, values: Iterable[tuple[int, str]]) -> Iterator[str]:
    yield f"  {name}:"
    for number, value in values:
        yield f"    {number}: {value}"


def _text(text: str) -> str:
    """A YAML string in double quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


assert events.SIZE == 18 and heartbeat.SIZE == 4 and len(event_table.SEVERITIES) == 4  # as written above
