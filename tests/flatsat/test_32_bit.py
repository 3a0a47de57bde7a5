"""The boards on the 32-bit port with single-precision floats: numbers, objects and memory as on a microcontroller.

DRAGONET_M32=0 does without this file.
"""

import pytest

from dragonet import toolchain
from flatsat.flights import PASS, Flights, Flown

if not toolchain.has_micropython32():
    pytest.fail("no 32-bit MicroPython to fly: run 'make toolchain PARTS=32'", pytrace=False)


@pytest.fixture(scope="module")
def flown(flights: Flights) -> Flown:
    return flights.fly(**PASS, micropython="32")


@pytest.fixture(scope="module")
def double(flights: Flights) -> Flown:
    """The same flight on the 64-bit port."""
    return flights.fly(**PASS)


def test_no_board_resets_and_nothing_fails(flown: Flown) -> None:
    for role, board in flown.summary["boards"].items():
        assert board["boots"] == 1, role
        assert "failed" not in flown.console(role), flown.console(role)


def test_every_beacon_is_whole_and_begins_when_it_does_on_the_64_bit_port(flown: Flown, double: Flown) -> None:
    assert len(flown.sent) == len(double.sent) > 20
    for one, other in zip(flown.sent, double.sent, strict=True):
        assert one.kind == other.kind and one.whole == other.whole
        assert abs(one.start_s - other.start_s) < 0.1
