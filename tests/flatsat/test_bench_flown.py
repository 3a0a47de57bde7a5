"""`dragonet bench flash` and `rollback` on boards that fly: over the bus, tried and confirmed, refused when unwise."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from dragonet.bench import benchfile, flash, flown
from dragonet.bench.benchfile import Bench as BenchFile
from dragonet.errors import UserError
from flatsat.bench import Bench, flying
from host import bench_world

TRIAL_S = 5.0
Desk = Callable[..., BenchFile]


@pytest.fixture
def sky(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A flight in virtual time, which passes while flown.py waits."""
    with flying(tmp_path) as one:
        monkeypatch.setattr(flown, "open_link", lambda *_: contextlib.nullcontext())
        monkeypatch.setattr(flown, "CspClient", lambda *_, **__: one.node)
        clock = SimpleNamespace(sleep=one.node.wait, monotonic=lambda: one.flight.t_s)
        monkeypatch.setattr(flown, "time", clock)
        yield one


@pytest.fixture
def desk(sky: Bench, tmp_path: Path) -> Desk:
    def make(**keys: str) -> BenchFile:
        boards = {role: {"reach": "flight"} for role in ("eps", "beacon", "sensor")}
        tables = {"via": "flight", "key": str(sky.key.path), "boards": boards, **keys}
        return benchfile.parse({name: one for name, one in tables.items() if one}, tmp_path / "desk.toml")

    return make


def flashed(bench: BenchFile, name: str, order: flash.Order) -> flash.Result:
    (result,) = flash.flash(bench, [bench.board(name)], order)
    return result


def order(number: int, role: str = "beacon", **keys: object) -> flash.Order:
    return flash.Order(image=bench_world.image(number, 8, role), trial_s=TRIAL_S, **keys)  # pyright: ignore


def test_a_board_that_flies_is_flashed_over_the_bus_and_taken_back(sky: Bench, desk: Desk) -> None:
    one = desk()
    planned = flashed(one, "beacon", order(1, plan_only=True))
    assert (planned.done, planned.keep) == ("planned", 0) and planned.send == 3
    done = flashed(one, "beacon", order(1))
    assert (done.done, done.slot, done.code) == ("confirmed", "a", 0), done.why
    assert sky.updater("beacon").status().state == "confirmed"
    assert flashed(one, "beacon", order(1)).done == "nothing"
    assert flash.rollback(one, one.board("beacon")) == "golden"
    sky.node.wait(TRIAL_S)
    assert sky.updater("beacon").status().running == "golden"


def test_a_trial_that_does_not_stay_up_goes_back(sky: Bench, desk: Desk) -> None:
    bad = b"raise RuntimeError('test: this image is bad')\n"
    for file, said in (("parts.py", "without confirmation"), ("beacon/app.py", "its app did not start")):
        crash = bench_world.image(2, 8, files={file: bad})
        result = flashed(desk(), "beacon", flash.Order(image=crash, trial_s=30.0))
        assert (result.done, result.code) == ("rolled back", 1) and said in result.why, (file, result)
        sky.node.wait(TRIAL_S)
    sky.node.wait(TRIAL_S)
    assert sky.updater("beacon").status().running == "golden"


def test_a_flat_battery_is_not_flashed_unless_forced(
    sky: Bench, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    battery = sky.flight.spacecraft.battery
    monkeypatch.setattr(battery, "step", lambda *_: setattr(battery, "volts", 6.5))
    sky.node.wait(3.0)
    for name in ("beacon", "eps", "sensor"):  # the sensor's is what the EPS tells
        result = flashed(desk(), name, order(1, name))
        assert result.code == 1 and "battery is at 6." in result.why and "--force" in result.why, result
        assert sky.updater(name).status().state == "idle", "nothing was begun"
    forced = flashed(desk(), "eps", order(1, "eps", force=True, confirm=False))
    assert forced.done == "trial", forced.why


@pytest.mark.parametrize(("keys", "said"), [({"key": ""}, 'add key = "ops.key"'), ({"via": ""}, 'via = "flight"')])
def test_what_the_bench_file_lacks_is_named(desk: Desk, keys: dict, said: str) -> None:
    result = flashed(desk(**keys), "eps", order(1, "eps"))
    assert (result.done, result.code) == ("failed", 2) and said in result.why and "\n" not in result.why
    assert "dragonet" in result.why, "and the command that helps"


def test_another_board_on_the_bus_is_refused(desk: Desk) -> None:
    bench = desk()
    entry = replace(bench.board("eps"), uid=bytes(8))
    with pytest.raises(UserError, match="on the bus is uid .*, not 0000000000000000"):
        flash.rollback(bench, entry)
