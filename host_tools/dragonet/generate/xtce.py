"""XTCE (OMG, CCSDS 660.1) of what a board says on the bus: housekeeping, heartbeat, events, with CSP 2 headers.

Values are calibrated into their units; the range that is valid leaves out the raw value that says "not available"; the
limits of core/limits.py are the alarm ranges.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from xml.etree import ElementTree

from dragonet.generate.tables import Field, dictionaries, fields

from core import event_table, ports  # isort: skip

NAMESPACE = "http://www.omg.org/spec/XTCE/20180204"
_SCHEMA = "https://www.omg.org/spec/XTCE/20180204/SpaceSystem.xsd"

_HEADER = (  # name, bits, description
    ("csp_priority", 2, "0 critical to 3 low"),
    ("csp_destination", 14, "CSP address; 16383: to all"),
    ("csp_source", 14, "CSP address"),
    ("csp_destination_port", 6, ""),
    ("csp_source_port", 6, ""),
    ("csp_flags", 5, "from the highest: reserved, SFP, HMAC, XTEA, RDP"),
    ("csp_has_crc", 1, "a CRC-32C follows the data"),
)
_HEARTBEAT = (
    ("beat_reset_cause", 4, "machine.reset_cause() of this boot"),
    ("beat_mode", 4, "spacecraft mode; the one of the EPS counts"),
    ("beat_boots", 8, "since the board was made, modulo 256"),
    ("beat_dictionary", 16, "low half of the hash of the board's dictionary"),
)
_EVENT = (
    ("event_sequence", 32, "of the events that the board kept"),
    ("event_mission_s", 32, "powered seconds since separation"),
    ("event_number", 8, ""),
    ("event_boots", 8, "modulo 256"),
    ("event_a", -32, "meaning by the event"),
    ("event_b", -32, "meaning by the event"),
)
_CRC = (("crc32c", 32, "over the data"),)


def render(role: str) -> str:
    """The text of the file of one board."""
    one = dictionaries()[role]
    spaces = {"xmlns": NAMESPACE, "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance"}
    spaces["xsi:schemaLocation"] = f"{NAMESPACE} {_SCHEMA}"
    title = f"Dragonet {role} board"
    root = ElementTree.Element("SpaceSystem", {**spaces, "name": f"dragonet_{role}", "shortDescription": title})
    _sub(root, "Header", version=f"{one.hash:08x}", date="1970-01-01T00:00:00Z", validationStatus="Working")
    meta = _sub(root, "TelemetryMetaData")
    types, parameters, containers = (_sub(meta, f"{name}Set") for name in ("ParameterType", "Parameter", "Container"))

    enums = {"beat_mode": enumerate(ports.MODES), "event_number": ((line[0], line[1]) for line in one.events)}
    for name, bits, description in (*_HEADER, *_HEARTBEAT, *_EVENT, *_CRC):
        _plain(types, name, bits, enums.get(name))
        _parameter(parameters, name, description)
    limits = {line[0]: line for line in one.limits}
    for field in fields(one.hk):
        _value(types, field, limits.get(field.name))
        _parameter(parameters, field.name, field.description)

    _container(containers, "csp", _HEADER, None, {})
    for name, port, crc, names in (
        ("heartbeat", ports.HEARTBEAT, 0, [each[0] for each in _HEARTBEAT]),
        ("housekeeping", ports.HK, 1, [*one.hk.names, "crc32c"]),
        ("event", ports.EVENT, 1, [*(each[0] for each in _EVENT), "crc32c"]),
    ):
        wanted = {"csp_destination_port": port, "csp_source": ports.ADDRESSES[role], "csp_has_crc": crc}
        _container(containers, name, [(each,) for each in names], "csp", wanted)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _sub(parent: ElementTree.Element, tag: str, **attributes: Any) -> ElementTree.Element:
    return ElementTree.SubElement(parent, tag, {name: str(value) for name, value in attributes.items()})


def _parameter(parent: ElementTree.Element, name: str, description: str) -> None:
    short = {"shortDescription": description} if description else {}
    _sub(parent, "Parameter", name=name, parameterTypeRef=f"{name}_type", **short)


def _plain(parent: ElementTree.Element, name: str, bits: int, values: Iterable[tuple[int, str]] | None) -> None:
    """A number without unit, or an enumeration; negative bits: signed."""
    if values is not None:
        kind = _sub(parent, "EnumeratedParameterType", name=f"{name}_type")
    else:
        kind = _sub(
            parent, "IntegerParameterType", name=f"{name}_type", signed=str(bits < 0).lower(), sizeInBits=abs(bits)
        )
    _sub(kind, "UnitSet")
    _encoding(kind, abs(bits), bits < 0)
    if values is not None:
        listed = _sub(kind, "EnumerationList")
        for value, label in values:
            _sub(listed, "Enumeration", value=value, label=label)


def _encoding(parent: ElementTree.Element, bits: int, signed: bool) -> ElementTree.Element:
    encoding = "twosComplement" if signed else "unsigned"
    return _sub(parent, "IntegerDataEncoding", sizeInBits=bits, encoding=encoding)


def _value(parent: ElementTree.Element, field: Field, limit: tuple[Any, ...] | None) -> None:
    """The type of a value of housekeeping."""
    name = f"{field.name}_type"
    if field.scale == 1:
        signed = str(field.signed).lower()
        kind = _sub(parent, "IntegerParameterType", name=name, signed=signed, sizeInBits=8 * field.size)
    else:
        kind = _sub(parent, "FloatParameterType", name=name, sizeInBits=64)
    units = _sub(kind, "UnitSet")
    if field.unit:
        _sub(units, "Unit").text = field.unit
    encoding = _encoding(kind, 8 * field.size, field.signed)
    if field.scale != 1:
        polynomial = _sub(_sub(encoding, "DefaultCalibrator"), "PolynomialCalibrator")
        _sub(polynomial, "Term", coefficient=0, exponent=0)
        _sub(polynomial, "Term", coefficient=repr(field.scale), exponent=1)
    ends = {"minInclusive": _scaled(field, field.lowest), "maxInclusive": _scaled(field, field.highest)}
    _sub(kind, "ValidRange", **ends)
    if limit is not None:
        _, lowest, highest, _, _, severity, _ = limit
        ranges = _sub(_sub(kind, "DefaultAlarm"), "StaticAlarmRanges")
        ends = {"minInclusive": lowest, "maxInclusive": highest}
        tag = "CriticalRange" if severity >= event_table.ERROR else "WarningRange"
        _sub(ranges, tag, **{end: _scaled(field, value) for end, value in ends.items() if value is not None})


def _scaled(field: Field, raw: int) -> str:
    return str(raw) if field.scale == 1 else repr(round(raw * field.scale, 9))


def _container(
    parent: ElementTree.Element, name: str, entries: Iterable[tuple[Any, ...]], base: str | None, wanted: dict[str, int]
) -> None:
    abstract = {"abstract": "true"} if base is None else {}
    container = _sub(parent, "SequenceContainer", name=name, **abstract)
    listed = _sub(container, "EntryList")
    for entry in entries:
        _sub(listed, "ParameterRefEntry", parameterRef=entry[0])
    if base is not None:
        criteria = _sub(_sub(container, "BaseContainer", containerRef=base), "RestrictionCriteria")
        comparisons = _sub(criteria, "ComparisonList")
        for parameter, value in wanted.items():
            _sub(comparisons, "Comparison", parameterRef=parameter, value=value)
