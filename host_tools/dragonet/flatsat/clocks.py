"""A board's clock against the hub's: an offset in rate from its crystal that drifts slowly (data sheets: +-50 ppm)."""

from __future__ import annotations

import random

_SCALE = 1_000_000_000  # rates are parts per billion: integers, so that conversions repeat exactly


class Clock:
    """Local microseconds since power-on, converted piecewise linearly. Rates differ from board to board by the seed."""

    def __init__(self, rng: random.Random, offset_ppm: tuple[float, ...], drift_ppm_per_day: float) -> None:
        self._rng = rng
        self.ppb = round(rng.uniform(*offset_ppm) * 1000)
        self._drift_ppb_per_s = drift_ppm_per_day * 1000 / 86400
        self._hub0_us = self._local0_us = 0

    def power_on(self, hub_us: int) -> None:
        """Local time begins again at 0."""
        self._hub0_us, self._local0_us = hub_us, 0

    def drift(self, hub_us: int, seconds: float) -> None:
        """Let the rate wander, as temperature and age make it; the local time stays continuous."""
        self._local0_us, self._hub0_us = self.local(hub_us), hub_us
        self.ppb += round(self._rng.uniform(-1, 1) * self._drift_ppb_per_s * seconds)

    def local(self, hub_us: int) -> int:
        """Local us at a time of the hub."""
        return self._local0_us + (hub_us - self._hub0_us) * (_SCALE + self.ppb) // _SCALE

    def hub(self, local_us: int) -> int:
        """The first time of the hub at which the local clock shows local_us."""
        return self._hub0_us - (self._local0_us - local_us) * _SCALE // (_SCALE + self.ppb)
