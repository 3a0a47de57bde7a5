"""`dragonet bench`: one line and an exit code for what goes wrong, JSON for scripts, the bus for boards that fly."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dragonet.bench import adapter, console, emulated, firmware, listing, measure, reach
from dragonet.bench.benchfile import Bench, parse
from dragonet.deploy import goldens, image
from dragonet.errors import NotDone, UserError

start = reach._start
UF2_INFO = "UF2 Bootloader v3.0\nModel: Raspberry Pi RP2\nBoard-ID: RPI-RP2\n"


def bench(folder: Path, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    path = folder / "desk.toml"
    path.write_text(text or f'name = "{folder.name}"\n[boards.beacon]\nreach = "/dev/ttyNOBODY"\n')
    command = [sys.executable, "-m", "dragonet.cli", "bench", *arguments, "--bench", str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_bad_bench_file_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    run = bench(tmp_path, "ls", text="[boards.obc]\nreach = 'unix'\n")
    assert run.returncode == 2 and run.stderr.count("\n") == 1
    assert "desk.toml: boards.obc.role = 'obc': one of eps, beacon, sensor" in run.stderr


def test_a_board_that_is_not_there_is_a_row_and_exit_code_1(tmp_path: Path) -> None:
    run = bench(tmp_path, "ls", "--json")
    (row,) = json.loads(run.stdout)["boards"]
    assert run.returncode == 1 and row["state"] == "silent" and "no such port" in row["error"]
    assert run.stderr == ""


def test_flashing_it_is_a_row_and_exit_code_2(tmp_path: Path) -> None:
    run = bench(tmp_path, "flash", "--json")
    (row,) = json.loads(run.stdout)["boards"]
    assert run.returncode == 2 and row["done"] == "failed" and "/dev/ttyNOBODY: no such port" in row["why"]


def test_what_needs_a_bus_says_so(tmp_path: Path) -> None:
    run = bench(tmp_path, "sniff")
    assert run.returncode == 2 and "via: the bench names no bus" in run.stderr


def test_a_uf2_goes_to_the_one_board_that_waits_in_bootsel(tmp_path: Path) -> None:
    entry = parse({"boards": {"beacon": {"reach": "uid:e66138935f2b8a21"}}}, tmp_path / "x.toml").boards[0]
    block = bytearray(512)
    block[:32] = b"".join(
        number.to_bytes(4, "little")
        for number in (0x0A324655, 0x9E5D5157, 0x2000, 0x10000000, 256, 0, 1, 0xE48BFF56)
    )
    block[508:] = (0x0AB16F30).to_bytes(4, "little")
    image = tmp_path / "firmware.uf2"
    image.write_bytes(block)
    drives = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "INFO_UF2.TXT").write_text(UF2_INFO)
        drives.append(tmp_path / name)
    assert firmware.firmware(entry, image, drives=lambda: drives[:1]) == f"uf2, to {drives[0]}"
    assert (drives[0] / "firmware.uf2").read_bytes() == block
    with pytest.raises(UserError, match="2 boards wait in BOOTSEL .*one at a time"):
        firmware.firmware(entry, image, drives=lambda: drives)
    image.write_bytes(bytes(512))
    with pytest.raises(UserError, match="no UF2 file"):
        firmware.firmware(entry, image, drives=lambda: drives[:1])
    with pytest.raises(UserError, match="no such file"):
        firmware.firmware(entry, tmp_path / "none.uf2")


def test_the_firmware_of_another_role_is_refused(tmp_path: Path) -> None:
    entry = parse({"boards": {"beacon": {"reach": "uid:e66138935f2b8a21"}}}, tmp_path / "x.toml").boards[0]
    image = tmp_path / "firmware.bin"
    image.write_bytes(bytes(1000) + goldens.checkout("eps").id + bytes(1000))
    with pytest.raises(UserError, match="has the golden app of eps, and this board is beacon"):
        firmware.firmware(entry, image, "uf2", drives=lambda: [tmp_path])


def test_a_drive_that_may_not_be_read_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one" / "INFO_UF2.TXT").mkdir(parents=True)  # as if: reading it is an error
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "INFO_UF2.TXT").write_text(UF2_INFO)
    monkeypatch.setattr(firmware, "_DRIVES", (f"{tmp_path}/*",))
    assert firmware.uf2_drives() == [tmp_path / "two"]


def test_a_slot_image_appears_when_it_is_complete(tmp_path: Path) -> None:
    kept = tmp_path / "beacon.slot"
    kept.mkdir()
    with pytest.raises(UserError, match="cannot be written"):
        image.Image(b"data", "beacon", "rp2", 0, "1").save(kept)
    assert [path.name for path in tmp_path.iterdir()] == ["beacon.slot"], "nothing half-written is left"


@pytest.mark.parametrize(("by", "said"), [("mpflash", "pipx install mpflash"), ("dfu", "apt-get install dfu-util")])
def test_a_missing_program_is_named_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str, said: str
) -> None:
    entry = parse({"boards": {"eps": {"reach": "/dev/ttyACM0", "target": "pybd"}}}, tmp_path / "x.toml").boards[0]
    (tmp_path / "firmware.dfu").write_bytes(b"DfuSe")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=said):
        firmware.firmware(entry, tmp_path / "firmware.dfu", by)


def test_a_program_that_fails_is_told_by_its_last_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = parse({"boards": {"eps": {"reach": "/dev/ttyACM0", "target": "pybd"}}}, tmp_path / "x.toml").boards[0]
    (tmp_path / "firmware.dfu").write_bytes(b"DfuSe")
    tool = tmp_path / "dfu-util"
    tool.write_text("#!/bin/sh\necho looking\necho 'No DFU capable USB device available' >&2\necho\nexit 74\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(NotDone, match="dfu-util failed: .*"):
        firmware.firmware(entry, tmp_path / "firmware.dfu")


def test_a_board_that_flies_is_listed_by_what_the_bus_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"beacon": {"uid": "d046ac455453bd75", "active": "a", "rails": {"supply_v": 7.6}, "reset": "watchdog"}}
    monkeypatch.setattr(listing, "_by_bus", lambda bench: told)
    tables = {"via": "flight", "boards": {"beacon": {"reach": "flight"}, "eps": {"reach": "flight"}}}
    flies, silent = listing.listing(parse(tables, tmp_path / "x.toml"))
    assert (flies["state"], flies["active"], flies["reset"]) == ("flies", "a", "watchdog")
    assert (silent["state"], silent["error"]) == ("silent", "no answer on the bus")


def test_a_report_is_shown_and_its_page_made_again_from_the_results_alone(tmp_path: Path) -> None:
    results = measure.Results({"bench": "desk", "utc": "2026-11-21T12:00:00Z", "seeds": {}})
    one = results.check("power", "It holds.")
    one.measure("battery_v", 7.4, "V", 6.0, 8.4, "eps")
    one.outcome = measure.PASSED
    results.save(tmp_path / "results.json")
    command = [sys.executable, "-m", "dragonet.cli", "bench", "report", str(tmp_path / "results.json")]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0 and "power" in run.stdout and "passed" in run.stdout, run.stderr
    assert "battery_v" in (tmp_path / "report.html").read_text()
    told = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=60, check=False)
    assert json.loads(told.stdout) == results.record()
    missing = subprocess.run([*command[:-1], str(tmp_path / "no.json")], capture_output=True, text=True, check=False)
    assert missing.returncode == 2 and "'dragonet bench check' writes it" in missing.stderr
    assert missing.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("plot", "beacon.supply_v"), "via is missing"),
        (("console", "nobody"), "no board 'nobody'; it has beacon"),
        (("rollback", "beacon"), "no such port"),
        (("provision",), "no such port"),
        (("console", "beacon"), "no such port"),
        (("firmware", "beacon", "none.uf2"), "no such file; 'make toolchain' builds images"),
        (("flash", "--image", "x.slot", "--whole"), "it is built already"),
        (("check", "--out", __file__), "cannot write there: File exists"),
        (("plot", "beacon.supply_v", "--out", f"{__file__}/plot.html"), "cannot write there"),
    ],
)
def test_each_command_says_in_one_line_what_it_lacks(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    run = bench(tmp_path, *arguments)
    assert run.returncode == 2 and said in run.stderr, run.stderr
    assert run.stderr.count("\n") == 1 and run.stderr.startswith("dragonet: error: ")


def test_a_new_image_goes_onto_an_emulated_boards_flash_and_its_slots_stay(tmp_path: Path) -> None:
    tables = {"boards": {"beacon": {"reach": "emulated", "image": "firmware.bin"}}}
    entry = parse(tables, tmp_path / "x.toml").boards[0]
    flash, slot = tmp_path / "board" / "flash.bin", 0xC0000
    with pytest.raises(UserError, match="'make toolchain' builds the images"):
        emulated.EmulatedBench(entry, tmp_path / "board", bytes(8))
    for number, content in enumerate((b"one", b"another", b"another")):
        (tmp_path / "firmware.bin").write_bytes(content * 1000)
        emulated.EmulatedBench(entry, tmp_path / "board", bytes(8)).close()
        data = bytearray(flash.read_bytes())
        assert data.startswith(content * 1000 + b"\xff" * 8)
        assert data[slot : slot + 4] == (b"slot" if number else b"\xff" * 4)
        data[slot : slot + 4] = b"slot"
        flash.write_bytes(data)
    (tmp_path / "firmware.bin").unlink()
    with pytest.raises(UserError, match="'make toolchain' builds the images"):  # it would run another in its place
        emulated.EmulatedBench(entry, tmp_path / "board", bytes(8))


def test_a_board_with_another_firmware_flies_and_is_not_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: object) -> Iterator[tuple[str, str]]:
        yield "uid", "0123456789abcdef"
        raise NotDone("beacon: set hk has 40 bytes, not 44: the board runs another firmware than this checkout")

    monkeypatch.setattr(listing, "_asked", asked)
    monkeypatch.setattr(listing, "open_link", lambda *_: contextlib.nullcontext())
    monkeypatch.setattr(listing, "CspClient", lambda *_, **__: None)
    monkeypatch.setattr(listing.bus_watch, "packets", lambda *_: ())
    (row,) = listing.listing(parse({"via": "flight", "boards": {"beacon": {"reach": "flight"}}}, tmp_path / "x.toml"))
    assert (row["state"], row["uid"]) == ("flies", "0123456789abcdef") and "another firmware" in row["error"]


def test_two_boards_of_a_role_are_not_checked_as_one(tmp_path: Path) -> None:
    run = bench(tmp_path, "check", text='[boards.a]\nrole = "eps"\nreach = "unix"\n[boards.eps]\nreach = "unix"\n')
    assert run.returncode == 2 and "2 boards are eps" in run.stderr and run.stderr.count("\n") == 1, run.stderr


def test_a_console_without_standard_input_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with socket.create_server(("127.0.0.1", 0)) as server:
        with adapter.Link(f"socket://127.0.0.1:{server.getsockname()[1]}", "beacon") as link:
            with pytest.raises(UserError, match="no standard input"):
                console.run(link)


def test_an_emulator_that_ends_says_so_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bench, "folder", property(lambda self: tmp_path / "boards"))
    (tmp_path / "firmware.bin").write_bytes(bytes(1000))
    tables = {"boards": {"beacon": {"reach": "emulated", "image": "firmware.bin"}}}
    one = parse(tables, tmp_path / "x.toml")
    made: list[Any] = []
    monkeypatch.setattr(reach, "_start", lambda *arguments: made.append(start(*arguments)) or made[0])
    with pytest.raises(NotDone, match="^beacon: the emulator ended"), reach.open(one, one.boards[0]) as link:
        os.kill(made[0]._chip.pid, signal.SIGKILL)
        while True:
            link.prompt(5.0)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bench, "folder", property(lambda self: tmp_path / "boards"))
    one = parse({"boards": {"beacon": {"reach": "unix"}}}, tmp_path / "x.toml")
    (tmp_path / "boards").write_text("a file in its place")
    (row,) = listing.listing(one)
    assert "does not start" in row["error"] and "Not a directory" in row["error"], row
    monkeypatch.setattr(reach, "_LOCKS", tmp_path / "boards" / "locks")
    (row,) = listing.listing(one)
    assert "is the checkout yours" in row["error"], row
