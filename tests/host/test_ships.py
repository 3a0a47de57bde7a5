"""The fleet that sails under the satellite, recorded logs, and the list of ships that a flight leaves."""

import json
import math
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from pyais import decode
from pyais.queue import NMEAQueue

from dragonet.errors import UserError
from dragonet.flatsat.ais_log import AisLog
from dragonet.flatsat.ships import Fleet
from dragonet.flatsat.ships_log import ShipsLog
from dragonet.paths import use_firmware

use_firmware()

from core import ports  # noqa: E402
from sensor import ais, records  # noqa: E402


def orbit(t_s: float) -> tuple[float, float, float]:
    """(lat, lon, alt km) of a satellite at 560 km, near enough."""
    turn, tilt = 2 * math.pi * t_s / 5740, math.radians(97.6)
    lat = math.degrees(math.asin(math.sin(tilt) * math.sin(turn)))
    lon = math.degrees(math.atan2(math.cos(tilt) * math.sin(turn), math.cos(turn))) + 100 - t_s / 240
    return lat, (lon + 180) % 360 - 180, 560.0


def decoded(sentences: list[tuple[float, bytes]]) -> list[dict]:
    queue = NMEAQueue()
    for _, line in sentences:
        queue.put_line(line)
    out = []
    while (sentence := queue.get_or_none()) is not None:
        out.append(sentence.decode().asdict(enum_as_int=True))
    return out


def over(fleet: Fleet, lat: float, lon: float, seconds: int, step: float = 1.0) -> list[tuple[float, bytes]]:
    heard = []
    for k in range(int(seconds / step)):
        heard += fleet.heard(k * step, (k + 1) * step, lat, lon, 560.0)
    return heard


def test_the_same_seed_sends_the_same_bytes_and_another_does_not() -> None:
    first = over(Fleet(7), 12.0, 110.0, 300)
    assert first == over(Fleet(7), 12.0, 110.0, 300)
    assert first != over(Fleet(8), 12.0, 110.0, 300)


def test_what_is_heard_does_not_depend_on_how_often_one_asks() -> None:
    assert over(Fleet(7), 12.0, 110.0, 300, 1.0) == over(Fleet(7), 12.0, 110.0, 300, 30.0)


def test_times_are_in_order_and_within_the_asked_span() -> None:
    fleet = Fleet(3)
    for k in range(200):
        heard = fleet.heard(k * 1.5, (k + 1) * 1.5, 12.0, 110.0, 560.0)
        times = [t for t, _ in heard]
        assert times == sorted(times)
        assert all(k * 1.5 <= t < (k + 1) * 1.5 for t in times)


def test_every_sentence_is_sound_and_every_kind_of_message_comes() -> None:
    heard = over(Fleet(1), 12.0, 110.0, 1800)
    assert all(line.endswith(b"\r\n") and len(line) <= 82 for _, line in heard)
    messages = decoded(heard)
    kinds = Counter(message["msg_type"] for message in messages)
    assert set(kinds) == {1, 5, 18, 24, 27}
    assert kinds[1] > kinds[5] > 0
    for message in messages:
        assert 200_000_000 <= message["mmsi"] <= 999_999_999


def test_only_ships_above_the_horizon_are_heard() -> None:
    horizon = math.degrees(math.acos(6371 / (6371 + 560)))
    for message in decoded(over(Fleet(1), 12.0, 110.0, 600)):
        lat, lon = message.get("lat"), message.get("lon")
        if lat is None or lat > 90:
            continue
        a, b, d = math.radians(12.0), math.radians(lat), math.radians(lon - 110.0)
        angle = math.degrees(math.acos(math.sin(a) * math.sin(b) + math.cos(a) * math.cos(b) * math.cos(d)))
        assert angle < horizon + 0.2


def test_silent_over_the_empty_ocean_and_busy_over_the_south_china_sea() -> None:
    assert len(over(Fleet(1), -50.0, -130.0, 600)) == 0
    assert len(over(Fleet(1), 12.0, 112.0, 600)) > 600


def test_ships_move_as_fast_as_they_say() -> None:
    fleet = Fleet(1)
    ships = np.arange(fleet.count)
    lat0, lon0, course = fleet.where(ships, 1000.0)
    lat1, lon1, _ = fleet.where(ships, 1060.0)
    north = (lat1 - lat0) * 111.2
    east = ((lon1 - lon0 + 180) % 360 - 180) * 111.2 * np.cos(np.radians(lat0))
    knots = np.hypot(north, east) / 1.852 * 60
    said = fleet._knots
    close = np.abs(knots - said) < 1.0
    assert close.mean() > 0.97  # the rest turns at a waypoint
    moving = close & (said > 5)
    heading = np.degrees(np.arctan2(east, north)) % 360
    error = np.abs((heading - course + 180) % 360 - 180)
    assert np.median(error[moving]) < 2.0


def test_six_hours_cost_little_and_bring_a_few_sentences_a_second() -> None:
    fleet = Fleet(1)
    started = time.process_time()
    count = sum(len(fleet.heard(t, t + 1, *orbit(t))) for t in range(6 * 3600))
    assert time.process_time() - started < 6.0
    assert 0.8 < count / (6 * 3600) < 2.5
    assert 0 < fleet.received < fleet.transmitted


def test_a_fleet_of_none_is_silent() -> None:
    assert over(Fleet(1, 0), 12.0, 110.0, 30) == []


GOOD = "!AIVDM,1,1,,A,18SJ@DPris7WQ;05iop7lF>1P000,0*01"


def test_a_log_without_times_plays_at_a_fixed_rate(tmp_path: Path) -> None:
    path = tmp_path / "log.nmea"
    path.write_text(f"{GOOD}\n" * 10)
    log = AisLog(path, rate_hz=5.0)
    assert len(log.heard(100.0, 101.0)) == 5
    assert log.heard(101.0, 1000.0)[-1] == (pytest.approx(101.8), GOOD.encode() + b"\r\n")


