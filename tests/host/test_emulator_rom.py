"""The stub boot ROM of the emulated RP2040: its tables, float, bit, memory and flash functions, called by Thumb code.

The program under test is made here, instruction by instruction: no image and no compiler is needed. It calls the
functions of a list one after the other and programs what they returned into the flash.
"""

import math
import struct
from collections.abc import Sequence
from pathlib import Path

import pytest

from dragonet.emulator import chip as emulated

_FLASH = 0x1000_0000
_RAM = 0x2000_0000
_RESULTS = 0x2000_1000  # where the program keeps r0 to r3 of each call
_PLAN = 0x1000_2000  # in flash: for each call: table address's word, code or offset, r0 to r3
_PLACE = 0x10_0000  # offset in flash of what it programs
_CODE = _FLASH + 0x200

Call = tuple[str, str, int | None, tuple[int, ...]]


class Program:
    """A little assembler: instructions as half-words, a literal pool behind them."""

    def __init__(self) -> None:
        self.halves: list[int] = []
        self.literals: list[tuple[int, int]] = []

    def emit(self, *halves: int) -> None:
        self.halves += halves

    def load(self, register: int, value: int) -> None:
        """LDR register, =value"""
        self.literals.append((len(self.halves), value))
        self.emit(0x4800 | register << 8)

    def binary(self) -> bytes:
        if len(self.halves) % 2:
            self.emit(0xBF00)
        words = []
        for at, value in self.literals:
            pool = 2 * len(self.halves) + 4 * len(words)
            self.halves[at] |= (pool - (2 * at + 4 & ~3)) // 4
            words.append(value & 0xFFFFFFFF)
        return struct.pack(f"<{len(self.halves)}H{len(words)}I", *self.halves, *words)


def _code(letters: str) -> int:
    return ord(letters[0]) | ord(letters[1]) << 8


