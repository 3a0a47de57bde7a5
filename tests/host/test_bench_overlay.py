"""`dragonet bench` sends a board what differs from its golden app: alone, whole, or not at all."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from dragonet import paths
from dragonet.bench import boards, device, flash, slots
from dragonet.bench.adapter import Link
from dragonet.deploy import goldens
from dragonet.deploy import image as images
from dragonet.errors import UserError
from host import bench_world


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Flight code in which one module of the beacon and one of the bus differ."""
    folder = tmp_path_factory.mktemp("changed") / "firmware"
    shutil.copytree(paths.FIRMWARE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("beacon/text.py", "csp/node.py"):
        with (folder / name).open("a") as file:
            file.write("\nADDED = 1\n")
    return folder


@pytest.fixture(scope="module")
def link(tmp_path_factory: pytest.TempPathFactory):
    """Of a board at its safe prompt."""
    code = bench_world.Code(tmp_path_factory.mktemp("code"))
    board = code.board(bench_world.entry(), tmp_path_factory.mktemp("board"))
    try:
        one = Link(board.url, "beacon")
        boards.prompt(one, bench_world.entry(), interrupt=True)
        yield one
    finally:
        board.close()


def planned(link: Link, order: flash.Order) -> tuple[images.Image, slots.Plan]:
    """As flash.one() does."""
    found = boards.ask(link)
    image = flash.Builder(order).image(found.role, found.target or "", bytes.fromhex(found.base))
    flash.fits(bench_world.entry(), found, image)
    return image, slots.Slots(link, bench_world.entry()).plan(image)


def test_a_board_tells_its_golden_app(link: Link) -> None:
    assert boards.ask(link).base == goldens.checkout("beacon").id.hex()


def test_only_what_differs_is_sent_and_the_plan_says_what_and_why(link: Link, changed: Path) -> None:
    image, plan = planned(link, flash.Order(firmware=changed))
    assert sorted(image.files) == ["csp/__init__.mpy", "over/beacon/text.mpy", "over/csp/node.mpy", "overlay.mpy"]
    assert (plan.what, plan.bytes) == ("send", len(image.data)) and plan.bytes < 16_000
    assert [line.split(" ")[0] for line in plan.brings] == ["beacon:", "csp:"]
    assert plan.brings[0].endswith(" modules: text") and plan.brings[1].endswith(" modules: node")


def test_everything_is_sent_when_it_is_wanted(link: Link, changed: Path) -> None:
    image, plan = planned(link, flash.Order(firmware=changed, whole=True))
    assert image.whole and plan.bytes == len(image.data) > 150_000
    assert plan.brings == ("everything: a whole image is wanted",)


def test_everything_is_sent_where_the_golden_app_is_not_known(
    link: Link, changed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = goldens.checkout("beacon")
    kept = known.save(tmp_path)
    monkeypatch.setattr(goldens, "checkout", lambda role: goldens.Golden(role, {}))
    monkeypatch.setattr(goldens, "FOLDER", tmp_path / "none")
    image, plan = planned(link, flash.Order(firmware=changed))
    assert image.whole and plan.brings == (
        f"everything: the golden app {known.id.hex()} is not known here (--golden FILE)",
    )
    image, _ = planned(link, flash.Order(firmware=changed, golden=kept))
    assert image.base == known.id and len(image.data) < 16_000


def test_an_overlay_of_another_golden_app_is_refused(link: Link, changed: Path) -> None:
    """By the host, and by the board itself when a host does not ask."""
    stranger = replace(images.build("beacon", "unix", stands_on=goldens.checkout("beacon")), base=b"strange!")
    with pytest.raises(UserError, match="stands on the golden app 737472616e676521, and its golden app is"):
        planned(link, flash.Order(image=stranger))
    one = slots.Slots(link, bench_world.entry())
    assert one._try("_m.begin", f"a2b_base64({slots._text(stranger.manifest)!r})") == (
        "content: what it carries is not acceptable (stands on another golden app)"
    )
    assert one._refresh().state == "idle"


def test_a_board_with_folders_gets_everything(changed: Path) -> None:
    """Stock MicroPython has no golden app."""
    assert flash.Builder(flash.Order(firmware=changed)).image("beacon", "unix", None).whole


def test_older_firmware_does_not_tell_its_golden_app(link: Link) -> None:
    before = device.IDENTITY.replace('getattr(slots, "ID", b"")', 'getattr(slots, "NO_ID", b"")')
    assert before != device.IDENTITY and link.literal(before)["base"] == ""
    assert flash.Builder(flash.Order()).image("beacon", "unix", b"").whole
