"""Coverage-guided fuzzing of the CSP decoders:  csp_atheris.py TARGET [libFuzzer options]

TARGET: cfp1 or cfp2 (frames on CAN: arbitrary ones, and packets with a right CRC, whole or hurt), kiss, i2c. After each
input every buffer must be back, and nothing that failed its CRC may have been delivered.
"""

import sys

import atheris

with atheris.instrument_imports(include=["csp"]):
    from host.csp_bench import Bench, clock, csp

TARGETS = ("cfp1", "cfp2", "kiss", "i2c")
_STEPS = 24
_CAPACITY = 252


def can_frames(version: int, data: bytes) -> None:
    """A node with sockets and connections, on CAN."""
    give = atheris.FuzzedDataProvider(data)
    bench = Bench(version)
    for _ in range(_STEPS):
        if not give.remaining_bytes():
            break
        step = give.ConsumeIntInRange(0, 5)
        if step == 0:
            frames = [(give.ConsumeIntInRange(0, (1 << 29) - 1), give.ConsumeBytes(8))]
        elif step == 1:
            clock.now += give.ConsumeIntInRange(0, 4000)
            continue
        else:
            port = give.PickValueInList([0, 1, 2, 3, 4, 5, 6, 12, 12, 12, 9, 63])
            flags = give.PickValueInList([1, 0, 3, 0x13, 0x11])
            size = give.ConsumeIntInRange(0, 247)
            frames = bench.frames(give.ConsumeBytes(size), port, 20, 2, flags)
            if step == 5 and frames:
                at = give.ConsumeIntInRange(0, len(frames) - 1)
                identifier, part = frames[at]
                frames[at] = (identifier ^ 1 << give.ConsumeIntInRange(0, 28), give.ConsumeBytes(8) or part)
            elif step == 4 and len(frames) > 1:
                del frames[give.ConsumeIntInRange(0, len(frames) - 1)]
        bench.deliver(frames)
    bench.finish()


class Line:
    """A serial line that swallows what is written."""

    def write(self, data: bytes) -> None:
        pass

    def read(self) -> bytes:
        return b""


class Target:
    """machine.I2CTarget whose controller has just written `data`."""

    IRQ_ADDR_MATCH_WRITE, IRQ_WRITE_REQ, IRQ_END_WRITE = 2, 8, 32

    def __init__(self) -> None:
        self.event = 0
        self.data = b""

    def irq(self, handler=None, trigger=0, hard=False):
        self.handler = handler
        return self

    def flags(self) -> int:
        return self.event

    def readinto(self, buffer) -> int:
        count = min(len(buffer), len(self.data))
        buffer[:count] = self.data[:count]
        self.data = self.data[count:]
        return count

    def receive(self, data: bytes) -> None:
        """One write transfer, byte by byte as the interrupts come."""
        self.event = self.IRQ_ADDR_MATCH_WRITE
        self.handler(self)
        for k in range(len(data)):
            self.data = data[k : k + 1]
            self.event = self.IRQ_WRITE_REQ
            self.handler(self)
        self.event = self.IRQ_END_WRITE
        self.handler(self)


class Controller:
    """machine.I2C whose bus takes everything."""

    def writeto(self, address: int, data) -> int:
        return len(data)


def _stray_packets(version: int, interface, feed, data: bytes) -> None:
    """Pieces of `data` to an interface; each may get a right CRC, so that what lies behind the check is reached."""
    give = atheris.FuzzedDataProvider(data)
    node = csp.node.Node(7, version=version)
    node.add_interface(interface)
    for _ in range(_STEPS):
        if not give.remaining_bytes():
            break
        piece = bytearray(give.ConsumeBytes(give.ConsumeIntInRange(0, _CAPACITY + 20)))
        if give.ConsumeBool():
            piece += bytes(4)
            csp.crc32c.append(piece, 0, len(piece) - 4)
        feed(bytes(piece))
        node.process()
        clock.now += give.ConsumeIntInRange(0, 300)
    node.process()
    assert node.handler_errors == 0, node.last_error
    for _ in range(3):
        clock.now += 3000
        node.process()
    assert node.pool.free == node.pool.count, "a buffer was lost"


def kiss(data: bytes) -> None:
    interface = csp.bench_kiss.KissInterface(Line())

    def feed(piece: bytes) -> None:
        interface.feed(piece)
        interface.feed(b"\xc0\x00" + piece.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") + b"\xc0")

    _stray_packets(1 + (len(data) & 1), interface, feed, data)


def i2c(data: bytes) -> None:
    target = Target()
    _stray_packets(1 + (len(data) & 1), csp.i2c.I2cInterface(Controller(), target), target.receive, data)


def main() -> None:
    target = sys.argv.pop(1)
    run = {"cfp1": lambda data: can_frames(1, data), "cfp2": lambda data: can_frames(2, data), "kiss": kiss, "i2c": i2c}
    atheris.Setup(sys.argv, run[target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
