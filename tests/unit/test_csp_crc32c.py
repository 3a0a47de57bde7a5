# CRC-32C and the byte movers: known values, and the fast versions against the plain ones.
import unittest

from csp import block, crc32c


class Crc32c(unittest.TestCase):
    def test_check_value_and_the_values_of_rfc_3720(self):
        self.assertEqual(crc32c.crc(b"123456789"), 0xE3069283)
        self.assertEqual(crc32c.crc(b""), 0)
        self.assertEqual(crc32c.crc(bytes(32)), 0x8A9136AA)
        self.assertEqual(crc32c.crc(b"\xff" * 32), 0x62A8AB43)
        self.assertEqual(crc32c.crc(bytes(range(32))), 0x46DD794E)

    def test_append_writes_it_big_endian_and_matches_finds_it(self):
        buffer = bytearray(b"xx123456789....")
        crc32c.append(buffer, 2, 11)
        self.assertEqual(buffer, b"xx123456789\xe3\x06\x92\x83")
        self.assertTrue(crc32c.matches(buffer, 2, 11))

    def test_every_wrong_bit_is_found(self):
        buffer = bytearray(b"abc....")
        crc32c.append(buffer, 0, 3)
        for bit in range(56):
            buffer[bit >> 3] ^= 1 << (bit & 7)
            self.assertFalse(crc32c.matches(buffer, 0, 3))
            self.assertFalse(crc32c.matches_plain(buffer, 0, 3))
            buffer[bit >> 3] ^= 1 << (bit & 7)

    def test_the_fast_version_is_the_plain_one(self):
        state = 1
        for size in range(70):
            one, other = bytearray(size + 9), bytearray(size + 9)
            for k in range(size + 9):
                state = state * 1103515245 + 12345 & 0x7FFFFFFF
                one[k] = other[k] = state >> 16 & 0xFF
            crc32c.append(one, 3, 3 + size)
            crc32c.append_plain(other, 3, 3 + size)
            self.assertEqual(one, other)
            self.assertTrue(crc32c.matches(one, 3, 3 + size))
            self.assertTrue(crc32c.matches_plain(one, 3, 3 + size))


class Block(unittest.TestCase):
    def test_copy_moves_what_it_should_and_nothing_else(self):
        source = bytes(range(20))
        for copy in (block.copy, block.copy_plain):
            into = bytearray(10)
            copy(into, 2, memoryview(source)[5:], 1, 4)
            self.assertEqual(into, b"\0\0\x06\x07\x08\x09\0\0\0\0")
            copy(into, 0, source, 0, 0)
            self.assertEqual(into[0], 0)

    def test_equal_sees_each_byte(self):
        for equal in (block.equal, block.equal_plain):
            self.assertTrue(equal(b"xabc", 1, b"abcd", 0, 3))
            self.assertFalse(equal(b"xabc", 1, b"abdd", 0, 3))
            self.assertTrue(equal(b"x", 1, b"a", 1, 0))

    def test_numbers_are_big_endian(self):
        buffer = bytearray(7)
        block.put32(buffer, 1, 0xDEADBEEF)
        block.put16(buffer, 5, 0x1234)
        self.assertEqual(buffer, b"\0\xde\xad\xbe\xef\x12\x34")
        self.assertEqual(block.get16(buffer, 5), 0x1234)
