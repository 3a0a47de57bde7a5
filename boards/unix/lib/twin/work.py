# What the firmware computes takes time as well. Beside an emulated board, the functions of this table are charged what
# they take on its processor, besides the transfers in them (host_tools/dragonet/flatsat/costs.py has the figures).
import twin

# board or all, module, class or none, function, cost, and how many of it one call is
_WORK = (
    ("", "core.board", "Board", "__init__", "work_board", lambda *_: 1),
    ("", "drivers.fram", "FRAM", "read_into", "work_fram_read_16", lambda fram, address, buffer: len(buffer) // 16),
    ("", "core.record", "Record", "_read", "work_record_read", lambda *_: 1),
    ("", "core.record", "Record", "_read", "work_blank_byte", lambda record, copy: _blank(record)),
    ("", "core.record", "Record", "save", "work_record_save", lambda *_: 1),
    ("", "core.ring", "Ring", "_look", "work_ring_look", lambda *_: 1),
    ("", "core.ring", "Ring", "append", "work_ring_append", lambda *_: 1),
    ("", "core.events", "Events", "_remember", "work_event", lambda *_: 1),
    ("", "core.log", "Log", "open", "work_log_open", lambda *_: 1),
    ("", "%s.app", "", "start", "work_boot_%s", lambda board: 1),
    ("", "core.board", "Board", "pack_hk", "work_hk", lambda *_: 1),
    ("", "core.telemetry", "Set", "pack_into", "work_hk_value", lambda table, buffer, values, *_: len(values)),
    ("", "csp.output", "Output", "_fill", "work_csp_send", lambda *_: 1),
    ("", "drivers.mcp2515_send", "Sender", "_find_place", "work_can_send", lambda *_: 1),
    ("", "drivers.mcp2515_state", "Watched", "_look", "work_can_look", lambda *_: 1),
    ("", "drivers.mcp2515_send", "Sender", "_next_sent", "work_can_sent_%s", lambda *_: 1),
    ("eps", "eps.battery", "Battery", "update", "work_power_tick", lambda *_: 1),
    ("beacon", "beacon.text", "Texts", "_raw", "work_text_value", lambda *value: 1 if _lines(*value) else 0),
    ("beacon", "beacon.text", "Texts", "_raw", "work_text_line", lambda *value: _lines(*value)),
    ("beacon", "beacon.morse", "Keyer", "fill", "work_cw_byte", lambda keyer, buffer: len(buffer)),
    ("beacon", "beacon.afsk", "Modulator", "fill", "work_afsk_byte", lambda modulator, buffer: len(buffer)),
    ("beacon", "drivers.sx1278", "SX1278", "_read", "work_radio_register", lambda *_: 1),
    ("beacon", "drivers.sx1278", "SX1278", "_write", "work_radio_register", lambda *_: 1),
    ("beacon", "beacon.ax25", "Frame", "close", "work_ax25_byte", lambda frame, info_size: info_size),
)

# As above, of what ends with a packet or begins a board's time: charged before it.
_BEFORE = (
    ("", "core.events", "Events", "__init__", "work_events", lambda *_: 1),
    ("", "core.time_sync", "Time", "__init__", "work_time_%s", lambda *_: 1),
    ("", "core.time_sync", "Time", "second", "work_second", lambda *_: 1),
)


def install(role, costs):
    """Before the firmware makes its objects."""
    for rows, wrap in ((_WORK, _charged), (_BEFORE, _charged_before)):
        for board, module, owner, name, cost, count in rows:
            if board in ("", role):
                if "%" in module:
                    module = module % role
                if "%" in cost:
                    cost = cost % role
                found = __import__(module, None, None, (owner or name,))
                if owner:
                    found = getattr(found, owner)
                setattr(found, name, wrap(getattr(found, name), costs[cost], count))


def _lines(texts, role, field):
    # Lines of a table that are passed to find a value, 0 when it is not told.
    return texts._tables[role].index(field) + 1 if role in texts._tables and texts._fresh(role) else 0


def _blank(record):
    # Bytes that were looked at one by one, to tell that nothing was ever written there.
    return len(record._frame) if record._check()[0] in (0, 0xFF) else 0


def _charged(function, us, count):
    def charged(*args, **settings):
        result = function(*args, **settings)
        twin.board.kernel.compute(us * count(*args))
        return result

    return charged


def _charged_before(function, us, count):
    def charged(*args, **settings):
        twin.board.kernel.compute(us * count(*args))
        return function(*args, **settings)

    return charged
