# A board: builds what it has, survives what it lacks, and runs (DESIGN, rules 1 and 5).
#
# A dead FRAM, a dead bus, an unreadable configuration never stop a board: each failure is counted and its part is None.
import asyncio
import gc
import struct
import machine
import csp
from micropython import const
from core import buses, config, hashes, heartbeat, hold, i2c_bus, layout, ports, record, supervisor
from core.clock import Clock, Every
from core.heard import NEVER, Heard
from drivers.fram import FRAM

try:
    from golden import BUILT  # date and time of the image: the toolchain's
except ImportError:
    BUILT = ("", "")

REVISION = "0.1.0"

_WDT_MS = const(8_000)        # RP2040 reaches 8,388 ms
_CORE_DEADLINE_MS = const(5_000)
_BUS_DEADLINE_MS = const(10_000)
# A board takes about 7 kB of heap a second. Collected so often, and half a period away from housekeeping, garbage never
# reaches what boot.py allows: the collector, which stops the program for 20 ms, does not choose the moment.
_COLLECT_S = const(4)
_MEND_S = const(60)           # between tries to mend a bus

_SEQ = const(0)               # positions in hk_table.COMMON
_UPTIME = const(1)
_MISSION = const(2)
_MODE = const(3)
_BOOTS = const(4)
_CAUSE = const(5)
_FAILED = const(6)
_RESTARTS = const(7)
_FAULTS = const(8)
_LIMITS = const(9)
_LAST_EVENT = const(10)


