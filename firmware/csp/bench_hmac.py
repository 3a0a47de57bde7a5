# libcsp's HMAC, for the bench: it stops nobody (no counter, no header), so it is not in a flight image.
#
#   key = SHA1(user key)[:16]; tag = first 4 bytes of HMAC-SHA1(key, data with SFP and RDP trailers)
#   it lies between the data and the CRC
import hashlib

from csp.packet import DATA

_BLOCK = 64  # bytes of SHA-1's block
_TAG = 4


def sha1(data):
    """SHA-1 of data (FIPS 180-4, 6.1). MicroPython has hashlib.sha1 only in builds with TLS."""
    if hasattr(hashlib, "sha1"):
        return hashlib.sha1(data).digest()
    return sha1_plain(data)


def sha1_plain(data):
    """SHA-1 in plain Python."""
    mask = 0xFFFFFFFF
    h0, h1, h2, h3, h4 = 0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0
    length = len(data)
    message = bytes(data) + b"\x80" + bytes((55 - length) % 64) + (8 * length).to_bytes(8, "big")
    words = [0] * 80
    for block in range(0, len(message), 64):
        for k in range(16):
            words[k] = int.from_bytes(message[block + 4 * k : block + 4 * k + 4], "big")
        for k in range(16, 80):
            word = words[k - 3] ^ words[k - 8] ^ words[k - 14] ^ words[k - 16]
            words[k] = (word << 1 | word >> 31) & mask
        a, b, c, d, e = h0, h1, h2, h3, h4
        for k in range(80):
            if k < 20:
                f, constant = b & c | ~b & mask & d, 0x5A827999
            elif k < 40:
                f, constant = b ^ c ^ d, 0x6ED9EBA1
            elif k < 60:
                f, constant = b & c | b & d | c & d, 0x8F1BBCDC
            else:
                f, constant = b ^ c ^ d, 0xCA62C1D6
            turned = ((a << 5 | a >> 27) + f + e + constant + words[k]) & mask
            e, d, c, b, a = d, c, (b << 30 | b >> 2) & mask, a, turned
        h0, h1, h2, h3, h4 = (h0 + a) & mask, (h1 + b) & mask, (h2 + c) & mask, (h3 + d) & mask, (h4 + e) & mask
    return b"".join([h.to_bytes(4, "big") for h in (h0, h1, h2, h3, h4)])


class Hmac:
    """Set as Node.hmac. key: bytes, as given to libcsp's csp_hmac_set_key."""

    def __init__(self, key):
        block = sha1(key)[:16] + bytes(_BLOCK - 16)
        self._inner = bytes([byte ^ 0x36 for byte in block])
        self._outer = bytes([byte ^ 0x5C for byte in block])

    def _tag(self, packet, size):
        data = bytes(memoryview(packet.buffer)[DATA : DATA + size])
        return sha1(self._outer + sha1(self._inner + data))[:_TAG]

    def append(self, packet):
        """Add the tag to a packet; the caller knows that it fits."""
        packet.buffer[DATA + packet.size : DATA + packet.size + _TAG] = self._tag(packet, packet.size)
        packet.size += _TAG

    def verify(self, packet):
        """Take the tag off; False if it is missing or wrong."""
        size = packet.size - _TAG
        if size < 0 or bytes(memoryview(packet.buffer)[DATA + size : DATA + size + _TAG]) != self._tag(packet, size):
            return False
        packet.size = size
        return True
