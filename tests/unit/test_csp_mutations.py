# Exchanges of several packets whose frames are lost, repeated, moved, cut, flipped or invented, on each interpreter and
# so with its fast versions: nothing raises, nothing corrupt is delivered, no buffer is lost.
#
# DRAGONET_FUZZ_FRAMES: frames for each version, default 3,000; DRAGONET_FUZZ_SEED: where it starts, default 1.
# tests/host/test_csp_fuzz.py does the same on CPython with more kinds of packets, at ten times the speed.
import gc
import os
import time
import unittest

import csp
from csp.can import CanInterface
from csp.connection import Connections
from csp.node import ANY
from fake_can import FakeCan, Wire

FRAMES = int(os.getenv("DRAGONET_FUZZ_FRAMES") or 3000)
SEED = int(os.getenv("DRAGONET_FUZZ_SEED") or 1)
SIZES = (0, 1, 2, 4, 5, 9, 10, 13, 20, 53, 60, 93, 120, 200, 247)


class Dice:
    """The same numbers on every interpreter (xorshift32)."""

    def __init__(self, seed):
        self.state = seed * 2654435761 & 0xFFFFFFFF or 1

    def below(self, count):
        state = self.state
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        self.state = state ^ (state << 5 & 0xFFFFFFFF)
        return (self.state >> 3) % count

    def of(self, choices):
        return choices[self.below(len(choices))]

    def bytes(self, count):
        return bytes([self.below(256) for _ in range(count)])


class Mutations(unittest.TestCase):
    version = 2

    def setUp(self):
        self.dice = Dice(SEED * 2 + self.version)
        self.wire = Wire()
        self.sender = csp.Node(5, version=self.version)
        self.sender.add_interface(CanInterface(FakeCan(Wire()), name="CANA", queue=16))
        self.out = self.sender.interfaces[0]._can
        self.taker = csp.Node(7, version=self.version)
        self.taker.add_interface(CanInterface(FakeCan(self.wire), name="CANA"))
        self.table = Connections(self.taker, 4)
        self.table.listen(12)
        self.known = {b""}  # four zeros are the right CRC of nothing: any frame may carry them
        self.delivered = 0
        self.taker.bind(ANY, self.check)

    def check(self, packet):
        self.delivered += 1
        if packet.flags & 1:
            self.assertIn(bytes(packet.data), self.known)

    def packet(self):
        """The frames of a packet: to services, connections or anywhere, with sound or absurd contents."""
        dice = self.dice
        data = dice.bytes(dice.of(SIZES))
        flags = dice.of((1, 1, 1, 1, 0, 0x11))
        port = dice.below(64)
        kind = dice.below(10)
        if kind < 3:
            port = dice.below(8)
            if port == 0 and len(data) >= 2:
                data = bytes([dice.of((0, 0, 0, 0xFF)), dice.below(9)]) + data[2:]
        elif kind < 7:
            port = 12
            flags = dice.of((3, 3, 0x13, 2))
            trailer = bytes([dice.of((8, 8, 4, 4, 4, 12, 6, 5, 1, 0, 15)) | dice.below(16) << 4])
            trailer += bytes([0, dice.of((0, 1, 2, 3, 255))]) + dice.bytes(2)
            data = (data[:240] if dice.below(5) < 3 else bytes(24)) + trailer
        node = self.sender
        packet = node.take()
        node._fill(
            packet, dice.of((7, 7, 7, 7, node.broadcast_address, 9)), port, data, dice.of((20, 21, 30)), 2, flags
        )
        self.known.add(data)
        node.emit(packet)
        node.release(packet)
        wire = self.out.wire
        wire.run(node)
        made, wire.log = wire.log, []
        return made

    def mutated(self, frames):
        dice = self.dice
        for _ in range(dice.of((0, 0, 1, 1, 2, 4))):
            if not frames:
                break
            at = dice.below(len(frames))
            identifier, data = frames[at]
            action = dice.below(8)
            if action == 0:
                del frames[at]
            elif action == 1:
                frames.insert(min(len(frames), at + dice.below(5)), frames[at])
            elif action == 2:
                frames.insert(min(len(frames) - 1, at + 1 + dice.below(4)), frames.pop(at))
            elif action == 3:
                frames[at] = (identifier ^ 1 << dice.below(29), data)
            elif action == 4 and data:
                k = dice.below(len(data))
                frames[at] = (identifier, data[:k] + bytes([data[k] ^ 1 << dice.below(8)]) + data[k + 1 :])
            elif action == 5:
                frames[at] = (identifier, data[: dice.below(9)])
            elif action == 6:
                frames.insert(at, (dice.below(1 << 29), dice.bytes(dice.below(9))))
            else:
                frames[at] = (identifier, dice.bytes(len(data)))
        return frames

    def settle(self):
        """Everything partial expires, every connection is forgotten: all buffers are back."""
        for _ in range(2):
            time.sleep_ms(3000)
            self.wire.run(self.taker)
        for connection in list(self.table._all):
            self.table.forget(connection)
        for socket in self.table._sockets.values():
            del socket._waiting[:]
        for _ in range(3):
            self.wire.run(self.taker)
        self.assertEqual(self.taker.pool.free, self.taker.pool.count)
        self.assertEqual(self.taker.handler_errors, 0, self.taker.last_error)
        self.known = {b""}
        gc.collect()

    def test_mutated_exchanges_do_no_harm(self):
        dice = self.dice
        can = self.wire.cans[0]
        count = rounds = 0
        while count < FRAMES:
            packets = [self.packet() for _ in range(1 + dice.below(4))]
            if dice.below(2):
                packets = [self.mutated(frames) for frames in packets]
            stream = []
            if dice.below(10) < 3:  # interleaved
                while any(packets):
                    for frames in packets:
                        if frames:
                            stream.append(frames.pop(0))
            else:
                for frames in packets:
                    stream.extend(frames)
            time.sleep_ms(dice.of((0, 0, 1, 20, 700)))
            for identifier, data in self.mutated(stream):
                can.take(identifier, data)
                self.wire.serve()
                self.taker.process()
            self.wire.run(self.taker)
            del self.wire.log[:]
            count += len(stream)
            rounds += 1
            if rounds % 40 == 0:
                self.settle()
        self.settle()
        stats = self.taker.interfaces[0].stats
        reached = (stats.rx, stats.tx, stats.duplicate, stats.gap, stats.stray, stats.bad_crc, stats.no_crc)
        self.assertTrue(min(reached) > FRAMES // 2000 and self.delivered > FRAMES // 100, (reached, self.delivered))


class MutationsV1(Mutations):
    version = 1
