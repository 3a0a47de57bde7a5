"""The antennas' burn wires: hot while both pins in series are high."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

from dragonet.flatsat.devices import records
from dragonet.flatsat.hub import Hub
from dragonet.flatsat.physics.spacecraft import BURNS
from dragonet.flatsat.virtual_board import VirtualBoard

_SECOND_US = 1_000_000


class BurnWire:
    """One wire and the board that heats it. first_hot_s: mission time, None = never."""

    def __init__(
        self, hub: Hub, name: str, board: VirtualBoard, pins: ModuleType, on_hot: Callable[[str], None]
    ) -> None:
        self.name = name
        self.first_hot_s: float | None = None
        self._hub = hub
        self._levels = {pins.ARM: 0, pins.FIRE: 0}
        self._on_hot = on_hot
        self._hot_since_us: int | None = None
        self._heated_us = 0
        board.handlers[records.PIN] = self._pin

    def _pin(self, time_us: int, data: bytes) -> None:
        number = int.from_bytes(data[:2], "little")
        if number in self._levels:
            self._levels[number] = data[2]
            self._look()

    def released(self) -> None:
        """The board has stopped: its pins fall to 0."""
        self._levels.update(dict.fromkeys(self._levels, 0))
        self._look()

    def _look(self) -> None:
        hot = all(self._levels.values())
        if hot and self._hot_since_us is None:
            self._hot_since_us = self._hub.now_us
            if self.first_hot_s is None:
                self.first_hot_s = self._hub.now_us / _SECOND_US
            self._on_hot(f"burn wire of {self.name} on")
        elif not hot and self._hot_since_us is not None:
            self._heated_us += self._hub.now_us - self._hot_since_us
            self._hot_since_us = None

    def take_share(self) -> float:
        """Share of the second since the last call during which the wire was hot."""
        if self._hot_since_us is not None:
            self._heated_us += self._hub.now_us - self._hot_since_us
            self._hot_since_us = self._hub.now_us
        share, self._heated_us = min(1.0, self._heated_us / _SECOND_US), 0
        return share


def wires_of(
    hub: Hub, boards: dict[str, VirtualBoard], pins: Callable[[str], ModuleType], on_event: Callable[[str, str], None]
) -> dict[str, BurnWire]:
    """All wires by name. pins(role): the board's pins module."""
    return {
        name: BurnWire(hub, name, boards[role], pins(role), lambda text, role=role: on_event(role, text))
        for name, role in BURNS.items()
    }
