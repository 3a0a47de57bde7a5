"""The CAN bus of the flatsat against ISO 11898-1: bits and time of frames, arbitration, acknowledgement, errors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragonet.flatsat.canbus import ACTIVE, BUS_OFF, PASSIVE, WARNING, CanBus, Controller, Frame
from dragonet.flatsat.devices.can_frames import FLAG_EXT_ID, FLAG_RTR, arbitration_key, frame_bits
from dragonet.flatsat.hub import Hub

NORMAL, LOOPBACK, SILENT, STOPPED = 0, 2, 3, 255
BITRATE = 500_000
BIT_US = 2
RECOVERY_US = 128 * 11 * BIT_US  # 12.1.4.4: a node comes back after 128 times 11 recessive bits

identifiers = st.one_of(
    st.tuples(st.integers(0, 0x7FF), st.sampled_from((0, FLAG_RTR))),
    st.tuples(st.integers(0, 0x1FFFFFFF), st.sampled_from((FLAG_EXT_ID, FLAG_EXT_ID | FLAG_RTR))),
)


def wire_bits(identifier: int, flags: int, data: bytes) -> str:
    """The frame from SOF to the end of its CRC, stuffed: bit by bit after 10.4 and 10.5, with no table."""
    rtr = str(flags & FLAG_RTR)
    if flags & FLAG_EXT_ID:
        bits = "0" + f"{identifier >> 18:011b}" + "11" + f"{identifier & 0x3FFFF:018b}" + rtr + "00"
    else:
        bits = "0" + f"{identifier:011b}" + rtr + "00"
    bits += f"{len(data):04b}"
    if not flags & FLAG_RTR:
        bits += "".join(f"{byte:08b}" for byte in data)
    crc = 0
    for bit in bits:
        top = crc >> 14 & 1 ^ int(bit)
        crc = crc << 1 & 0x7FFF
        if top:
            crc ^= 0x4599
    bits += f"{crc:015b}"
    stuffed = ""
    for bit in bits:
        stuffed += bit
        if stuffed[-5:] in ("00000", "11111"):
            stuffed += "1" if bit == "0" else "0"
    return stuffed


@given(identifiers, st.binary(max_size=8))
def test_a_frame_has_the_bits_that_the_standard_gives_it(identifier: tuple[int, int], data: bytes) -> None:
    tail = 1 + 2 + 7 + 3  # CRC delimiter; ACK slot and delimiter; end of frame; intermission
    assert frame_bits(*identifier, data) == len(wire_bits(*identifier, data)) + tail


@pytest.mark.parametrize(
    ("identifier", "flags", "data", "bits"),
    [
        # Unstuffed 44 + 8n and 64 + 8n bits and the intermission's 3; the rest are stuff bits, counted by hand.
        (0x555, 0, b"", 47),
        (0x000, 0, b"", 47 + 6),
        (0x7FF, 0, b"", 47 + 3),
        (0x15555555, FLAG_EXT_ID, b"\x55" * 8, 67 + 64),
    ],
)
def test_known_frames_have_known_lengths(identifier: int, flags: int, data: bytes, bits: int) -> None:
    assert frame_bits(identifier, flags, data) - bits in (0, 1, 2), "at most the CRC's own stuff bits besides"
    assert frame_bits(identifier, flags, data) == len(wire_bits(identifier, flags, data)) + 13


@given(st.lists(identifiers, min_size=2, max_size=6, unique=True))
def test_arbitration_is_won_by_the_lowest_bits_on_the_wire(frames: list[tuple[int, int]]) -> None:
    """Dominant is 0: of several senders the one whose arbitration field is the lowest as a string of bits."""

    def field(identifier: int, flags: int) -> str:
        rtr = str(flags & FLAG_RTR)
        if flags & FLAG_EXT_ID:
            return f"{identifier >> 18:011b}" + "11" + f"{identifier & 0x3FFFF:018b}" + rtr
        return f"{identifier:011b}" + rtr + "0" + "0" * 19  # IDE dominant ends the competition

    by_key = sorted(frames, key=lambda one: arbitration_key(*one))
    assert [field(*one) for one in by_key] == sorted(field(*one) for one in frames)


class Node:
    """A controller and what it heard of the bus, with times."""

    def __init__(self, hub: Hub, bus: CanBus, name: str, mode: int = NORMAL) -> None:
        self.hub, self.bus = hub, bus
        self.log: list[tuple] = []
        self.controller = Controller(
            f"{name}.can0",
            lambda slot, ok: self.log.append(("sent", hub.now_us, slot, ok)),
            lambda frame, number: self.log.append(("got", hub.now_us, frame, number)),
            lambda: self.log.append(("state", hub.now_us, self.controller.state)),
        )
        bus.attach(self.controller)
        bus.start(self.controller, mode, BITRATE)
        self.controller.filters = None

    def send(self, identifier: int, data: bytes = b"", flags: int = FLAG_EXT_ID, slot: int = 0) -> Frame:
        frame = Frame(identifier, flags, data)
        self.bus.send(self.controller, slot, frame, self.hub.now_us)
        return frame

    def got(self) -> list[Frame]:
        return [entry[2] for entry in self.log if entry[0] == "got"]

    def sent(self) -> list[tuple[int, bool]]:
        return [entry[2:] for entry in self.log if entry[0] == "sent"]

    @property
    def errors(self) -> tuple[int, int, int]:
        return self.controller.tx_errors, self.controller.rx_errors, self.controller.state


class Bench:
    def __init__(self, *modes: int, error_rate: float = 0.0, seed: int = 1) -> None:
        self.hub = Hub()
        self.bus = CanBus(self.hub, 0, seed, error_rate)
        self.wire: list[tuple[int, Frame]] = []
        self.bus.listeners.append(lambda time_us, frame: self.wire.append((time_us, frame)))
        self.nodes = [Node(self.hub, self.bus, f"n{k}", mode) for k, mode in enumerate(modes)]

    def run_ms(self, ms: float) -> None:
        self.hub.run(self.hub.now_us + round(ms * 1000))


def test_a_frame_arrives_everywhere_when_its_last_bit_has_passed() -> None:
    bench = Bench(NORMAL, NORMAL, NORMAL)
    frame = bench.nodes[0].send(0x123, b"\x01\x02\x03")
    due_us = frame_bits(0x123, FLAG_EXT_ID, b"\x01\x02\x03") * BIT_US
    bench.hub.run(due_us - 1)
    assert bench.wire == []
    bench.hub.run(due_us)
    assert bench.wire == [(due_us, frame)]
    assert [node.got() for node in bench.nodes] == [[], [frame], [frame]]
    assert bench.nodes[0].sent() == [(0, True)]


def test_frames_that_wait_leave_by_identifier_one_behind_the_other() -> None:
    bench = Bench(NORMAL, NORMAL, NORMAL)
    running = bench.nodes[0].send(0x300, b"first")  # has the bus: no lower identifier interrupts it
    bench.hub.run(10)
    low, high = bench.nodes[1].send(0x100), bench.nodes[2].send(0x200)
    mine = [bench.nodes[0].send(0x050 + slot, slot=slot) for slot in (1, 2)]
    bench.run_ms(5)
    assert [frame for _, frame in bench.wire] == [running, *mine, low, high]
    times = [time_us for time_us, _ in bench.wire]
    for before_us, after_us, (_, frame) in zip(times, times[1:], bench.wire[1:], strict=False):
        assert after_us - before_us == frame_bits(*frame) * BIT_US


def test_a_standard_frame_wins_over_an_extended_one_of_the_same_base() -> None:
    bench = Bench(NORMAL, NORMAL)
    extended = bench.nodes[0].send(0x123 << 18)
    standard = bench.nodes[1].send(0x123, flags=0)
    bench.run_ms(5)
    assert [frame for _, frame in bench.wire] == [standard, extended]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3000), identifiers), min_size=1, max_size=12))
def test_the_bus_is_never_taken_twice_at_once_and_each_frame_leaves_once(plan: list) -> None:
    bench = Bench(NORMAL, NORMAL, NORMAL)
    for slot, (node, at_us, (identifier, flags)) in enumerate(plan):
        bench.hub.at(
            at_us,
            lambda node=node, i=identifier, f=flags, slot=slot: bench.nodes[node].send(i, bytes(slot % 9), f, slot),
        )
    bench.run_ms(20)
    assert len(bench.wire) == len(plan)
    free_us = 0
    for end_us, frame in bench.wire:
        begin_us = end_us - frame_bits(*frame) * BIT_US
        assert begin_us >= free_us
        free_us = end_us


def test_cancelling_takes_a_waiting_frame_back_but_not_the_one_on_the_wire() -> None:
    bench = Bench(NORMAL, NORMAL)
    on_wire = bench.nodes[0].send(0x1, slot=0)
    bench.nodes[0].send(0x2, slot=1)
    bench.hub.run(20)
    bench.bus.cancel(bench.nodes[0].controller, 0)
    bench.bus.cancel(bench.nodes[0].controller, 1)
    bench.run_ms(2)
    assert [frame for _, frame in bench.wire] == [on_wire]
    assert bench.nodes[0].sent() == [(1, False), (0, True)]


def test_filters_let_in_what_they_name() -> None:
    bench = Bench(NORMAL, NORMAL)
    bench.nodes[1].controller.filters = [(0x100, 0x7F0, 0), (0x1230000, 0x1FFF0000, FLAG_EXT_ID)]
    wanted = [bench.nodes[0].send(0x105, flags=0, slot=0), bench.nodes[0].send(0x123ABCD, slot=1)]
    bench.nodes[0].send(0x205, flags=0, slot=2)
    bench.nodes[0].send(0x105, slot=3)  # extended: not the first filter's
    bench.run_ms(3)
    assert sorted(bench.nodes[1].got()) == sorted(wanted)
    assert {entry[3] for entry in bench.nodes[1].log if entry[0] == "got"} == {0, 1}


def test_a_lonely_sender_turns_passive_never_bus_off_and_is_heard_when_somebody_comes() -> None:
    """12.1.4.2: a passive sender that misses only the acknowledgement does not count on."""
    bench = Bench(NORMAL)
    lonely = bench.nodes[0]
    frame = lonely.send(0x42, b"hello")
    bench.run_ms(10_000)
    assert lonely.errors == (128, 0, PASSIVE)
    assert bench.wire == [] and lonely.sent() == []
    states = [entry[2] for entry in lonely.log if entry[0] == "state"]
    assert sorted(set(states)) == [ACTIVE, WARNING, PASSIVE] and states == sorted(states)
    other = Node(bench.hub, bench.bus, "late")
    bench.run_ms(2)
    assert other.got() == [frame] and lonely.sent() == [(0, True)]
    for number in range(130):
        lonely.send(0x42, bytes((number,)))
        bench.run_ms(1)
    assert lonely.errors == (0, 0, ACTIVE), "each good frame takes one from the counter"
    assert len(other.got()) == 131


def test_a_listener_alone_acknowledges_nothing() -> None:
    bench = Bench(NORMAL, SILENT)
    bench.nodes[0].send(0x42)
    bench.run_ms(100)
    assert bench.nodes[0].errors[2] == PASSIVE and bench.wire == []


def test_loopback_needs_nobody() -> None:
    bench = Bench(LOOPBACK)
    frame = bench.nodes[0].send(0x42)
    bench.run_ms(1)
    assert bench.nodes[0].got() == [frame] and bench.nodes[0].errors == (0, 0, ACTIVE)


def test_errors_on_the_wire_are_counted_and_repeat_the_frame_without_losing_one() -> None:
    """12.1.4.2: 8 for a sender, 1 for a receiver; a good frame takes 1 back."""
    bench = Bench(NORMAL, NORMAL, error_rate=0.05)
    sender, receiver = bench.nodes
    tx = rx = worst = 0
    for number in range(2000):
        sender.send(number)
        before = bench.bus.errors
        bench.run_ms(3)
        broken = bench.bus.errors - before
        tx, rx = max(0, tx + 8 * broken - 1), max(0, rx + broken - 1)
        assert sender.errors[:2] == (tx, 0) and receiver.errors[:2] == (0, rx)
        worst = max(worst, tx)
    assert [frame.identifier for frame in receiver.got()] == list(range(2000))
    assert 60 < bench.bus.errors < 160, "0.05 of all tries: 105 of 2,105"
    assert 16 < worst < 256


def test_a_sender_whose_frames_all_break_goes_bus_off_after_32_and_comes_back_after_a_restart() -> None:
    """12.1.4.2: 8 for each error; more than 255 is bus-off, which 32 errors make."""
    bench = Bench(NORMAL, NORMAL, error_rate=1.0)
    sender, receiver = bench.nodes
    sender.send(0x42)
    bench.run_ms(50)
    assert sender.controller.state == BUS_OFF and bench.bus.errors == 32
    assert receiver.errors[1] == 32 and receiver.errors[2] == ACTIVE
    changes = [entry[2] for entry in sender.log if entry[0] == "state"]
    assert changes.index(WARNING) == 96 // 8 - 1 and changes.index(PASSIVE) == 128 // 8 - 1
    bench.bus._error_rate = 0.0
    sender.send(0x43)  # in vain: it is off
    bench.run_ms(10)
    assert bench.wire == []
    restart_us = bench.hub.now_us
    bench.bus.start(sender.controller, NORMAL, BITRATE)
    frame = sender.send(0x44)
    bench.run_ms(10)
    ((end_us, heard),) = bench.wire
    assert heard == frame and end_us == restart_us + RECOVERY_US + frame_bits(*frame) * BIT_US
    assert sender.errors == (0, 0, ACTIVE)


def test_another_bit_rate_breaks_every_frame() -> None:
    bench = Bench(NORMAL, NORMAL)
    bench.nodes[1].controller.bitrate = 250_000
    bench.nodes[0].send(0x42)
    bench.run_ms(100)
    assert bench.wire == [] and bench.nodes[0].controller.state == BUS_OFF


def test_wires_torn_off_one_node_silence_it_alone() -> None:
    bench = Bench(NORMAL, NORMAL, NORMAL)
    torn, second, third = bench.nodes
    bench.bus.tear_off("n0", True)
    lost = torn.send(0x1)
    heard = second.send(0x2)
    bench.run_ms(20)
    assert third.got() == [heard] and torn.got() == []
    assert [frame for _, frame in bench.wire] == [heard]
    bench.bus.tear_off("n0", False)
    bench.run_ms(5)
    assert third.got() == [heard, lost], "what waited in its mailbox leaves when the wires are mended"


def test_a_node_that_loses_power_takes_its_frames_with_it() -> None:
    bench = Bench(NORMAL, NORMAL, NORMAL)
    bench.nodes[0].send(0x1, bytes(8))
    bench.hub.run(50)
    bench.bus.start(bench.nodes[0].controller, STOPPED, 0)
    other = bench.nodes[1].send(0x2)
    bench.run_ms(5)
    assert [frame for _, frame in bench.wire] == [other]


def test_the_same_seed_breaks_the_same_frames() -> None:
    def errors(seed: int) -> list[int]:
        bench = Bench(NORMAL, NORMAL, error_rate=0.1, seed=seed)
        for number in range(200):
            bench.nodes[0].send(number)
            bench.run_ms(2)
        return [time_us for time_us, _ in bench.wire]

    assert errors(5) == errors(5) != errors(6)
