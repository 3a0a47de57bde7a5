# Bit timing of the MCP2515, Microchip DS20001801J section 5: from a bit rate and a sample point to CNF1, CNF2, CNF3.
#
# A bit is 1 (SyncSeg) + PropSeg + PS1 | sample | PS2 time quanta; a quantum is 2 * (BRP + 1) / Fosc (5.1).
# PropSeg and PS1 are 1 to 8, PS2 is 2 to 8 and longer than SJW, PropSeg + PS1 >= PS2 (5.3, 5.4), 5 to 25 quanta a bit.
from micropython import const

_QUANTA_LEAST = const(5)
_QUANTA_MOST = const(25)
_BRP_MOST = const(63)
_BTLMODE = const(0x80)  # CNF2: PS2 is what CNF3 says

# Exact, or nearly: two nodes may differ by 1 % at most with these segments (5.2), crystals take their share.
_TOLERANCE = const(200)  # 1/200 of the bit rate


class Timing:
    """bitrate as it really is, sjw, tseg1 (PropSeg + PS1), tseg2 (PS2) in quanta, and cnf: CNF3, CNF2, CNF1."""

    def __init__(self, bitrate, brp, sjw, tseg1, tseg2):
        self.bitrate = bitrate
        self.sjw = sjw
        self.tseg1 = tseg1
        self.tseg2 = tseg2
        phase1 = min(tseg2, 8, tseg1 - 1)  # PS1 as long as PS2: it resynchronises both ways alike
        if tseg1 - phase1 > 8:
            phase1 = tseg1 - 8
        propagation = tseg1 - phase1
        self.cnf = bytes((
            tseg2 - 1,
            _BTLMODE | (phase1 - 1) << 3 | (propagation - 1),
            (sjw - 1) << 6 | brp,
        ))


def find(crystal_hz, bitrate, sample_point=75, sjw=1, tseg1=None, tseg2=None):
    """The Timing nearest to the sample point (percent), or that of tseg1 and tseg2.

    ValueError: this crystal cannot make that bit rate (1 Mbit/s takes more than 8 MHz), or an argument out of range.
    """
    if not 1_000_000 <= crystal_hz <= 40_000_000:
        raise ValueError("crystal of %d Hz" % crystal_hz)
    if not 1 <= bitrate <= 1_000_000:
        raise ValueError("bitrate %d" % bitrate)
    if not 1 <= sjw <= 4:
        raise ValueError("sjw %d" % sjw)
    if (tseg1 is None) != (tseg2 is None):
        raise ValueError("tseg1 and tseg2 go together")
    if tseg1 is None:
        if not 0 < sample_point < 100:
            raise ValueError("sample_point %d" % sample_point)
    elif not (2 <= tseg1 <= 16 and 2 <= tseg2 <= min(8, tseg1) and sjw < tseg2):  # pyright: ignore
        raise ValueError("tseg1 %d, tseg2 %d, sjw %d" % (tseg1, tseg2, sjw))
    wanted = 0 if tseg1 is None else 1 + tseg1 + tseg2
    best = None
    for brp in range(_BRP_MOST + 1):
        hz = crystal_hz // (2 * (brp + 1))  # quanta a second
        quanta = (hz + bitrate // 2) // bitrate
        if not _QUANTA_LEAST <= quanta <= _QUANTA_MOST or wanted and quanta != wanted:
            continue
        off = abs(hz - quanta * bitrate) // quanta
        if off * _TOLERANCE > bitrate:
            continue
        if tseg1 is None:
            second = _second(quanta, sample_point, sjw)
            if second == 0:
                continue
        else:
            second = tseg2
        missed = abs(100 * (quanta - second) - sample_point * quanta) // quanta
        badness = (off, missed, -quanta)
        if best is None or badness < best[0]:
            best = (badness, crystal_hz // (2 * (brp + 1) * quanta), brp, quanta - 1 - second, second)
    if best is None:
        raise ValueError("%d bit/s from a crystal of %d Hz" % (bitrate, crystal_hz))
    return Timing(best[1], best[2], sjw, best[3], best[4])


def _second(quanta, sample_point, sjw):
    """PS2 of a bit of `quanta` that is sampled next to sample_point, 0: there is none."""
    second = quanta - (quanta * sample_point + 50) // 100
    least = max(2, sjw + 1, quanta - 17)
    most = min(8, (quanta - 1) // 2)  # PropSeg + PS1 >= PS2
    if least > most:
        return 0
    return min(max(second, least), most)
