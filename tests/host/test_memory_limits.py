"""What flight code takes of a board's memory stays below its limits (tests/benchmarks/memory.py, AIMS)."""

import sys

import pytest

from dragonet import paths, toolchain

sys.path.append(str(paths.REPO / "tests" / "benchmarks"))
import memory  # pyright: ignore[reportMissingImports]
import memory_emulated  # pyright: ignore[reportMissingImports]


def test_a_node_with_ten_buffers_and_eight_connections() -> None:
    assert memory.bus_bytes() <= memory.BUS_AIM


def test_a_sensor_board_whose_slot_brings_the_roles_folder() -> None:
    """The board that takes most, on the emulated RP2040; its image is that of `make toolchain`."""
    brought = memory_emulated.slot("sensor", memory_emulated.SLOTS["role"])
    heap = memory_emulated.heap("sensor", brought)
    assert not heap["failed"]
    assert heap["after boot"] <= memory.BOARD_AIM


@pytest.mark.parametrize("role", toolchain.ROLES)
def test_frames_of_functions_leave_half_of_their_stack_free(role: str) -> None:
    used, room = memory_emulated.frames_bytes(role)
    print(f"{role}: {used} of {room} bytes")
    assert 500 < used <= room / 2
