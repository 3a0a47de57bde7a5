"""`dragonet beacon render` as a user meets it: what it writes, and what it refuses in one line."""

import json
import subprocess
import sys
import wave
from pathlib import Path

import pytest


def dragonet(*words: str) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("dragonet")
    return subprocess.run([str(command), *words], capture_output=True, text=True, timeout=120, check=False)


def render(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return dragonet("beacon", "render", "--out", str(folder / "x.wav"), *words)


def test_writes_a_wav_file_and_says_what_it_is(tmp_path: Path) -> None:
    result = render(tmp_path, "--mode", "cw", "--callsign", "n0call", "--info", "Hello", "--json")
    assert (result.returncode, result.stderr) == (0, "")
    facts = json.loads(result.stdout)
    assert facts["sent"] == "VVV DE N0CALL Hello"
    assert (facts["modulation"], facts["bit_rate"], facts["sample_rate_hz"]) == ("OOK", 1200.0, 48_000)
    assert facts["encoder"].startswith("micropython ")
    with wave.open(str(tmp_path / "x.wav")) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (48_000, 1, 2)
        assert file.getnframes() / 48_000 == pytest.approx(facts["seconds"], abs=0.01)
    assert [path.name for path in tmp_path.iterdir()] == ["x.wav"]


def test_the_frame_is_that_of_the_standard(tmp_path: Path) -> None:
    info = "T#001,123,045,200,010,099,10110000"
    for words in (["--info", info], ["--info-hex", info.encode().hex()]):
        result = render(tmp_path, "--mode", "afsk1200", "--callsign", "XV1VN-11", *words, "--json")
        facts = json.loads(result.stdout)
        assert facts["sent"].startswith("848a82869e9ce0b0ac62ac9c407703f0") and facts["sent"].endswith("420c")
        assert facts["bit_rate"] == pytest.approx(13_200, abs=0.1)


def test_the_same_message_makes_the_same_file(tmp_path: Path) -> None:
    files = []
    for _ in range(2):
        render(tmp_path, "--mode", "afsk1200", "--callsign", "N0CALL", "--info", "X")
        files.append((tmp_path / "x.wav").read_bytes())
    assert files[0] == files[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--mode", "afsk1200", "--callsign", "TOOLONG", "--info", "x"], "TOOLONG"),
        (["--mode", "cw", "--callsign", "", "--info", "x"], "call sign"),
        (["--mode", "afsk1200", "--callsign", "N0CALL-16", "--info", "x"], "SSID is 0 to 15"),
        (["--mode", "afsk1200", "--callsign", "N0 CAL", "--info", "x"], "N0 CAL"),
        (["--mode", "afsk1200", "--callsign", "ÀÉ1", "--info", "x"], "call sign"),
        (["--mode", "afsk1200", "--callsign", "N0CALL", "--info", "x" * 257], "257 bytes, at most 256"),
        (["--mode", "cw", "--callsign", "N0CALL", "--info", "x" * 5000], "5000 bytes, at most 256"),
        (["--mode", "afsk1200", "--callsign", "N0CALL", "--info-hex", "5"], "not hexadecimal"),
        (["--mode", "afsk1200", "--callsign", "N0CALL", "--info-hex", "zz"], "not hexadecimal"),
        (["--mode", "afsk1200", "--callsign", "N0CALL"], "--info"),
        (["--mode", "afsk1200", "--callsign", "N0CALL", "--info", "a", "--info-hex", "61"], "either"),
        (["--mode", "ssb", "--callsign", "N0CALL", "--info", "a"], "afsk1200"),
    ],
)
def test_refuses_in_one_line_and_writes_nothing(words: list[str], said: str, tmp_path: Path) -> None:
    result = render(tmp_path, *words)
    assert result.returncode == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("dragonet: error: ") and said in line
    assert list(tmp_path.iterdir()) == []


def test_refuses_a_place_where_it_cannot_write(tmp_path: Path) -> None:
    message = ["--mode", "cw", "--callsign", "N0CALL", "--info", "x"]
    for out in (tmp_path, tmp_path / "none" / "x.wav", Path("/proc/x.wav")):
        result = dragonet("beacon", "render", "--out", str(out), *message)
        assert result.returncode == 2
        (line,) = result.stderr.splitlines()
        assert str(out) in line


def test_a_file_that_was_there_survives_a_refusal(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_bytes(b"mine")
    render(tmp_path, "--mode", "afsk1200", "--callsign", "TOOLONG", "--info", "x")
    assert (tmp_path / "x.wav").read_bytes() == b"mine"
