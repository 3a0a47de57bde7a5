# The MAC of a command: HMAC-SHA256 (RFC 2104, FIPS 180-4), the first 16 bytes (DESIGN, "Trust").
#
#  byte  type  field            what the MAC covers
#   0    u16   source           address
#   2    u16   destination      address
#   4    u8    dport
#   5    u8    sport
#   6    u8    key slot
#   7    u32   sequence
#   11   n     data             opcode and arguments
#
# All big-endian. New keys come from old ones by the same function over a label, whose first two bytes are no address.
import struct
from hashlib import sha256
from micropython import const

KEY_SIZE = const(32)
SIZE = const(16)
HEAD_SIZE = const(11)
_HEAD = ">HHBBBI"
_BLOCK = const(64)  # bytes that SHA-256 takes at a time
_ROTATE = b"dragonet rotate"


def pads(key):
    """(inner, outer) of a key of KEY_SIZE bytes: kept, they spare half the work of each MAC."""
    inner = bytearray(_BLOCK)
    outer = bytearray(_BLOCK)
    for k in range(_BLOCK):
        byte = key[k] if k < KEY_SIZE else 0
        inner[k] = byte ^ 0x36
        outer[k] = byte ^ 0x5C
    return inner, outer


def hmac(both, head, data):
    """The 32 bytes over head and data."""
    inner = sha256(both[0])
    inner.update(head)
    inner.update(data)
    outer = sha256(both[1])
    outer.update(inner.digest())
    return outer.digest()


def head_into(buffer, src, dst, dport, sport, slot, sequence):
    """Writes the HEAD_SIZE bytes before the data."""
    struct.pack_into(_HEAD, buffer, 0, src, dst, dport, sport, slot, sequence)


def same(one, other):
    """True when the first SIZE bytes agree; takes as long when they do not."""
    difference = 0
    for k in range(SIZE):
        difference |= one[k] ^ other[k]
    return difference == 0


def rotated(both, slot, generation):
    """The key of `generation` of a slot, from the pads of the slot that orders it."""
    return hmac(both, _ROTATE, struct.pack(">BH", slot, generation))
