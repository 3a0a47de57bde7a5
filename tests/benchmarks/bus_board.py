# What the message bus costs on this interpreter: prints one line of JSON, times in microseconds and nanoseconds.
#
# usage: bus_board.py FIRMWARE TESTS_UNIT [memory]    memory: only how much the library takes
# On a board (bus_emulated.py) there are no arguments, and a module bench_settings says how many rounds do.
#
# The controller is tests/unit/quiet_can.py: it replays frames and sends in no time. What it takes itself, with the
# handler that the packets go to, is measured apart (rows "driver"), so that the library's part is the difference.
import gc
import json
import sys
import time

import micropython

_ARGUMENTS = getattr(sys, "argv", [])
sys.path[:0] = _ARGUMENTS[1:3]
try:
    from bench_settings import CRC_ROUNDS, MANY, PLAIN_ROUNDS, ROUNDS
except ImportError:
    ROUNDS, CRC_ROUNDS, PLAIN_ROUNDS, MANY = 10_000, 1000, 30, 10_000

_ROUNDS = ROUNDS  # packets for each figure; a multiple of four, the packets in turn
_DATA = 60  # bytes in each, nine frames with CRC


def idle(k):
    pass


def per_round(play, rounds=_ROUNDS):
    """Microseconds of one call of play(k), and bytes that all rounds allocated; the best of three."""
    spent, allocated = repeated(play, rounds)
    return spent, allocated - repeated(idle, rounds)[1]  # less what the measurement itself takes


def repeated(play, rounds):
    best = None
    for _ in range(3):
        gc.collect()
        gc.disable()
        before = gc.mem_alloc()
        start = time.ticks_us()
        for k in range(rounds):
            play(k)
        spent = time.ticks_diff(time.ticks_us(), start) / rounds
        allocated = gc.mem_alloc() - before
        gc.enable()
        if best is None or spent < best[0]:
            best = (spent, allocated)
    return best


def size_of_library():
    """Bytes that a node with 10 buffers, 8 connections and one CAN interface takes, code apart."""
    from quiet_can import QuietCan

    import csp
    import csp.cfp2  # loaded when wanted: it is code
    from csp.can import CanInterface
    from csp.connection import Connections
    from drivers.can_ring import Ring

    can = QuietCan()
    gc.collect()
    before = gc.mem_alloc()
    can.ring = Ring()  # the driver's counts
    node = csp.Node(3, buffers=10)
    node.add_interface(CanInterface(can, name="CANA"))
    gc.collect()
    without = gc.mem_alloc() - before
    Connections(node, 8)
    gc.collect()
    return without, gc.mem_alloc() - before


def measure(version):
    from quiet_can import PlainCan, QuietCan, frames_of

    import csp
    from csp.can import CanInterface

    can, other, plain = QuietCan(), QuietCan(), PlainCan()
    node = csp.Node(3, version=version)
    node.add_interface(CanInterface(can, name="CANA"))
    node.add_interface(CanInterface(other, name="CANB"))
    node.add_interface(CanInterface(plain, name="CANC"))
    node.route("9 CANB")
    got = [0]

    def take(packet):
        got[0] += 1

    node.bind(10, take)
    node.process()
    figures = {}

    def bench(name, packets, play):
        spent, allocated = per_round(play)
        frames = len(packets[0])
        figures[name] = {"frames": frames, "us": spent, "us_per_frame": spent / frames, "allocated": allocated}

    long = frames_of(version, 10, bytes(_DATA))
    short = frames_of(version, 10, b"")
    bare = QuietCan()
    _ASKED[0], _ASKED[1] = bare.flags, bare.ring.state
    bare.handler = drain
    packet = node.take()

    def driver(k):
        bare.play(long[k & 3])
        take(packet)

    def driver_short(k):
        bare.play(short[k & 3])
        take(packet)

    def receive(k):
        can.play(long[k & 3])
        node.process()

    def receive_plain(k):
        plain.play(long[k & 3])
        node.process()

    def receive_short(k):
        can.play(short[k & 3])
        node.process()

    ping = frames_of(version, 1, bytes(_DATA))

    def answer(k):
        can.play(ping[k & 3])
        node.process()
        can.settle()

    across = frames_of(version, 10, bytes(_DATA), dst=9)

    def forward(k):
        can.play(across[k & 3])
        node.process()
        other.settle()

    def driver_forward(k):
        bare.play(across[k & 3])
        for frame in across[k & 3]:
            bare.send(frame[0], frame[1], 2)
        bare.settle()

    bench("driver", long, driver)
    bench("receive", long, receive)
    bench("driver, no data", short, driver_short)
    bench("receive, no data", short, receive_short)
    bench("receive, no ring", long, receive_plain)
    bench("ping answered", ping, answer)
    bench("driver, forward", across, driver_forward)
    bench("forward", across, forward)
    if got[0] != 5 * 3 * _ROUNDS:
        raise Exception("packets were lost while measuring")
    node.release(packet)
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    for k in range(MANY):
        receive(k)
    allocated = gc.mem_alloc() - before
    before = gc.mem_alloc()
    for k in range(MANY):
        idle(k)
    allocated -= gc.mem_alloc() - before  # what the measurement itself takes
    gc.enable()
    figures["many"] = {"packets": MANY, "allocated": allocated}
    return figures


_ASKED = [None, None]  # flags() and the ring's state of the controller, looked up once


@micropython.native
def drain(can):
    """The interrupt of a controller that nobody listens to: what any driver must be asked."""
    flags, state = _ASKED
    while flags():
        pass
    state[1] = state[0]  # TAKEN, FILLED


def crc():
    from csp import crc32c

    buffer = bytearray(260)
    nothing, _ = per_round(idle, CRC_ROUNDS)
    fast = per_round(lambda k: crc32c.append(buffer, 0, 256), CRC_ROUNDS)[0] - nothing
    plain = per_round(lambda k: crc32c.append_plain(buffer, 0, 256), PLAIN_ROUNDS)[0] - nothing
    return {"viper_ns_per_byte": fast * 1000 / 256, "plain_ns_per_byte": plain * 1000 / 256}


node_bytes, all_bytes = size_of_library()
if _ARGUMENTS[3:] == ["memory"]:
    print(json.dumps({"node_bytes": node_bytes, "node_and_connections_bytes": all_bytes}))
    sys.exit()
print(
    json.dumps(
        {
            "implementation": str(sys.implementation),
            "pointer_bytes": 8 if sys.maxsize >> 32 else 4,
            "v1": measure(1),
            "v2": measure(2),
            "crc": crc(),
            "node_bytes": node_bytes,
            "node_and_connections_bytes": all_bytes,
        }
    )
)
