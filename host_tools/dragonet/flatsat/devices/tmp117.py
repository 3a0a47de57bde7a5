# TMP117 thermometer at register level, TI SNOSD82D. Runs in CPython and in the virtual board's MicroPython.
#
#  register           after reset
#  0x00 temperature   0x8000   signed, 7.8125 m degC; -256 degC until the first conversion has ended
#  0x01 configuration 0x0220*  HIGH 15 LOW 14 ready 13 busy 12 | MOD 11..10 | CONV 9..7 | AVG 6..5 | T/nA 4 POL 3
#                              DR/alert 2 soft reset 1
#  0x02 high limit    0x6000*  192 degC
#  0x03 low limit     0x8000*  -256 degC
#  0x04 EEPROM unlock 0        EUN 15, busy 14
#  0x05 0x06 0x08 EEPROM 1 to 3 *   the factory's number and the user's
#  0x07 offset        0*       added to each result
#  0x0F identity      0x0117
#  * loaded from the part's EEPROM, which keeps what was written while unlocked
#
# The world holds still between two updates, so conversions are worked out when somebody looks: at a read, or at the end
# of every conversion when the alert pin is wired (without it, flags know only the conversions looked at).

from .targets import Words

_AVERAGES = (1, 8, 32, 64)
_CONVERSION_US = 15500  # one, 6.5
# Table 7-7: the cycle by CONV; averaging stretches it to the time that its conversions take.
_CYCLES_US = (0, 125000, 250000, 500000, 1000000, 4000000, 8000000, 16000000)
_AVERAGED_US = (15500, 125000, 500000, 1000000)
_RESET_US = 2000          # 7.6: soft reset
_PROGRAM_US = 7000        # 6.5: EEPROM programming
_NOISE_C = 0.01           # one conversion: about one LSB with no averaging (figure 6-9)
_STORED = (0x01, 0x02, 0x03, 0x05, 0x06, 0x07, 0x08)  # in this order in the EEPROM, two bytes each
_FACTORY = b"\x02\x20\x60\x00\x80\x00\x11\x17\x5a\x01\x00\x00\xc3\x07"

_HIGH, _LOW, _READY, _BUSY = 0x8000, 0x4000, 0x2000, 0x1000


def _signed(word):
    return word - 0x10000 if word & 0x8000 else word


