"""Boards updated over the bus while they fly: trial, confirmation, rollback; and one board updated by another."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dragonet import paths
from dragonet.deploy import goldens
from dragonet.deploy import image as images
from dragonet.errors import NotDone, UserError
from dragonet.flatsat import virtual_board
from dragonet.ground import keys, telemetry
from flatsat import littlefs
from flatsat.bench import Bench, Shell, flying

from core import update_machine, update_record  # isort: skip

NEW = "9.9.9"
SLOT_BUFFER = 10  # s in which a board boots and is heard again
CRASH = "\nraise RuntimeError('test: this image is bad')\n"
HANG = "\nwhile True: pass\n"


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(virtual_board, "_STUCK_S", 3.0)  # wall time until a board that hangs is taken for hung
    with flying(tmp_path) as one:
        yield one


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """code(app): a copy of the flight code, of another revision, with this text at the end of the beacon's app."""

    def copy(app: str = "") -> Path:
        folder = tmp_path_factory.mktemp("code") / "firmware"
        shutil.copytree(paths.FIRMWARE, folder, ignore=shutil.ignore_patterns("__pycache__"))
        board = folder / "core/board.py"
        text = board.read_text()
        assert 'REVISION = "0.1.0"' in text
        board.write_text(text.replace('REVISION = "0.1.0"', f'REVISION = "{NEW}"'))
        with (folder / "beacon/app.py").open("a") as file:
            file.write(app)
        return folder

    return copy


def made(key: keys.KeyFile, firmware: Path, role: str = "beacon", trial_min: int = 10) -> images.Image:
    """A whole image."""
    return images.build(role, "unix", firmware=firmware, trial_min=trial_min).sign(key)


def overlay(bench: Bench, firmware: Path, role: str = "beacon") -> images.Image:
    """What differs from the code that the board runs as golden."""
    base = bench.updater(role).board().base
    return images.fitting(role, "unix", base, firmware=firmware, trial_min=10).sign(bench.key)


