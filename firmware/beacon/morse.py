# Morse code by ITU-R M.1677-1, keyed by bytes: a transmitter in OOK sends each byte as eight key-down or key-up bits.
#
#   element       units of one dit      M.1677-1
#   dit, dah      1, 3 key down         1.2.1
#   inside a character, between characters, between words    1, 3, 7 key up     1.2.2 to 1.2.4
#
# A dit lasts 1.2 s / WPM (PARIS = 50 units). At 1,200 bit/s and 20 WPM it is 60 ms = 72 bits = 9 bytes.
from micropython import const

BIT_RATE = const(1200)  # bit/s: the lowest the SX1278 keys in OOK (datasheet table 11, BRO)

_DOWN = const(0xFF)
_UP = const(0x00)
_UNKNOWN = const(0x3F)  # "?"

# M.1677-1 section 1.1; "+" is AR (end of message), "=" is BT (break).
_ALPHABET = (
    "A.- B-... C-.-. D-.. E. F..-. G--. H.... I.. J.--- K-.- L.-.. M-- N-. O--- P.--. Q--.- R.-. S... T- U..- V...- "
    "W.-- X-..- Y-.-- Z--.. 1.---- 2..--- 3...-- 4....- 5..... 6-.... 7--... 8---.. 9----. 0----- "
    "..-.-.- ,--..-- :---... ?..--.. '.----. --....- /-..-. (-.--. )-.--.- \".-..-. =-...- +.-.-. @.--.-."
)


def _codes():
    # From 0x20 to 0x5F, a byte each: a 1, then dit 0 or dah 1 for each element; 0 = no such character.
    codes = bytearray(64)
    for entry in _ALPHABET.split(" "):
        code = 1
        for element in entry[1:]:
            code = code << 1 | (element == "-")
        codes[ord(entry[0]) - 0x20] = code
    return bytes(codes)


_CODES = _codes()


def _code(character):
    # Lower case counts as upper; what Morse cannot say is sent as "?", so a listener knows that something stood there.
    if 0x61 <= character <= 0x7A:
        character -= 0x20
    code = _CODES[character - 0x20] if 0x20 < character < 0x60 else 0
    return code or _CODES[_UNKNOWN - 0x20]


def units(text):
    """Length of a text in dits, with the one dit of key up that ends it."""
    total = 0
    gap = 0
    for character in text:
        if character == 0x20:
            gap = 7 if total else 0
            continue
        total += gap
        gap = 3
        code = _code(character)
        total -= 1
        while code > 1:
            total += 4 if code & 1 else 2
            code >>= 1
    return total + 1 if total else 0


class Keyer:
    """Bytes of one text after another, made on demand: load(text), then fill(buffer) until it comes back short.

    words_per_minute: a divisor of 180, so that a dit is a whole number of bytes; ValueError otherwise.
    """

    def __init__(self, words_per_minute=20):
        if words_per_minute <= 0 or 180 % words_per_minute:
            raise ValueError("%d WPM is not a divisor of 180" % words_per_minute)
        self._dit = 180 // words_per_minute  # bytes: 1,200 bit/s * 1.2 s / 8
        self.load(b"")

    def load(self, text):
        """Start over with this text (ASCII bytes, kept until sent)."""
        self._text = text
        self._at = 0  # the next character
        self._code = 1  # elements not yet sent, after the leading 1 when _mask says where
        self._mask = 0  # the element to send next; 0 = the character is over
        self._level = _UP
        self._run = 0  # bytes of this level still to go
        self._begun = False  # something was keyed already

    def seconds(self):
        """Time on air of the loaded text, in whole seconds rounded up."""
        bytes_ = units(self._text) * self._dit
        return (bytes_ * 8 + BIT_RATE - 1) // BIT_RATE

    def fill(self, buffer):
        """Fill the buffer; returns how many bytes were made, fewer than asked only at the end of the text."""
        size = len(buffer)
        made = 0
        while made < size:
            if not self._run and not self._next():
                break
            part = self._run
            if part > size - made:
                part = size - made
            level = self._level
            for i in range(made, made + part):
                buffer[i] = level
            self._run -= part
            made += part
        return made

    def _next(self):
        # The next stretch of one level. Key down is followed by key up, whose length tells where we are.
        if self._level == _DOWN:
            self._level = _UP
            self._mask >>= 1
            if self._mask:
                self._run = self._dit
            else:
                self._run = self._dit * self._gap()
            return True
        if not self._mask:
            if not self._begun:
                self._gap()  # spaces before the first word
            if self._at >= len(self._text):
                return False
            self._code = _code(self._text[self._at])
            self._at += 1
            self._begun = True
            self._mask = 1
            while self._mask << 1 <= self._code:
                self._mask <<= 1
            self._mask >>= 1
        self._level = _DOWN
        self._run = self._dit * (3 if self._code & self._mask else 1)
        return True

    def _gap(self):
        # Key up after a character, in units: steps over spaces to the next character.
        spaces = False
        text = self._text
        while self._at < len(text) and text[self._at] == 0x20:
            spaces = True
            self._at += 1
        if self._at >= len(text):
            return 1
        return 7 if spaces else 3
