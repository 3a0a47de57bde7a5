"""New flight code over the bus: tried, confirmed, taken back; and an image that hangs is rolled back by itself."""

import shutil
from pathlib import Path

import pytest

from dragonet import paths
from dragonet.bench.measure import Check
from dragonet.deploy import image as images
from hil.rig import Rig

NEW = "9.9.9"
HANG = "\nimport time\nwhile True: time.sleep_ms(10)\n"  # nothing else runs, and the watchdog is not fed
BOOT_S = 12.0
ROLL_BACK_S = 3 * (8.0 + BOOT_S) + 30.0  # three trials, each ended by the watchdog


@pytest.mark.long
def test_an_update_is_tried_confirmed_and_taken_back(rig: Rig, check: Check, tmp_path: Path) -> None:
    """The image goes into the free slot, is verified, runs on trial, is confirmed, survives a reset; then back."""
    role = rig.checks.update
    updater = rig.updater(role)
    before, revision = updater.status(), rig.ident(role).get("revision")
    check.measure("before", before.state, board=role)
    image = _image(rig, role, tmp_path)
    began_s = rig.now_s
    status = updater.push(image)
    check.measure("pushed", status.state, board=role, wanted="verified")
    check.measure("image", len(image.data), "B", 1, updater.board().slot_bytes, role)
    check.measure("rate", len(image.data) / max(rig.now_s - began_s, 1e-3), "B/s", 1000.0, None, role)
    updater.activate()
    rig.wait(BOOT_S)
    status = updater.status()
    check.measure("then", status.state, board=role, wanted="trial")
    check.measure("revision", rig.ident(role).get("revision"), board=role, wanted=NEW)
    check.measure("confirmed", updater.confirm().state, board=role, wanted="confirmed")
    rig.signed(role).call("reset")
    rig.wait(BOOT_S)
    check.measure("after a reset", rig.ident(role).get("revision"), board=role, wanted=NEW)
    check.measure("taken back to", updater.rollback(), board=role, wanted=before.running)
    rig.wait(BOOT_S)
    check.measure("revision again", rig.ident(role).get("revision"), board=role, wanted=revision)


@pytest.mark.long
def test_an_image_that_hangs_is_rolled_back_by_itself(rig: Rig, check: Check, tmp_path: Path) -> None:
    """Each trial is bitten by the watchdog; after three the guard boots what ran before, and nobody helped."""
    role = rig.checks.update
    updater = rig.updater(role)
    before, revision = updater.status(), rig.ident(role).get("revision")
    check.measure("pushed", updater.push(_image(rig, role, tmp_path, HANG)).state, board=role, wanted="verified")
    updater.activate()
    rig.wait(ROLL_BACK_S)
    status = updater.status()
    check.measure("then", status.state, board=role, wanted="idle")
    check.measure("why", status.result, board=role, wanted="boots without confirmation")
    check.measure("runs", status.running, board=role, wanted=before.running)
    check.measure("revision", rig.ident(role).get("revision"), board=role, wanted=revision)


def _image(rig: Rig, role: str, folder: Path, app: str = "") -> images.Image:
    """This checkout's flight code of another revision, `app` added at the end of the board's app, signed: what differs
    from the board's golden app, or all where that is not known here."""
    code = folder / "firmware"
    shutil.copytree(paths.FIRMWARE, code, ignore=shutil.ignore_patterns("__pycache__"))
    board = code / "core/board.py"
    board.write_text(board.read_text().replace(f'REVISION = "{images._revision(code)}"', f'REVISION = "{NEW}"'))
    with (code / role / "app.py").open("a") as file:
        file.write(app)
    says = rig.updater(role).board()
    target = rig.boards[role].target or images.target_of(says.target, says.mpy)
    return images.fitting(role, target, says.base, firmware=code, trial_min=60).sign(rig.key)
