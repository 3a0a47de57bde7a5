# machine.Pin and PWM of the virtual board, on its wires.
import micropython
import twin


class Pin:
    """machine.Pin; id is the wire's number."""

    IN = 0
    OUT = 1
    OPEN_DRAIN = 2
    ALT = 3
    PULL_UP = 1
    PULL_DOWN = 2
    IRQ_FALLING = 4
    IRQ_RISING = 8

    def __init__(self, id, mode=-1, pull=-1, *, value=None, alt=0):
        self._board = twin.board
        self.number = id
        self._wire = self._board.wire(id)
        self._cost_us = self._board.costs["pin"]
        self._mode = self.IN
        self._handler = None
        self._trigger = 0
        self._hard = False
        self.init(mode, pull, value=value)

    def init(self, mode=-1, pull=-1, *, value=None, alt=0):
        if mode is not None and mode != -1:
            self._mode = mode
        if value is not None:
            self.value(value)
        elif self._mode == self.OUT and not self._wire.driven:
            self.value(self._wire.level)

    def value(self, x=None):
        kernel = self._board.kernel
        if not kernel.locked:
            return self._value(x)
        kernel.locked = False  # in a hard handler: what the models take is not the firmware's
        micropython.heap_unlock()
        try:
            return self._value(x)
        finally:
            micropython.heap_lock()
            kernel.locked = True

    def _value(self, x):
        self._board.kernel.charge(self._cost_us)
        if x is None:
            return self._wire.level
        if self._mode != self.IN:
            self._wire.set(1 if x else 0)

    def __call__(self, x=None):
        return self.value(x)

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)

    def toggle(self):
        self.value(1 - self._wire.level)

    high = on
    low = off

    def mode(self, mode=None):
        if mode is None:
            return self._mode
        self._mode = mode

    def irq(self, handler=None, trigger=IRQ_FALLING | IRQ_RISING, *, hard=False, priority=1, wake=None):
        self._handler = handler
        self._trigger = trigger
        self._hard = hard
        self._wire.pin_irq = None if handler is None else self._edge
        return self

    def _edge(self, level):
        if self._trigger & (self.IRQ_RISING if level else self.IRQ_FALLING):
            if self._hard:
                self._board.kernel.hard(self._handler, self, self._forget)
            else:
                self._board.kernel.interrupt(self._handler, self)

    def _forget(self):
        """The handler raised: it is called no more."""
        self._wire.pin_irq = None

    def __repr__(self):
        return "Pin(%d)" % self.number


class PWM:
    """machine.PWM: only its settings are modelled; a device model that needs them reads .hz and .duty."""

    def __init__(self, dest, *, freq=-1, duty_u16=-1, duty_ns=-1, invert=False):
        self._board = twin.board
        self._wire = self._board.wire(dest if isinstance(dest, int) else dest.number)
        self.hz = 0
        self.duty = 0
        self.init(freq=freq, duty_u16=duty_u16, duty_ns=duty_ns)

    def init(self, *, freq=-1, duty_u16=-1, duty_ns=-1):
        if freq > 0:
            self.freq(freq)
        if duty_u16 >= 0:
            self.duty_u16(duty_u16)
        if duty_ns >= 0:
            self.duty_ns(duty_ns)

    def deinit(self):
        self.hz = self.duty = 0
        self._wire.pwm = None

    def freq(self, value=None):
        if value is None:
            return self.hz
        self.hz = value
        self._wire.pwm = self

    def duty_u16(self, value=None):
        if value is None:
            return self.duty
        self.duty = min(65535, max(0, value))

    def duty_ns(self, value=None):
        if value is None:
            return self.duty * 1_000_000_000 // (self.hz * 65535) if self.hz else 0
        self.duty_u16(value * self.hz * 65535 // 1_000_000_000)
