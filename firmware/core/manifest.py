# What describes a slot image and stands before it in a file (DESIGN, "Update"): who may run it, and what it must be.
#
#  byte  type  field
#   0    u8    0xD9         marks a manifest
#   1    u8    2            version of this layout
#   2    u32   length       bytes of the image
#   6    8     role         text, zero-padded as all texts here
#  14    8     target       sys.platform of the board's MicroPython: "rp2", "pyboard", "linux"
#  22    u16   mpy          sys.implementation._mpy of the board it was compiled for; bits 15:10, the architecture
#                           of its native code, are 0 when it has none
#  24    8     uid          the only board that may take it; zeros: any of this role and target
#  32    u16   trial        minutes in which its trial must be confirmed
#  34    16    version      text
#  50    32    hash         SHA-256 of the image
#  82    8     base         of the golden app that an overlay stands on (guard.py); zeros: a whole image
#  90    u8    key slot     of the commander who vouches for it
#  91    16    MAC          HMAC-SHA256, first 16 bytes, over bytes 0 to 90
#
# All big-endian.
import struct
from micropython import const

SIZE = const(107)
BODY = const(90)       # bytes that say what the image is; the guard's record keeps these
SIGNED = const(91)     # bytes that the MAC covers
MAC = const(16)
ROLE = const(8)        # characters
VERSION = const(16)

MARK = const(0xD9)
LAYOUT = const(2)
WHOLE = b"\0" * 8      # base of an image that leaves nothing out
_FORMAT = ">BBI8s8sH8sH16s32s8s"


def pack_into(buffer, length, role, target, mpy, uid, trial_min, version, digest, base=WHOLE):
    """Bytes 0 to 89. Texts that are too long are cut."""
    struct.pack_into(
        _FORMAT, buffer, 0, MARK, LAYOUT, length, role.encode(), target.encode(), mpy, uid, trial_min,
        version.encode(), digest, base,
    )  # fmt: skip


class Manifest:
    """The fields of a manifest's body. ValueError: it is none of this layout."""

    def __init__(self, data):
        if len(data) < BODY or data[0] != MARK or data[1] != LAYOUT:
            raise ValueError("no manifest")
        fields = struct.unpack_from(_FORMAT, data, 0)
        _, _, self.length, role, target, self.mpy, self.uid, self.trial_min, version, self.digest, self.base = fields
        self.role = _text(role)
        self.target = _text(target)
        self.version = _text(version)


def _text(field):
    return bytes(field).rstrip(b"\0").decode()
