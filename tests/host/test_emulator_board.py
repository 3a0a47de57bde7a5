"""The images of 'make toolchain' on the emulated RP2040: prompt, files, resets, the chips on their wires, mpremote."""

import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dragonet import toolchain
from dragonet.bench import reach
from dragonet.emulator import alone, costs, flash, uf2
from dragonet.emulator import chip as emulated
from dragonet.emulator.bench import Bench
from dragonet.emulator.board import EmulatedBoard
from dragonet.emulator.repl import STOP_WATCHDOG, UID, Repl
from dragonet.emulator.wires import Wires
from dragonet.errors import UserError
from dragonet.flatsat.clocks import Clock
from dragonet.flatsat.devices import records
from dragonet.flatsat.flight import SECOND_US
from dragonet.flatsat.hub import Hub
from dragonet.flatsat.radio.receive import Receiver

_ALL_PINS = (1 << 30) - 1
_BEACON_WORLD = [7.8, 21.0, 1.0, 0.0, 0.0, 0.0, 1.0]
_CONFIG = {"callsign": "N0CALL", "frequency_hz": 437_365_000, "satellite": "TEST"}


@pytest.fixture
def beacon(tmp_path: Path) -> Path:
    """A flash with the beacon's image and an empty file system."""
    path = tmp_path / "flash.bin"
    flash.prepare(path, toolchain.image("beacon"), {"note.txt": b"kept"}, flash.DRAGONET_FILES)
    return path


def test_files_stay_through_reset_and_watchdog_and_the_cause_can_be_read(beacon: Path) -> None:
    with Repl(beacon) as board:
        board.boot()
        board.execute(STOP_WATCHDOG)
        assert board.execute("import machine\nprint(machine.reset_cause(), machine.unique_id())") == f"1 {UID!r}\r\n"
        board.execute("with open('/new.txt', 'w') as file: file.write('also')")
        with pytest.raises(UserError, match="reset"):
            board.execute("machine.reset()")
        board.restart()
        said = board.execute("import machine\nprint(machine.reset_cause(), open('/note.txt').read())")
        assert said == "3 kept\r\n"
        with pytest.raises(UserError, match="reset"):
            board.execute("machine.WDT(timeout=100)\nwhile True: pass")
        assert board.resets == [emulated.BY_PROGRAM, emulated.BY_WATCHDOG]
    with Repl(beacon) as board:
        board.boot()
        assert board.execute("print(open('/new.txt').read())") == "also\r\n"


def test_the_same_code_takes_the_same_cycles(beacon: Path, tmp_path: Path) -> None:
    code = "import time\nstart = time.ticks_us()\nfor k in range(1000): k * 3\nprint(time.ticks_us() - start)"
    ends = []
    for number in range(2):
        copy = tmp_path / f"copy{number}.bin"
        copy.write_bytes(beacon.read_bytes())
        with Repl(copy) as board:
            board.boot()
            ends.append((board.execute(code), board.chip.now))
    assert ends[0] == ends[1]


def test_single_precision_floats_are_those_of_the_boot_rom(beacon: Path) -> None:
    with Repl(beacon) as board:
        board.boot()
        said = board.execute("import math\nprint(1 / 3, math.sqrt(2), -7 % 3.5, int(-3.7), 1e30 * 1e30, math.sin(1))")
    assert said == "0.33333334 1.4142135 0.0 -3 inf 0.841471\r\n"


class Wired:
    """The beacon board's chip with the models of its chips."""

    def __init__(self, path: Path) -> None:
        self.repl = Repl(path, self._asked)
        self.radio = Receiver()
        self.wires = Wires("beacon", _BEACON_WORLD, 1, path.parent, self.repl.chip.tell, self._record)
        self.repl.chip.power_on(_ALL_PINS, UID)
        self.repl.to_prompt(3.0)
        self.repl.execute(STOP_WATCHDOG)

    def _asked(self, at: float, kind: int, data: bytes) -> bytes:
        self.wires.kernel.pass_to(int(at / 1000))
        return self.wires.ask(kind, data)

    def _record(self, time_us: int, kind: int, data: bytes) -> None:
        if kind == records.RADIO:
            self.radio.record(time_us, data)


def test_the_boards_chips_answer_on_their_buses(beacon: Path) -> None:
    board = Wired(beacon)
    try:
        said = board.repl.execute(
            "from machine import ADC, I2C, Pin\nimport pins\n"
            "i2c = I2C(0, scl=Pin(pins.I2C_SCL), sda=Pin(pins.I2C_SDA), freq=400_000)\n"
            "print([hex(one) for one in i2c.scan()])\n"
            "from drivers.tmp117 import TMP117\n"
            "from drivers.fram import FRAM\n"
            "fram = FRAM(i2c, 0x50)\nfram.write(100, b'remembered')\nout = bytearray(10)\n"
            "fram.read_into(100, out)\nprint(out)\n"
            "print(round(ADC(pins.SUPPLY).read_u16() * 3.3 / 65535 * 3, 1))\n"
            "can = pins.make_can(0, 500_000)\nprint(can.state())\n",
            20.0,
        )
    finally:
        board.repl.chip.close()
    assert said.splitlines() == ["['0x48', '0x50']", "bytearray(b'remembered')", "7.8", "1"]


