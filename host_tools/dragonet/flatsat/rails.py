"""Who has power: the EPS's latching load switches, the battery's protection, and faults that cut a board off."""

from __future__ import annotations

from collections.abc import Callable

from dragonet.flatsat.hub import Hub
from dragonet.flatsat.virtual_board import VirtualBoard


class Rails:
    """loads: name -> on when the satellite is first powered. Loads named like a board power it."""

    def __init__(
        self, hub: Hub, boards: dict[str, VirtualBoard], loads: dict[str, bool], on_event: Callable[[str, str], None]
    ) -> None:
        self._hub = hub
        self._boards = boards
        self._on_event = on_event
        self.loads = dict(loads)
        self.bus_on = False
        self.cut: set[str] = set()  # boards whose supply a fault has opened
        self.dead: set[str] = set()  # boards that nothing starts again

    def switch(self, load: str, level: int) -> None:
        """The EPS drives a latching switch; it keeps its state when the EPS loses its own."""
        if self.loads[load] != bool(level):
            self.loads[load] = bool(level)
            self._on_event("eps", f"{load} {'on' if level else 'off'}")
            self.apply()

    def has_power(self, role: str) -> bool:
        return self.bus_on and role not in self.cut and role not in self.dead and self.loads.get(role, True)

    def apply(self) -> None:
        """Start and stop what the switches say."""
        for role, board in self._boards.items():
            if self.has_power(role) != board.powered:
                if board.powered:
                    board.power_off()
                else:
                    board.power_on()

    def powered(self) -> dict[str, bool]:
        """What draws power now, by board and load."""
        state = {name: self.bus_on and on for name, on in self.loads.items()}
        for role in self._boards:
            state[role] = self.has_power(role)
        return state
