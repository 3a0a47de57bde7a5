# Commands of the core: the one table (DESIGN, rule 6). Apps have theirs in <role>/dictionary.py, from FIRST_OF_APP on.
# Boards do not carry it: core/compact.py is made from it.
#
# The opcode is the first byte of a command; its arguments follow, packed as core/arguments.py says.
from core.command_codes import ABSENT, ACCEPTED, AHEAD, ARGUMENT, BUSY, CLOSED, COMPLETED, CONTENT  # noqa: F401
from core.command_codes import COUNTED, ERROR, FAILED, FORGED, FORM, LENGTH, NOT_FOUND, NO_KEY, NO_ROOM  # noqa: F401
from core.command_codes import OLD, OPCODE, READ, REFUSED, REPEATED, SLOT_RECOVER, SLOT_STATUS, STATE  # noqa: F401
from core.command_codes import STORAGE, TIMEOUT, TOO_MANY, UNSIGNED
from micropython import const

FIRST_OF_APP = const(0x80)

# Opcodes: 0x00 core, 0x10 parameters, 0x20 schedule, 0x30 time, 0x40 files, 0x50 update, 0x60 keys.
COMMANDS = (
    # opcode, name, ((argument, type, unit, scale, lowest, highest), ...), flags, description
    (0x00, "noop", (("data", "bytes", "", 1, 0, 64),), READ, "nothing; the reply carries the same bytes"),
    (0x01, "reset", (), 0, "reset the board after the reply has left"),
    (0x02, "tm_get", (("set", "u8", "", 1, 0, 7),), READ, "a set of telemetry, packed now: 0 housekeeping, 1 system"),
    (0x03, "hk_now", (), 0, "broadcast housekeeping within a second"),
    (0x04, "event_counts", (("first", "u8", "", 1, 0, 254),), READ, "how often each event happened since boot"),
    (0x05, "event_read", (("sequence", "u32", "", 1, None, None),), READ, "events from a sequence on, up to ten"),
    (0x06, "limit_state", (), READ, "which limits are exceeded, which are off"),
    (0x07, "limit_enable", (("limit", "u8", "", 1, 0, 15), ("on", "u8", "", 1, 0, 1)), 0, "switch a limit on or off"),
    (0x10, "param_list", (("first", "u8", "", 1, None, None),), READ, "values from a position on: core/params.py"),
    (0x11, "param_get", (("name", "text", "", 1, 1, 24),), READ, "value i32, flags u8: core/params.py"),
    (0x12, "param_set", (("value", "i32", "", 1, None, None), ("name", "text", "", 1, 1, 24)), 0,
     "another value; a risky one is taken back unless it is confirmed within 600 s"),
    (0x13, "param_default", (("name", "text", "", 1, 0, 24),), 0, "the default of one, without a name of all"),
    (0x14, "param_confirm", (), 0, "keep the risky changes"),
    (0x15, "param_revert", (), 0, "take back the risky changes that were not confirmed"),
    (0x20, "schedule_add", (
        ("number", "u8", "", 1, 1, None),
        ("kind", "u8", "", 1, 0, 2),
        ("flags", "u8", "", 1, 0, 3),
        ("event", "u8", "", 1, None, None),
        ("value", "u8", "", 1, None, None),
        ("due", "u32", "s", 1, None, None),
        ("period", "u32", "s", 1, None, None),
        ("times", "u16", "", 1, None, None),
        ("command", "bytes", "", 1, 1, 25),
    ), 0, "run a command at a time, a mission time or after an event: core/schedule.py"),
    (0x21, "schedule_delete", (("number", "u8", "", 1, None, None),), 0, "delete an entry, 0: all"),
    (0x22, "schedule_enable", (("number", "u8", "", 1, 1, None), ("on", "u8", "", 1, 0, 1)), 0, "an entry off or on"),
    (0x23, "schedule_read", (("after", "u8", "", 1, None, None),), READ, "the next four entries after a number"),
    (0x24, "sequence_store", (
        ("number", "u8", "", 1, 1, None),
        ("flags", "u8", "", 1, 0, 1),
        ("steps", "bytes", "", 1, 0, 118),
    ), 0, "keep a sequence of commands: core/sequences.py; without steps: delete it"),
    (0x25, "sequence_read", (("number", "u8", "", 1, 1, None),), READ, "flags and steps of a stored sequence"),
    (0x26, "sequence_list", (), READ, "number, bytes and steps done (255: not running) of every sequence"),
    (0x27, "sequence_run", (("number", "u8", "", 1, 1, None),), 0, "start a stored sequence"),
    (0x28, "sequence_stop", (("number", "u8", "", 1, None, None),), 0, "stop a sequence that runs, 0: all"),
    (0x30, "time_get", (), READ, "time and the state of its synchronisation: core/README.md"),
    (0x31, "time_set", (
        ("seconds", "u32", "s", 1, None, None),
        ("microseconds", "u32", "us", 1, 0, 999_999),
        ("restart", "u8", "", 1, 0, 1),
    ), 0, "the time at the arrival of this; more than a minute back only with restart; returns the correction"),
    (0x40, "file_list", (("folder", "u8", "", 1, 0, 1), ("start", "u16", "", 1, None, None)), READ,
     "names and sizes of files from the start-th on; folder 0 files, 1 log"),
    (0x41, "file_open", (("size", "u32", "B", 1, 1, 0xFFFF * 185), ("hash_name", "bytes", "", 1, 33, 64)), 0,
     "a file of this size, SHA-256 and name comes, or goes on"),
    (0x42, "file_block", (
        ("session", "u8", "", 1, None, None),
        ("index", "u16", "", 1, None, None),
        ("data", "bytes", "B", 1, 1, 185),
    ), 0, "a block of the file"),
    (0x43, "file_status", (), READ, "which blocks are here"),
    (0x44, "file_close", (), 0, "compare the hash and give the file its name"),
    (0x45, "file_get", (
        ("gap", "u16", "ms", 1, 0, 2000),
        ("base", "u16", "", 1, None, None),
        ("wanted_name", "bytes", "", 1, 9, 44),
    ), READ, "send the blocks base + k with bit k of the first 8 bytes, so many ms apart"),
    (0x46, "file_hash", (("name", "text", "", 1, 1, 36),), READ, "size and SHA-256 of a file"),
    (0x47, "file_delete", (("name", "text", "", 1, 1, 36),), 0, "delete a file"),
    (0x48, "store_status", (), READ, "housekeeping on flash and in FRAM, room on the file system"),
    (0x49, "store_flush", (), 0, "move the housekeeping in FRAM to flash now"),
    (0x4A, "scrub_start", (), 0, "verify and mend all that is stored, now"),
    (0x4B, "scrub_status", (), READ, "u16 rounds, u16 mended, u16 broken since boot, u8 1 = under way"),
    (0x50, "update_status", (), READ, "what the update is doing"),
    (0x51, "update_begin", (("manifest", "bytes", "", 1, 107, 107),), 0, "an image for the free slot comes"),
    (0x52, "update_block", (("offset", "u32", "B", 1, None, None), ("data", "bytes", "", 1, 1, 128)), 0,
     "a block of the image"),
    (0x53, "update_keep", (("offset", "u32", "B", 1, None, None), ("crc", "u32", "", 1, None, None)), 0,
     "the slot holds this erase block already"),
    (0x54, "update_verify", (), 0, "read the slot back and compare its hash"),
    (0x55, "update_activate", (), 0, "reset into the trial of the verified image"),
    (0x56, "update_confirm", (), 0, "keep what runs on trial"),
    (0x57, "update_abort", (), 0, "end the update; a trial ends with a reset"),
    (0x58, "update_choose", (("slot", "u8", "", 1, None, None),), 0,
     "reset into a slot that was confirmed once, or into golden: 255"),
    (0x59, "update_push", (("node", "u8", "", 1, 1, 30), ("path", "text", "", 1, 1, 64)), 0,
     "send an image that lies here as a file to another board"),
    (0x5A, "update_board", (), READ, "what an image must fit"),
    (SLOT_STATUS, "slots", (), READ, "of each key slot: state u8, generation u16, next sequence u32, challenge 8 B"),
    (0x61, "refusals", (), READ, "commands done u32, refused u32, then refused for each reason u16, from 0 on"),
    (SLOT_RECOVER, "slot_recover", (("next", "u32", "", 1, 0, 0xFFFF0000), ("challenge", "bytes", "", 1, 8, 8)), 0,
     "open the closed slot that signs this, which goes on with sequence `next`"),
    (0x63, "key_rotate", (("slot", "u8", "", 1, 0, 3), ("generation", "u16", "", 1, 1, 65_534)), 0,
     "replace a slot's key by one made from the key that signs this"),
)