def test_a_log_stands_still_while_the_receiver_is_off(tmp_path: Path) -> None:
    path = tmp_path / "log.nmea"
    path.write_text(f"{GOOD}\n" * 10)
    log = AisLog(path, rate_hz=5.0)
    assert [t for t, _ in log.heard(3600.0, 3600.5)] == pytest.approx([3600.0, 3600.2, 3600.4])
    assert [t for t, _ in log.heard(7200.0, 7200.5)] == pytest.approx([7200.1, 7200.3])
    assert log.played == 5


def test_a_long_interruption_of_the_recording_is_shortened(tmp_path: Path) -> None:
    path = tmp_path / "log.nmea"
    path.write_text(f"1636423614 {GOOD}\n1636523614 {GOOD}\n1636523600 {GOOD}\n")
    assert AisLog(path).length_s == 600.0


@pytest.mark.parametrize(
    "line",
    ["\\c:{t},s:rx*00\\" + GOOD, "{t} " + GOOD, GOOD + ",{t}", "{t}.000," + GOOD],
)
def test_a_log_with_times_plays_as_it_was_heard(line: str, tmp_path: Path) -> None:
    path = tmp_path / "log.nmea"
    path.write_text("\n".join(line.format(t=1636423614 + at) for at in (0, 3, 3, 60)))
    heard = AisLog(path).heard(10.0, 1000.0)
    assert [t for t, _ in heard] == [10.0, 13.0, 13.0, 70.0]
    assert {data for _, data in heard} == {GOOD.encode() + b"\r\n"}


def test_malformed_lines_reach_the_board_and_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "log.nmea"
    path.write_text(f"{GOOD}\nhello\n!AIVDM,1,1,,A,xx,0*00\n\n{GOOD}\n")
    log = AisLog(path)
    assert (log.lines, log.malformed) == (4, 2)
    assert log.heard(0.0, 10.0)[1][1] == b"hello\r\n"


@pytest.mark.parametrize("content", [bytes(range(256)) * 40, b"no sentence here\n" * 5, b""])
def test_a_file_without_sentences_is_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "log.nmea"
    path.write_bytes(content)
    with pytest.raises(UserError, match="log.nmea") as error:
        AisLog(path)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        AisLog(tmp_path / "none.nmea")


def positions(*mmsis: int, sequence: int = 1, lat: int = 6060000, age_s: int = 0) -> bytes:
    buffer = bytearray(8 + 16 * len(mmsis))
    records.pack_header(buffer, records.POSITIONS, len(mmsis), sequence, 0)
    for k, mmsi in enumerate(mmsis):
        records.pack_position(
            buffer, 8 + 16 * k, mmsi, ais.CLASS_A, 63900000, lat, 123, ais.NO_COURSE, ais.NO_HEADING, 0, age_s
        )
    return bytes(buffer)


def test_the_list_has_one_entry_for_each_ship() -> None:
    log = ShipsLog(datetime(2021, 11, 9, 2, 6, 54, tzinfo=UTC))
    sensor = ports.ADDRESSES["sensor"]
    log.packet(sensor, ports.SHIPS, positions(574001234, 574001235), 60.0)
    log.packet(sensor, ports.SHIPS, positions(574001234, sequence=2, lat=6600000, age_s=8), 120.0)
    log.packet(sensor, ports.SHIPS, positions(574001234, sequence=5), 90.0)
    log.packet(sensor, ports.HK, b"\0" * 40, 90.0)
    log.packet(ports.ADDRESSES["eps"], ports.SHIPS, positions(1), 90.0)
    log.packet(sensor, ports.SHIPS, b"\1\2", 90.0)
    out = json.loads(json.dumps(log.to_json()))
    assert log.counts() == {"ships": 2, "packets": 4, "packets_lost": 2, "packets_malformed": 1}
    assert [ship["mmsi"] for ship in out] == [574001234, 574001235]
    ship = out[0]
    assert (ship["mmsi"], ship["class"], ship["lon"], ship["speed"]) == (574001234, "A", 106.5, 12.3)
    assert (ship["course"], ship["heading"], ship["shipname"]) == (None, None, None)
    assert (ship["first_heard"], ship["reports"]) == ("2021-11-09T02:07:54Z", 3)


def test_static_data_joins_the_position() -> None:
    log = ShipsLog()
    for k in range(1, 60):
        fleet = Fleet(k, 1)
        if not fleet._small[0]:
            break
    lines = [line for t, line in over(fleet, *fleet_place(fleet), 3600) if line.startswith(b"!AIVDM,2")]
    told = decode(*lines[:2]).asdict(enum_as_int=True)
    from sensor import nmea

    buffer = bytearray(8 + records.STATIC_SIZE)

    def message(sixes: bytearray, bits: int, _channel: int, _own: bool) -> None:
        records.pack_static(buffer, 8, sixes, bits)

    receiver = nmea.Receiver(message)
    for line in lines[:2]:
        receiver.feed(line, len(line), 0)
    records.pack_header(buffer, records.STATIC, 1, 1, 0)
    log.packet(4, ports.SHIPS, bytes(buffer), 5.0)
    log.packet(4, ports.SHIPS, positions(told["mmsi"], sequence=2), 6.0)
    (ship,) = log.ships()
    for name in ("shipname", "callsign", "destination", "imo", "ship_type"):
        assert ship[name] == told[name]
    assert ship["lat"] == 10.1


def fleet_place(fleet: Fleet) -> tuple[float, float]:
    lat, lon, _ = fleet.where(np.arange(1), 0.0)
    return float(lat[0]), float(lon[0])
