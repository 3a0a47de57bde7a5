# The guard of a bench board with stock MicroPython, which has no slots in raw flash and no golden app: slots are the
# folders /a and /b of .mpy files on littlefs, and what boots stands in /slots.json, replaced by one rename. In flight
# it is firmware/guard.py; this one has the same names for what runs above it.
#
# A slot runs when the list of its files (/a.json) has the SHA-256 that /slots.json says, and each file its own.
# A trial that booted TRIALS times without being confirmed is over. With nothing whole to run, the prompt comes.
import hashlib
import json
import os
import sys
import machine
from binascii import hexlify
from micropython import const

GOLDEN = const(255)  # no slot
TRIALS = const(3)
SETTLED_S = const(10)
NAMES = "ab"

_STATE = "/slots.json"
_QUICK = "/quick"        # resets that followed each other within SETTLED_S, while RBF is inserted
_QUICK_RESETS = const(3)
_WDT_MS = const(8_000)
_PART = const(512)

running = GOLDEN
trial = False
safe = False
error = None


def run():
    """From boot.py: chooses what runs, and puts it on sys.path."""
    global running, trial, safe, error
    running, trial, safe, error = GOLDEN, False, False, None
    try:
        safe = _prompt_wanted()
        if safe:
            return
        state = load()
        running, trial = _choose(state)
    except Exception as raised:
        running, trial, error = GOLDEN, False, raised
    if running == GOLDEN:
        safe = True  # there is no app that a watchdog could watch
        return
    machine.WDT(timeout=_WDT_MS)
    sys.path.insert(0, "/" + NAMES[running])
    sys.modules.pop("parts", None)


def load():
    """What boots, as save() takes it."""
    try:
        with open(_STATE) as file:
            return json.load(file)
    except (OSError, ValueError):
        none = {"digest": "", "version": ""}
        return {"role": "", "state": "idle", "active": GOLDEN, "other": GOLDEN, "good": 0, "boots": 0,
                "result": "none", "slots": [none, dict(none)]}  # fmt: skip


def save(state):
    """At once, or not at all."""
    with open(_STATE + ".new", "w") as file:
        json.dump(state, file)
    os.rename(_STATE + ".new", _STATE)


def _choose(state):
    if state["state"] == "trial":
        result = "boots without confirmation"
        if state["boots"] < TRIALS:
            state["boots"] += 1
            save(state)
            if whole(state, state["other"]):
                return state["other"], True
            result = "image does not match its hash"
        state.update(state="idle", other=GOLDEN, boots=0, result=result)
        save(state)
    for number in (state["active"], 1 - state["active"]):
        if number in (0, 1) and state["good"] & 1 << number and number != state["other"] and whole(state, number):
            return number, False
    return GOLDEN, False


def whole(state, number):
    """Slot `number` holds what the state says."""
    path = "/" + NAMES[number]
    try:
        if digest(path + ".json") != state["slots"][number]["digest"]:
            return False
        with open(path + ".json") as file:
            files = json.load(file)
    except (OSError, ValueError):
        return False
    for name in files:
        if digest(path + "/" + name) != files[name]:
            return False
    return True


def digest(path):
    """SHA-256 of a file, in hexadecimal; "" when there is none."""
    part = memoryview(bytearray(_PART))
    made = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while True:
                size = file.readinto(part)
                if not size:
                    return hexlify(made.digest()).decode()
                made.update(part[:size])
    except OSError:
        return ""


def settled():
    """The app has run for SETTLED_S seconds: the resets before were not quick ones."""
    _count(0)


def quick():
    """The next boot is the third quick reset. False: RBF is not inserted."""
    if not _inserted():
        return False
    _count(_QUICK_RESETS - 1)
    return True


def describe():
    """What the bench asks: dragonet/bench/device.py."""
    state = load()
    number = state["other"] if state["state"] == "trial" else state["active"]
    slot = state["slots"][number] if number != GOLDEN else {"digest": "", "version": ""}
    return {"role": state["role"], "safe": safe, "state": state["state"], "image": slot["digest"][:16],
            "version": slot["version"], "active": "none" if number == GOLDEN else NAMES[number]}  # fmt: skip


def _inserted():
    import pins

    return hasattr(pins, "RBF") and machine.Pin(pins.RBF, machine.Pin.IN, machine.Pin.PULL_DOWN).value()


def _prompt_wanted():
    # Only while the remove-before-flight pin is inserted.
    if not _inserted():
        return False
    import pins

    number = getattr(pins, "SAFE", None)
    if number is not None and not machine.Pin(number, machine.Pin.IN, machine.Pin.PULL_UP).value():
        return True
    try:
        with open(_QUICK) as file:
            count = int(file.read()) + 1
    except (OSError, ValueError):
        count = 1
    _count(count % _QUICK_RESETS)
    return count >= _QUICK_RESETS


def _count(number):
    with open(_QUICK, "w") as file:
        file.write(str(number))
