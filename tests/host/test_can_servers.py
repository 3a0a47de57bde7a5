"""Programs on the virtual CAN bus by slcan and socketcand: what they are answered, and that none stops the flight."""

import socket
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dragonet.errors import UserError
from dragonet.flatsat.can_servers import CanServers
from dragonet.flatsat.canbus import CanBus, Controller, Frame
from dragonet.flatsat.devices.can_frames import FLAG_EXT_ID, FLAG_RTR
from dragonet.flatsat.hub import Hub

EPOCH_US = 1_636_423_614_000_000
STOPPED = 255


class Bench:
    """Two buses with one board's controller on CAN A, and servers for both protocols."""

    def __init__(self) -> None:
        self.hub = Hub()
        self.buses = {0: CanBus(self.hub, 0, 1, 0.0), 1: CanBus(self.hub, 1, 1, 0.0)}
        self.heard: list[Frame] = []
        self.board = Controller(
            "eps.can0", lambda slot, ok: None, lambda frame, n: self.heard.append(frame), lambda: None
        )
        self.buses[0].attach(self.board)
        self.buses[0].start(self.board, 0, 500_000)
        self.board.filters = None
        self.servers = CanServers()
        self.servers.attach(self.hub, self.buses, EPOCH_US)
        self.notes: list[str] = []
        self.servers.on_note = self.notes.append
        for protocol in ("slcan", "socketcand"):
            self.servers.listen(protocol, 0)
        self.sockets: list[socket.socket] = []

    def connect(self, protocol: str) -> socket.socket:
        one = socket.create_connection(("127.0.0.1", self.servers.ports[protocol]), timeout=5)
        one.setblocking(False)
        self.sockets.append(one)
        self.pass_time(0.01)
        return one

    def pass_time(self, seconds: float) -> None:
        """Mission time, with the sockets served ten times on the way."""
        for _ in range(10):
            self.servers.wait(0.002)
            self.hub.run(self.hub.now_us + round(seconds * 100_000))
        self.servers.wait(0.0)

    def say(self, one: socket.socket, data: bytes) -> bytes:
        """Send, let 10 ms pass, and return what came back."""
        one.sendall(data)
        self.pass_time(0.01)
        return self.read(one)

    def read(self, one: socket.socket) -> bytes:
        self.servers.wait(0.0)
        data = b""
        try:
            while more := one.recv(65536):
                data += more
        except BlockingIOError:
            pass
        return data

    def send(self, frame: Frame) -> None:
        """From the board."""
        self.buses[0].send(self.board, 0, frame, self.hub.now_us)
        self.pass_time(0.01)


@pytest.fixture
def bench() -> Iterator[Bench]:
    one = Bench()
    yield one
    for each in one.sockets:
        each.close()
    one.servers.close()


def raw(bench: Bench, name: str = "can0") -> socket.socket:
    """A socketcand client in raw mode, past the pause after its < ok >."""
    one = bench.connect("socketcand")
    assert bench.read(one) == b"< hi >"
    assert bench.say(one, f"< open {name} >".encode()) == b"< ok >"
    assert bench.say(one, b"< rawmode >") == b"< ok >"
    time.sleep(0.11)
    return one


# --- slcan ---


def test_slcan_opens_at_the_rate_of_the_bus_and_closes(bench: Bench) -> None:
    one = bench.connect("slcan")
    assert bench.say(one, b"\r\rC\rS6\rO\r") == b"\r\r\r\r\r"
    assert bench.say(one, b"O\r") == b"\a", "it is open"
    assert bench.say(one, b"S6\r") == b"\a", "no change of rate while open"
    assert bench.say(one, b"C\r") == b"\r"


@pytest.mark.parametrize("rate", [b"S4", b"s031C", b"S8"])
def test_slcan_does_not_open_at_another_rate(bench: Bench, rate: bytes) -> None:
    one = bench.connect("slcan")
    assert bench.say(one, rate + b"\rO\r") == b"\r\a"
    assert bench.say(one, b"S6\rO\r") == b"\r\r"


def test_slcan_bit_timing_registers_give_the_rate(bench: Bench) -> None:
    assert bench.say(bench.connect("slcan"), b"s001C\rO\r") == b"\r\r", "BTR0 00, BTR1 1C: 16 quanta of 8 MHz"


def test_slcan_frames_of_all_four_kinds_reach_the_board(bench: Bench) -> None:
    one = bench.connect("slcan")
    bench.say(one, b"O\r")
    assert bench.say(one, b"t7FF3010203\rT1FFFFFFF80011223344556677\rr1232\rR000000010\r") == b"z\rZ\rz\rZ\r"
    assert bench.heard == [
        Frame(0x7FF, 0, b"\x01\x02\x03"),
        Frame(0x1FFFFFFF, FLAG_EXT_ID, bytes.fromhex("0011223344556677")),
        Frame(0x123, FLAG_RTR, bytes(2)),
        Frame(1, FLAG_EXT_ID | FLAG_RTR, b""),
    ]


