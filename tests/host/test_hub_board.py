"""A virtual board at its edges: UART bytes at their pace and into a ring that overflows, its watchdog, its reset."""

import struct
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragonet import paths
from dragonet.flatsat.costs import COSTS
from dragonet.flatsat.devices import records

if str(paths.VIRTUAL_BOARD) not in sys.path:
    sys.path.append(str(paths.VIRTUAL_BOARD))

import machine
import twin

BAUD = 38_400
BYTE_US = 10 * 1_000_000 / BAUD  # 8N1


@pytest.fixture
def env():
    return twin.bench()


def sleep_us(board, us: int) -> None:
    board.kernel.sleep_until(board.kernel.now + us)


def arrive(board, data: bytes, uart: int = 1) -> None:
    """The hub's record: these bytes begin on the wire now."""
    board._deliver(board.kernel.now, records.UART_RECEIVED, bytes((uart,)) + data)


def test_uart_bytes_take_their_time_on_the_wire(env) -> None:
    uart = machine.UART(1, BAUD, rxbuf=256)
    arrive(env, bytes(range(100)))
    assert uart.any() == 0
    sleep_us(env, round(40.5 * BYTE_US))
    assert 39 <= uart.any() <= 42
    sleep_us(env, round(70 * BYTE_US))
    assert uart.read() == bytes(range(100)) and uart.any() == 0 and uart.read() is None


def test_bytes_that_find_the_ring_full_are_lost_and_the_rest_is_whole(env) -> None:
    uart = machine.UART(1, BAUD, rxbuf=64)
    data = bytes(k % 251 for k in range(200))
    arrive(env, data)
    sleep_us(env, round(210 * BYTE_US))
    assert uart.any() == 64 and uart.overruns == 200 - 64
    assert uart.read() == data[:64]
    arrive(env, b"next")
    sleep_us(env, round(6 * BYTE_US))
    assert uart.read() == b"next" and uart.overruns == 136


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=90), st.integers(0, 40_000)), min_size=1, max_size=12))
def test_a_reader_that_is_quick_enough_loses_nothing_and_a_slow_one_loses_what_is_counted(plan: list) -> None:
    board = twin.bench()
    uart = machine.UART(1, BAUD, rxbuf=128)
    sent, got = b"", b""
    for data, pause_us in plan:
        arrive(board, data)
        sent += data
        sleep_us(board, pause_us)
        if pause_us % 2:
            got += uart.read() or b""
    sleep_us(board, round(len(sent) * BYTE_US) + 1000)
    got += uart.read() or b""
    assert len(got) + uart.overruns == len(sent)
    at = 0
    for byte in got:  # what is left is in order
        at = sent.index(bytes((byte,)), at) + 1
    if uart.overruns == 0:
        assert got == sent


def test_an_idle_line_interrupts_after_its_last_byte(env) -> None:
    uart = machine.UART(1, BAUD, rxbuf=256)
    calls: list[tuple[int, int]] = []
    uart.irq(lambda line: calls.append((env.kernel.now, line.any())), machine.UART.IRQ_RXIDLE)
    start_us = env.kernel.now
    arrive(env, b"x" * 30)
    sleep_us(env, 40_000)
    ((at_us, count),) = calls
    assert count == 30 and 30 * BYTE_US <= at_us - start_us < 33 * BYTE_US + COSTS["interrupt"]


def resets(board) -> list[tuple[int, int]]:
    """(us, cause) of the resets that a board without a hub asked for."""
    return [(us, data[0]) for us, kind, data in board.emitted if kind == records.RESET]


@pytest.mark.parametrize("timeout_ms", [1, 1000, 8000, 8388])
def test_the_watchdog_bites_to_the_millisecond_when_it_is_not_fed(env, timeout_ms: int) -> None:
    machine.WDT(timeout=timeout_ms)
    assert (records.WDT, struct.pack("<I", timeout_ms)) in [(kind, data) for _, kind, data in env.emitted]
    fed_us = env.kernel.now
    with pytest.raises(SystemExit):
        sleep_us(env, 100_000_000)
    ((at_us, cause),) = resets(env)
    assert cause == machine.WDT_RESET == 3 and at_us - fed_us == pytest.approx(timeout_ms * 1000, abs=5)


def test_a_watchdog_that_is_fed_in_time_never_bites(env) -> None:
    watchdog = machine.WDT(timeout=1000)
    for _ in range(200):
        sleep_us(env, 999_000)
        watchdog.feed()
    assert resets(env) == []
    with pytest.raises(SystemExit):
        sleep_us(env, 1_001_000)
    assert len(resets(env)) == 1


@pytest.mark.parametrize("spin", [lambda: machine.Pin(3).value(), lambda: twin.board.kernel.charge(50)])
def test_it_bites_code_that_computes_without_ever_waiting(env, spin) -> None:
    machine.WDT(timeout=50)
    with pytest.raises(SystemExit):
        while True:
            spin()
    assert resets(env)[0][1] == 3


@pytest.mark.parametrize("timeout_ms", [0, 8389, 60_000])
def test_a_time_that_the_rp2040_cannot_count_is_refused(env, timeout_ms: int) -> None:
    with pytest.raises(ValueError):
        machine.WDT(timeout=timeout_ms)


def test_machine_reset_asks_for_a_hard_reset_and_does_not_return(env) -> None:
    with pytest.raises(SystemExit):
        machine.reset()
    assert [cause for _, cause in resets(env)] == [machine.HARD_RESET]


@pytest.mark.parametrize("cause", [machine.PWRON_RESET, machine.HARD_RESET, machine.WDT_RESET])
def test_the_next_life_is_told_why_the_last_one_ended(cause: int) -> None:
    twin.board = twin.Board("bench", reset_cause=cause)
    assert machine.reset_cause() == cause


def test_a_pin_that_leaves_the_board_is_told_once_for_each_change(env) -> None:
    pin = machine.Pin(10, machine.Pin.OUT, value=1)
    for level in (1, 1, 0, 0, 1):
        pin.value(level)
    told = [struct.unpack("<HB", data) for _, kind, data in env.emitted if kind == records.PIN]
    assert told == [(10, 1), (10, 0), (10, 1)]


def test_memory_keeps_what_was_written_before_the_process_ended(tmp_path) -> None:
    """FRAM: byte by byte, as sent; a new life finds it."""
    first = twin.bench(files=str(tmp_path))
    kept = first.persist("fram", 1024, 0)
    kept.write(100, b"\x01\x02\x03")
    assert (tmp_path / "fram.bin").read_bytes()[98:105] == b"\0\0\x01\x02\x03\0\0", "at once, without a flush"
    again = twin.bench(files=str(tmp_path)).persist("fram", 1024, 0)
    assert again.read(99, 5) == b"\0\x01\x02\x03\0"
