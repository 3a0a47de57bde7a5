"""The beacon's carrier: what was sent, when it was first on, and the share of each second it draws power."""

from __future__ import annotations

from collections.abc import Callable

from dragonet.flatsat.hub import Hub
from dragonet.flatsat.radio.receive import Receiver, Transmission

_SECOND_US = 1_000_000


class Carrier:
    """first_s: mission time of the first transmission, None = none yet. `sent`: transmissions that have ended."""

    def __init__(self, hub: Hub, on_first: Callable[[], None]) -> None:
        self.first_s: float | None = None
        self._hub = hub
        self._on_first = on_first
        self._receiver = Receiver(self._changed)
        self._since_us: int | None = None  # on since then, or since the last look
        self._on_us = 0
        self._looked_us = 0

    @property
    def sent(self) -> list[Transmission]:
        return self._receiver.done

    def record(self, time_us: int, data: bytes) -> None:
        """A RADIO record of the board."""
        self._receiver.record(time_us, data)

    def cut(self) -> None:
        """The board has stopped or lost power."""
        self._receiver.power_off(self._hub.now_us)

    def _changed(self, transmission: Transmission, on: bool) -> None:
        if on:
            self._since_us = max(transmission.start_us, self._looked_us)
            if self.first_s is None:
                self.first_s = transmission.start_us / _SECOND_US
                self._on_first()
        elif self._since_us is not None:
            self._on_us += max(0, transmission.stop_us - self._since_us)
            self._since_us = None

    def take_share(self) -> float:
        """Share of the second since the last call during which the carrier was on."""
        self._looked_us = self._hub.now_us
        if self._since_us is not None:
            self._on_us += max(0, self._looked_us - self._since_us)
            self._since_us = self._looked_us
        share, self._on_us = min(1.0, self._on_us / _SECOND_US), 0
        return share