def test_the_command_line_tells_the_golden_app_and_what_would_travel_and_why(
    bench: Bench, code, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = Shell(bench, monkeypatch)
    base = shell.json("update", "status", "beacon")["base"]
    assert base == goldens.checkout("beacon").id.hex()
    push = "update", "push", "beacon", "--firmware", str(code()), "--dry-run"
    part, whole = shell.json(*push), shell.json(*push, "--whole")
    assert part["brings"][0].startswith("core: 1 of ") and part["why"] == "what differs from its golden app"
    assert whole["brings"] == ["everything: a whole image is wanted"] and whole["bytes"] > 20 * part["bytes"]
    said = shell(*push, "--golden", str(paths.FIRMWARE / "nothing.json"), code=2)
    assert "no golden app: 'make toolchain' leaves them in build/goldens" in said


def test_the_beacon_is_updated_while_it_flies_tried_and_confirmed(bench: Bench, code) -> None:
    updater = bench.updater("beacon")
    assert bench.revision("beacon") == "0.1.0"
    image = overlay(bench, code("\nADDED = 1\n"))
    assert sorted(image.files) == ["over/beacon/app.mpy", "over/core/board.mpy", "overlay.mpy"]
    plan = updater.plan(image)
    assert plan.what == "send" and plan.send <= 4, "blocks of 4 kB; a whole image has 50"
    assert [re.sub(r"\d+", "n", line) for line in plan.brings] == ["beacon: n of n modules: app",
                                                                    "core: n of n modules: board"]  # fmt: skip
    steps: list[int] = []
    status = updater.push(image, lambda done, total: steps.append(done))
    assert status.state == "verified" and status.running == "golden"
    assert steps == sorted(steps) and steps[-1] == len(image.data)
    updater.activate()
    bench.node.wait(SLOT_BUFFER)
    status = updater.status()
    assert (status.state, status.running, status.boots, status.version) == ("trial", "a", 1, image.version)
    assert 500 < status.trial_s <= 600
    assert bench.revision("beacon") == NEW
    assert updater.confirm().state == "confirmed"
    assert updater.plan(image).what == "nothing"
    bench.flight.fault("beacon", "power_off")
    bench.flight.fault("beacon", "power_on")
    bench.node.wait(SLOT_BUFFER)
    assert bench.revision("beacon") == NEW and updater.status().state == "confirmed"
    assert updater.rollback() == "golden"
    bench.node.wait(SLOT_BUFFER)
    assert bench.revision("beacon") == "0.1.0"
    assert json.dumps(bench.events("eps")) == "[]", "the others did not notice"


@pytest.mark.parametrize("how", [CRASH, HANG])
def test_an_image_that_does_not_start_is_rolled_back_by_itself(bench: Bench, code, how: str) -> None:
    updater = bench.updater("beacon")
    updater.push(overlay(bench, code(how)) if how == CRASH else made(bench.key, code(how)))
    held_s = bench.flight.housekeeping.newest["beacon"]["mission_s"]
    updater.activate()
    bench.node.wait(4 * 80)
    status = updater.status()
    assert (status.state, status.running, status.result) == ("idle", "golden", "boots without confirmation")
    assert bench.revision("beacon") == "0.1.0"
    assert bench.flight.boards["beacon"].boots == 5, "golden, three trials, golden"
    newest = bench.flight.housekeeping.newest["beacon"]
    assert newest["mission_s"] > held_s + 100, "powered time since separation goes on"
    commander = bench.node.commander("beacon")
    told = list(telemetry.all_events(lambda at: commander.call("event_read", sequence=at).data, commander.dictionary))
    ended = [one for one in told if one["name"] == "update"]
    assert [one["a"] for one in ended] == [update_record.CRASHED], "the guard's reason is an event, once"
    assert newest["rf"] == 0 and bench.flight.carrier.first_s is None, "and the radio's hold with it"


def test_a_trial_that_nobody_confirms_is_rolled_back(bench: Bench, code) -> None:
    updater = bench.updater("beacon")
    updater.push(made(bench.key, code(), trial_min=1))
    updater.activate()
    bench.node.wait(SLOT_BUFFER)
    assert updater.status().running == "a"
    bench.node.wait(70)
    status = updater.status()
    assert (status.state, status.running, status.result) == ("idle", "golden", "not confirmed in time")


def test_a_push_that_was_cut_off_goes_on_where_it_was(bench: Bench, code) -> None:
    updater = bench.updater("beacon")
    image = made(bench.key, code())

    def cut(done: int, total: int) -> None:
        if done >= total // 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        updater.push(image, cut)
    bench.flight.fault("beacon", "reset")
    bench.node.wait(SLOT_BUFFER)
    plan = updater.plan(image)
    assert plan.why == "it was begun before" and plan.bytes <= len(image.data) // 2 + 4096
    assert updater.push(image).state == "verified"


def test_images_for_others_unsigned_ones_and_forged_ones_are_refused(bench: Bench, code, tmp_path: Path) -> None:
    firmware = code()
    updater = bench.updater("beacon")
    with pytest.raises(UserError, match="for role eps"):
        updater.push(made(bench.key, firmware, "eps"))
    with pytest.raises(UserError, match="is for rp2, and beacon runs on linux"):
        updater.push(images.build("beacon", "rp2", firmware=firmware))
    with pytest.raises(UserError, match="not signed"):
        updater.push(images.build("beacon", "unix", firmware=firmware))
    stranger = replace(overlay(bench, firmware), base=bytes(range(8)))
    with pytest.raises(UserError, match="stands on the golden app 0001020304050607, and its golden app is"):
        updater.push(stranger)
    with pytest.raises(NotDone, match=rf"content \({update_machine.BASE}\)"):
        updater._command("update_begin", manifest=stranger.sign(bench.key).manifest)
    other = keys.KeyFile.make(tmp_path / "other.key", bench.key.slot)
    with pytest.raises(NotDone, match="forged"):
        updater.push(made(other, firmware))
    assert updater.status().state == "idle"


def test_one_board_updates_another_over_the_bus(tmp_path: Path, code) -> None:
    with flying(tmp_path) as bench:
        image = overlay(bench, code(), "sensor")
        bench.flight.fault("beacon", "power_off")
        littlefs.write(bench.flight.boards["beacon"].folder, "/sensor.slot", image.manifest + image.data)
        bench.flight.fault("beacon", "power_on")
        bench.node.wait(SLOT_BUFFER)
        beacon, sensor = bench.updater("beacon"), bench.updater("sensor")
        beacon.relay("sensor", "/sensor.slot")
        for _ in range(60):
            bench.node.wait(5)
            if beacon.status().push != "under way":
                break
        assert (beacon.status().push, sensor.status().state) == ("done", "verified")
        sensor.activate()
        bench.node.wait(SLOT_BUFFER)
        assert bench.revision("sensor") == NEW
        assert sensor.confirm().active == "a"
