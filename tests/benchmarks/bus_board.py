# What the message bus costs on this interpreter: run by bus.py under MicroPython, prints one line of JSON.
#
# usage: bus_board.py FIRMWARE TESTS_UNIT [memory]    memory: only how much the library takes
import gc
import json
import sys
import time

sys.path[:0] = sys.argv[1:3]

_ROUNDS = 10_000  # packets for each figure; a multiple of four, the packets in turn
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
    from csp.can import CanInterface
    from csp.connection import Connections

    can = QuietCan()
    gc.collect()
    before = gc.mem_alloc()
    node = csp.Node(3, buffers=10)
    node.add_interface(CanInterface(can, name="CANA"))
    gc.collect()
    without = gc.mem_alloc() - before
    Connections(node, 8)
    gc.collect()
    return without, gc.mem_alloc() - before


def measure(version):
    from quiet_can import QuietCan, frames_of

    import csp
    from csp.can import CanInterface

    can, other = QuietCan(), QuietCan()
    node = csp.Node(3, version=version)
    node.add_interface(CanInterface(can, name="CANA"))
    node.add_interface(CanInterface(other, name="CANB"))
    node.route("9 CANB")
    got = [0]

    def take(packet):
        got[0] += 1

    node.bind(10, take)
    node.process()
    figures = {}
    into = [0, None, 0, 0]

    def bench(name, packets, play):
        spent, allocated = per_round(play)
        frames = len(packets[0])
        figures[name] = {"frames": frames, "us": spent, "us_per_frame": spent / frames, "allocated": allocated}

    long = frames_of(version, 10, bytes(_DATA))
    short = frames_of(version, 10, b"")

    def driver(k):
        can.frames = long[k & 3]
        can.at = 0
        while can.recv(into) is not None:
            pass

    def receive(k):
        can.play(long[k & 3])
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

    bench("driver", long, driver)
    bench("receive", long, receive)
    bench("receive, no data", short, receive_short)
    bench("ping answered", ping, answer)
    bench("forward", across, forward)
    if got[0] != 2 * 3 * _ROUNDS:
        raise Exception("packets were lost while measuring")
    return figures


def crc():
    from csp import crc32c

    buffer = bytearray(260)
    fast, _ = per_round(lambda k: crc32c.append(buffer, 0, 256), 1000)
    plain, _ = per_round(lambda k: crc32c.append_plain(buffer, 0, 256), 30)
    return {"viper_ns_per_byte": fast * 1000 / 256, "plain_ns_per_byte": plain * 1000 / 256}


node_bytes, all_bytes = size_of_library()
if sys.argv[3:] == ["memory"]:
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
