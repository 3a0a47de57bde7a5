"""Who is there, of which firmware, with all its parts, and are its values plausible."""

from dataclasses import replace
from typing import Any

import pytest

from dragonet import paths
from dragonet.bench import benchfile, boards, reach
from dragonet.bench.measure import Check
from dragonet.deploy import image
from dragonet.errors import NotDone, UserError
from dragonet.flatsat.board_files import board_module
from dragonet.flatsat.devices.world import index
from dragonet.ground.commander import dictionary
from dragonet.ground.telemetry import in_unit
from hil.rig import SYSTEM, NotPossible, Rig

from core import ports  # isort: skip

GOLDEN = 2  # housekeeping's `slot`
CONSOLE_TRIES = 3  # a quick reset may be lost while a board boots
HEARD_S = 2.5  # heartbeats come each second
SCRUB_S = 240.0

# What a healthy board measures on a bench: role -> name -> lowest, highest. Limits of its dictionary come besides.
PLAUSIBLE: dict[str, dict[str, tuple[float, float]]] = {
    "eps": {
        "battery_v": (6.0, 8.4), "battery_t": (-20.0, 60.0), "board_t": (-40.0, 85.0), "soc": (0.0, 100.0),
        "load_beacon_v": (5.5, 8.5), "load_sensor_v": (5.5, 8.5), "load_beacon_a": (0.005, 1.5),
        "load_sensor_a": (0.005, 1.2), "panel_x_v": (0.0, 25.0), "panel_y_v": (0.0, 25.0), "panel_z_v": (0.0, 25.0),
        "loads_tripped": (0, 0), "loads_stuck": (0, 0), "read_errors": (0, 0),
    },
    "beacon": {"supply_v": (6.0, 8.5), "pa_t": (-40.0, 90.0), "underruns": (0, 0), "period_s": (60, 600)},
    "sensor": {
        "board_t": (-40.0, 85.0), "panel_xp_t": (-120.0, 120.0), "panel_xm_t": (-120.0, 120.0),
        "payload_t": (-40.0, 85.0), "field_x": (-70e3, 70e3), "field_y": (-70e3, 70e3), "field_z": (-70e3, 70e3),
        "rate_x": (-20.0, 20.0), "rate_y": (-20.0, 20.0), "rate_z": (-20.0, 20.0), "read_errors": (0, 0),
    },
}  # fmt: skip


def test_identity_and_hashes(rig: Rig, check: Check) -> None:
    """Each board is who the bench file says, of this checkout's dictionary; its image is whole."""
    rig.wait(HEARD_S)
    beating = {beat.role: beat for beat in rig.beats(since_s=rig.now_s - HEARD_S)}
    for role in rig.roles:
        ident = rig.ident(role)
        check.measure("hostname", ident.get("hostname"), board=role, wanted=role)
        check.measure("model", ident.get("model"), board=role, wanted=board_module(role, "parts").MODEL[:29])
        updater = rig.updater(role)
        says, status = updater.board(), updater.status()
        entry = rig.boards[role]
        check.measure("role", says.role, board=role, wanted=role)
        check.measure("uid", says.uid.hex(), board=role, wanted=entry.uid.hex() if entry.uid else None)
        check.measure("target", says.target, board=role)
        check.measure("runs", status.running, board=role)
        if status.running == "golden":
            check.measure("revision", ident.get("revision"), board=role, wanted=image._revision(paths.FIRMWARE))
        else:
            check.measure("version", status.version, board=role)
            check.measure("image", status.hashes["ab".index(status.running)], board=role)
        wanted = f"{dictionary(role).hash & 0xFFFF:04x}"
        told = f"{beating[role].dictionary:04x}" if role in beating else None
        check.measure("dictionary", told, board=role, wanted=wanted)


def test_every_expected_device_answers(rig: Rig, check: Check) -> None:
    """Each part that boards/<role>/parts.py names has a value, and the board's own memory works."""
    for role in rig.roles:
        told = rig.told(role)
        names = _devices(role)
        silent = [name for name in names if told[name].value is None]
        check.measure("devices that answer", len(names) - len(silent), "", len(names), len(names), role)
        if "not_answering" in told:
            check.measure("parts not answering", told["not_answering"].value, "", 0, 0, role)
        check.measure("FRAM counts boots", told["boots"].value, "", 1, None, role)
        if role == "beacon":
            check.measure("resets of the radio chip", told["radio_resets"].value, "", 0, 1, role)  # 1: its start
            check.measure("transmissions that failed", told["tx_errors"].value, "", 0, 0, role)


def _devices(role: str) -> list[str]:
    """The value that each part gives."""
    parts = board_module(role, "parts")
    if role == "eps":
        return [f"{one[0]}_a" for one in parts.MONITORS] + [f"{one[0]}_t" for one in parts.THERMOMETERS]
    if role == "beacon":
        return ["supply_v", "pa_t", "antenna"]
    return [f"{one[0]}_t" for one in parts.THERMOMETERS] + ["field_x", "rate_x", "ais_antenna"]


