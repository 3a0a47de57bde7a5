"""Packets overheard on the bus, over times that no flight reaches soon."""

from dragonet import paths
from dragonet.ground import frames
from dragonet.ground.bus_packets import BusPackets


def test_packets_are_read_when_the_flight_codes_milliseconds_begin_anew() -> None:
    got: list[bytes] = []
    reader = BusPackets(lambda time_us, one, data: got.append(data))
    data = bytes(range(60))
    lost = list(frames.frames(frames.make(5, 7, 11, 20, data, 2), 2))[:-1]
    whole = list(frames.frames(frames.make(5, 7, 11, 20, data, 2), 2, 1))
    began_us = paths.TICKS_PERIOD * 1000 - 4_000_000
    for second in range(8):
        for k, (identifier, part) in enumerate(whole if second % 2 else lost):
            reader.frame(began_us + 1_000_000 * second + 300 * k, identifier, part)
    assert got == [data] * 4
    assert reader.stats.expired + reader.stats.gap == 3, "the last lost one may still come"


def test_both_versions_are_read_and_wrong_crcs_counted() -> None:
    for version in (1, 2):
        got: list[bytes] = []
        reader = BusPackets(lambda time_us, one, data, got=got: got.append(data), version)
        data = bytes(range(100))
        for number, damage in enumerate((0, 1)):
            for k, (identifier, part) in enumerate(
                frames.frames(frames.make(5, 7, 11, 20, data, version), version, number)
            ):
                reader.frame(
                    10_000_000 * number + 300 * k, identifier, bytes((part[0] ^ (damage if k == 5 else 0),)) + part[1:]
                )
        assert got == [data] and (reader.packets, reader.dropped) == (1, 1)
