"""Faults of the CAN buses, of a scenario or a test: broken wires, bus-off, a babbling node, a short."""

from __future__ import annotations

from dragonet.flatsat.canbus import BUS_OFF, CanBus, Controller, Frame

_LETTERS = ("a", "b")  # of buses 0 and 1
_KINDS = ("off", "on", "bus_off", "babble", "hush", "short", "mend")
# off, on: a board's wires to the bus break, are joined again. bus_off: errors drive its controller off the bus, whose
# firmware may restart it. babble, hush: what sits at its connector sends frames that win every arbitration, stops.
# short, mend: each frame on the bus is destroyed, wherever it comes from, no more. can_off, can_on: off, on of both.
FAULTS = ("can_off", "can_on", *(f"can_{letter}_{kind}" for letter in _LETTERS for kind in _KINDS))

_FIRST_OF_ALL = Frame(0, 2, b"")  # the identifier that beats all others


def apply(buses: dict[int, CanBus], role: str, action: str) -> None:
    """One of FAULTS, to one board."""
    if action in ("can_off", "can_on"):
        for bus in buses.values():
            bus.tear_off(role, action == "can_off")
        return
    _, letter, kind = action.split("_", 2)
    bus = buses[_LETTERS.index(letter)]
    if kind in ("off", "on"):
        bus.tear_off(role, kind == "off")
    elif kind in ("short", "mend"):
        bus.shorted = kind == "short"
    elif kind == "bus_off":
        bus.drive_off(role)
    else:
        _babble(bus, role, kind == "babble")


def _babble(bus: CanBus, role: str, on: bool) -> None:
    name = f"{role}.babble"
    for controller in bus.controllers:
        if controller.name == name:
            bus.start(controller, 255, 0)
            bus.detach(controller)
            break
    if on:

        def again(slot: int, ok: bool) -> None:
            bus.send(controller, 0, _FIRST_OF_ALL, bus.now_us)

        def errors() -> None:
            if controller.state == BUS_OFF:  # it does not keep to the rules
                bus.start(controller, 0, controller.bitrate)
                again(0, False)

        controller = Controller(name, again, lambda frame, number: None, errors, filters=[])
        bus.attach(controller)
        bus.start(controller, 0, bus.bitrate)
        again(0, True)
