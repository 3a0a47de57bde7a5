# One run under power cuts, on a whole EPS board from its guard to its app: signed commands change parameters, keep a
# schedule, send a file and commit an update, events and housekeeping go to their rings and to flash. After each cut the
# board boots, nothing that it acknowledged is lost, nothing half-written is believed.
#
# FRAM is the chip's model on the board's I2C, littlefs lies at /, the image that slot a gets is a ROMFS.
import asyncio
import os
import struct
import sys
from hashlib import sha256

import vfs

vfs.umount("/")  # the board's littlefs takes its place
for place, folder in enumerate(sys.path):
    if folder.startswith("/"):
        vfs.mount(vfs.VfsPosix(folder), "/host%d" % place)
        sys.path[place] = "/host%d" % place
        for module in sys.modules.values():  # packages that were imported before
            if getattr(module, "__path__", "").startswith(folder + "/"):
                module.__path__ = sys.path[place] + module.__path__[len(folder) :]

sys.modules["pins"] = pins = __import__("pins_unix")

import parts  # noqa: E402
import power_cuts  # noqa: E402
from command_world import EPS, GROUND, KEY, Owner, Wire  # noqa: E402
from file_world import content, status  # noqa: E402
from update_world import Nor, manifest_of  # noqa: E402

import guard  # noqa: E402
import twin  # noqa: E402
from core import arguments, log, mac, schedule, start, supervisor, upload  # noqa: E402
from core import update_record as kept  # noqa: E402
from core.command_table import COMPLETED, REFUSED  # noqa: E402
from core.commands import REPLY_LAYOUT, REPLY_SIZE  # noqa: E402
from core.events import SIZE as EVENT_SIZE  # noqa: E402
from core.keys import PATH as KEYS_FILE  # noqa: E402
from core.manifest import SIGNED  # noqa: E402
from core.slots import GOLDEN  # noqa: E402
from core.store import ENTRY_HEAD  # noqa: E402
from core.update_machine import BLOCK as PUT  # noqa: E402
from core.update_status import STATUS  # noqa: E402
from dragonet.flatsat.devices import wiring_eps, world  # noqa: E402

SLOT_BYTES = 2 * power_cuts.BLOCK
CALM = {"battery_v": 7.76, "battery_a": 0.05, "battery_t": 18.0, "board_t": 21.0, "load_beacon_v": 7.76}
OLD, NEW = content(3_000, 1), content(19 * upload.BLOCK + 40, 2)
ORDER = (3, 4, 2, 1, 0) + tuple(range(7, 20)) + (6, 5)
EXPECTED = ("can a", "can b")  # what cannot start here
HK_FIRST, HK_SECOND = 30, 10  # s: a parameter's values
LOW = 6800  # mV, a risky one's
ENTRY = 7  # of the schedule


def varuint(value):
    groups = [value & 0x7F]
    while value > 0x7F:
        value >>= 7
        groups.append(value & 0x7F | 0x80)
    return bytes(reversed(groups))


def record(kind, data):
    return varuint(kind) + varuint(len(data)) + data


def romfs(name, data):
    """A ROMFS with one file."""
    body = record(5, varuint(len(name)) + name + record(2, data))
    return b"\xd2\xcd\x31" + varuint(len(body)) + body


VERSION = content(power_cuts.BLOCK + 900, 3)
IMAGE = romfs(b"version.bin", VERSION)


