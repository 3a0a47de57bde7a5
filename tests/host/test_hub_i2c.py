"""The I2C wires between boards against NXP UM10204: times, arbitration, acknowledgement, stretching, stuck wires."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragonet.flatsat.costs import COSTS
from dragonet.flatsat.hub import Hub
from dragonet.flatsat.i2cbus import LOST, NACK, OK, TIMEOUT, Controller, I2cBus, Seen, Target, Transfer

BIT_NS = 2500  # 400 kHz
TIMEOUT_US = 25_000
BYTE_US = COSTS["hard_interrupt"] + COSTS["i2c_target_byte"]  # of a target's processor


def bits_us(size: int, bit_ns: int = BIT_NS) -> int:
    """START, address and acknowledge, bytes and theirs, STOP."""
    return -(-(1 + 9 + 9 * size + 1) * bit_ns // 1000)


class Board:
    """A controller and a target. The processor takes each byte in byte_us, when it is not busy."""

    def __init__(self, bench: "Bench", name: str, address: int) -> None:
        self.bench, self.name = bench, name
        self.ends: list[tuple[int, int, int, bytes]] = []  # us, sequence, status, data
        self.got: list[tuple[int, bytes]] = []
        self.busy_until_us = 0
        self.byte_us = BYTE_US
        self.answer: bytes | None = b"\x5a" * 300
        self.sequence = 0
        hub = bench.hub
        self.controller = Controller(name, lambda seq, status, data: self.ends.append((hub.now_us, seq, status, data)))
        self.target = Target(name, address, True, self.request)
        bench.bus.attach(self.target)

    def write(self, address: int, data: bytes, *, stop: bool = True, bit_ns: int = BIT_NS) -> None:
        self._begin(address, data, None, stop, bit_ns)

    def read(self, address: int, size: int) -> None:
        self._begin(address, b"", size, True, BIT_NS)

    def _begin(self, address: int, data: bytes, read: int | None, stop: bool, bit_ns: int) -> None:
        self.sequence += 1
        now = self.bench.hub.now_us
        self.bench.bus.begin(
            Transfer(self.controller, self.sequence, address, data, read, stop, bit_ns, now, now + TIMEOUT_US)
        )

    def request(self, time_us: int, number: int, data: bytes | None, read: int) -> None:
        hub, bus = self.bench.hub, self.bench.bus
        start_us = max(time_us, self.busy_until_us)
        size = read if data is None else len(data)
        self.busy_until_us = start_us + size * self.byte_us
        early_us = min(size, 16) * self.byte_us

        def served() -> None:
            if data is not None:
                self.got.append((hub.now_us, data))
            answer = (self.answer or b"")[:read] if data is None else b""
            bus.served(self.target, number, hub.now_us, early_us if data else 0, answer, self.answer is None)

        hub.at(self.busy_until_us, served)

    def statuses(self) -> list[int]:
        return [status for _, _, status, _ in self.ends]


class Bench:
    def __init__(self) -> None:
        self.hub = Hub()
        self.bus = I2cBus(self.hub)
        self.seen: list[tuple[int, Seen]] = []
        self.bus.listeners.append(lambda time_us, seen: self.seen.append((time_us, seen)))
        self.boards = {address: Board(self, f"b{address}", address) for address in (2, 3, 4)}

    def run_us(self, us: int) -> None:
        self.hub.run(self.hub.now_us + us)


@pytest.mark.parametrize(("size", "bit_ns"), [(0, 2500), (1, 2500), (14, 2500), (16, 2500), (14, 10_000)])
def test_a_write_takes_its_bits_time(size: int, bit_ns: int) -> None:
    bench = Bench()
    data = bytes(range(size))
    bench.boards[2].write(3, data, bit_ns=bit_ns)
    bench.run_us(10_000)
    assert bench.boards[2].ends == [(bits_us(size, bit_ns), 1, OK, b"")]
    assert [data for _, data in bench.boards[3].got] == [data]
    assert bench.seen == [(bits_us(size, bit_ns), Seen(3, False, data, True))]


def test_nobody_at_an_address_is_a_nack_after_nine_bits() -> None:
    bench = Bench()
    bench.boards[2].write(9, bytes(50))
    bench.run_us(10_000)
    bench.boards[3].read(9, 4)
    bench.run_us(10_000)
    assert bench.boards[2].ends == [(28, 1, NACK, b"")]
    assert bench.boards[3].statuses() == [NACK]
    assert [seen for _, seen in bench.seen] == [Seen(9, False, b"", False), Seen(9, True, b"", False)]


def test_a_read_brings_what_the_target_gives_and_waits_for_it() -> None:
    bench = Bench()
    bench.boards[2].read(3, 10)
    bench.run_us(10_000)
    ((end_us, _, status, data),) = bench.boards[2].ends
    assert (status, data) == (OK, b"\x5a" * 10)
    assert end_us == 25 + 10 * BYTE_US + -(-91 * BIT_NS // 1000)


def test_a_busy_target_takes_what_its_fifo_holds_and_stretches_the_clock_for_more() -> None:
    bench = Bench()
    bench.boards[3].busy_until_us = 5_000  # interrupts off, as while flash is written
    bench.boards[2].write(3, bytes(16))
    bench.run_us(1_000)
    assert bench.boards[2].ends == [(bits_us(16), 1, OK, b"")]
    bench.boards[2].write(3, b"next")
    bench.run_us(8_000)
    assert bench.boards[2].statuses() == [OK, OK]
    # its FIFO is read before there is room again
    assert 5_000 + 16 * BYTE_US <= bench.boards[2].ends[1][0] <= 5_000 + 20 * BYTE_US


def test_a_slow_target_paces_a_long_write() -> None:
    bench = Bench()
    bench.boards[3].byte_us = 42
    bench.boards[2].write(3, bytes(200))
    bench.run_us(20_000)
    ((end_us, _, status, _),) = bench.boards[2].ends
    assert status == OK
    late_us = max(0, bits_us(200) - 200 * BYTE_US)  # so late a target of the usual pace may begin to take them
    assert bits_us(200) + 1_000 < end_us < 200 + 200 * 42 + late_us, "42 us a byte, not 22.5, less a FIFO of 16"


def test_a_target_that_holds_the_clock_costs_the_time_out_and_no_more() -> None:
    bench = Bench()
    bench.boards[3].answer = None
    bench.boards[2].read(3, 1)
    bench.run_us(1_000)
    bench.boards[4].write(2, b"later")
    bench.run_us(60_000)
    assert bench.boards[2].ends == [(TIMEOUT_US, 1, TIMEOUT, b"")]
    assert bench.boards[4].statuses() == [OK]


def test_of_two_that_start_together_the_lower_bytes_win_and_the_other_knows_at_the_bit() -> None:
    bench = Bench()
    bench.boards[3].write(2, b"\x80\x02\x00\x0d")
    bench.boards[4].write(2, b"\x80\x02\x00\x11")
    bench.run_us(5_000)
    assert bench.boards[3].ends == [(bits_us(4), 1, OK, b"")]
    ((lost_us, _, status, _),) = bench.boards[4].ends
    assert status == LOST and bits_us(3) < lost_us < bits_us(4), "the last byte differs"
    assert [data for _, data in bench.boards[2].got] == [b"\x80\x02\x00\x0d"]
    assert bench.bus.counts == {"ok": 1, "nack": 0, "lost": 1, "timeout": 0}


def test_who_waits_for_a_busy_bus_starts_together_with_others_that_wait() -> None:
    bench = Bench()
    bench.boards[2].write(3, bytes(16))
    bench.run_us(50)
    bench.boards[3].write(4, b"x")
    bench.run_us(50)
    bench.boards[4].write(2, b"x")
    bench.run_us(5_000)
    assert bench.boards[4].statuses() == [OK], "address 2 is lower than 4"
    assert bench.boards[3].statuses() == [LOST]


def test_the_same_bits_from_two_are_one_transfer_to_both() -> None:
    bench = Bench()
    bench.boards[3].write(2, b"same")
    bench.boards[4].write(2, b"same")
    bench.run_us(5_000)
    assert bench.boards[3].statuses() == bench.boards[4].statuses() == [OK]
    assert len(bench.boards[2].got) == 1


def test_without_stop_the_bus_is_kept_until_the_next_transfer_ends() -> None:
    bench = Bench()
    bench.boards[2].write(3, b"\x10", stop=False)
    bench.run_us(60)
    bench.boards[4].write(2, b"waits")
    bench.run_us(1_000)
    assert bench.boards[2].statuses() == [OK] and bench.boards[4].ends == []
    bench.boards[2].read(3, 2)
    bench.run_us(2_000)
    assert bench.boards[2].statuses() == [OK, OK] and bench.boards[4].statuses() == [OK]
    assert [(seen.address, seen.reads) for _, seen in bench.seen] == [(3, False), (3, True), (2, False)]


@pytest.mark.parametrize("when_us", [0, 30, 100, 2_000])
def test_a_dead_board_holds_no_wire(when_us: int) -> None:
    bench = Bench()
    bench.boards[2].write(3, bytes(100), stop=False)
    bench.run_us(when_us)
    bench.boards[4].write(2, b"x")
    bench.bus.board_off("b2")
    bench.run_us(10_000)
    assert bench.boards[4].statuses() == [NACK], "its target is gone with it"
    bench.boards[4].write(3, b"y")
    bench.run_us(10_000)
    assert bench.boards[4].statuses() == [NACK, OK]


def test_a_target_that_dies_while_it_holds_the_clock_lets_go() -> None:
    bench = Bench()
    bench.boards[3].busy_until_us = 20_000
    bench.boards[2].write(3, bytes(100))
    bench.run_us(3_000)
    bench.bus.board_off("b3")
    bench.run_us(10)
    assert bench.boards[2].ends == [(3_000, 1, NACK, b"")]


def test_a_stuck_bus_costs_each_its_time_out_until_it_is_free() -> None:
    bench = Bench()
    bench.bus.stick("b4", True)
    bench.boards[2].write(3, b"x")
    bench.run_us(2 * TIMEOUT_US)
    assert bench.boards[2].ends == [(TIMEOUT_US, 1, TIMEOUT, b"")] and bench.seen == []
    bench.boards[2].write(3, b"y")
    bench.run_us(1_000)
    bench.bus.stick("b4", False)
    bench.run_us(1_000)
    assert bench.boards[2].statuses() == [TIMEOUT, OK]
    bench.bus.stick("b4", True)
    bench.bus.board_off("b4")  # a reset lets go, too
    bench.boards[2].write(3, b"z")
    bench.run_us(1_000)
    assert bench.boards[2].statuses() == [TIMEOUT, OK, OK]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from((2, 3, 4)), st.integers(0, 6_000), st.sampled_from((2, 3, 4, 9)), st.integers(0, 60),
            st.booleans(),
        ),
        min_size=1, max_size=14,
    ),
    st.one_of(st.none(), st.tuples(st.sampled_from((2, 3, 4)), st.integers(0, 8_000))),
)  # fmt: skip
def test_every_transfer_of_a_living_board_ends_once_and_good_ones_arrived(plan: list, death: tuple | None) -> None:
    bench = Bench()
    begun = dict.fromkeys(bench.boards, 0)
    dead: set[int] = set()

    def begin(board: int, address: int, size: int, reads: bool) -> None:
        one = bench.boards[board]
        if board in dead or len(one.ends) < begun[board]:
            return  # its controller is still at work
        begun[board] += 1
        if reads:
            one.read(address, size)
        else:
            one.write(address, bytes((board, begun[board])) + bytes(size))

    def die(board: int) -> None:
        dead.add(board)
        bench.bus.board_off(f"b{board}")

    for board, at_us, address, size, reads in plan:
        bench.hub.at(at_us, lambda one=(board, address, size, reads): begin(*one))
    if death is not None:
        bench.hub.at(death[1], lambda: die(death[0]))
    bench.hub.run(2_000_000)
    for address, board in bench.boards.items():
        if address not in dead:
            assert [sequence for _, sequence, _, _ in board.ends] == list(range(1, begun[address] + 1))
    good = sum(seen.acknowledged and not seen.reads for _, seen in bench.seen)
    arrived = sum(len(board.got) for board in bench.boards.values())
    assert arrived >= good if not dead else True
    times = [time_us for time_us, _ in bench.seen]
    assert times == sorted(times)
