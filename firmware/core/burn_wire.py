# Burn wire: releases an antenna. A resistor melts its line through two switches in series, ARM and FIRE (DESIGN,
# "Modes and holds").
#
# Heat only after the deployment hold, for a limited time, a limited number of times in each boot, each attempt saved
# before its heat. A pause follows each attempt and each boot: a burn that resets the board does not burn again at once.
# After BURN_FLIGHT_ATTEMPTS since separation the pause is a day: a boot loop heats no more, and a board that lives has
# its chance whatever the record says. Where no memory keeps the record, the first heat of a boot comes after ten
# minutes: a loop that it causes leaves the board that long each time.
# A switch that says deployed before any heat may lie: where BURN_BLIND is set, the wire is heated once all the same.
#
# Settings, in boards/<role>/parts.py:
#  BURN_MS               longest heat of one attempt
#  BURN_PAUSE_S          after an attempt, and after a boot
#  BURN_ATTEMPTS         of one boot
#  BURN_FLIGHT_ATTEMPTS  since separation; from then on one a day
#  BURN_AFTER_HOLD_S     from the end of the deployment hold to the first attempt
#  BURN_WAIT_S           for better power, at most so long before each attempt
#  BURN_BLIND            heat once even if the switch says deployed
#
#  byte  type  field     record
#   0    u8    attempts  since the board was made
#   1    u8    flown     of them since separation; zero again where the hold stands at zero
import asyncio
import time

from core import event_codes
from core.clock import Every
from core.hold import DEPLOY_S
from micropython import const

SIZE = const(2)

_STEP_MS = const(2_000)
_ARM_MS = const(100)    # between ARM and FIRE: a switch that sticks is then seen in the current of one of them alone
_LOOK_MS = const(250)
_SURE = const(3)        # equal readings of the switch that are believed
_DAY_S = const(86_400)
_UNKEPT_S = const(600)  # from a boot to its first heat, where nothing keeps the record
_MOST = const(254)      # of a u8 whose 255 is "not available"


class BurnWire:
    """board: core.board.Board. arm, fire: machine.Pin outputs. switch: machine.Pin input, 1 = deployed.

    record: core.record.Record of SIZE bytes. weak(): True when there is too little power to heat; must not raise.
    attempts: since the board was made, as far as the record tells.
    """

    def __init__(self, board, arm, fire, switch, record, weak):
        self._board = board
        self._arm = arm
        self._fire = fire
        self._off()
        self._switch = switch
        self._record = record
        self._weak = weak
        self.attempts = 0
        self._flown = 0
        if record.load():
            self.attempts = record.data[0]
            self._flown = record.data[1]
        self._kept = record.answered
        self._here = 0      # attempts of this boot
        self._last_s = 0    # uptime after the last attempt; a boot counts as one
        self._waited_s = 0  # for better power
        self._seen = 0      # readings in a row that said deployed
        self._stowed = False  # some reading before these did not

    @property
    def deployed(self):
        """1 when the switch says so, else 0."""
        return 1 if self._switch.value() else 0

    async def run(self, checkin):
        """The task: for ever, as an antenna may be folded again on a bench."""
        every = Every(_STEP_MS)
        try:
            while True:
                checkin()
                await asyncio.sleep_ms(every.ms())
                self._look()
                if self._flown and self._board.mission_s == 0:  # still in the pod, or in it again
                    self._flown = 0
                    self._save()
                if self._due() and not self._power_is_awaited():
                    await self._attempt(checkin)
        finally:
            self._off()

    def _off(self):
        self._fire.value(0)
        self._arm.value(0)

    def _look(self):
        # One reading. True when the switch is believed to say deployed.
        if self.deployed:
            self._seen = min(self._seen + 1, _SURE)
        else:
            self._seen = 0
            self._stowed = True
        if self._seen >= _SURE and self._stowed:
            self._stowed = False
            self._board.event(event_codes.ANTENNA_RELEASED, self.attempts)
        return self._seen >= _SURE

    def _due(self):
        board = self._board
        parts = board.parts
        if not board.deploy_allowed or board.mission_s < DEPLOY_S + parts.BURN_AFTER_HOLD_S:
            return False
        if self._here >= parts.BURN_ATTEMPTS:
            return False
        pause_s = parts.BURN_PAUSE_S if self._flown < parts.BURN_FLIGHT_ATTEMPTS else _DAY_S
        if not self._kept and not self._here:
            pause_s = max(pause_s, _UNKEPT_S)
        if board.uptime_s - self._last_s < pause_s:
            return False
        return not self._seen or parts.BURN_BLIND and not self._flown

    def _power_is_awaited(self):
        if self._waited_s >= self._board.parts.BURN_WAIT_S or not self._weak():
            return False
        self._waited_s += _STEP_MS // 1000
        return True

    async def _attempt(self, checkin):
        blind = self._seen > 0
        self._seen = 0
        self._waited_s = 0
        self._here += 1
        self._flown = min(_MOST, self._flown + 1)
        self.attempts = min(_MOST, self.attempts + 1)
        self._save()  # before the heat: a brown-out must not make it forget
        self._board.event(event_codes.ANTENNA_BURN, self.attempts, self.deployed)
        limit_ms = self._board.parts.BURN_MS
        try:
            self._arm.value(1)
            await asyncio.sleep_ms(_ARM_MS)
            start = time.ticks_ms()
            while time.ticks_diff(time.ticks_ms(), start) < limit_ms:
                if not self._board.deploy_allowed:  # somebody inserted the pin, on a bench
                    return
                checkin()
                self._fire.value(1)
                await asyncio.sleep_ms(_LOOK_MS)
                if self._look() and not blind:
                    return
        finally:
            self._off()
            self._last_s = self._board.uptime_s

    def _save(self):
        self._record.data[0] = self.attempts
        self._record.data[1] = self._flown
        self._record.save()
