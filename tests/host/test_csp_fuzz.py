"""Mutated frames against the CSP library: nothing escapes, nothing corrupt is delivered, no buffer is lost.

DRAGONET_FUZZ_FRAMES sets the length of the random campaign (default 20,000 frames for each version, a few seconds;
1,000,000 takes some minutes), DRAGONET_FUZZ_SEED where it starts.
"""

import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.csp_bench import Bench, clock, csp

FRAMES = int(os.environ.get("DRAGONET_FUZZ_FRAMES", "20000"))
SEED = int(os.environ.get("DRAGONET_FUZZ_SEED", "1"))


def random_packet(bench: Bench, rng: random.Random) -> list[tuple[int, bytes]]:
    """A packet in frames: to services, connections or anywhere, with sound or absurd contents."""
    kind = rng.random()
    if kind < 0.02:
        return endless(bench, rng)
    size = rng.choice((0, 1, 2, 4, 5, 9, 10, 13, 20, 53, 60, 93, 120, 200, 247))
    data = rng.randbytes(size)
    flags = rng.choice((1, 1, 1, 1, 0, 0x11, 0x21 & 0x3F))
    port = rng.randrange(64)
    if kind < 0.3:
        port = rng.randrange(8)
        if port == 0 and size >= 2:
            data = bytes((rng.choice((0, 0, 0, 0xFF)), rng.randrange(9))) + data[2:]
    elif kind < 0.7:
        port = 12
        flags = rng.choice((0x03, 0x03, 0x13, 0x02))
        trailer = bytes([rng.choice((8, 8, 4, 4, 4, 12, 6, 5, 1, 0, 15)) | rng.randrange(16) << 4])
        trailer += rng.choice((0, 1, 2, 3, 65535)).to_bytes(2, "big") + rng.randbytes(2)
        data = (data[:240] if rng.random() < 0.6 else bytes(24)) + trailer
    dst = rng.choice((7, 7, 7, 7, 31 if bench.version == 1 else 16383, 9))
    return bench.frames(data, port, rng.choice((20, 21, 30, rng.randrange(64))), rng.randrange(4), flags, dst)


def endless(bench: Bench, rng: random.Random) -> list[tuple[int, bytes]]:
    """A packet that goes on beyond any buffer."""
    frames = bench.frames(rng.randbytes(247), 10, 20, 2, 1)
    if bench.version == 1:
        size = rng.randrange(257, 2000)
        first = frames[0][0] & ~(0xFF << 10)
        begin = frames[0][1][:4] + size.to_bytes(2, "big") + frames[0][1][6:]
        remain = (size + 5) // 8
        more = [(first | 1 << 18 | (remain - 1 - k & 0xFF) << 10, rng.randbytes(8)) for k in range(40)]
        return [(first | (remain & 0xFF) << 10, begin), *more]
    last = frames[-1][0]
    more = [(last & ~0x1D | (last + 4 * k & 0x1C), rng.randbytes(8)) for k in range(10)]
    return frames[:-1] + more


def mutate(frames: list[tuple[int, bytes]], rng: random.Random) -> list[tuple[int, bytes]]:
    """Lose, repeat, move, flip, cut, or invent frames."""
    for _ in range(rng.choice((0, 0, 1, 1, 2, 4))):
        if not frames:
            return frames
        at = rng.randrange(len(frames))
        identifier, data = frames[at]
        action = rng.randrange(8)
        if action == 0:
            del frames[at]
        elif action == 1:
            frames.insert(min(len(frames), at + rng.randrange(5)), frames[at])
        elif action == 2:
            frames.insert(min(len(frames) - 1, at + rng.randrange(1, 5)), frames.pop(at))
        elif action == 3:
            frames[at] = (identifier ^ 1 << rng.randrange(29), data)
        elif action == 4 and data:
            k = rng.randrange(len(data))
            frames[at] = (identifier, data[:k] + bytes([data[k] ^ 1 << rng.randrange(8)]) + data[k + 1 :])
        elif action == 5:
            frames[at] = (identifier, data[: rng.randrange(9)])
        elif action == 6:
            frames.insert(at, (rng.getrandbits(29), rng.randbytes(rng.randrange(9))))
        else:
            frames[at] = (identifier, rng.randbytes(len(data)))
    return frames