def test_slcan_frames_take_their_time_on_the_bus_and_leave_in_order(bench: Bench) -> None:
    one = bench.connect("slcan")
    bench.say(one, b"O\r")
    stamps: list[int] = []
    bench.buses[0].listeners.append(lambda time_us, frame: stamps.append(time_us))
    bench.say(one, b"".join(b"t%03X80000000000000000\r" % (0x700 - k) for k in range(20)))
    assert [frame.identifier for frame in bench.heard] == [0x700 - k for k in range(20)]
    assert all(200 < later - earlier < 280 for earlier, later in zip(stamps, stamps[1:], strict=False)), stamps


def test_slcan_gives_frames_of_the_board(bench: Bench) -> None:
    one = bench.connect("slcan")
    bench.say(one, b"O\r")
    bench.send(Frame(0x1000E282, FLAG_EXT_ID, b"\x00\x14\xab"))
    bench.send(Frame(0x12, FLAG_RTR, bytes(4)))
    assert bench.read(one) == b"T1000E28230014AB\rr0124\r"


def test_slcan_stamps_are_milliseconds_of_a_minute(bench: Bench) -> None:
    one = bench.connect("slcan")
    bench.hub.run(61_234_000)
    bench.say(one, b"Z1\rO\r")
    bench.send(Frame(1, 0, b""))
    line = bench.read(one)
    assert line.startswith(b"t0010") and 1234 <= int(line[5:9], 16) <= 1300


def test_slcan_listen_only_neither_acknowledges_nor_sends(bench: Bench) -> None:
    one = bench.connect("slcan")
    assert bench.say(one, b"L\r") == b"\r"
    assert bench.say(one, b"t1230\r") == b"\a"
    bench.send(Frame(5, 0, b"x"))
    assert bench.read(one) == b"" and bench.buses[0].frames == 0, "nobody acknowledged"
    two = bench.connect("slcan")
    assert bench.say(two, b"O\r") == b"\rt005178\r", "the board repeats it until somebody acknowledges"
    assert bench.read(one) == b"t005178\r"


def test_slcan_tells_version_serial_number_and_status(bench: Bench) -> None:
    one = bench.connect("slcan")
    assert bench.say(one, b"V\rN\rF\r") == b"V1010\rNCAN0\r\a"
    assert bench.say(one, b"O\rF\r") == b"\rF00\r"


MALFORMED = b"t12 t1239 t80010 t123212 t1231zz T200000000 T123 q S O1 \xff\xfe r123100"
MALFORMED_SENDS = "123 1|123 2 1|12 0|800 0|20000000 0|123 9 1 2 3 4 5 6 7 8 9|123 1 100|xyz 0|"


@pytest.mark.parametrize("line", MALFORMED.split())
def test_slcan_refuses_what_is_malformed(bench: Bench, line: bytes) -> None:
    one = bench.connect("slcan")
    bench.say(one, b"O\r")
    assert bench.say(one, line + b"\r") == b"\a"
    assert bench.heard == []
    assert bench.say(one, b"t1230\r") == b"z\r", "it goes on"


def test_slcan_lines_are_bounded(bench: Bench) -> None:
    one = bench.connect("slcan")
    assert bench.say(one, b"t" * 5000 + b"\r" + b"V\r") == b"\aV1010\r"


# --- socketcand ---


def test_socketcand_opens_and_gives_frames_with_the_missions_time(bench: Bench) -> None:
    one = raw(bench)
    bench.hub.run(2_000_000)
    bench.send(Frame(0x1000E282, FLAG_EXT_ID, b"\x00\x14\xab"))
    words = bench.read(one).split()
    assert words[:3] == [b"<", b"frame", b"1000E282"] and words[4:] == [b"0014AB", b">"]
    assert EPOCH_US / 1e6 + 2.0 < float(words[3]) < EPOCH_US / 1e6 + 2.1


def test_socketcand_sends_frames(bench: Bench) -> None:
    one = raw(bench)
    assert bench.say(one, b"< send 7FF 3 1 a 0F >< send 0000000A 0 >") == b""
    assert bench.heard == [Frame(0x7FF, 0, b"\x01\x0a\x0f"), Frame(10, FLAG_EXT_ID, b"")]


def test_socketcand_echoes_and_refuses(bench: Bench) -> None:
    one = bench.connect("socketcand")
    bench.read(one)
    assert bench.say(one, b"< echo >") == b"< echo >"
    assert bench.say(one, b"< rawmode >") == b"< error unknown command >"
    assert bench.say(one, b"< open can7 >") == b"< error could not open bus >"
    assert bench.say(one, b"< send 123 0 >") == b"< error unknown command >", "not open"


@pytest.mark.parametrize("words", MALFORMED_SENDS.split("|"))
def test_socketcand_refuses_what_is_malformed(bench: Bench, words: str) -> None:
    one = raw(bench)
    assert bench.say(one, f"< send {words} >".encode()) == b"< error syntax error in send command >"
    assert bench.heard == []