class Board:
    """parts, pins: the board's modules. table: its telemetry.Set. README.md lists the names for apps."""

    transmitting = False  # the radio's app sets it around each transmission: no flash is written meanwhile
    streaming = False     # see stream()
    published = False     # in this second: housekeeping's frames still leave, and interrupts take most of the processor

    def __init__(self, parts, pins, table, path=config.PATH):
        self.parts = parts
        self.pins = pins
        self.role = parts.ROLE
        self.address = ports.ADDRESSES[self.role]
        self.faults = 0
        self.clock = Clock()
        self.cause = machine.reset_cause()
        watchdog = self._try("watchdog", lambda: machine.WDT(timeout=getattr(parts, "WDT_MS", _WDT_MS)))
        switches = hold.Switches(self._input("RBF"), self._input("SEP1"), self._input("SEP2"))
        self.i2c = self._try("i2c", lambda: i2c_bus.make(parts, pins))
        self.fram = None if self.i2c is None else self._try("fram", lambda: FRAM(self.i2c, parts.FRAM))
        self._records = []
        spare = hold.Spare(path[: path.rfind("/") + 1] + hold.FILE)
        self.hold = hold.Hold(self.record("hold", hold.SIZE), switches, spare)
        self.supervisor = supervisor.Supervisor(self.record("supervisor", supervisor.SIZE), watchdog, self.cause)
        self.boots = self._count_boot()
        self.config = config.load(path, self.record("config", config.KEPT))
        self.faults += self.config["errors"]
        self.table = table
        self.dictionary = None  # core/start.py
        self.events = None      # core/services.py
        self.limits = None
        self._hash = None       # low half of the dictionary's, a small integer
        self.hk = table.values()
        self._packet = memoryview(bytearray(table.size))
        self._beat = memoryview(bytearray(heartbeat.SIZE))
        self._hooks = []
        self._after = []
        self._each_second = []
        self._hk_due_s = 0
        self._collect_s = 0
        self._mend_s = _MEND_S
        self._threshold = -1  # gc.threshold while nothing streams
        self.hk_period_s = ports.HK_PERIOD_S  # core/params.py may change it
        self._mode = 0
        self._mode_at = None
        self._own_mode = False
        self.heard = {}
        self._heard_by = [None] * (max([ports.ADDRESSES[role] for role in ports.BOARDS]) + 1)  # by address
        for role in ports.BOARDS:
            if role != self.role:
                self.heard[role] = self._heard_by[ports.ADDRESSES[role]] = Heard(self.clock, ports.ADDRESSES[role])
        self.unsent = 0
        self.node = self._make_node()
        self.supervisor.task("bus", self.node.run, _BUS_DEADLINE_MS)
        self.supervisor.task("core", self._core, _CORE_DEADLINE_MS)
        self.supervisor.feed()

    # What apps ask.

    @property
    def rf_allowed(self):
        """True when a transmitter may be keyed: the hold is over and the configuration is whole."""
        return self.hold.rf_allowed and not self.config["rf_inhibited"]

    @property
    def deploy_allowed(self):
        return self.hold.deploy_allowed

    @property
    def uptime_s(self):
        return self.clock.seconds

    @property
    def mission_s(self):
        return self.hold.elapsed_s

    @property
    def mode(self):
        """Spacecraft mode, index into ports.MODES: the last one heard from the EPS; 0, silent, until then."""
        return self._mode

    @property
    def mode_age_s(self):
        """Seconds since the mode was heard, NEVER until then; 0 on the board that owns it."""
        if self._own_mode:
            return 0
        return NEVER if self._mode_at is None else self.clock.seconds - self._mode_at

    def set_mode(self, mode):
        """EPS only. ValueError: no such mode."""
        if not 0 <= mode < len(ports.MODES):
            raise ValueError("mode %d" % mode)
        self._own_mode = True
        self._mode = mode

    def record(self, name, size, offset=0, version=1):
        """A core.record.Record of `size` bytes in region `name` of the FRAM. ValueError: it does not fit there."""
        address, room = layout.region(name)
        if offset < 0 or offset + record.space(size) > room:
            raise ValueError("record of %d bytes at %d of region %s" % (size, offset, name))
        made = record.Record(self.fram, address + offset, size, version)
        self._records.append(made)
        return made

    def records(self):
        """Every record of this board, for the scrub."""
        return self._records

    def before_hk(self, function):
        """function() is called just before housekeeping is packed."""
        self._hooks.append(function)

    def after_hk(self, function):
        """function(packet) is called with each packet of housekeeping (memoryview), after it was broadcast."""
        self._after.append(function)

    def on_second(self, function):
        """function() is called each second, after the clock and the hold were updated."""
        self._each_second.append(function)

    def expect(self, role, table):
        """table: the telemetry.Set by which this board reads role's housekeeping."""
        hk, dictionary = hashes.HASHES.get(role, (None, None))
        known = table.hash & 0xFFFF
        self.heard[role].expect(table, dictionary if known == hk else known)

    def event(self, number, a=0, b=0):
        """Something happened: core/events.py. Nothing where there is no such service."""
        if self.events is not None:
            self.events.emit(number, a, b)

    def fault(self):
        """Counts something survived."""
        self.faults += 1

    # Running.

    async def main(self):
        """Runs every task; never returns."""
        self.clock.begin()
        await self.supervisor.run()

    def run(self):
        """Runs the board until it resets."""
        try:
            asyncio.run(self.main())
        finally:
            machine.reset()

    async def reset_after(self, checkin, seconds):
        """A task that resets the board; the core runs on until then, so that holds end in a boot loop too."""
        while seconds > 0:
            checkin()
            await asyncio.sleep_ms(1000)
            seconds -= 1
        machine.reset()

    async def _core(self, checkin):
        every = Every(1000)
        while True:
            checkin()
            self.second()
            await asyncio.sleep_ms(every.ms())

    def second(self):
        """What a board does each second. What others wait for comes first, so that no work delays it."""
        passed_ms = self.clock.update()
        now = self.clock.seconds
        self._send_heartbeat()
        self.hold.update(passed_ms)
        self.published = now >= self._hk_due_s
        if self.published:
            self._hk_due_s = now - now % self.hk_period_s + self.hk_period_s
            self.publish()
        if now >= self._collect_s and not self.streaming:
            self.collect()
        if now >= self._mend_s:
            self._mend_s = now + _MEND_S
            self._mend()
        for function in self._each_second:
            try:
                function()
            except Exception as error:
                self.survive("second", error)

    def _mend(self):
        # A sensors' bus on which the memory is silent may hang: it is cleared. One to the boards that could not be made
        # may be there now.
        if self.hold.stale:
            self._try("i2c", lambda: i2c_bus.make(self.parts, self.pins))
        if not self.node.interfaces:
            self.pair = buses.attach(self.node, self.parts, self.pins, self._try)

    def _send_heartbeat(self):
        if self._hash is None:
            self._hash = (self.dictionary or self.table).hash & 0xFFFF
        heartbeat.pack_into(self._beat, self._mode, self.cause, self.boots or 0, self._hash)
        # in CSP 1 a beat takes two frames, and those want a CRC
        self._broadcast(ports.HEARTBEAT, self._beat, self.node.version == 1)

    def _broadcast(self, port, data, crc):
        sent = False
        try:
            sent = self.node.broadcast(port, data, crc=crc)
        except Exception as error:  # whatever becomes of the bus, the holds end
            self.survive("broadcast", error)
        if not sent:
            self.unsent += 1

    def collect(self):
        """Collects garbage now: a good moment for 20 ms in which only hard interrupts are served."""
        now = self.clock.seconds
        self._collect_s = now - now % _COLLECT_S + _COLLECT_S + _COLLECT_S // 2
        gc.collect()

    def stream(self, on):
        """Around a transmission of seconds whose FIFO holds little more than a collection takes: none comes meanwhile,
        unless the heap is full."""
        self.collect()
        if on and not self.streaming:
            self._threshold = gc.threshold()
            gc.threshold(-1)
        elif self.streaming and not on:
            gc.threshold(self._threshold)
        self.streaming = on

    def publish(self):
        """Packs and broadcasts housekeeping."""
        self.pack_hk()
        self._broadcast(ports.HK, self._packet, True)
        for function in self._after:
            try:
                function(self._packet)
            except Exception as error:
                self.survive("hk", error)

    def publish_soon(self):
        """Housekeeping is broadcast within a second, and each period from then on."""
        self._hk_due_s = 0

    def pack_hk(self):
        """Housekeeping as it is now, packed (memoryview)."""
        for hook in self._hooks:
            try:
                hook()
            except Exception as error:
                self.survive("hk", error)
        hk = self.hk
        hk[_SEQ] = 0 if hk[_SEQ] is None else (hk[_SEQ] + 1) % 0xFFFF
        hk[_UPTIME] = self.clock.seconds
        hk[_MISSION] = self.hold.elapsed_s
        hk[_MODE] = self._mode if self._own_mode or self._mode_at is not None else None
        hk[_BOOTS] = self.boots
        hk[_CAUSE] = self.cause
        hk[_FAILED] = self.supervisor.failed_task
        hk[_LAST_EVENT] = self.supervisor.last_event
        hk[_RESTARTS] = min(self.supervisor.restarts, 0xFFFE)
        hk[_FAULTS] = min(self.all_faults(), 0xFFFE)
        hk[_LIMITS] = None if self.limits is None else self.limits.over
        self.table.pack_into(self._packet, hk)
        return self._packet

    def all_faults(self):
        """Faults survived since boot: the board's own, its records', values that did not fit their telemetry."""
        total = self.faults + self.table.saturated
        for made in self._records:
            total += made.errors
        return total

    # Setting up.

    def _try(self, name, make):
        try:
            return make()
        except Exception as error:
            self.survive(name, error)
            return None

    def survive(self, name, error):
        """Counts what part `name` raised; a bench sees it."""
        self.faults += 1
        if supervisor.report is not None:
            supervisor.report(name, error)

    def _input(self, name):
        number = getattr(self.pins, name, None)
        if number is None:
            return None
        return self._try(name, lambda: machine.Pin(number, machine.Pin.IN, machine.Pin.PULL_DOWN))

    def _count_boot(self):
        # Boots since the board was made, None when there is no memory of it.
        kept = self.record("boots", 4)
        boots = struct.unpack(">I", kept.data)[0] + 1 if kept.load() else 1
        struct.pack_into(">I", kept.data, 0, boots)
        return boots % 0xFFFF if kept.save() else None

    def _make_node(self):
        node = csp.Node(
            self.address,
            hostname=self.role,
            model=getattr(self.parts, "MODEL", self.role),
            revision=REVISION,
            built=BUILT,
            version=self.config["csp_version"],
        )
        self.pair = buses.attach(node, self.parts, self.pins, self._try)
        node.bind(ports.HEARTBEAT, self._on_heartbeat)
        node.bind(ports.HK, self._on_hk)
        return node

    # Hearing others.

    def _from(self, packet):
        return self._heard_by[packet.src] if packet.src < len(self._heard_by) else None

    def _on_heartbeat(self, packet):
        heard = self._from(packet)
        if heard is not None and heard.on_heartbeat(packet.data) and packet.src == ports.ADDRESSES["eps"]:
            self._mode = heartbeat.mode(packet.data)
            self._mode_at = self.clock.seconds

    def _on_hk(self, packet):
        heard = self._from(packet)
        if heard is not None:
            heard.on_hk(packet.data)
