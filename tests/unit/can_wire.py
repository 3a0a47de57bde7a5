# A CAN bus between the controllers of one virtual board without a hub: it answers their records as the hub would.
import struct
import time

from dragonet.flatsat.devices import records
from dragonet.flatsat.devices.can_frames import arbitration_key, frame_bits


class CanWire:
    """log: (bus number of the sender, identifier, flags, data). holds: what is taken back is on the wire already."""

    def __init__(self, env):
        self.env = env
        self.modes = {}
        self.bitrates = {}
        self.boxes = {}  # (number, slot) -> (key, identifier, flags, data)
        self.log = []
        self.at = 0
        self.holds = False
        self._emit = env.emit
        env.emit = self.emit

    def emit(self, kind, data):
        """What is taken back is answered at once, as by the hub: when the board's time goes on."""
        self._emit(kind, data)
        if kind == records.CAN_CANCEL:
            self.env.at(self.env.now(), self.look)

    def look(self):
        """Take what the controllers said since the last look."""
        emitted = self.env.emitted
        while self.at < len(emitted):
            _, kind, data = emitted[self.at]
            self.at += 1
            if kind == records.CAN_MODE:
                number, mode, bitrate = struct.unpack("<BBI", data)
                self.modes[number], self.bitrates[number] = mode, bitrate
                for key in [key for key in self.boxes if key[0] == number]:
                    del self.boxes[key]
            elif kind == records.CAN_SEND:
                number, slot, identifier, flags = struct.unpack("<BBIB", data[:7])
                self.boxes[(number, slot)] = (arbitration_key(identifier, flags), identifier, flags, data[7:])
            elif kind == records.CAN_CANCEL and not self.holds:
                self.give_up(data[0], data[1])

    def give_up(self, number, slot):
        """A frame goes back to its controller."""
        if self.boxes.pop((number, slot), None) is not None:
            self.env._deliver(self.env.now(), records.CAN_SENT, bytes((number, slot, 0)))

    def step(self):
        """One frame; False when there is none."""
        self.look()
        best = None
        for place, frame in self.boxes.items():
            if self.modes[place[0]] == 0 and (best is None or frame[0] < best[1][0]):
                best = (place, frame)
        if best is None:
            return False
        (number, slot), (_, identifier, flags, data) = best
        time.sleep_us(frame_bits(identifier, flags, data) * 1_000_000 // self.bitrates[number])
        self.look()
        del self.boxes[(number, slot)]
        self.log.append((number, identifier, flags, data))
        now = self.env.now()
        for other, mode in self.modes.items():
            if other != number and mode in (0, 3):
                self.give(other, identifier, data, flags)
        self.env._deliver(now, records.CAN_SENT, bytes((number, slot, 1)))
        time.sleep_us(1)
        return True

    def run(self):
        while self.step():
            pass

    def give(self, number, identifier, data=b"", flags=0):
        """A frame from somebody else."""
        head = struct.pack("<BBIB", number, 0, identifier, flags)
        self.env._deliver(self.env.now(), records.CAN_RECEIVED, head + data)
        time.sleep_us(1)

    def errors(self, number, tx, rx, state):
        """The error counters that a controller has now."""
        self.env._deliver(self.env.now(), records.CAN_STATE, struct.pack("<BBHH", number, state, tx, rx))
        time.sleep_us(1)
