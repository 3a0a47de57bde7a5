"""Packers and the ring of events hold for any table, any values and any series of appends, cuts and resets."""

import zlib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from unit.byte_memory import Memory, PowerCut

from core import telemetry  # isort: skip
from core.ring import Ring  # isort: skip
from core.telemetry import Set  # isort: skip

KINDS = sorted(telemetry._TYPES)
ADDRESS = 7


@st.composite
def tables(draw: Any) -> tuple[Set, list[int | None]]:
    """A table, and values that fit it."""
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=60))
    values = []
    for kind in kinds:
        _, _, lowest, highest, _ = telemetry._TYPES[kind]
        values.append(draw(st.none() | st.integers(lowest, highest)))
    return Set("any", tuple((f"f{k}", kind, "", 1, "") for k, kind in enumerate(kinds))), values


@given(tables())
def test_what_is_packed_is_unpacked(made: tuple[Set, list[int | None]]) -> None:
    table, values = made
    packet = bytearray(table.size)
    table.pack_into(packet, values)
    assert list(table.unpack(packet).values()) == values
    assert [table.get(packet, k) for k in range(len(values))] == values
    assert table.saturated == 0


@given(tables(), st.data())
def test_any_value_packs_to_the_nearest_and_any_packet_unpacks(
    made: tuple[Set, list[int | None]], data: st.DataObject
) -> None:
    table, values = made
    wild = [data.draw(st.none() | st.integers() | st.floats() | st.text()) for _ in values]
    packet = bytearray(table.size)
    table.pack_into(packet, wild)
    for value, field, raw in zip(wild, table.fields, table.unpack(packet).values(), strict=True):
        _, _, lowest, highest, _ = telemetry._TYPES[field[1]]
        assert raw is None or lowest <= raw <= highest
        if isinstance(value, int):
            assert raw == min(max(value, lowest), highest)
    anything = data.draw(st.binary(min_size=table.size, max_size=table.size))
    again = bytearray(table.size)
    table.pack_into(again, list(table.unpack(anything).values()))
    assert again == anything


def entry(number: int) -> bytes:
    return zlib.crc32(number.to_bytes(4, "big")).to_bytes(4, "big")


@settings(max_examples=150)
@given(
    slots=st.integers(2, 9),
    fill=st.sampled_from((0x00, 0xFF, 0x5A)),
    steps=st.lists(st.none() | st.integers(0, 12), max_size=60),  # an append, cut after so many bytes
)
def test_a_ring_keeps_what_it_acknowledged_and_invents_nothing(slots: int, fill: int, steps: list[int | None]) -> None:
    memory = Memory(size=ADDRESS + slots * 12, fill=fill)
    ring = Ring(memory, ADDRESS, slots * 12, 4)
    written: dict[int, int] = {}  # sequence: number that append was given
    kept: list[int] = []  # sequences that were acknowledged, or found after a reset
    for number, cut in enumerate(steps):
        memory.budget = cut
        ring.data[:] = entry(number)
        try:
            ring.open()
            sequence = ring.next
            written[sequence] = number
            good = ring.append()
        except PowerCut:
            good = False
        memory.budget = None
        if good:
            kept.append(sequence)
        else:
            ring = Ring(memory, ADDRESS, slots * 12, 4)  # a reset
            ring.open()
            if ring.next > sequence:  # it was written whole, though nobody was told
                kept.append(sequence)
        found = [k for k in range(ring.next) if ring.read(k)]
        assert set(kept[-(slots - 1) :]) <= set(found) <= set(kept)
        for sequence in found:
            assert ring.read(sequence)
            assert bytes(ring.found[4:]) == entry(written[sequence])
