"""pyais judges the flight decoder: the same fields, names and values, except that "not available" is None.

Two more differences are pyais's own: it replaces ship types and position devices that are reserved by another number,
where we give what was sent; and it keeps text after an "@", which ends a text.
"""

import json
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyais import decode, encode_dict

from dragonet.commands.ais import Decoder

ARMOUR = "0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVW`abcdefghijklmnopqrstuvw"
BITS = {1: 168, 2: 168, 3: 168, 5: 424, 18: 168, 19: 312, 24: 168, 27: 96}

# ITU-R M.1371-5 Annex 8: what pyais gives for "not available".
NOT_AVAILABLE = {
    "lon": 181.0, "lat": 91.0, "speed": 102.3, "course": 360.0, "heading": 511, "turn": -128.0, "status": 15,
    "second": 60,
}  # fmt: skip
NOT_AVAILABLE_27 = {**NOT_AVAILABLE, "speed": 63.0, "course": 511.0}


def sentences(bits: str, sequence: int) -> list[bytes]:
    """NMEA lines of a message given as a string of 0 and 1."""
    fill = -len(bits) % 6
    bits += "0" * fill
    payload = "".join(ARMOUR[int(bits[i : i + 6], 2)] for i in range(0, len(bits), 6))
    pieces = [payload[i : i + 60] for i in range(0, len(payload), 60)]
    lines = []
    for number, piece in enumerate(pieces, 1):
        last = number == len(pieces)
        body = f"AIVDM,{len(pieces)},{number},{sequence if len(pieces) > 1 else ''},A,{piece},{fill if last else 0}"
        check = 0
        for c in body.encode():
            check ^= c
        lines.append(f"!{body}*{check:02X}".encode())
    return lines


def run(messages: list[list[bytes]], folder: Path) -> list[dict]:
    """What the flight decoder says of these messages."""
    log = folder / "log.nmea"
    log.write_bytes(b"".join(line + b"\r\n" for message in messages for line in message))
    with log.open("rb") as source:
        decoder = Decoder(source, str(log))
        decoded = [json.loads(line) for line in decoder.lines()]
    assert sum(decoder.counts["dropped"].values()) == 0
    return decoded


def difference(ours: dict, lines: list[bytes]) -> list[str]:
    """Fields that pyais reads otherwise."""
    theirs = decode(*lines).asdict(enum_as_int=True)
    found = [f"names {sorted(set(ours) ^ set(theirs))}"] if set(ours) != set(theirs) else []
    sentinels = NOT_AVAILABLE_27 if theirs["msg_type"] == 27 else NOT_AVAILABLE
    for name, value in theirs.items():
        mine = ours.get(name)
        if name in sentinels and value == sentinels[name]:
            if mine is not None:
                found.append(f"{name} is {mine}, not None")
        elif name in ("ship_type", "epfd") and theirs["msg_type"] != 24:
            if mine != value and value not in (0, 25, 45, 56, 65, 75, 85, 95):
                found.append(f"{name} {mine} != {value}")
        elif isinstance(value, str) and "@" in value:
            if mine != value.split("@")[0].strip():
                found.append(f"{name} {mine!r} != {value!r}")
        elif mine != value:
            found.append(f"{name} {mine!r} != {value!r}")
    return found


def compare(messages: list[list[bytes]], folder: Path) -> None:
    decoded = run(messages, folder)
    assert len(decoded) == len(messages)
    for ours, lines in zip(decoded, messages, strict=True):
        assert difference(ours, lines) == [], lines


@pytest.mark.parametrize("kind", sorted(BITS))
def test_reads_any_bits_as_pyais_does(kind: int, tmp_path: Path) -> None:
    dice = random.Random(kind)
    messages = []
    for i in range(1500):
        bits = f"{kind:06b}" + "".join(dice.choice("01") for _ in range(BITS[kind] - 6))
        if kind == 24:  # parts A and B exist; every third an auxiliary craft
            mmsi = dice.randrange(980000000, 990000000) if i % 3 == 0 else dice.randrange(1 << 30)
            bits = bits[:8] + f"{mmsi:030b}" + f"{i % 2:02b}" + bits[40:]
        messages.append(sentences(bits, i % 10))
    compare(messages, tmp_path)


SENTINELS = {  # type: name, first bit, width, raw value
    1: (("status", 38, 4, 15), ("turn", 42, 8, 128), ("speed", 50, 10, 1023), ("lon", 61, 28, 108600000),
        ("lat", 89, 27, 54600000), ("course", 116, 12, 3600), ("heading", 128, 9, 511), ("second", 137, 6, 60)),
    18: (("speed", 46, 10, 1023), ("lon", 57, 28, 108600000), ("lat", 85, 27, 54600000), ("course", 112, 12, 3600),
         ("heading", 124, 9, 511), ("second", 133, 6, 60)),
    27: (("status", 40, 4, 15), ("lon", 44, 18, 108600), ("lat", 62, 17, 54600), ("speed", 79, 6, 63),
         ("course", 85, 9, 511)),
}  # fmt: skip


@pytest.mark.parametrize("kind", (1, 2, 3, 18, 19, 27))
def test_says_none_for_exactly_what_is_not_available(kind: int, tmp_path: Path) -> None:
    fields = SENTINELS[{1: 1, 2: 1, 3: 1, 18: 18, 19: 18, 27: 27}[kind]]
    messages = []
    for name, first, width, raw in fields:
        for value in (raw, raw - 1, (raw + 1) % (1 << width)):
            bits = f"{kind:06b}" + "0" * (BITS[kind] - 6)
            bits = bits[:first] + f"{value:0{width}b}" + bits[first + width :]
            messages.append((name, value == raw, sentences(bits, 0)))
    decoded = run([message[2] for message in messages], tmp_path)
    for ours, (name, missing, lines) in zip(decoded, messages, strict=True):
        assert (ours[name] is None) == missing, (name, lines)
        assert difference(ours, lines) == []


TEXT = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 !\"#$%&'()*+,-./:;<=>?[]^_\\")
MESSAGE = st.fixed_dictionaries(
    {
        "msg_type": st.sampled_from((1, 2, 3, 5, 18, 19, 24, 27)),
        "mmsi": st.integers(0, 999999999),
        "lon": st.one_of(st.floats(-180, 180), st.just(181.0)),
        "lat": st.one_of(st.floats(-90, 90), st.just(91.0)),
        "speed": st.floats(0, 62),
        "course": st.floats(0, 359),
        "heading": st.one_of(st.integers(0, 359), st.just(511)),
        "status": st.integers(0, 15),
        "turn": st.one_of(st.integers(-708, 708), st.sampled_from((-128, 127, -127))),
        "second": st.integers(0, 63),
        "partno": st.integers(0, 1),
        "shipname": TEXT,
        "callsign": TEXT,
        "destination": TEXT,
        "ship_type": st.sampled_from((0, 30, 36, 52, 60, 70, 80, 99)),
        "imo": st.integers(0, 9999999),
        "draught": st.floats(0, 25),
        "to_bow": st.integers(0, 511),
        "mothership_mmsi": st.integers(0, 999999999),
        "repeat": st.integers(0, 3),
        "raim": st.booleans(),
        "radio": st.integers(0, (1 << 19) - 1),
    }
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(batch=st.lists(MESSAGE, min_size=1, max_size=40))
def test_reads_what_pyais_writes(batch: list[dict], tmp_path: Path) -> None:
    compare([[line.encode() for line in encode_dict(m, seq_id=i % 10)] for i, m in enumerate(batch)], tmp_path)
