# Release of the UHF antenna: a resistor melts its wire through two switches in series, ARM and FIRE.
#
# Never before the deployment hold is over; each attempt is limited in time, their number in each boot. If the switch
# says
# deployed although the wire was never heated, it is heated once all the same: a switch that lies must not silence us.
#
#  byte  type  field     record "beacon"
#   0    u8    attempts  since the board was made
import asyncio

from micropython import const

SIZE = const(1)
_ARM_MS = const(100)    # between ARM and FIRE: a switch that sticks is then seen in the current of one of them alone
_LOOK_MS = const(250)
_WAIT_MS = const(2_000)
_SURE = const(3)        # equal readings of the switch that are believed


class Antenna:
    """arm, fire: machine.Pin outputs. switch: machine.Pin input, 1 = deployed. beacon: for .supply_mv.

    attempts: since the board was made, as far as the FRAM remembers.
    """

    def __init__(self, board, arm, fire, switch, beacon):
        self._board = board
        self._arm = arm
        self._fire = fire
        self._switch = switch
        self._beacon = beacon
        self._record = board.record("beacon", SIZE)
        self.attempts = self._record.data[0] if self._record.load() else 0
        self._here = 0       # attempts of this boot
        self._waited_s = 0   # for a better battery
        self._off()

    @property
    def deployed(self):
        """1 when the switch says so, else 0."""
        return 1 if self._switch.value() else 0

    def _off(self):
        self._fire.value(0)
        self._arm.value(0)

    async def run(self, checkin):
        """The task: for ever, as an antenna may be folded again on a bench."""
        parts = self._board.parts
        try:
            while True:
                checkin()
                await asyncio.sleep_ms(_WAIT_MS)
                if not self._allowed() or self.attempts and await self._out():
                    continue
                if self._weak(parts):
                    self._waited_s += _WAIT_MS // 1000
                    continue
                await self._attempt(parts.BURN_MS, checkin)
                for _ in range(parts.BURN_PAUSE_S * 1000 // _WAIT_MS):
                    checkin()
                    await asyncio.sleep_ms(_WAIT_MS)
        finally:
            self._off()

    async def _out(self):
        # The switch says deployed, several times in a row.
        for _ in range(_SURE):
            if not self.deployed:
                return False
            await asyncio.sleep_ms(_LOOK_MS)
        return True

    def _allowed(self):
        board = self._board
        if not board.deploy_allowed or self._here >= board.parts.BURN_ATTEMPTS:
            return False
        # A burn that resets the board must not burn again at once.
        return self._here > 0 or board.uptime_s >= board.parts.BURN_PAUSE_S

    def _weak(self, parts):
        mv = self._beacon.supply_mv
        return mv is not None and mv < parts.BURN_MIN_MV and self._waited_s < parts.BURN_LOW_WAIT_S

    async def _attempt(self, limit_ms, checkin):
        blind = self.deployed
        self._here += 1
        self.attempts = min(254, self.attempts + 1)
        self._record.data[0] = self.attempts
        self._record.save()  # before the heat: a brown-out must not make it forget
        seen = 0
        try:
            self._arm.value(1)
            await asyncio.sleep_ms(_ARM_MS)
            for _ in range(limit_ms // _LOOK_MS):
                if not self._board.deploy_allowed:  # somebody inserted the pin, on a bench
                    return
                checkin()
                self._fire.value(1)
                await asyncio.sleep_ms(_LOOK_MS)
                seen = seen + 1 if self.deployed else 0
                if seen >= _SURE and not blind:
                    return
        finally:
            self._off()