class Slots:
    """The module slot_flash of this board."""

    def __init__(self):
        self.power = self.cells = None

    def device(self, number):
        return Nor(self.power, self.cells, number * SLOT_BYTES, power_cuts.BLOCK, SLOT_BYTES // power_cuts.BLOCK)

    def memory(self, device):
        return memoryview(bytes(self.cells[device._start : device._start + SLOT_BYTES]))


class Chip:
    """The cells of the FRAM's model, powered."""

    def __init__(self, fram):
        self._fram = fram

    def read(self, offset, length):
        buffer = bytearray(length)
        self._fram.read_into(offset, buffer)
        return buffer

    def write(self, offset, data):
        self._fram.write(offset, data)


def no_can(number, bitrate):
    raise OSError(19)


pins.make_can = no_can
sys.modules["slot_flash"] = slot_flash = Slots()
guard._forget = lambda: None  # the image has no code: what it runs is golden's, and need not be imported again
survived = []
supervisor.report = lambda name, error: survived.append((name, error))


class Ground:
    """A board that was switched on, and its owner on a radio link."""

    def __init__(self, fram, done):
        self.done = done
        self.owner = Owner(KEY)
        self.last = None  # frame and port of the last command that was done
        env = twin.bench([0.0] * len(world.CHANNELS["eps"]), 3, "eps")
        wiring_eps.wire(env)
        for name, value in CALM.items():
            env.world[world.index("eps", name)] = value
        env.i2c_buses[0][parts.FRAM]._cells = Chip(fram)
        slot_flash.power, slot_flash.cells = fram.power, fram.slots
        asyncio.new_event_loop()
        survived.clear()
        try:
            vfs.umount(guard.PATH)
            sys.path.remove(guard.PATH)
        except (OSError, ValueError):
            pass
        guard.run()
        self.board = board = start.start(parts, pins)
        self.wire = Wire()
        board.node.add_interface(self.wire)
        self.wire.border = board.keys.border()

    def lives(self, function):
        """Runs the board while function(self) does: False when it was reset before that came to its end."""

        async def both():
            asyncio.create_task(self.board.main())
            await function(self)

        try:
            asyncio.run(both())
            return True
        except SystemExit:
            return False

    async def ask(self, name, *values):
        """(status, data) of the last reply to a signed command."""
        number = self.board.keys.next(0)
        body = encoded(self.board, name, values)
        return await self.give(self.owner.sign(number, body, sport=20), body[0], number)

    async def give(self, frame, opcode, number):
        await asyncio.sleep_ms(60)  # the radio's border looks at 20 a second
        self.wire.sent.clear()
        self.wire.give(GROUND, EPS, frame, 20)
        for _ in range(400):
            for dst, dport, _, data in self.wire.sent:
                if (dst, dport) == (GROUND, 20):
                    code, sequence, how = struct.unpack_from(REPLY_LAYOUT, data, 0)
                    assert (code, sequence) == (opcode, number)
                    if how >= COMPLETED:
                        if how == COMPLETED:
                            self.last = frame, opcode, number
                        return how, data[REPLY_SIZE:]
            await asyncio.sleep_ms(20)
        raise AssertionError("no reply to command %02x" % opcode)

    async def does(self, name, *values):
        """Data of the reply to a command that is done."""
        how, data = await self.ask(name, *values)
        assert how == COMPLETED, "%s: status %d, %s" % (name, how, bytes(data))
        self.acknowledged("frame", self.last)
        return data

    def acknowledged(self, what, value):
        self.done.append((what, value))

    # --- what the owner does ---

    async def recover(self):
        number = 1
        body = encoded(self.board, "slot_recover", (number, self.board.keys.challenge(0)))
        assert (await self.give(self.owner.sign(number, body), body[0], number))[0] == COMPLETED

    async def set(self, name, value):
        await self.does("param_set", value, name)
        self.acknowledged(name, value)

    async def read_events(self):
        """Every event that the board kept, as bytes by sequence."""
        found = {}
        since = 0
        while True:
            data = await self.does("event_read", since)
            since, following = struct.unpack_from(">II", data, 0)
            for at in range(8, len(data), EVENT_SIZE):
                found[struct.unpack_from(">I", data, at)[0]] = bytes(data[at : at + EVENT_SIZE])
            if since >= following:
                return found

    async def show_events(self):
        self.acknowledged("events", await self.read_events())

    async def show_store(self):
        on_flash, staged = struct.unpack_from(">II", await self.does("store_status"), 0)
        assert on_flash <= staged
        self.acknowledged("staged", staged)

    async def open(self, name, data):
        return status((COMPLETED, await self.does("file_open", len(data), sha256(data).digest() + name.encode())))

    async def block(self, session, index, data):
        block = data[index * upload.BLOCK : (index + 1) * upload.BLOCK]
        return status((COMPLETED, await self.does("file_block", session, index, block)))

    async def put(self, name, data):
        session = (await self.open(name, data))[0]
        for index in range((len(data) + upload.BLOCK - 1) // upload.BLOCK):
            await self.block(session, index, data)
        await self.does("file_close")

    async def update(self):
        self.acknowledged("update", struct.unpack(STATUS, await self.does("update_status")))


LINES = {}  # of the dictionary, by command: looked up once


def encoded(board, name, values):
    """A command's opcode and arguments."""
    if name not in LINES:
        LINES[name] = board.dictionary.commands[board.commands.position(name)]
    return bytes((LINES[name][0],)) + arguments.pack(LINES[name][2], values)


def known(base, bits):
    """Blocks of a file that a status says are here."""
    return set(range(base)) | {base + k for k in range(48) if bits >> k & 1}


def signed_manifest():
    data = manifest_of(IMAGE, role="eps", trial_min=10, version="9.9.9")[:SIGNED]
    return data + mac.hmac(mac.pads(KEY), data, b"")[:16]


# --- the run ---


def before(fram, done):
    """Provisioned, its owner's slot open, a file and some housekeeping kept."""
    import command_world

    command_world.KEYS_FILE = KEYS_FILE
    command_world.provision()
    with open("/config.json", "w") as file:
        file.write('{"callsign": "XV9AA", "satellite": "TEST", "frequency_hz": 437375000}')

    async def past(ground):
        await ground.recover()
        await ground.put("a", OLD)
        while ground.board.store.ring.next < 9:
            await asyncio.sleep_ms(1000)

    assert Ground(fram, done).lives(past)
    done.clear()


async def first(ground):
    """Until the trial begins."""
    await ground.set("hk_period", HK_FIRST)
    await ground.does("param_set", LOW, "low_enter")
    await ground.does("param_confirm")
    ground.acknowledged("low_enter", LOW)
    await ground.does("schedule_add", ENTRY, schedule.MISSION, 0, 0, 0, 80_000, 0, 1, b"\x00hi")
    ground.acknowledged("schedule", ENTRY)
    session = (await ground.open("a", NEW))[0]
    for index in ORDER:
        _, state, base, bits = await ground.block(session, index, NEW)
        assert state == upload.RECEIVING
        ground.acknowledged("blocks", known(base, bits))
        if index == 7:
            await ground.set("hk_period", HK_SECOND)
    await ground.does("file_close")
    ground.acknowledged("file", NEW)
    while ground.board.store.ring.next < 10:  # the tenth moves them to flash
        await asyncio.sleep_ms(10_000)
    await ground.show_store()
    await ground.show_events()
    await ground.does("update_begin", signed_manifest())
    for at in range(0, len(IMAGE), PUT):
        await ground.does("update_block", at, IMAGE[at : at + PUT])
        if at % 1024 == 0:
            await ground.update()
    await ground.does("update_verify")
    await ground.update()
    await ground.does("update_activate")
    ground.acknowledged("tried", True)
    await asyncio.sleep_ms(10_000)
    raise AssertionError("no reset")


async def trial(ground):
    await ground.update()
    await ground.does("update_confirm")
    await ground.update()
    await ground.show_events()
    await ground.does("reset")
    await asyncio.sleep_ms(10_000)
    raise AssertionError("no reset")


async def last(ground):
    await ground.update()
    await ground.does("store_flush")
    await ground.show_store()
    await ground.show_events()


def scenario(fram, done):
    assert not Ground(fram, done).lives(first)
    assert not Ground(fram, done).lives(trial)
    assert Ground(fram, done).lives(last)


# --- the next boot ---


def check(fram, done):
    had = {}
    for what, value in done:
        had[what] = value
    ground = Ground(fram, [])
    board = ground.board

    async def look(ground):
        await the_owner_commands(ground, had)
        await parameters_and_schedule(ground, had)
        await the_events(ground, had)
        await the_update(ground, had)
        await the_file(ground, had)
        await the_housekeeping(ground, had)
        await asyncio.sleep_ms(2_000)

    assert ground.lives(look)
    assert guard.error is None
    for name, error in survived:
        if name not in EXPECTED:
            raise error
    assert board.supervisor.restarts == 0


async def the_owner_commands(ground, had):
    assert ground.board.keys.next(0) is not None, "his slot is closed"
    if "frame" in had:
        border, ground.wire.border = ground.wire.border, None  # which would not let it through
        assert (await ground.give(*had["frame"]))[0] == REFUSED, "a command was done twice"
        ground.wire.border = border
    await ground.does("noop", b"hello")


async def parameters_and_schedule(ground, had):
    params, cells = ground.board.params, ground.board.schedule.cells
    period = had.get("hk_period", 20)
    following = {20: HK_FIRST, HK_FIRST: HK_SECOND, HK_SECOND: HK_SECOND}[period]
    assert params.get("hk_period") in (period, following), params.get("hk_period")
    low = params.get("low_enter")
    assert low == LOW or "low_enter" not in had and low == params._defaults[params.index("low_enter")], low
    assert cells.broken == 0
    assert cells.find(ENTRY) >= 0 or "schedule" not in had


async def the_events(ground, had):
    found = await ground.read_events()
    for sequence, entry in had.get("events", {}).items():
        assert found[sequence] == entry, "event %d" % sequence
    numbers = [line[0] for line in ground.board.dictionary.events]
    for entry in found.values():
        assert entry[8] in numbers


async def the_update(ground, had):
    state, running, active, other, _, result, good, _, window = struct.unpack(
        STATUS, await ground.does("update_status"))[:9]
    assert guard.running == running
    if running != GOLDEN:
        assert running == 0 and bytes(ground_slot()) == IMAGE, "a half-written image runs"
        with open(guard.PATH + "/version.bin", "rb") as file:
            assert file.read() == VERSION
    assert result in (kept.NONE, kept.CONFIRMED_IT), "update: %d" % result
    if "update" in had:
        was = had["update"]
        assert state >= was[0], "update: %d after %d" % (state, was[0])
        assert state > kept.RECEIVING or window >= was[8], "a block of flash is lost"
        assert good >= was[6]
    if "tried" in had:
        assert running == 0 and state in (kept.TRIAL, kept.CONFIRMED)
    if state == kept.CONFIRMED:
        assert (active, other, running) == (0, GOLDEN, 0)
    if state < kept.VERIFIED:
        assert (await ground.ask("update_activate"))[0] == REFUSED, "an image that is not verified is tried"
        whole = state == kept.RECEIVING and window == len(IMAGE)
        assert (await ground.ask("update_verify"))[0] == (COMPLETED if whole else REFUSED)


def ground_slot():
    return memoryview(slot_flash.cells)[: len(IMAGE)]


async def the_file(ground, had):
    with open("/files/a", "rb") as file:
        found = file.read()
    assert found in (OLD, NEW), len(found)
    assert found == NEW or "file" not in had
    session, state, base, bits = await ground.open("a", NEW)
    if state == upload.DONE:
        assert found == NEW
        return
    here = known(base, bits)  # also when it was renamed, and the record does not know that yet
    assert state == upload.RECEIVING and had.get("blocks", here) <= here, "an acknowledged block is lost"
    for index in ORDER:
        if index not in here:
            await ground.block(session, index, NEW)
    await ground.does("file_close")
    with open("/files/a", "rb") as file:
        assert file.read() == NEW
    assert os.listdir("/files") == ["a"], os.listdir("/files")


async def the_housekeeping(ground, had):
    await ground.does("store_flush")
    found = []
    for name in sorted(os.listdir("/log")):
        with open("/log/" + name, "rb") as file:
            data = file.read()
        entries = log.unpack(data)
        assert sum([len(entry) + log.OVERHEAD for _, entry in entries]) == len(data), "a torn entry"
        table = ground.board.table
        for sequence, entry in entries:
            assert struct.unpack_from(">I", entry, 0)[0] == table.hash and len(entry) == ENTRY_HEAD + table.size
            found.append(sequence)
    assert found == list(range(len(found))) and len(found) >= had.get("staged", 9), found


print(power_cuts.every_cut(scenario, check, before, root="/", blocks=96, slots=2 * SLOT_BYTES))
