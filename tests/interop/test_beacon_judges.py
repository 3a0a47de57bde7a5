"""direwolf and multimon-ng judge the beacon: what the flight code tells the radio chip to send, they read.

The sound is made from the chip's registers and FIFO bytes; no host code knows Morse or AX.25.
"""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from dragonet.errors import UserError
from dragonet.flatsat.radio import bench, sound
from dragonet.flatsat.radio.link import Budget, Look

POWER = (
    b"NANODRAGON VIETNAM POWER EPS seq=1234 mode=nominal level=0 soc=87.12% battery_v=7.412V battery_a=-0.120A "
    b"battery_t=12.50C board_t=21.00C panel_x_a=0.250A panel_y_a=0.100A panel_z_a=0.000A loads_on=7 loads_shed=0"
)
HORIZON = Look(elevation_deg=0.0, range_km=2730.0, range_rate_m_s=7000.0)  # from 560 km


def judge(command: list[str]) -> str:
    """Standard output of a judge. A judge that is not installed is a failure."""
    if shutil.which(command[0]) is None:
        pytest.fail(f"{command[0]} is missing: sudo apt-get install direwolf multimon-ng sox")
    return subprocess.run(command, capture_output=True, timeout=120, check=False).stdout.decode(errors="replace")


def atest(wav: Path) -> list[str]:
    """Monitor lines of the frames that direwolf reads, without colours."""
    out = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", judge(["atest", str(wav)]))
    return [line[4:] for line in out.splitlines() if line.startswith("[0] ")]


def multimon_afsk(wav: Path) -> list[str]:
    out = judge(["multimon-ng", "-q", "-c", "-a", "AFSK1200", "-A", "-t", "wav", str(wav)])
    return [line[6:] for line in out.splitlines() if line.startswith("APRS: ")]


def multimon_cw(wav: Path) -> str:
    speed = ["-d", "60", "-g", "60", "-y"]  # 20 WPM
    return judge(["multimon-ng", "-q", "-c", "-a", "MORSE_CW", *speed, "-t", "wav", str(wav)]).strip()


def render(mode: str, callsign: str, info: bytes, wav: Path) -> bench.Sent:
    sent = bench.transmit(mode, callsign, info)
    sound.write_bench_audio(sent.transmissions, wav)
    return sent


@pytest.mark.parametrize(
    "info",
    [
        b"T#001,123,045,200,010,099,10110000",
        POWER,
        b"A",
        b"~" * 256,  # six 1s in each byte: stuffing
        b"\x7e~|{}" + bytes(range(0x20, 0x7F)),
        "Xin chào Việt Nam".encode(),
    ],
)
def test_direwolf_and_multimon_read_the_frame(info: bytes, tmp_path: Path) -> None:
    wav = tmp_path / "x.wav"
    render("afsk1200", "XV1VN-11", info, wav)
    assert subprocess.run(["atest", "-L", "1", "-G", "1", str(wav)], capture_output=True, check=False).returncode == 0
    (line,) = atest(wav)
    assert line.startswith("XV1VN-11>BEACON:")
    if info.isascii():
        assert line == "XV1VN-11>BEACON:" + info.decode()
        (heard,) = multimon_afsk(wav)
        assert heard == "XV1VN-11>BEACON:" + info.decode()


def test_every_byte_value_passes_through_direwolf(tmp_path: Path) -> None:
    wav = tmp_path / "x.wav"
    sent = render("afsk1200", "N0CALL", bytes(range(256)), wav)
    out = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", judge(["atest", "-h", str(wav)]))
    lines = re.findall(r"^  [0-9a-f]{3}:  ((?:[0-9a-f]{2} )+)", out, re.MULTILINE)
    assert bytes.fromhex("".join(lines)) == sent.message[:-2]


@pytest.mark.parametrize(
    "info",
    [
        "NANODRAGON VIETNAM B7412 S87 M3 N1234 T21 R3 +",
        "NANODRAGON VIETNAM B- S- M- U7400 T-12 R65000 +",
        "THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG",
        "0123456789 = ./,:?'-()@",
        "EEEEE TTTTT IIII MMMM HHHH OOOO 5555 0000",
        "E",
    ],
)
def test_multimon_reads_the_morse_exactly(info: str, tmp_path: Path) -> None:
    wav = tmp_path / "x.wav"
    render("cw", "N0CALL", info.encode(), wav)
    assert multimon_cw(wav) == "VVV DE N0CALL " + info


def test_all_are_read_from_the_horizon_with_doppler_left_over(tmp_path: Path) -> None:
    frames = bench.transmit("afsk1200", "N0CALL-11", POWER).transmissions
    cw = bench.transmit("cw", "N0CALL", b"NANODRAGON VIETNAM B7412 S87 M3 N1234 T21 R3 +").transmissions
    for seed in range(4):
        clips = sound.write_pass_audio(
            frames * 10 + cw, lambda t: HORIZON, tmp_path / "cw.wav", tmp_path / "afsk.wav", seed, Budget()
        )
        assert max(clip.density_dbhz for clip in clips["afsk"]) < 56.0
        assert len(atest(tmp_path / "afsk.wav")) == 10
        assert multimon_cw(tmp_path / "cw.wav") == "VVV DE N0CALL NANODRAGON VIETNAM B7412 S87 M3 N1234 T21 R3 +"


@pytest.mark.parametrize(("density_dbhz", "least"), [(53.0, 20), (44.0, 0)])
def test_frames_fade_out_only_well_below_the_horizons_level(density_dbhz: float, least: int, tmp_path: Path) -> None:
    (frame,) = bench.transmit("afsk1200", "N0CALL-11", POWER).transmissions
    steady = np.zeros(1)
    way = sound.Path2Ground(steady, steady + density_dbhz, steady + 40.0)
    sound.write_recording(tmp_path / "x.wav", [(frame, way)] * 20, [1])
    read = len(atest(tmp_path / "x.wav"))
    assert read == least if least == 0 else read >= least


def test_refuses_a_call_sign_that_ax25_cannot_carry() -> None:
    with pytest.raises(UserError, match="NOTACALL"):
        bench.transmit("afsk1200", "NOTACALL", b"X")
