"""Code that runs on a board at its prompt. It uses the board's own frozen flight code where there is any: the update
that a bench does is the same state machine (firmware/core/update_machine.py) that the bus drives in flight.

Each piece prints one literal last, which Link.literal() reads.
"""

# What a board says about itself, on any MicroPython.
IDENTITY = """
def _identity():
    import sys, machine, time
    from binascii import hexlify
    one = {"platform": sys.platform, "machine": getattr(sys.implementation, "_machine", ""),
           "micropython": "%d.%d.%d" % tuple(sys.implementation[1][:3]),
           "mpy": getattr(sys.implementation, "_mpy", 0) & 0xFFFF, "uid": hexlify(machine.unique_id()).decode(),
           "uptime_s": time.ticks_ms() // 1000, "reset": 0, "role": "", "safe": None, "guard": "", "state": "",
           "active": "", "image": "", "version": "", "error": "", "base": ""}
    try:
        one["reset"] = machine.reset_cause()
    except AttributeError:
        pass
    try:
        import guard
    except ImportError:
        return one
    if hasattr(guard, "describe"):
        one["guard"] = "folders"
        one.update(guard.describe())
        return one
    import parts, pins
    from core import update_record as kept
    from core import slots
    from core.slots import GOLDEN
    one["guard"] = "slots"
    one["base"] = hexlify(getattr(slots, "ID", b"")).decode()
    one["role"] = parts.ROLE
    one["safe"] = guard.safe
    state = kept.State(kept.make(guard._fram(parts, pins)))
    if state.record._memory is None:
        one["error"] = "FRAM does not answer"
    elif state.load():
        one["state"] = kept.STATES[state.state]
    else:
        one["state"] = "idle"
    number = state.other if state.state == kept.TRIAL else state.active
    manifest = state.manifest(number)
    one["active"] = "golden" if number == GOLDEN else "ab"[number]
    if manifest is not None:
        one["image"] = hexlify(manifest.digest[:8]).decode()
        one["version"] = manifest.version
    return one
print(repr(_identity()))
"""

# Counts this boot once more, so that the next one counts as the third quick reset. Nothing when RBF is out.
QUICK = """
def _soon():
    import guard, pins
    if hasattr(guard, "quick"):
        return guard.quick()
    import parts
    for _ in range(2):
        guard._prompt_wanted(pins, guard._fram(parts, pins))
        if guard._quick is None or guard._quick.data[0] == 2:
            break
    return guard._quick is not None and guard._quick.data[0]
print(repr(_soon()))
"""

# Whether RBF is inserted.
RBF = """
import machine, pins
print(machine.Pin(pins.RBF, machine.Pin.IN, machine.Pin.PULL_DOWN).value())
"""

# Whether the pin SAFE keeps its app from running.
KEPT_SAFE = """
import machine, pins
print(hasattr(pins, "SAFE") and not machine.Pin(pins.SAFE, machine.Pin.IN, machine.Pin.PULL_UP).value())
"""

# Later than the answer to it, which USB would lose otherwise.
RESET = "import machine, time\ntime.sleep_ms(100)\nmachine.reset()"

# Boots before this one do not count as boots of a slot that did not stay up.
CALM = """
def _calm():
    import guard
    if hasattr(guard, "load"):
        state = guard.load()
        if state["boots"] and state["state"] != "trial":
            state["boots"] = 0
            guard.save(state)
        return
    import parts, pins
    from core import update_record as kept
    state = kept.State(kept.make(guard._fram(parts, pins)))
    if state.load() and state.boots and state.state != kept.TRIAL:
        state.boots = 0
        state.save()
_calm()
"""

# Volts and radio, as far as this board can tell them: (battery mV or None, transmitting or None).
SAFETY = """
def _safety():
    import guard, machine, sys, time
    if hasattr(guard, "load"):
        state = guard.load()
        if state["active"] < 2:
            sys.path.append("/" + guard.NAMES[state["active"]])  # drivers
    import parts, pins
    mv = sending = None
    try:
        if hasattr(pins, "SUPPLY"):
            mv = machine.ADC(pins.SUPPLY).read_u16() * parts.ADC_REFERENCE_MV * parts.SUPPLY_DIVIDER // 65535
        elif hasattr(parts, "MONITORS"):
            from core import i2c_bus
            from drivers.ina226 import INA226, QUICK_MS
            for name, address, shunt_uohm, lsb_ua in parts.MONITORS:
                if name == "battery":
                    monitor = INA226(i2c_bus.make(parts, pins), address, shunt_uohm=shunt_uohm, lsb_ua=lsb_ua)
                    monitor.check()
                    time.sleep_ms(QUICK_MS)
                    mv = monitor.millivolts()
    except (ImportError, OSError, ValueError):
        pass
    if hasattr(pins, "RADIO_CS"):
        select = machine.Pin(pins.RADIO_CS, machine.Pin.OUT, value=1)
        answer = bytearray(2)
        select(0)
        pins.spi(parts.SPI_HZ).write_readinto(b"\\x01\\xff", answer)
        select(1)
        sending = answer[1] != 0xFF and answer[1] & 7 == 3
    return mv, sending
print(repr(_safety()))
"""

# What its flight code kept of failures: (how many since the board was made, name of the task that failed last).
FAILURES = """
def _failures():
    import guard, parts, pins
    from core import layout, supervisor
    from core.record import Record
    record = Record(guard._fram(parts, pins), layout.region("supervisor")[0], supervisor.SIZE)
    if not record.load():
        return 0, ""
    return int.from_bytes(record.data[2:4], "big"), bytes(record.data[4:20]).rstrip(b"\\0").decode()
print(repr(_failures()))
"""

# The update machine of the board, for what bench/slots.py calls: (status, boots of a trial, s after which a boot has
# settled, bytes of a slot, bytes of an erase block).
MACHINE = """
import guard, machine, parts, pins, sys
from binascii import a2b_base64, hexlify
from core import update_record as kept
from core.commands import Failed, Refused
from core.slots import GOLDEN, open_slot
from core.update_machine import BLOCK, Machine

def _state():
    return kept.State(kept.make(guard._fram(parts, pins)))

_m = Machine(_state(), open_slot, guard.running, parts.ROLE, (machine.unique_id() + b"\\0" * 8)[:8])

def _do(function, *arguments):
    try:
        return None, function(*arguments)
    except (Refused, Failed) as error:
        return error.reason, error.detail

def _status():
    s = _m.state
    return (kept.STATES[s.state], s.active, s.other, s.good, s.boots, kept.RESULTS[s.result],
            hexlify(s.entry(0)[50:82]).decode(), hexlify(s.entry(1)[50:82]).decode(), _m.window())

def _sums(number, length):
    slot = open_slot(number)
    return [slot.crc(at, min(slot.block, length - at)) for at in range(0, length, slot.block)]

def _put(offset, text):
    data = memoryview(a2b_base64(text))
    for at in range(0, len(data), BLOCK):
        _m.put(offset + at, data[at : at + BLOCK])
    return _m.window()[0]

def _keep(sums):
    for crc in sums:
        _m.keep(_m.window()[0], crc)
    return _m.window()[0]

def _judge():
    _m.judge(_m.slot().hash(_m.manifest().length))

def _whole(number):
    manifest = _m.state.manifest(number)
    return manifest is not None and open_slot(number).hash(manifest.length) == manifest.digest

def _confirm():
    _m.running = _m.state.other
    _m.confirm()
print(repr((_status(), guard.TRIALS, guard.SETTLED_S, open_slot(0).size, open_slot(0).block)))
"""