def test_self_tests(rig: Rig, check: Check) -> None:
    """Nothing failed since boot, and no limit is exceeded."""
    for role in rig.roles:
        told = rig.told(role)
        check.measure("task restarts", told["restarts"].value, "", 0, 0, role)
        check.measure("limits exceeded", told["limits"].value, "", 0, 0, role)
        system = rig.told(role, SYSTEM)
        for name in ("handler_errors", "memory_errors", "actions_failed", "events_dropped"):
            check.measure(name, system[name].value, "", 0, 0, role)
        damaged, whole = system["rx_errors"].value or 0, system["rx_packets"].value or 0
        share = 100.0 * damaged / max(1, damaged + whole)
        check.measure("packets that came damaged", share, "%", 0.0, rig.checks.lost, role)
        check.measure("packet buffers free", system["buffers_free"].value, "", 8, 64, role)
        check.measure("heap free", system["heap_free"].value, "B", 4_000, None, role)  # before a collection


@pytest.mark.long
def test_all_that_is_stored_is_whole(rig: Rig, check: Check) -> None:
    """A scrub reads every record and slot, and finds nothing that its copy cannot mend."""
    for role in rig.roles:
        rig.signed(role).call("scrub_start")
    waiting = set(rig.roles)
    found: dict[str, bytes] = {}
    for _ in rig.until(SCRUB_S, 2.0):
        for role in sorted(waiting):
            data = rig.commander(role).call("scrub_status").data
            if len(data) == 7 and not data[6]:
                found[role] = data
                waiting.discard(role)
        if not waiting:
            break
    for role in rig.roles:
        data = found.get(role)
        check.measure("scrub ended", data is not None, "", 1, 1, role)
        if data is not None:
            check.measure("records that nothing can mend", int.from_bytes(data[4:6], "big"), "", 0, 0, role)


def test_housekeeping_is_plausible(rig: Rig, check: Check) -> None:
    """Values with units, against the limits of the board's dictionary and what a bench can be."""
    for role in rig.roles:
        told = rig.told(role)
        limits = {name: (low, high) for name, low, high in _limits(role)}
        for name, (low, high) in {**limits, **PLAUSIBLE[role]}.items():
            more = limits.get(name, (None, None))
            lowest = low if more[0] is None or low is not None and low > more[0] else more[0]
            highest = high if more[1] is None or high is not None and high < more[1] else more[1]
            check.measure(name, told[name].value, told[name].unit, lowest, highest, role)
        check.measure("mode", ports.MODES[int(told["mode"].value or 0)], board=role, wanted="nominal")


def _limits(role: str) -> list[tuple[Any, ...]]:
    one = dictionary(role)
    scales = {field[0]: field[3] for field in one.hk.fields}
    return [
        (name, *(None if limit is None else in_unit(limit, scales[name]) for limit in (low, high)))
        for name, low, high, *_ in one.limits
    ]


def test_the_console_says_the_same_as_the_bus(rig: Rig, check: Check) -> None:
    """By its console, mpremote's raw REPL, each board that has one names the same role, uid and MicroPython."""
    found = [entry for entry in rig.boards.values() if entry.kind != "flight"]
    if not found:
        raise NotPossible("boards are reached over the bus alone")
    for entry in found:
        identity = _ask(rig, check, entry)
        if identity is None:
            continue
        check.measure("role", identity.role, board=entry.role, wanted=entry.role)
        check.measure("MicroPython", identity.micropython, board=entry.role)
        same = rig.updater(entry.role).board().uid.hex() if entry.kind not in ("unix", "emulated") else None
        check.measure("uid", identity.uid[:16], board=entry.role, wanted=same)


def test_a_board_kept_safe_starts_without_its_app(rig: Rig, check: Check) -> None:
    """With its pin SAFE low and remove-before-flight in, a board is at its prompt from power-on, without its app."""
    found = [entry for entry in rig.boards.values() if entry.kind in ("unix", "emulated")]
    if not found:
        raise NotPossible("no wire to the pins SAFE: put a jumper on, switch the board on, and 'dragonet bench ls' it")
    for entry in found:
        world = list(entry.world)
        world[index(entry.role, "safe")] = 0.0
        kept = replace(entry, world=tuple(world))
        with reach.open(rig.bench, kept) as link:
            safe = boards.prompt(link, kept).safe
            modules = link.evaluate("'core.board' in __import__('sys').modules")
        check.measure("at its prompt", safe, "", 1, 1, entry.role)
        check.measure("its app", "runs" if modules else "not started", board=entry.role, wanted="not started")


def _ask(rig: Rig, check: Check, entry: benchfile.Entry) -> boards.Identity | None:
    """What the board says at its prompt; its app runs again afterwards. None: it did not come to its prompt."""
    told = ""
    for attempt in range(1, CONSOLE_TRIES + 1):
        try:
            with reach.open(rig.bench, entry) as link:
                identity = boards.prompt(link, entry, interrupt=True)
                boards.reset(link)
        except (UserError, NotDone) as error:
            told = str(error)
            continue
        check.measure("tries until it was at its prompt", attempt, "", 1, CONSOLE_TRIES, entry.role)
        return identity
    check.measure("console", told, board=entry.role, wanted="answers")
    return None
