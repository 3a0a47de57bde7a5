# How the housekeeping of every board begins: the one table (DESIGN, rule 6). The rest: <role>/hk.py.
# Boards do not carry it: core/compact.py is made from it.

# How every board's table starts; core fills these.
COMMON = (
    ("seq", "u16", "", 1, "counts packets of housekeeping since boot"),
    ("uptime_s", "u32", "s", 1, "time since boot"),
    ("mission_s", "u32", "s", 1, "powered time since separation"),
    ("mode", "u8", "", 1, "spacecraft mode, index into MODES"),
    ("boots", "u16", "", 1, "boots since the board was made"),
    ("reset_cause", "u8", "", 1, "machine.reset_cause() of this boot"),
    ("failed_task", "u8", "", 1, "task that failed last, in order of registration; kept through resets"),
    ("restarts", "u16", "", 1, "task restarts since boot"),
    ("faults", "u16", "", 1, "faults survived since boot: storage, configuration, buses"),
    ("limits", "u16", "", 1, "limits that are exceeded: bit k, limit k"),
    ("last_event", "u8", "", 1, "newest event that was a warning or an error; kept through resets"),
    ("slot", "u8", "", 1, "what runs: 0 slot a, 1 slot b, 2 the golden app"),
    ("update", "u8", "", 1, "0 idle, 1 receiving, 2 verified, 3 trial, 4 confirmed"),
    ("params", "u16", "", 1, "hash of the parameters in force: core/params.py"),
    ("next_seq", "u32", "", 1, "next sequence of key slot 0; not available while the slot is closed"),
    ("commands", "u16", "", 1, "commands done since boot"),
    ("refused", "u16", "", 1, "commands refused or failed since boot"),
)
