# One virtual board: its processor, wires, buses and memories, and what device models may ask of it.
import struct

from dragonet.flatsat.costs import COSTS
from dragonet.flatsat.devices import records

from .i2c_wires import Wires
from .kernel import NEVER, Kernel
from .link import Link
from .memory import Memory
from .noise import Noise
from .wires import Wire

# The hub must hear of these before the board goes on (of a CAN frame, before it can have left: see can.py).
_INTERACTIVE = (records.PIN, records.RESET, records.UART_SEND, records.WDT, records.CAN_CANCEL, records.CAN_FILTERS,
                records.CAN_MODE, records.I2C_TRANSFER)


class Board:
    """The `env` of device models and the ground under `machine`.

    role: eps, beacon, sensor. world: floats, see devices/world.py. files: where memories live, None = in RAM only.
    """

    def __init__(self, role="bench", world=(), seed=0, uid=b"\0\1\2\3\4\5\6\7", reset_cause=1, files=None, costs=COSTS):
        self.role = role
        self.uid = uid
        self.reset_cause = reset_cause
        self.kernel = Kernel(costs)
        self.kernel.on_bite = self._bitten
        self.costs = costs
        self.world = list(world)
        self.emitted = []  # (us, kind, bytes) when there is no hub
        self.noise_source = Noise(seed, role)
        self.noise = self.noise_source.gaussian
        self.uniform = self.noise_source.uniform
        self.i2c_buses = {}
        self.spi_buses = {}
        self.uarts = {}
        self.cans = {}
        self.analog = {}
        self._wires = {}
        self._switches = []  # (wire, channel of the world that sets it)
        self._files = files
        self._receivers = {records.WORLD: self._world, records.WIRE: self._wire}
        self.now = lambda: self.kernel.now
        self.at = self.kernel.at

    # --- wiring ---

    def i2c(self, bus, address, device):
        self.i2c_buses.setdefault(bus, {})[address] = device
        return device

    def join_i2c(self, ids):
        """The I2C peripherals of these ids are on the wires between boards."""
        return Wires(self, ids)

    def spi(self, bus, chip_select, device):
        wire = self.wire(chip_select)
        wire.level = 1
        self.spi_buses.setdefault(bus, []).append((wire, device))
        wire.watch(lambda level: device.deselect() if level else device.select())
        return device

    def adc(self, pin, volts):
        """volts: a function that returns the voltage at the pin."""
        self.analog[pin] = volts

    def wire(self, number):
        if number not in self._wires:
            self._wires[number] = Wire(number, self)
        return self._wires[number]

    def persist(self, name, size, fill=0xFF):
        """Memory that survives the loss of power at any byte: read(offset, length), write(offset, data)."""
        return Memory(self._files, name, size, fill)

    def switch(self, pin, channel):
        """An input pin whose level is a channel of the world, looked at when the world changes."""
        self._switches.append((self.wire(pin), channel))
        self.wire(pin).level = 1 if self.world[channel] else 0

    # --- to and from the hub ---

    def connect(self, reader, writer):
        self.kernel.link = Link(reader, writer, self._deliver)
        self.kernel.stop_at(0)

    def emit(self, kind, data):
        """A record stamped now."""
        kernel = self.kernel
        if kernel.link is None:
            self.emitted.append((kernel.now, kind, bytes(data)))
            return
        while not kernel.link.put(kernel.now, kind, data):
            kernel._exchange(kernel.now)
        if kind in _INTERACTIVE:
            kernel.stop_at(kernel.now)

    def on_record(self, kind, function):
        """function(time_us, data) receives records of this kind."""
        self._receivers[kind] = function

    def _deliver(self, time_us, kind, data):
        receiver = self._receivers.get(kind)
        if receiver is not None:
            receiver(time_us, data)

    def _world(self, time_us, data):
        self.world[:] = struct.unpack("<%df" % (len(data) // 4), data)
        for wire, channel in self._switches:
            wire.drive(1 if self.world[channel] else 0)

    def _wire(self, time_us, data):
        number, level = struct.unpack("<HB", data)
        self.wire(number).drive(level)

    def pin_left(self, number, level):
        self.emit(records.PIN, struct.pack("<HB", number, level))

    # --- reset ---

    def reset(self, cause):
        """Ask for a reset and stop here: with a hub, the process is ended from outside."""
        self.emit(records.RESET, bytes((cause,)))
        if self.kernel.link is None:
            raise SystemExit
        while True:
            self.kernel._exchange(NEVER)

    def _bitten(self):
        self.reset(3)  # machine.WDT_RESET
