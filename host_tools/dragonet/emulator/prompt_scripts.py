"""What runs at the prompt of an emulated board to time one call after another: emulator/prompt_costs.py.

Loops are left out, and so is what virtual boards charge by themselves: bits on wires, and costs that have another name.
"""

BEGIN = """
import asyncio, machine, pins, rp2, time
def per(function, n):
    best = 1 << 29
    for _ in range(3):
        start = time.ticks_us()
        function(n)
        best = min(best, time.ticks_diff(time.ticks_us(), start))
    return best / n
def idle(n):
    for _ in range(n): pass
def cost(function, n=100): return per(function, n) - per(idle, n)
def repeat(function, first=None, second=None, n=100):
    def none(n):
        for _ in range(n): function()
    def one(n):
        for _ in range(n): function(first)
    def two(n):
        for _ in range(n): function(first, second)
    return cost(none if first is None else one if second is None else two, n)
"""
# name: code that leaves microseconds in `us`; each may use what those before it have left
CALLS = {
    "ticks": "us = repeat(time.ticks_us)",
    "pin": "p = machine.Pin(14, machine.Pin.OUT)\nus = repeat(p.value, 1)",
    "adc_read": "us = repeat(machine.ADC(pins.SUPPLY).read_u16)",
    "i2c_transfer": """
i2c = machine.I2C(0, scl=machine.Pin(pins.I2C_SCL), sda=machine.Pin(pins.I2C_SDA), freq=400_000)
us = repeat(i2c.readfrom_into, 0x48, bytearray(2)) - (10 + 9 * 2) * 2.5
called = us
def wires(size):
    return called + (10 + 9 * size) * 2.5""",
    "spi_transfer": """
spi = pins.spi(4_000_000)
us = repeat(spi.write, bytearray(10)) - 10 * 2""",
    "uart_call": """
uart = machine.UART(1, 38_400, tx=machine.Pin(24), rx=machine.Pin(25))
us = repeat(uart.any)""",
    "wake_up": """
async def one(n):
    for _ in range(n): await asyncio.sleep_ms(0)
async def four(): await asyncio.gather(*(one(50) for _ in range(4)))
us = per(lambda n: asyncio.run(four()), 200)""",
    "interrupt": """
p = machine.Pin(14, machine.Pin.OUT)
def edges(n):
    value = p.value
    for _ in range(n):
        value(1)
        value(0)
quiet = cost(edges)
p.irq(lambda pin: None, machine.Pin.IRQ_FALLING)
us = cost(edges) - quiet
p.irq(None)""",
    "hard_interrupt": """
def hit(pin):
    global hits
    hits = hits + 1 & 0xFF
hits = 0
p.irq(hit, machine.Pin.IRQ_FALLING, hard=True)
us = cost(edges) - quiet
p.irq(None)""",
    "flash_erase_4k": """
slot = rp2.Flash(start=0, len=8192)
page = bytearray(256)
us = per(lambda n: slot.ioctl(6, 0), 1)""",
    "flash_program_256": "us = per(lambda n: slot.writeblocks(0, page, 0), 1)",
    "flash_read_256": "us = repeat(slot.readblocks, 0, page)",
    "work_csp_send": """
import csp
from csp.interface import Interface
class Sink(Interface):
    def send(self, packet, via=-1):
        return True
node = csp.Node(7)
node.add_interface(Sink("SINK"))
us = repeat(node.broadcast, 9, bytearray(4))""",
    "work_board": """
import parts
from core import services
from core.board import Board
from core.start import _module
dictionary = _module(parts.ROLE, "compact").dictionary()
begun = time.ticks_us()
board = Board(parts, pins, dictionary.hk)
us = time.ticks_diff(time.ticks_us(), begun)
machine.mem32[0x4005B000] = 1 << 30
board.dictionary = dictionary""",
    "work_events": """
from core.events import Events
begun = time.ticks_us()
events = Events(board)
made = time.ticks_diff(time.ticks_us(), begun)
begun = time.ticks_us()
events.ring.open()
us = made - time.ticks_diff(time.ticks_us(), begun)
services.attach(board)
_module(parts.ROLE, "app").start(board)""",
    "work_fram_read_16": """
def read(n):
    buffer = bytearray(n)
    return repeat(board.fram.read_into, 0, buffer) - wires(3 + n)
us = sixteen = (read(200) - read(8)) / 12""",
    "work_record_read": """
record = board.hold.record
record.save()
size = len(record._frame)
def read(size):
    return wires(3 + size) + size // 16 * sixteen
us = repeat(record._read, record._newest) - read(size)""",
    "work_record_save": "us = repeat(record.save) - wires(2 + size) - read(size)",
    "work_blank_byte": """
from core.record import Record
from drivers.fram import SIZE
blank = Record(board.fram, SIZE - 200, 80)
if blank.load() or blank.errors:
    raise ValueError("the end of the FRAM is not blank")
size = len(blank._frame)
whole = repeat(blank._read, 0, n=10)
blank.save()
us = (whole - repeat(blank._read, 0, n=10)) / size""",
    "work_ring_look": """
ring = board.events.ring
size = len(ring._frame)
us = repeat(ring._look, 0) - read(size)""",
    "work_ring_append": "us = repeat(ring.append) - wires(2 + size) - read(size)",
    "work_event": """
from core.event_codes import ANTENNA_RELEASED
board.events._tokens = 0
us = per(lambda n: board.events.emit(ANTENNA_RELEASED), 1) - per(lambda n: ring.append(), 1)""",
    "work_log_open": "us = per(lambda n: board.store.log.open(), 1)",
    "work_text_line": """
from beacon import ax25
from beacon.text import DESTINATION, FRAMES, Texts, source
from eps.compact import HK as EPS
from sensor.compact import HK as SENSOR
frame = ax25.Frame(DESTINATION, source("N0CALL"))
texts = Texts(board, {"eps": EPS, "sensor": SENSOR})
for role, table in (("eps", EPS), ("sensor", SENSOR)):
    packet = bytearray(table.size)
    table.pack_into(packet, [100] * len(table.fields))
    board.heard[role].on_hk(packet)
    board.heard[role].matches = True
_, ((_, fields),) = FRAMES[0]
first = repeat(texts._shown, "eps", EPS.fields[0][0], n=10)
more = per(lambda n: texts.frame_into(0, frame.info), 1) - len(fields) * first
us = line = more / sum([EPS.index(field) for field in fields])""",
    "work_text_value": """
us = first - line""",
    "work_cw_byte": """
from beacon.morse import Keyer
source = Keyer(20)
source.load(b"VVV DE N0CALL NANODRAGON")
half = bytearray(32)
us = repeat(source.fill, half, n=20) / 32""",
    "work_afsk_byte": """
from beacon import afsk
source = afsk.Modulator(ax25.Line([frame]))
frame.close(200)
source.restart()
us = repeat(source.fill, half, n=20) / 32""",
    "work_radio_register": """
from beacon.radio import Radio
chip = Radio(board.parts, pins, 437_375_000, 2).chip
us = repeat(chip._write, 6, 0) - 2 * repeat(p.value, 1) - repeat(spi.write, bytearray(2))""",
    "work_ax25_byte": "us = per(lambda n: frame.close(200), 1) / 200",
    "work_hk_value": """
values = [100] * len(board.hk)
packing = per(lambda n: board.table.pack_into(board._packet, values), 1)
us = packing / len(values)""",
    "gc_collect": """
import gc
us = per(lambda n: gc.collect(), 1)""",
    # what a driver computes, without pins and SPI; frames of 8 bytes
    "spi_driver": """
from drivers.mcp2515_receive import drain
can = pins.make_can(0, 500_000)
can.init(500_000, can.MODE_SILENT_LOOPBACK)
can.set_filters(None)
select, exchange, write, level, ask, answer, first, _, head = can._hot[:9]
data = bytes(8)
def ends(n):
    for _ in range(n):
        select(0)
        select(1)
def full():
    for k in range(2):
        can._loaded = 0
        can.send(0x1000, data, 2)
        time.sleep_ms(2)
    can._chip.modify(0x2C, 0x1C, 0)
    start = time.ticks_us()
    drain(can._hot)
    return time.ticks_diff(time.ticks_us(), start)
ends = cost(ends)
parts = repeat(exchange, ask, answer) + 2 * repeat(exchange, first, head) + repeat(level)
us = each = (min(full() for _ in range(3)) - 3 * ends - parts) / 3""",
    "work_can_send": """
can.init(500_000)
can.set_filters(None)
def loads(n):
    for _ in range(n):
        can._loaded = 0
        can._load(0x1000, data, 8, 2)
parts = repeat(write, can._out) + repeat(write, data) + repeat(write, data[:3])
us = cost(loads, 20) - 2 * ends - parts - 3 * each""",
    "work_can_look": """
can.irq(id, can.IRQ_TX | can.IRQ_RX)
us = repeat(can.next_flags) - ends - repeat(exchange, ask, answer) - repeat(level) - each
can.deinit()""",
}
EPS_CALLS = {
    "work_power_tick": """
import parts
from core import services
from core.board import Board
from core.start import _module
from drivers.registers import Words
dictionary = _module(parts.ROLE, "compact").dictionary()
board = Board(parts, pins, dictionary.hk)
machine.mem32[0x4005B000] = 1 << 30
board.dictionary = dictionary
services.attach(board)
power = _module(parts.ROLE, "app").start(board)
power.tick()
reads = 0
read = Words._read
def counted(chip, register):
    global reads
    reads += 1
    return read(chip, register)
Words._read = counted
power.tick()
Words._read = read
us = per(lambda n: power.tick(), 1) - reads * wires(4)"""
}
ONCE = ("work_board",)  # not repeated: its own I2C transfers are taken off
# The share of the receive interrupt: a loop takes longer while bytes come in.
UART = """
uart = machine.UART(%d, 38_400, rxbuf=1024, tx=machine.Pin(%d), rx=machine.Pin(%d))
def count(n):
    for _ in range(n): pass
start = time.ticks_us()
count(30_000)
spent = time.ticks_diff(time.ticks_us(), start)
got = len(uart.read() or b"")
print(spent, got)
"""
