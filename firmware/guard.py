# The guard: chooses what this board runs, slot a, slot b or the golden app (DESIGN, "Update"). It is frozen into the
# firmware beside the golden app, imports nothing of a slot, and whatever it cannot make sense of ends in golden.
#
# Before a slot runs, its boot is counted in FRAM, its image matches its hash, and the watchdog runs. A trial that
# booted TRIALS times without being confirmed is over; a confirmed slot that booted BOOTS times without staying up is
# left for golden, until a command says otherwise.
#
# A slot holds a whole image: packages that stand before the frozen ones; or an overlay of this very golden app
# (its manifest's base): modules in over/ that take the places of frozen ones, in the order of overlay.MODULES and of
# the __init__ of packages that it brings. What an overlay leaves out is frozen, and takes no heap for its code.
#
# On the bench, with the remove-before-flight pin inserted, three resets that follow each other within 10 s, or the pin
# SAFE pulled low, end at the prompt with no app and no watchdog.
import sys
import machine
from core.slots import GOLDEN
from micropython import const

TRIALS = const(3)
BOOTS = const(5)
PATH = "/slot"
SETTLED_S = const(10)

_WDT_MS = const(8_000)
_GOLDEN_PATH = __import__("core").__path__[:-4]  # the packages of the golden app lie there
_QUICK_RESETS = const(3)
_QUICK_OFFSET = const(480)  # in the region "update": a record that counts quick resets

running = GOLDEN   # slot that runs
trial = False      # and it is on trial
safe = False       # the prompt is wanted: main.py runs nothing
error = None       # what the guard stumbled over: golden runs, or main.py resets
result = 0         # of core/update_record.RESULTS: why this boot left a slot; 0: it did not
_quick = None      # the record of quick resets, while RBF is inserted


def run():
    """From boot.py: sets the names above and the path of imports."""
    global running, trial, safe, error, result
    running, trial, safe, error, result = GOLDEN, False, False, None, 0
    overlay = False
    if "" in sys.path:  # what lies on littlefs must not stand in for the firmware
        sys.path.remove("")
        sys.path.append("")
    try:
        import parts
        import pins

        memory = _fram(parts, pins)
        safe = _prompt_wanted(pins, memory)
        if safe:
            return
        machine.WDT(timeout=getattr(parts, "WDT_MS", _WDT_MS))
        from core import manifest, slots, update_record

        state = update_record.State(update_record.make(memory))
        if state.load():
            before = state.state, state.result
            running, trial = choose(state, slots.open_slot)
            if (state.state, state.result) != before:
                result = state.result
            overlay = running != GOLDEN and state.manifest(running).base != manifest.WHOLE
    except Exception as raised:
        running, trial, error = GOLDEN, False, raised
    if running != GOLDEN:
        _forget()
        sys.path.insert(sys.path.index(".frozen") if ".frozen" in sys.path else 0, PATH)
    if overlay:
        try:
            lay_over(__import__("overlay").MODULES)
        except Exception as raised:
            error = raised


def choose(state, open_slot):
    """(slot that was counted and mounted at PATH, it is on trial), or (GOLDEN, False).

    state: update_record.State, loaded. open_slot(number): the core.slots.Slot.
    """
    from core import update_record as kept

    if state.state == kept.TRIAL:
        result = kept.CRASHED
        if state.boots < TRIALS:
            state.boots += 1
            if not state.save():
                return GOLDEN, False
            result = _mount(state, state.other, open_slot)
            if result == kept.NONE:
                return state.other, True
        state.end(result)  # should the next save fail, the next boot comes to the same end
        if state.active == GOLDEN:
            state.save()
    if state.active == GOLDEN:
        return GOLDEN, False
    if state.boots >= BOOTS:
        if state.result != kept.GAVE_UP:
            state.result = kept.GAVE_UP
            state.save()
        return GOLDEN, False
    state.boots += 1
    if not state.save():
        return GOLDEN, False
    result = _mount(state, state.active, open_slot)
    if result == kept.NONE:
        return state.active, False
    second = 1 - state.active
    if state.good & 1 << second and state.other != second and _mount(state, second, open_slot) == kept.NONE:
        state.active = second
        state.result = result
        state.save()
        return second, False
    if state.result != result:
        state.result = result
        state.save()
    return GOLDEN, False


def settled():
    """The app has run for SETTLED_S seconds: the resets before were not quick ones."""
    global _quick
    if _quick is not None and _quick.data[0]:
        _quick.data[0] = 0
        _quick.save()
    _quick = None


def _mount(state, number, open_slot):
    # NONE, or what is wrong with it, as in update_record.RESULTS.
    from core import update_record as kept

    manifest = state.manifest(number)
    try:
        slot = open_slot(number)
        if manifest is None or manifest.length > slot.size or slot.hash(manifest.length) != manifest.digest:
            return kept.BAD_IMAGE
        if not slot.carries(manifest):
            return kept.BASE
        slot.mount(PATH)
    except (OSError, ValueError):
        return kept.NO_MOUNT
    return kept.NONE


def _fram(parts, pins):
    # None when it is dead: then nothing is known of the slots.
    try:
        from core import i2c_bus
        from drivers.fram import FRAM

        return FRAM(i2c_bus.make(parts, pins), parts.FRAM)
    except Exception:
        return None


def _prompt_wanted(pins, memory):
    # Never in orbit: only while the remove-before-flight pin is inserted.
    global _quick
    _quick = None
    pin = machine.Pin
    rbf = getattr(pins, "RBF", None)
    if rbf is None or not pin(rbf, pin.IN, pin.PULL_DOWN).value():
        return False
    number = getattr(pins, "SAFE", None)
    if number is not None and not pin(number, pin.IN, pin.PULL_UP).value():
        return True
    from core import layout
    from core.record import Record

    _quick = Record(memory, layout.region("update")[0] + _QUICK_OFFSET, 1)
    count = _quick.data[0] + 1 if _quick.load() else 1
    _quick.data[0] = count % _QUICK_RESETS
    return _quick.save() and count >= _QUICK_RESETS


def _forget():
    # What the guard imported of the golden app: the slot has its own.
    for name in list(sys.modules):
        if name == "parts" or name.split(".")[0] in ("core", "csp", "drivers"):
            del sys.modules[name]


def frozen(package):
    """Path of the golden app's package: of the modules that an overlay does not bring."""
    return _GOLDEN_PATH + package


def lay_over(modules):
    """Put modules of an overlay in place before anything imports the frozen ones; what a module imports comes first."""
    for name in modules:
        if name in sys.modules:
            raise ImportError(name)  # the frozen one: it would be both
        path = "over/" + name.replace(".", "/")
        module = __import__(path)
        del sys.modules[path]
        package, _, leaf = name.partition(".")
        setattr(__import__(package), leaf, module)
        sys.modules[name] = module
