# Release of the AIS antenna: a wire is heated through two switches in series, ARM and FIRE, for a limited time and
# a limited number of tries, kept over resets. Never before the deployment hold is over
# (DESIGN, "Modes and holds").
#
#  byte  type  field     record "sensor"
#   0    u8    tries     begun since the board was made
import asyncio

from core import ports
from micropython import const

SIZE = const(1)
_LOOK_MS = const(100)
_MODE_STALE_S = const(60)
_WAIT_FOR_POWER_S = const(86_400)  # then it is tried whatever the battery says


class Antenna:
    """arm, fire: machine.Pin outputs. deployed: machine.Pin input. record: core.record.Record of SIZE bytes.

    tries: begun since the board was made. Where that cannot be kept, the limit holds for each boot.
    """

    def __init__(self, board, arm, fire, deployed, record):
        self._board = board
        self._arm = arm
        self._fire = fire
        self._deployed = deployed
        self._record = record
        self.tries = record.data[0] if record.load() else 0
        self._boot_tries = 0
        self.off()

    def off(self):
        self._fire.value(0)
        self._arm.value(0)

    @property
    def deployed(self):
        return bool(self._deployed.value())

    async def run(self, checkin):
        """The task: ends when the antenna is out or the tries are used up."""
        parts = self._board.parts
        try:
            due_s = None
            waited_s = 0
            while True:
                checkin()
                await asyncio.sleep_ms(1000)
                if not self._board.deploy_allowed:
                    due_s = None
                    continue
                now = self._board.uptime_s
                if due_s is None:
                    due_s = now + parts.BURN_DELAY_S
                if now < due_s:
                    continue
                if await self._out():
                    return
                if max(self.tries, self._boot_tries) >= parts.BURN_TRIES:
                    return
                if self._power_is_low() and waited_s < _WAIT_FOR_POWER_S:
                    waited_s += 1
                    continue
                await self._burn(checkin, parts.BURN_S)
                due_s = self._board.uptime_s + parts.BURN_REST_S
        finally:
            self.off()

    def _power_is_low(self):
        board = self._board
        return board.mode_age_s < _MODE_STALE_S and board.mode in (ports.LOW_POWER, ports.SAFE, ports.CRITICAL)

    async def _out(self):
        """The switch says deployed, three times in a row."""
        for _ in range(3):
            if not self._deployed.value():
                return False
            await asyncio.sleep_ms(_LOOK_MS)
        return True

    async def _burn(self, checkin, seconds):
        self.tries = min(255, self.tries + 1)
        self._boot_tries += 1
        self._record.data[0] = self.tries
        self._record.save()  # before heating: a reset meanwhile must not make it endless
        try:
            self._arm.value(1)
            await asyncio.sleep_ms(_LOOK_MS)
            for _ in range(seconds * 1000 // _LOOK_MS):
                if not self._board.deploy_allowed:  # somebody pressed the switches, on a bench
                    return
                self._fire.value(1)
                checkin()
                await asyncio.sleep_ms(_LOOK_MS)
                if self._deployed.value() and await self._out():
                    return
        finally:
            self.off()
