"""Boards with stock MicroPython: the guard of boards/stock, and flight code in folders of their file system."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dragonet.bench import adapter, benchfile, boards, flash, folders, processes, provision, reach
from dragonet.bench.benchfile import Bench, Entry
from dragonet.errors import NotDone, UserError
from host import bench_world

APP = b"""
import time
import machine
import guard
class Board:
    def run(self):
        watchdog = machine.WDT(timeout=8000)
        while True:
            time.sleep_ms(100)
            watchdog.feed()
            if time.ticks_ms() > 10000:
                guard.settled()
def start(parts, pins):
    return Board()
"""
CUTS = 40


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bench_world.Code]:
    yield bench_world.Code(tmp_path_factory.mktemp("code"))


@pytest.fixture
def bench(code: bench_world.Code, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """One board that nobody has provisioned."""

    def start(entry: Entry, folder: Path) -> processes.UnixBoard:
        return processes.UnixBoard(entry, folder, reach.own_uid(entry), True, code.twin, code.firmware)

    monkeypatch.setattr(reach, "_start", start)
    monkeypatch.setattr(Bench, "folder", property(lambda self: tmp_path / "boards"))
    table = {"boards": {"beacon": {"reach": "unix", "method": "folders"}}}
    return benchfile.parse(table, tmp_path / "stock.toml")


def flashed(bench: Bench, number: int, app: bytes = APP, **keys: Any) -> flash.Result:
    image = bench_world.image(number, 8, files={"core/__init__.py": b"", "core/start.py": app, "parts.py": b""})
    (result,) = flash.flash(bench, bench.boards, flash.Order(image, trial_s=1.0, **keys))
    return result


def test_a_board_without_guard_is_provisioned_and_then_flashed(bench: Bench) -> None:
    assert "no guard on it: 'dragonet bench provision beacon'" in flashed(bench, 1).why
    assert provision.provision(bench, bench.boards[0], None, [])["/guard.py"] == "written"
    first = flashed(bench, 1)
    assert (first.done, first.slot, first.send) == ("confirmed", "a", 5), first.why
    assert flashed(bench, 1).done == "nothing"
    assert (flashed(bench, 2).done, flashed(bench, 3, plan_only=True).send) == ("confirmed", 2), "two files differ"
    assert flash.rollback(bench, bench.boards[0]) == "a"
    assert flashed(bench, 1).done == "nothing"


def test_a_trial_whose_app_does_not_start_goes_back(bench: Bench) -> None:
    provision.provision(bench, bench.boards[0], None, [])
    assert flashed(bench, 1).done == "confirmed"
    result = flashed(bench, 2, b"raise SystemExit")
    assert (result.done, result.code) == ("rolled back", 1), result.why
    assert flashed(bench, 1).done == "nothing"


def test_a_file_system_without_room_is_told(bench: Bench) -> None:
    provision.provision(bench, bench.boards[0], None, [])
    assert flashed(bench, 1).done == "confirmed"
    image = bench_world.image(2, 700)
    (result,) = flash.flash(bench, bench.boards, flash.Order(image))
    assert result.code == 1 and "its file system is full" in result.why, result.why
    assert flashed(bench, 1).done == "nothing", "what ran before is whole"


def test_a_cut_at_any_byte_leaves_a_whole_verified_folder(code: bench_world.Code, tmp_path: Path) -> None:
    entry = benchfile.parse(
        {"boards": {"beacon": {"reach": "unix", "method": "folders", "world": {"rbf": 0}}}}, tmp_path / "cuts.toml"
    ).boards[0]

    def boot() -> tuple[processes.UnixBoard, adapter.Link]:
        board = processes.UnixBoard(entry, tmp_path, bytes(8), False, code.twin, code.firmware, paced=False)
        link = adapter.Link(board.url, entry.name)
        assert link.prompt(10.0)
        return board, link

    board, link = boot()
    link.execute(provision._FILES)
    for path, data in provision._guard(entry, boards.ask(link)).items():
        provision.write(link, entry, path, data)
    link.close()
    board.close()
    number = session = cut = 0
    for turn in range(CUTS + 2):
        chance = random.Random(turn)
        board, link = boot()
        on_trial = runs = False
        if number:
            running, on_trial, error = link.evaluate("(guard.running, guard.trial, repr(guard.error))")
            assert running != 255, f"seed {turn}: nothing runs, {error}"
            runs = link.literal("import which\nprint(which.NUMBER)")
            assert runs in (number, number - 1), f"seed {turn}"
            assert link.evaluate("guard.whole(guard.load(), guard.running)"), f"seed {turn}"
        one = folders.Folders(link, entry)
        if on_trial:
            one.confirm()
        if number == 0 or one.status().state == "confirmed" and runs == number:
            number += 1
        if number > 1:
            board.cut_after = board.passed + chance.randrange(session * 11 // 10)
        try:
            image = bench_world.image(number, 8)
            one.plan(image)
            one.send(image)
            one.activate()
            session = session or board.passed
        except (NotDone, UserError):
            cut += 1
        link.close()
        board.close()
    assert cut > CUTS // 3