STATUSES = ("accepted", "completed", "refused", "failed")

REASONS = (
    # number, name, meaning
    (FORM, "form", "too short for a command, or to all"),
    (OPCODE, "opcode", "this board knows no such command"),
    (UNSIGNED, "unsigned", "it needs a signature"),
    (NO_KEY, "no_key", "the slot has no key here"),
    (CLOSED, "closed", "the slot is closed: recover it by its challenge"),
    (FORGED, "forged", "the MAC is wrong"),
    (REPEATED, "repeated", "this sequence was used before"),
    (OLD, "old", "the sequence is below the window"),
    (AHEAD, "ahead", "the sequence is too far ahead"),
    (TOO_MANY, "too_many", "too many wrong MACs this second: not looked at"),
    (LENGTH, "length", "the arguments are too short or too long"),
    (ARGUMENT, "argument", "an argument is out of its range"),
    (STATE, "state", "not in this state"),
    (BUSY, "busy", "something of the kind is still being done"),
    (NOT_FOUND, "not_found", "there is nothing of this name or number"),
    (NO_ROOM, "no_room", "no room"),
    (STORAGE, "storage", "the memory did not take it"),
    (CONTENT, "content", "what it carries is not acceptable"),
    (ABSENT, "absent", "the part or service that does it is not there"),
    (ERROR, "error", "it raised an exception"),
    (TIMEOUT, "timeout", "it took too long"),
)