@pytest.mark.parametrize("version", [1, 2])
def test_a_campaign_of_mutated_exchanges_finds_nothing(version: int) -> None:
    rng = random.Random(SEED * 2 + version)
    bench = Bench(version)
    delivered = 0
    rounds = 0
    while delivered < FRAMES:
        packets = [random_packet(bench, rng) for _ in range(rng.randrange(1, 5))]
        if rng.random() < 0.5:
            packets = [mutate(packet, rng) for packet in packets]
        stream: list[tuple[int, bytes]] = []
        if rng.random() < 0.3:  # interleaved
            while any(packets):
                stream.extend(packet.pop(0) for packet in packets if packet)
        else:
            stream = [frame for packet in packets for frame in packet]
        clock.now += rng.choice((0, 0, 1, 20, 700))
        bench.deliver(mutate(stream, rng))
        delivered += len(stream)
        rounds += 1
        if rounds % 40 == 0:
            bench.finish()
    bench.finish()
    stats = bench.taker.interfaces[0].stats
    # the campaign reached what it aims at
    reached = (stats.rx, stats.tx, stats.duplicate, stats.gap, stats.stray, stats.malformed, stats.bad_crc)
    assert min(reached) > FRAMES // 2000, reached
    assert min(stats.no_crc, stats.unserved) > FRAMES // 2000


frame = st.tuples(st.integers(0, 2**29 - 1), st.binary(max_size=8))


@pytest.mark.parametrize("version", [1, 2])
@settings(max_examples=max(60, FRAMES // 200), deadline=None)
@given(frames=st.lists(frame, max_size=40))
def test_arbitrary_frames_do_no_harm(version: int, frames: list[tuple[int, bytes]]) -> None:
    bench = Bench(version)
    bench.taker.unbind(csp.node.ANY)
    bench.deliver(frames)
    bench.finish()


@pytest.mark.parametrize("version", [1, 2])
@settings(max_examples=max(60, FRAMES // 200), deadline=None)
@given(data=st.binary(max_size=252), order=st.randoms(use_true_random=False))
def test_any_packet_survives_duplicates_and_moves_of_three(version: int, data: bytes, order: random.Random) -> None:
    bench = Bench(version)
    got: list[bytes] = []
    bench.taker.bind(10, lambda packet: got.append(bytes(packet.data)))
    frames = bench.frames(data, 10, 40, 2, 1)
    for start in range(0, len(frames), 3):
        group = frames[start : start + 3]
        order.shuffle(group)
        frames[start : start + 3] = group
    bench.deliver([frame for frame in frames for _ in range(order.randrange(1, 3))])
    bench.finish()
    assert got == [data]


@settings(max_examples=max(60, FRAMES // 200), deadline=None)
@given(noise=st.lists(st.binary(max_size=60), max_size=6), data=st.binary(max_size=252))
def test_kiss_finds_the_packet_in_any_noise(noise: list[bytes], data: bytes) -> None:
    class Line:
        written = b""

        def write(self, data: bytes) -> None:
            self.written += bytes(data)

    line = Line()
    sender, taker = csp.node.Node(5), csp.node.Node(7)
    sender.add_interface(csp.bench_kiss.KissInterface(line))
    taker.add_interface(csp.bench_kiss.KissInterface(Line(), "KISS"))
    got: list[bytes] = []
    taker.bind(10, lambda packet: got.append(bytes(packet.data)))
    for piece in noise:
        taker.interfaces[0].feed(piece)
    sender.send(7, 10, data)
    taker.interfaces[0].feed(b"\xc0" + line.written)
    taker.process()
    assert got == [data]
    assert taker.pool.free == taker.pool.count