class TMP117(Words):
    """env: the virtual board. celsius: channel position in env.world.

    error_c: this part's own error (0.1 degC at most from -20 to 50). alert: a Wire, open drain.
    eeprom: env.persist(name, TMP117.EEPROM), or None: it forgets at power-off.
    dead: set to True and nothing answers.
    """

    EEPROM = len(_FACTORY)  # bytes

    def __init__(self, env, celsius, error_c=0.0, alert=None, eeprom=None):
        super().__init__()
        self._env = env
        self._celsius = celsius
        self._error = error_c
        self._alert = alert
        self._eeprom = eeprom
        self._kept = bytearray(_FACTORY)
        self._generation = 0
        self.power_on()

    def power_on(self):
        """Load the EEPROM and start; the first conversion begins 1.5 ms later (7.3.1)."""
        if self._eeprom is not None:
            self._kept[:] = self._eeprom.read(0, len(_FACTORY))
            if self._kept == b"\xff" * len(_FACTORY):  # a new part comes from the factory
                self._kept[:] = _FACTORY
                self._eeprom.write(0, _FACTORY)
        self._pointer = 0
        self._registers = {}
        for i, register in enumerate(_STORED):
            self._registers[register] = self._kept[2 * i] << 8 | self._kept[2 * i + 1]
        self._config = self._registers[0x01] & 0x0FFC
        self._flags = 0
        self._result = 0x8000
        self._unlocked = 0
        self._busy_until = self._env.now() + 1500
        self._start(self._busy_until)

    # registers

    def _store(self, register, value):
        now = self._env.now()
        if register == 0x01:
            if value & 0x0002:
                self.power_on()
                self._busy_until = now + _RESET_US
                self._start(self._busy_until)
                return
            self._convert()
            self._config = value & 0x0FFC
            if self._config & 0x0C00 == 0x0800:
                self._config &= ~0x0C00  # 7.6: continuous too, reads back as 00
            self._program(register, self._config)
            self._start(now)
        elif register == 0x04:
            self._unlocked = value & 0x8000
        elif register in _STORED:
            self._convert()
            self._registers[register] = value
            self._program(register, value)

    def _program(self, register, value):
        now = self._env.now()
        if not self._unlocked or now < self._busy_until:
            return
        i = 2 * _STORED.index(register)
        self._kept[i] = value >> 8
        self._kept[i + 1] = value & 0xFF
        if self._eeprom is not None:
            self._eeprom.write(i, bytes(self._kept[i:i + 2]))
        self._busy_until = now + _PROGRAM_US

    def _load(self, register):
        self._convert()
        busy = self._env.now() < self._busy_until
        if register == 0x00:
            self._flags &= ~_READY
            self._pin()
            return self._result
        if register == 0x01:
            value = self._config | self._flags | (_BUSY if busy else 0)
            self._flags &= ~_READY
            if not self._config & 0x10:
                self._flags &= ~(_HIGH | _LOW)  # alert mode: the read clears them; therm mode: the temperature does
            self._pin()
            return value
        if register == 0x04:
            return self._unlocked | (0x4000 if busy else 0)
        if register == 0x0F:
            return 0x0117
        return self._registers.get(register, 0)

    # conversions

    def cycle_us(self):
        """From one result to the next in continuous mode."""
        return max(_CYCLES_US[self._config >> 7 & 7], _AVERAGED_US[self._config >> 5 & 3])

    def _start(self, at):
        mode = self._config >> 10 & 3
        self._one_shot = mode == 3
        # a cycle begins with its conversions and sleeps for the rest (7.4.1)
        self._due = None if mode == 1 else at + _CONVERSION_US * _AVERAGES[self._config >> 5 & 3]
        self._generation += 1
        if self._alert is not None:
            self._pin()
            if self._due is not None:
                self._later(self._generation)

    def _later(self, generation):
        def end():
            if generation == self._generation:
                self._convert()
                if self._due is not None:
                    self._later(generation)

        self._env.at(self._due, end)

    def _convert(self):
        """Bring the result up to the last conversion that has ended by now."""
        if self._due is None or self._env.now() < self._due:
            return
        if self._one_shot:
            self._due = None
            self._config = self._config & ~0x0C00 | 0x0400  # then shut down
        else:
            cycle = self.cycle_us()
            self._due += ((self._env.now() - self._due) // cycle + 1) * cycle
        noise = self._env.noise() * _NOISE_C / _AVERAGES[self._config >> 5 & 3] ** 0.5
        raw = round((self._env.world[self._celsius] + self._error + noise) / 0.0078125)
        raw += _signed(self._registers[0x07])
        raw = max(-0x8000, min(0x7FFF, raw))
        self._result = raw & 0xFFFF
        self._flags |= _READY
        high = _signed(self._registers[0x02])
        low = _signed(self._registers[0x03])
        if raw > high:
            self._flags |= _HIGH
        if self._config & 0x10:
            if raw < low:
                self._flags &= ~_HIGH  # therm mode: the low limit is the hysteresis
        elif raw < low:
            self._flags |= _LOW
        self._pin()

    def _pin(self):
        if self._alert is None:
            return
        if self._config & 0x04:
            active = self._flags & _READY
        elif self._config & 0x10:
            active = self._flags & _HIGH
        else:
            active = self._flags & (_HIGH | _LOW)
        level = 1 if bool(active) == bool(self._config & 0x08) else 0
        if self._alert.level != level:
            self._alert.drive(level)