def _program(calls: int) -> bytes:
    """For each entry of the plan: look its function up, call it, keep r0 to r3; then program all into the flash."""
    p = Program()
    p.load(4, _PLAN)
    p.load(5, _RESULTS)
    p.load(6, calls)
    loop = len(p.halves)
    # r0 = u16 at the address in word 0 (0x14 or 0x16): the table; r1 = word 1: the code
    p.emit(0x6820, 0x8800, 0x6861)  # ldr r0,[r4]; ldrh r0,[r0]; ldr r1,[r4,#4]
    p.emit(0x2318, 0x881B, 0x4798)  # movs r3,#0x18; ldrh r3,[r3]; blx r3: table_lookup
    # word 2: offset within a table of functions + 1, 0 = the address found is the function
    p.emit(0x68A1, 0x2900, 0xD001)  # ldr r1,[r4,#8]; cmp r1,#0; beq +1
    p.emit(0x3901, 0x5840)  # subs r1,#1; ldr r0,[r0,r1]
    p.emit(0x0007)  # movs r7,r0
    p.emit(0x68E0, 0x6921, 0x6962, 0x69A3)  # ldr r0,r1,r2,r3,[r4,#12..24]
    p.emit(0x47B8)  # blx r7
    p.emit(0xC50F)  # stmia r5!,{r0-r3}
    p.emit(0x341C, 0x3E01)  # adds r4,#28; subs r6,#1
    p.emit(0xD100 | (loop - len(p.halves) - 2) & 0xFF)  # bne loop
    for letters, arguments in (("RP", (_PLACE, _RESULTS, (16 * calls + 255) // 256 * 256)), ("UB", (0, 0, 0))):
        p.emit(0x2014, 0x8800)  # movs r0,#0x14; ldrh r0,[r0]
        p.load(1, _code(letters))
        p.emit(0x2318, 0x881B, 0x4798, 0x0007)
        for register, value in enumerate(arguments):
            p.load(register, value)
        p.emit(0x47B8)
    p.emit(0xE7FE)
    return p.binary()


def _play(folder: Path, calls: Sequence[Call]) -> tuple[list[tuple[int, ...]], list[str]]:
    """Results r0 to r3 of each call (table pointer's address, code, offset in its function table, arguments)."""
    flash = bytearray(b"\xff" * (2 << 20))
    struct.pack_into("<II", flash, 0x100, _RAM + 0x40000, _CODE + 1)
    code = _program(len(calls))
    flash[0x200 : 0x200 + len(code)] = code
    for number, (table, letters, offset, arguments) in enumerate(calls):
        words = [*arguments, 0, 0, 0, 0][:4]
        entry = (0x14 if table == "function" else 0x16, _code(letters), 0 if offset is None else offset + 1, *words)
        struct.pack_into("<7I", flash, 0x2000 + 28 * number, *entry)
    path = folder / "flash.bin"
    path.write_bytes(flash)
    chip = emulated.Chip(path)
    notes: list[str] = []
    chip.on_say = lambda at, kind, data: notes.append(data.decode()) if kind == emulated.SAYS_NOTE else None
    chip.power_on(0, bytes(8))
    chip.run(0, 2e9)
    chip.close()
    kept = path.read_bytes()[_PLACE:]
    return [struct.unpack_from("<4I", kept, 16 * number) for number in range(len(calls))], notes


def _f(value: float) -> int:
    return struct.unpack("<I", struct.pack("<f", value))[0]


def _d(value: float) -> tuple[int, int]:
    low, high = struct.unpack("<II", struct.pack("<d", value))
    return low, high


FLOATS: list[tuple[int, tuple[int, ...], int]] = [
    (0x00, (_f(1.5), _f(2.25)), _f(3.75)),
    (0x04, (_f(1.5), _f(2.25)), _f(-0.75)),
    (0x08, (_f(-3.0), _f(0.1)), _f(-0.3)),
    (0x0C, (_f(1.0), _f(3.0)), _f(1 / 3)),
    (0x18, (_f(2.0),), _f(math.sqrt(2))),
    (0x1C, (_f(-1.5),), 0xFFFFFFFE),  # rounds towards minus infinity
    (0x1C, (_f(1e20),), 0x7FFFFFFF),
    (0x20, (_f(1.25), 4), 20),
    (0x24, (_f(-1.0),), 0),
    (0x24, (_f(3e9),), 3_000_000_000),
    (0x2C, (0xFFFFFFFF,), _f(-1.0)),
    (0x34, (0xFFFFFFFF,), _f(4294967295.0)),
    (0x30, (20, 4), _f(1.25)),
    (0x3C, (_f(1.0),), _f(math.cos(1.0))),
    (0x40, (_f(1.0),), _f(math.sin(1.0))),
    (0x4C, (_f(1.0),), _f(math.e)),
    (0x50, (_f(10.0),), _f(math.log(10.0))),
    (0x54, (_f(1.0), _f(2.0)), 0xFFFFFFFF),
    (0x58, (_f(1.0), _f(-1.0)), _f(math.atan2(1, -1))),
    (0x00, (_f(1e-45), _f(1e-45)), 0),  # denormals count as zero
]


def test_float_table_computes_single_precision(tmp_path: Path) -> None:
    results, _ = _play(tmp_path, [("data", "SF", offset, arguments) for offset, arguments, _ in FLOATS])
    assert [f"{row[0]:08x}" for row in results] == [f"{expected:08x}" for _, _, expected in FLOATS]


def test_sine_leaves_the_cosine_behind_it(tmp_path: Path) -> None:
    results, _ = _play(tmp_path, [("data", "SF", 0x40, (_f(0.5),))])
    assert results[0][:2] == (_f(math.sin(0.5)), _f(math.cos(0.5)))


def test_conversions_to_64_bits(tmp_path: Path) -> None:
    calls = [
        ("data", "SF", 0x6C, (_f(-3.5),)),
        ("data", "SF", 0x5C, (0, 1)),
        ("data", "SF", 0x7C, (_f(0.1),)),
        ("data", "SD", 0x00, (*_d(1e300), *_d(1e299))),
        ("data", "SD", 0x7C, _d(0.1)),
        ("data", "SD", 0x1C, _d(-2.5)),
    ]  # fmt: skip
    results, _ = _play(tmp_path, calls)
    assert results[0][:2] == (0xFFFFFFFC, 0xFFFFFFFF)
    assert results[1][0] == _f(2.0**32)
    assert results[2][:2] == _d(struct.unpack("<f", struct.pack("<f", 0.1))[0])
    assert results[3][:2] == _d(1e300 + 1e299)
    assert results[4][0] == _f(0.1)
    assert results[5][0] == 0xFFFFFFFD


def test_bit_functions(tmp_path: Path) -> None:
    words = (0, 1, 0x80000000, 0x12345678, 0xFFFFFFFF)
    calls = [("function", name, None, (word,)) for name in ("P3", "R3", "L3", "T3") for word in words]
    results, _ = _play(tmp_path, calls)
    expected = [word.bit_count() for word in words]
    expected += [int(f"{word:032b}"[::-1], 2) for word in words]
    expected += [32 - word.bit_length() for word in words]
    expected += [(word & -word).bit_length() - 1 if word else 32 for word in words]
    assert [row[0] for row in results] == expected


def test_memory_functions_fill_and_copy(tmp_path: Path) -> None:
    at = _RAM + 0x8000
    calls = [
        ("function", "MS", None, (at, 0x5A, 7)),
        ("function", "MC", None, (at + 16, at, 8)),
        ("function", "C4", None, (_RESULTS + 0x90, at, 8)),  # over the results of call 9, which is not made
        ("function", "MC", None, (_RESULTS + 0x98, _FLASH + 0x100, 4)),
    ]
    results, _ = _play(tmp_path, calls)
    assert results[0][0] == at
    assert results[1][0] == at + 16
    kept = (tmp_path / "flash.bin").read_bytes()[_PLACE + 0x90 :]
    assert kept[:7] == b"\x5a" * 7
    assert kept[8:12] == struct.pack("<I", _RAM + 0x40000)


def test_flash_functions_change_only_what_they_should(tmp_path: Path) -> None:
    calls = [
        ("function", "RP", None, (0x120000, _FLASH + 0x2000, 256)),
        ("function", "RP", None, (0x121000, _FLASH + 0x2000, 256)),
        ("function", "RE", None, (0x120000, 4096, 1 << 16, 0xD8)),
    ]
    _, notes = _play(tmp_path, calls)
    flash = (tmp_path / "flash.bin").read_bytes()
    assert flash[0x120000:0x121000] == b"\xff" * 4096
    assert flash[0x121000:0x121100] == flash[0x2000:0x2100] != b"\xff" * 256
    assert notes == ["reset_usb_boot: the board waits for a new image by USB"]


def test_a_flash_without_an_image_says_so(tmp_path: Path) -> None:
    path = tmp_path / "flash.bin"
    path.write_bytes(b"\xff" * (2 << 20))
    chip = emulated.Chip(path)
    notes: list[str] = []
    chip.on_say = lambda at, kind, data: notes.append(data.decode())
    chip.power_on(0, bytes(8))
    chip.run(0, 1e6)
    chip.close()
    assert notes == ["no image in flash: its vector table at 0x10000100 names no program"]


@pytest.mark.parametrize("program", [b"\xfe\xe7", b"\x30\xbf\xfd\xe7"])  # b . and wfi; b .-2
def test_a_program_that_never_ends_takes_no_more_than_its_grant(tmp_path: Path, program: bytes) -> None:
    flash = bytearray(b"\xff" * (2 << 20))
    struct.pack_into("<II", flash, 0x100, _RAM + 0x40000, _CODE + 1)
    flash[0x200 : 0x200 + len(program)] = program
    path = tmp_path / "flash.bin"
    path.write_bytes(flash)
    chip = emulated.Chip(path)
    chip.power_on(0, bytes(8))
    chip.run(0, 1e6)
    assert 1e6 <= chip.now < 1e6 + 200
    chip.close()