def test_an_emulated_board_speaks_on_both_buses_of_a_hub_and_again_after_a_loss_of_power(tmp_path: Path) -> None:
    hub = Hub()
    board = EmulatedBoard(hub, "beacon", tmp_path, 1, Clock(random.Random(1), (0.0, 0.0), 0.0), _CONFIG)
    board.world = list(_BEACON_WORLD)
    frames: list[tuple[int, int]] = []
    boots: list[int] = []  # as its heartbeats tell it

    def send(time_us: int, data: bytes) -> None:
        frames.append((time_us, data[0]))
        if data[-6:-4] == b"\x9f\xc0":
            boots.append(data[-3])
        hub.at(time_us + 250, lambda: board.post(hub.now_us, records.CAN_SENT, bytes((data[0], data[1], 1))))

    board.handlers[records.CAN_SEND] = send
    hub.parties.append(board)
    board.power_on()
    hub.run(4_000_000)
    board.power_off()
    until_us = frames[-1][0]
    hub.run(4_500_000)
    assert frames[-1][0] == until_us and not board.running
    board.power_on()
    hub.run(6_500_000)
    board.power_off()
    assert board.notes == []
    assert set(boots) == {1, 2} and boots == sorted(boots), "its FRAM has counted"
    assert {bus for _, bus in frames} == {0, 1}
    assert frames == sorted(frames)
    seconds = {(time_us // SECOND_US, bus) for time_us, bus in frames}
    assert {(1, 0), (2, 0), (3, 0), (1, 1), (2, 1), (3, 1)} <= seconds  # it beats each second


@pytest.mark.parametrize("kind", ["emulated", "virtual"])
def test_a_board_alone_beats_each_second_on_can_a_though_can_b_takes_nothing(tmp_path: Path, kind: str) -> None:
    found = None if kind == "emulated" else {}
    frames = alone.fly(tmp_path, "sensor", 4_000_000, found, powered_s=2800, buses=(0,))
    times = [at_us for at_us, _ in frames]
    assert times == sorted(times)
    assert {1, 2, 3} <= {at_us // SECOND_US for at_us, frame in frames if frame.data[-6:-4] == b"\x9f\xc0"}


class Busy:
    """A chip that always works."""

    now = wake = 0.0

    def run(self, now: float, until: float) -> None:
        self.now = self.wake = max(self.now, until)


def test_a_busy_board_whose_clock_is_slow_does_not_hold_up_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its clock skips one of the hub's microseconds in a thousand: a grant of that one alone is no time to it."""
    hub = Hub()
    board = EmulatedBoard(hub, "beacon", tmp_path, 1, Clock(random.Random(1), (-1000.0, -1000.0), 0.0), _CONFIG)
    board._wires = Wires("beacon", _BEACON_WORLD, 1, tmp_path, lambda *_: None, lambda *_: None)
    board._chip = Busy()  # pyright: ignore[reportAttributeAccessIssue]
    board.wake_us = 0
    grant, left = board.grant, 20_000

    def counted(now_us: int, horizon_us: int) -> None:
        nonlocal left
        left -= 1
        assert left, f"the hub gives no time but to this board at {now_us} us"
        grant(now_us, horizon_us)

    monkeypatch.setattr(board, "grant", counted)
    hub.parties.append(board)
    for time_us in range(5_000):
        hub.run(time_us)
    assert Busy.now == 0.0 and board._chip is not None and board._chip.now / 1000 >= 4_990


def test_mpremote_talks_to_it_over_tcp(beacon: Path) -> None:
    board = Bench(beacon, 0, None, prompt=True)
    runner = threading.Thread(target=lambda: board.run(600.0), daemon=True)
    runner.start()
    try:
        where = f"socket://127.0.0.1:{board.console.port}"
        run = subprocess.run(
            [sys.executable, "-m", "mpremote", "connect", where, "resume",
             "exec", "print(6 * 7)", "fs", "cat", ":note.txt"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (run.stdout.split(), run.returncode) == (["42", "kept"], 0), run.stderr
    finally:
        board.before_ns = 1e15  # its time is over
        runner.join(10)
        board.close()


def test_measured_costs_go_into_the_table_of_the_virtual_boards(tmp_path: Path) -> None:
    table = tmp_path / "costs.py"
    table.write_text(costs.TABLE.read_text())
    before = dict(costs.table.COSTS)
    changes = costs.write({"wake_up": 1234.4, "flash_erase_4k": 52_000.6, "ticks": before["ticks"]}, table)
    assert changes == {"wake_up": (before["wake_up"], 1234), "flash_erase_4k": (before["flash_erase_4k"], 52_001)}
    names: dict[str, dict[str, int]] = {}
    exec(table.read_text(), names)
    assert names["COSTS"] == {**before, "wake_up": 1234, "flash_erase_4k": 52_001}
    with pytest.raises(UserError, match="no cost named warp"):
        costs.write({"warp": 1.0}, table)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"not an image", "no UF2 file"), (b"UF2\n" + bytes(100), "cut short"), (b"UF2\n" + bytes(508), "damaged")],
)
def test_a_file_that_is_no_image_is_named_with_the_reason(tmp_path: Path, content: bytes, words: str) -> None:
    image = tmp_path / "board.uf2"
    image.write_bytes(content)
    with pytest.raises(UserError, match=words):
        flash.prepare(tmp_path / "flash.bin", image)


def test_a_flash_file_that_is_a_folder_or_that_another_uses_is_named(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dragonet.cli", "emulator", "run", "--flash"]
    run = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stderr.count("\n")) == (2, 1) and "Is a directory" in run.stderr
    kept = tmp_path / "flash.bin"
    kept.write_bytes(bytes(uf2.FLASH_BYTES))
    with reach.lock(str(kept), "another"):
        run = subprocess.run([*command, str(kept)], capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stderr.count("\n")) == (2, 1) and "in use by another dragonet" in run.stderr


def test_a_port_in_use_is_named(beacon: Path) -> None:
    board = Bench(beacon, 0)
    try:
        with pytest.raises(UserError, match="Address already in use"):
            Bench(beacon, board.console.port)
    finally:
        board.close()
