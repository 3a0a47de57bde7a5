"""`dragonet bench flash` refuses a flat battery and a transmitting radio unless forced: a process and an RP2040."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dragonet.bench import adapter, boards, flash, reach
from dragonet.bench.benchfile import Bench, Entry, parse
from dragonet.errors import NotDone
from host import bench_world

# SX1278, datasheet 6.4: register 1 is the operating mode, its lowest bits 3 are transmit.
TRANSMITS = """
import machine, parts, pins
_select = machine.Pin(pins.RADIO_CS, machine.Pin.OUT, value=1)
_spi = pins.spi(parts.SPI_HZ)
for _mode in (b"\\x81\\x00", b"\\x81\\x01", b"\\x81\\x03"):
    _select(0)
    _spi.write(_mode)
    _select(1)
"""


@pytest.mark.parametrize("kind", ["unix", "emulated"])
def test_a_flat_battery_or_a_transmitting_radio_is_refused_unless_forced(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Bench, "folder", property(lambda self: tmp_path / "boards"))
    world = {"supply_v": 6.5, "safe": 0}  # at its prompt from the start
    bench = parse({"name": "x", "boards": {"beacon": {"reach": kind, "world": world}}}, tmp_path / "x.toml")
    entry = bench.boards[0]
    image = replace(bench_world.image(1, 8), target="rp2" if kind == "emulated" else "linux")
    order = flash.Order(image=image, confirm=False)
    with reach.open(bench, entry) as link:
        boards.prompt(link, entry)
        flat = _refused(link, entry, order)
        assert "its battery is at 6.5" in flat and "charge it" in flat and "radio" not in flat
        link.execute(TRANSMITS)
        both = _refused(link, entry, order)
        assert "its battery is at 6.5" in both and "its radio transmits" in both
        result = flash.Result("beacon", "beacon", "failed")
        flash.one(link, entry, replace(order, force=True), flash.Builder(order), lambda *_: None, result)
        assert result.done == "trial"


def _refused(link: adapter.Link, entry: Entry, order: flash.Order) -> str:
    """In one line, before anything was sent."""
    result = flash.Result("beacon", "beacon", "failed")
    with pytest.raises(NotDone, match="--force does it all the same") as refused:
        flash.one(link, entry, order, flash.Builder(order), lambda *_: None, result)
    assert "\n" not in str(refused.value)
    assert boards.ask(link).state == "idle", "nothing was begun"
    return str(refused.value)
