# Run by MicroPython: AIS sentences on stdin through the flight decoder, JSON lines on stdout.
#
# Each chunk from the host is u32 (big-endian) length, then the bytes; length 0 ends the input. After each chunk's
# messages comes a line "."; after the last one a line "=" and the counts as JSON.
# Numbers are printed from the raw integers, so each decimal is exact.
import json
import struct
import sys

from sensor import ais, ais_table, drops, nmea

CHUNK = 65536
SENTENCE_MS = 13  # a recording has no clock: 75 sentences a second, the fastest that two channels carry


class Printer:
    def __init__(self):
        self.types = {}     # messages by type
        self.counted = {}   # of types that are only counted
        self._fields = {}   # by layout
        self.receiver = nmea.Receiver(self.message)

    def message(self, sixes, bits, _channel, _own):
        try:
            layout = ais_table.layout(sixes, bits)
        except ais.Unsupported:
            kind = sixes[0]
            self.counted[kind] = self.counted.get(kind, 0) + 1
            return
        except ValueError:
            self.receiver.dropped[drops.PART if sixes[0] == 24 and bits >= 160 else drops.LENGTH] += 1
            return
        kind = sixes[0]
        self.types[kind] = self.types.get(kind, 0) + 1
        if layout not in self._fields:
            self._fields[layout] = list(ais_table.fields(layout))
        line = [
            '"%s": %s' % (field[0], text(field[3], ais_table.raw(sixes, bits, field)))
            for field in self._fields[layout]
        ]
        print("{" + ", ".join(line) + "}")


def text(kind, value):
    """JSON of a raw value in its natural unit."""
    if value is None:
        return "null"
    if kind == ais_table.UINT:
        return str(value)
    if kind == ais_table.BOOL:
        return "true" if value else "false"
    if kind == ais_table.TENTH:
        return "%d.%d" % (value // 10, value % 10)
    if kind == ais_table.WHOLE:
        return "%d.0" % value
    if kind == ais_table.TURN:
        rate = ais_table.turn(value)
        return ("-%d.0" if value < 0 else "%d.0") % abs(rate)
    if kind == ais_table.TEXT:
        return json.dumps(value)
    millionths = ais_table.microdegrees(kind, value)
    sign = "-" if millionths < 0 else ""
    return "%s%d.%06d" % (sign, abs(millionths) // 1000000, abs(millionths) % 1000000)


def main():
    printer = Printer()
    receiver = printer.receiver
    header = bytearray(4)
    buffer = bytearray(CHUNK)
    source = sys.stdin.buffer
    line = bytearray(256)
    clock = 0
    while True:
        if source.readinto(header) != 4:
            break
        length = struct.unpack(">I", header)[0]
        if not length:
            break
        view = memoryview(buffer)[:length]
        if source.readinto(view) != length:
            break
        start = 0
        while start < length:  # a line at a time, each later than the one before
            end = buffer.find(b"\n", start, length) + 1 or length
            end = min(end, start + len(line))
            line[: end - start] = view[start:end]
            receiver.feed(line, end - start, clock & 0x3FFFFFFF)
            clock += SENTENCE_MS
            start = end
        print(".")
    receiver.feed(b"\n", 1, clock & 0x3FFFFFFF)  # a last line without an end
    receiver.expire(clock + nmea.JOIN_MS + 1 & 0x3FFFFFFF)
    dropped = {}
    for i, name in enumerate(drops.REASONS):
        if receiver.dropped[i]:
            dropped[name] = receiver.dropped[i]
    print("=" + json.dumps({
        "sentences": receiver.sentences, "messages": printer.types, "counted": printer.counted, "dropped": dropped
    }))


main()
