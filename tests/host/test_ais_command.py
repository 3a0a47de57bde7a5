"""`dragonet ais decode`: what a user sees, with good input and bad."""

import json
import os
import subprocess
import sys
from pathlib import Path

POSITION = b"!AIVDM,1,1,,A,18SJ@DPris7WQ;05iop7lF>1P000,0*01\r\n"
STATIC = (
    b"!AIVDM,2,1,3,A,58SJ@DP2;=`1QK40000p4pt00000000000000016000000h00L5S`4ikP000,0*1E\r\n"
    b"!AIVDM,2,2,3,A,00000000000,2*27\r\n"
)
NOWHERE = b"!AIVDM,1,1,,A,18SJ@DgP?w<tSF0l4Q@>4?v1P000,0*7B\r\n"


def run(*words: str, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "dragonet.cli", "ais", "decode", *words],
        input=stdin,
        capture_output=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )


def messages(output: bytes) -> list[dict]:
    return [json.loads(line) for line in output.splitlines()]


def test_a_json_line_for_each_message(tmp_path: Path) -> None:
    log = tmp_path / "log.nmea"
    log.write_bytes(POSITION + STATIC + NOWHERE)
    done = run(str(log), "--json")
    assert done.returncode == 0
    position, static, nowhere = messages(done.stdout)
    assert (position["mmsi"], position["lat"], position["lon"], position["turn"]) == (574001234, 10.1, 106.5, -20.0)
    assert (static["shipname"], static["destination"], static["draught"]) == ("NANO", "VN SGN", 11.2)
    assert [nowhere[k] for k in ("lat", "lon", "speed", "course", "heading", "status", "turn")] == [None] * 7
    assert done.stderr == b"3 messages decoded (type 1:2 5:1), 0 dropped\n"


def test_standard_input_and_a_table() -> None:
    done = run("-", stdin=POSITION + STATIC)
    assert done.returncode == 0
    lines = done.stdout.decode().splitlines()
    assert lines[0].split()[:2] == ["type", "MMSI"]
    assert "106.50000" in lines[1] and "NANO" in lines[2]


def test_malformed_lines_are_counted_and_never_fatal() -> None:
    noise = b"hello\n!AIVDM,1,1,,A,18SJ@DPris7WQ;05iop7lF>1P000,0*02\n!AIVDM,x\n$GPGGA,1*00\n"
    done = run("-", "--json", stdin=noise + POSITION + STATIC.splitlines(True)[1] + b"!AIVDM,1,1,,A,400")
    assert done.returncode == 0
    assert len(messages(done.stdout)) == 1
    assert done.stderr == b"1 messages decoded (type 1:1), 6 dropped (checksum:3 garbage:2 orphan:1)\n"


def test_other_types_are_counted() -> None:
    done = run("-", "--json", stdin=b"!AIVDM,1,1,,A,405NJdQvFlP007`Ki05to0000000,0*71\n" + POSITION)
    assert done.returncode == 0
    assert done.stderr == b"1 messages decoded (type 1:1), 1 of other types (type 4:1), 0 dropped\n"


def test_a_last_line_without_its_end_is_decoded() -> None:
    assert len(messages(run("-", "--json", stdin=POSITION.strip()).stdout)) == 1


def test_an_empty_input_has_no_messages() -> None:
    done = run("-", "--json")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"0 messages decoded, 0 dropped\n")


def refused(done: subprocess.CompletedProcess[bytes], *words: str) -> None:
    assert done.returncode == 2
    assert done.stdout == b""
    text = done.stderr.decode()
    assert text.startswith("dragonet: error: ") and text.count("\n") == 1
    for word in words:
        assert word in text


def test_random_bytes_are_refused_in_one_line(tmp_path: Path) -> None:
    log = tmp_path / "noise.bin"
    log.write_bytes(bytes(k * k * 31 >> 3 & 0xFF for k in range(100_000)))
    refused(run(str(log), "--json"), "noise.bin", "not a log of NMEA sentences")


def test_a_missing_file_a_folder_and_no_name_are_refused_in_one_line(tmp_path: Path) -> None:
    refused(run(str(tmp_path / "none.nmea")), "none.nmea", "No such file")
    refused(run(str(tmp_path)), "directory")
    refused(run(), "FILE")


def test_a_missing_micropython_is_refused_in_one_line() -> None:
    refused(run("-", stdin=POSITION, MICROPYTHON="/nonexistent"), "MICROPYTHON=/nonexistent")


def test_a_long_log_goes_through_in_pieces() -> None:
    done = run("-", "--json", stdin=(POSITION + STATIC + b"noise\n") * 3000)
    assert len(done.stdout.splitlines()) == 6000
    assert b"3000 dropped (garbage:3000)" in done.stderr


def test_messages_come_out_as_soon_as_they_went_in() -> None:
    command = [sys.executable, "-m", "dragonet.cli", "ais", "decode", "-", "--json"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdin is not None and process.stdout is not None
        for _ in range(3):
            process.stdin.write(POSITION)
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["mmsi"] == 574001234
        process.stdin.close()
        assert process.wait(20) == 0