def test_socketcand_commands_are_bounded(bench: Bench) -> None:
    one = bench.connect("socketcand")
    bench.read(one)
    assert bench.say(one, b"< " + b"x" * 5000).startswith(b"< error command too long >")
    assert bench.say(one, b"< echo >").endswith(b"< echo >")


def test_socketcand_second_bus_is_can1(bench: Bench) -> None:
    one, two = raw(bench, "can1"), raw(bench, "can1")
    bench.say(one, b"< send 123 1 55 >")
    assert b"< frame 123 " in bench.read(two)
    assert bench.read(one) == b"" and bench.heard == [], "no echo, and nothing on the other bus"


# --- several, gone, greedy ---


def test_clients_hear_each_other(bench: Bench) -> None:
    one, two = bench.connect("slcan"), raw(bench)
    bench.say(one, b"O\r")
    bench.say(one, b"t1231AA\r")
    assert b" AA >" in bench.read(two)
    bench.say(two, b"< send 124 1 bb >")
    assert bench.read(one) == b"t1241BB\r"


def test_a_client_that_disappears_leaves_the_bus(bench: Bench) -> None:
    one = bench.connect("slcan")
    bench.say(one, b"O\r")
    one.close()
    bench.pass_time(0.01)
    bench.send(Frame(1, 0, b""))
    assert bench.buses[0].frames == 0, "nobody is left to acknowledge"
    assert bench.notes[-1].endswith("off the bus")


def test_a_client_that_floods_is_held_back_and_loses_nothing(bench: Bench) -> None:
    one = bench.connect("slcan")
    bench.say(one, b"O\r")
    flood = b"t1230\r" * 1500
    sent = one.send(flood)
    for _ in range(100):
        bench.pass_time(0.02)
        assert len(bench.servers._clients[0]._queue) <= 64 + 4096 // len(b"t1230\r"), "the rest waits in the kernel"
        if sent < len(flood):
            try:
                sent += one.send(flood[sent:])
            except BlockingIOError:
                pass
        bench.read(one)
    assert len(bench.heard) == 1500
    assert bench.servers.counts["slcan"].lost == 0


def test_a_client_that_does_not_read_loses_frames_and_they_are_counted(bench: Bench) -> None:
    one = bench.connect("slcan")
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    bench.say(one, b"O\r")
    client = bench.servers._clients[0]
    client.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    for k in range(12_000):
        bench.buses[0].send(bench.board, 0, Frame(k & 0x7FF, 0, bytes(8)), bench.hub.now_us)
        bench.hub.run(bench.hub.now_us + 300)
        if not k % 100:
            bench.servers.wait(0.0)
    counts = bench.servers.counts["slcan"]
    assert counts.dropped > 0 and counts.received + counts.dropped == bench.buses[0].frames == 12_000
    one.sendall(b"F\rF\r")
    heard = b""
    until = time.monotonic() + 10
    while not heard.endswith(b"\rF09\rF00\r") and time.monotonic() < until:
        bench.servers.wait(0.002)
        heard += bench.read(one)
    assert heard.endswith(b"\rF09\rF00\r"), "receive FIFO full and data overrun, once"


def test_frames_that_nobody_acknowledges_are_given_up(bench: Bench) -> None:
    one = bench.connect("slcan")
    bench.say(one, b"O\r")
    bench.buses[0].tear_off("eps", True)
    bench.say(one, b"t1230\r" * 10)
    bench.pass_time(3.0)
    assert bench.servers.counts["slcan"].lost == 10
    bench.buses[0].tear_off("eps", False)
    bench.say(one, b"t1240\r")
    bench.pass_time(0.1)
    assert bench.heard[-1].identifier == 0x124


PIECES = [b"O\r", b"C\r", b"L\r", b"S6\r", b"t1232AABB\r", b"T000000010\r", b"<", b">"]
PIECES += [b"< open can0 >", b"< rawmode >", b"< send 123 0 >"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.lists(st.one_of(st.binary(max_size=80), st.sampled_from(PIECES)), max_size=12).map(b"".join))
def test_no_bytes_stop_the_servers(bench: Bench, data: bytes) -> None:
    for protocol in ("slcan", "socketcand"):
        one = bench.connect(protocol)
        bench.say(one, data)
        one.close()
    bench.pass_time(0.001)
    assert not bench.servers._clients


def test_the_seventeenth_client_is_turned_away(bench: Bench) -> None:
    for _ in range(16):
        assert bench.say(bench.connect("slcan"), b"V\r") == b"V1010\r"
    last = bench.connect("slcan")
    last.setblocking(True)
    assert last.recv(1) == b""
    assert bench.servers.report()["turned_away"] == 1


def test_a_port_in_use_is_one_clear_line(bench: Bench) -> None:
    with pytest.raises(UserError, match=r"--slcan \d+: cannot listen at 127.0.0.1: Address already in use"):
        CanServers().listen("slcan", bench.servers.ports["slcan"])
