"""report.html: whole, self-contained, and true to the flight's files; its ears read what was keyed."""

import dataclasses
import html.parser
import json
import math
import re
import struct
import wave
import zlib
from pathlib import Path

import numpy as np
import pytest

from dragonet.errors import UserError
from dragonet.flatsat import scenario
from dragonet.flatsat.physics.spacecraft import Spacecraft
from dragonet.flatsat.report import chart, ear, png, worldmap, write_report
from dragonet.flatsat.report import log as logs

RATE = 48_000
CW_TEXT = "VVV DE N0CALL NANODRAGON VIETNAM B7846 S69"
# direwolf's own reading of this frame is in tests/interop; here it is only drawn
FRAME = bytes.fromhex(
    "848a82869e9ce0b0ac62ac9c407703f054233030312c3132332c3034352c3230302c3031302c3039392c3130313130303030420c"
)


def keyed(text: str, hertz: float, drift: float = 0.0, noise: float = 0.02) -> np.ndarray:
    """A tone keyed at 20 WPM, half a second of silence around it."""
    codes = {sign: code for code, sign in ear.MORSE.items()}
    units: list[int] = []
    for word in text.split():
        for character in word:
            for element in codes[character]:
                units += [1] * (1 if element == "." else 3) + [0]
            units += [0, 0]
        units += [0] * 4
    level = np.concatenate(
        (np.zeros(RATE // 2), np.repeat(np.array(units, float), int(0.06 * RATE)), np.zeros(RATE // 2))
    )
    turn = np.cumsum(hertz + drift * np.linspace(-1, 1, len(level))) * 2 * math.pi / RATE
    luck = np.random.default_rng(3)
    return 0.5 * level * np.sin(turn) + noise * luck.standard_normal(len(level))


def toned(frames: list[bytes], noise: float = 0.02) -> np.ndarray:
    """AFSK1200 of HDLC frames: flags, stuffing, NRZI, phase without jumps."""
    bits: list[int] = []
    for frame in frames:
        bits += [0, 1, 1, 1, 1, 1, 1, 0] * 20
        ones = 0
        for byte in frame:
            for k in range(8):
                bit = byte >> k & 1
                bits.append(bit)
                ones = ones + 1 if bit else 0
                if ones == 5:
                    bits.append(0)
                    ones = 0
        bits += [0, 1, 1, 1, 1, 1, 1, 0] * 2
    level, levels = 1, []
    for bit in bits:
        level = level if bit else 1 - level
        levels.append(level)
    hertz = np.repeat(np.where(np.array(levels) == 1, 1200.0, 2200.0), RATE // 1200)
    sound = 0.5 * np.sin(np.cumsum(hertz) * 2 * math.pi / RATE)
    quiet = np.zeros(RATE // 5)
    whole = np.concatenate((quiet, sound, quiet))
    return whole + noise * np.random.default_rng(4).standard_normal(len(whole))


def save(path: Path, samples: np.ndarray) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


@pytest.fixture
def flight(tmp_path: Path) -> Path:
    """A folder as a flight of 100 minutes leaves it, with an evil ship."""
    craft = Spacecraft(scenario.load("nanodragon"), 1)
    names = [
        "t_s",
        "utc",
        "source",
        "eps.mode",
        "eps.soc",
        "eps.battery_v",
        "sensor.rate_x",
        "sensor.rate_y",
        "sensor.rate_z",
    ]
    lines = [",".join(names + [f"truth.{key}" for key in craft.truth()])]
    for t in range(10, 6000, 10):
        craft.advance(float(t))
        truth = craft.truth()
        mode = "" if t < 60 else "0" if t < 1800 else "1" if t < 2700 else "3"
        said = [
            f"{100 * truth['soc']:.2f}",
            f"{truth['battery_v']:.3f}",
            *(f"{truth[f'rate_{a}_deg_s']:.3f}" for a in "xyz"),
        ]
        lines.append(
            ",".join([f"{t}", "2021-11-09T02:06:54Z", "eps", mode, *said, *(f"{v:.5f}" for v in truth.values())])
        )
    (tmp_path / "telemetry.csv").write_text("\n".join(lines) + "\n")
    ships = [
        {
            "mmsi": 574001230,
            "lat": 20.5,
            "lon": 107.0,
            "speed": 12.3,
            "class": "A",
            "shipname": "<script>alert(1)</script>",
        },
        {"mmsi": 574001231, "lat": None, "lon": None, "shipname": None},
    ]
    (tmp_path / "ships.json").write_text(json.dumps(ships))
    cw, afsk = keyed(CW_TEXT, 850.0), toned([FRAME, FRAME])
    save(tmp_path / "beacon-cw.wav", cw)
    save(tmp_path / "beacon-afsk1200.wav", afsk)
    one = craft.passes(2.0)[0]
    clip = {"offset_s": 0.2, "density_dbhz": 60.0, "whole": True}
    summary = {
        "scenario": "nanodragon", "satellite": "NANODRAGON", "seed": 1, "separation_utc": "2021-11-09T02:06:54.000Z",
        "flown_s": 6000.0, "wall_s": 10.0, "speed": 600.0, "first_rf_s": 2703.5,
        "counts": {"can_frames": 12345, "ships": 2},
        "boards": {"eps": {"pid": 7, "sys_implementation": {"name": "micropython", "version": [1, 28, 0]}, "boots": 1}},
        "passes": [dataclasses.asdict(one)],
        "events": [{"t_s": 1802.5, "source": "beacon", "event": "burn wire of antenna on"}],
        "recording": {
            "pass": {"rise_s": one.rise_s},
            "cw": [{**clip, "start_us": 2_884_000_000, "seconds": len(cw) / RATE - 0.4}],
            "afsk": [{**clip, "start_us": 2_869_000_000, "seconds": len(afsk) / RATE - 0.4}],
        },
    }  # fmt: skip
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    return tmp_path


class Page(html.parser.HTMLParser):
    """Collects text, addresses and whether tags close in order."""

    EMPTY = ("meta", "img", "path", "rect", "circle", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for key, value in attrs if key in ("src", "href")]
        if tag not in self.EMPTY:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.EMPTY:
            self.stack.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.EMPTY:
            assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_whole_and_loads_nothing(flight: Path) -> None:
    path = write_report(flight)
    assert path == flight / "report.html"
    text = path.read_text()
    page = Page(text)
    assert page.stack == []
    assert not re.search(r"https?://|@import|url\(", text)
    for address in page.addresses:
        assert address.startswith("data:image/png;base64,") or address in ("beacon-cw.wav", "beacon-afsk1200.wav")
    assert list(flight.glob("*.part")) == []


def test_the_page_says_what_the_files_say(flight: Path) -> None:
    page = Page(write_report(flight).read_text())
    for words in (
        "NANODRAGON", "600 ×", "45.1 min", "12,345", "burn wire of antenna on", "Hoa Lac", "micropython 1.28.0",
        "silent", "nominal",
        CW_TEXT, "XV1VN-11>BEACON: T#001,123,045,200,010,099,10110000", "1 ships heard",
    ):  # fmt: skip
        assert words in page.text, words


def test_a_ships_name_is_text_and_never_markup(flight: Path) -> None:
    text = write_report(flight).read_text()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;, MMSI 574001230, 12.3 kn" in text


def test_charts_carry_the_numbers_of_telemetry_for_the_pointer(flight: Path) -> None:
    text = write_report(flight).read_text()
    data = [json.loads(found) for found in re.findall(r'<script type="application/json">(.*?)</script>', text)]
    soc = next(one for one in data if one["lines"][0][0] == "EPS estimate")
    columns = logs.read(flight).columns
    assert soc["t"] == columns["t_s"]
    assert soc["lines"][0][1] == pytest.approx(columns["eps.soc"], rel=1e-4)
    assert soc["lines"][1][1] == pytest.approx([100 * value for value in columns["truth.soc"]], rel=1e-4)


def test_a_flight_without_a_pass_or_ships_has_a_page_too(flight: Path) -> None:
    summary = json.loads((flight / "summary.json").read_text())
    for key in ("recording", "passes", "events", "boards", "first_rf_s"):
        summary.pop(key)
    (flight / "summary.json").write_text(json.dumps(summary))
    (flight / "ships.json").write_text("[]")
    lines = (flight / "telemetry.csv").read_text().splitlines()
    (flight / "telemetry.csv").write_text(lines[0] + "\n")
    page = Page(write_report(flight).read_text())
    assert "no transmission within a pass was recorded" in page.text
    assert "no values in this flight" in page.text


@pytest.mark.parametrize("name", ["summary.json", "ships.json", "telemetry.csv"])
def test_a_missing_or_broken_file_is_one_line_and_leaves_no_page(flight: Path, name: str) -> None:
    (flight / name).write_bytes(b"\xff\x00{")
    with pytest.raises(UserError) as caught:
        write_report(flight)
    assert str(flight / name) in str(caught.value)
    (flight / name).unlink()
    with pytest.raises(UserError, match=f"{name} is missing"):
        write_report(flight)
    assert not (flight / "report.html").exists()


@pytest.mark.parametrize(("hertz", "drift"), [(800.0, 0.0), (700.0, 0.0), (850.0, 40.0)])
def test_the_ear_reads_morse_also_when_the_tone_drifts(hertz: float, drift: float) -> None:
    assert ear.morse(keyed(CW_TEXT, hertz, drift, 0.05), RATE) == CW_TEXT


def test_the_ear_hears_nothing_in_noise() -> None:
    noise = 0.3 * np.random.default_rng(1).standard_normal(3 * RATE)
    assert ear.morse(noise, RATE) == ""
    assert ear.afsk1200(noise, RATE) == []


def test_the_ear_reads_frames_and_drops_one_with_a_wrong_check_sequence() -> None:
    bad = FRAME[:30] + bytes((FRAME[30] ^ 1,)) + FRAME[31:]
    heard = ear.afsk1200(toned([FRAME, bad, FRAME], 0.05), RATE)
    assert heard == ["XV1VN-11>BEACON: T#001,123,045,200,010,099,10110000"] * 2


def test_the_check_sequence_is_x25() -> None:
    assert ear.crc_x25(b"123456789") ^ 0xFFFF == 0x906E
    assert ear.crc_x25(FRAME) == 0xF0B8


def test_a_png_holds_its_pixels() -> None:
    pixels = (np.arange(12, dtype=np.uint8) * 20).reshape(3, 4)
    data = png.encode(pixels)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    found, at = {}, 8
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", data, at + 8 + size)[0] == zlib.crc32(kind + body)
        found[kind] = body
        at += 12 + size
    assert struct.unpack(">IIBBBBB", found[b"IHDR"]) == (4, 3, 8, 3, 0, 0, 0)
    rows = np.frombuffer(zlib.decompress(found[b"IDAT"]), np.uint8).reshape(3, 5)
    assert (rows[:, 1:] == pixels).all()
    assert (rows[:, 0] == 0).all()
    assert len(found[b"PLTE"]) == 768


def test_land_is_where_it_is() -> None:
    def on_land(lon: float, lat: float) -> bool:
        crossings = 0
        for ring in worldmap.land():
            for (x1, y1), (x2, y2) in zip(ring, ring[1:], strict=False):
                if (y1 > lat) != (y2 > lat) and lon < x1 + (lat - y1) / (y2 - y1) * (x2 - x1):
                    crossings += 1
        return crossings % 2 == 1

    for place in (
        (105.5, 21.0),
        (2.3, 48.8),
        (-100.0, 40.0),
        (135.0, -25.0),
        (0.0, -85.0),
        (-178.0, 67.0),
        (178.0, 67.5),
    ):
        assert on_land(*place), place
    for place in ((110.0, 17.0), (-30.0, 0.0), (-150.0, 30.0), (179.0, 0.0), (80.0, -30.0)):
        assert not on_land(*place), place


def test_a_stations_circle_is_where_a_satellite_at_its_mask_stands() -> None:
    angle = worldmap.sight_deg(560.0, 0.0)
    assert angle / 360 * 2 * math.pi * 6371.0 == pytest.approx(2579.0, abs=15.0)  # horizon radius of the fact sheet
    for lon, lat in worldmap.circle(21.0, 105.5, angle):
        a, b, d = math.radians(21.0), math.radians(lat), math.radians(lon - 105.5)
        found = math.degrees(math.acos(math.sin(a) * math.sin(b) + math.cos(a) * math.cos(b) * math.cos(d)))
        assert found == pytest.approx(angle, abs=1e-6)


@pytest.mark.parametrize(("low", "high"), [(0.0, 14.2), (7.61, 8.2), (-0.003, 0.004), (5.0, 5.0), (-50.0, 61.0)])
def test_ticks_are_round_and_span_the_values(low: float, high: float) -> None:
    ticks = chart.nice(low, high)
    assert ticks[0] <= low
    assert ticks[-1] >= high
    assert 2 <= len(ticks) <= 9
    assert len({round(b - a, 9) for a, b in zip(ticks, ticks[1:], strict=False)}) == 1
