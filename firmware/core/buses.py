# The ways of CSP that a board has (DESIGN, "Message bus"): what parts.BUSES names, made from its parts and pins.
#
#  name     way
#  can      one CAN controller
#  can_ab   CAN A and B, redundant; the one that can be made if the other cannot
#  i2c      two peripherals on the wires between boards, since none can be controller and target
import machine
from micropython import const
from core import ports
from csp.can import CanInterface

DEFAULT = ("can",)
_CAN_BITRATE = const(500_000)
_I2C_HZ = const(400_000)
_I2C_TIMEOUT_US = const(25_000)  # the longest packet takes 6 ms, 11 ms into a busy board, and the bus may be busy
_REDUNDANT_LIMIT_MS = const(2_000)  # for a packet: it waits on a bus that is lost until it goes by the other


def attach(node, parts, pins, attempt):
    """Give the node the ways of these parts, the first leads. attempt(name, make): make(), or None if that raises.

    The pair of redundant buses, or None.
    """
    pair = None
    ways = []
    for name in getattr(parts, "BUSES", DEFAULT):
        if name == "i2c":
            way = attempt(name, lambda: _i2c(node, parts, pins))
        elif name == "can_ab":
            a = attempt("can a", lambda: _can(parts, pins, 0, _REDUNDANT_LIMIT_MS))
            b = attempt("can b", lambda: _can(parts, pins, 1, _REDUNDANT_LIMIT_MS))
            way = a or b
            if a is not None and b is not None:
                from csp.redundant import Redundant

                way = pair = Redundant(a, b, ports.HEARTBEAT)
        else:
            way = attempt(name, lambda: _can(parts, pins, 0))
        if way is not None:
            ways.append(way)
            node.add_interface(way)
    if len(ways) > 1:  # broadcasts go by all of them
        for interface in node.interfaces:
            if interface.watch is None:
                node.know_duplicates(interface)
    return pair


def _can(parts, pins, number, time_limit_ms=1000):
    make = getattr(pins, "make_can", None) or machine.CAN  # the RP2040 has no machine.CAN
    can = make(number, getattr(parts, "CAN_BITRATE", _CAN_BITRATE))
    return CanInterface(can, name="CANB" if number else "CANA", time_limit_ms=time_limit_ms)


def _i2c(node, parts, pins):
    from csp.i2c import I2cInterface

    controller, target = pins.I2C_BUS
    i2c = machine.I2C(controller, freq=_I2C_HZ, timeout=_I2C_TIMEOUT_US)
    neighbours = tuple([ports.ADDRESSES[role] for role in ports.BOARDS if role != parts.ROLE])
    return I2cInterface(i2c, machine.I2CTarget(target, node.address), neighbours=neighbours)
