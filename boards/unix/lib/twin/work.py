# What the firmware computes takes time as well. Beside an emulated board, the functions of this table are charged what
# they take on its processor, besides the transfers in them (host_tools/dragonet/flatsat/costs.py has the figures).
import twin

# board or all, module, class or none, function, cost, and how many of it one call is
_WORK = (
    ("", "core.board", "Board", "__init__", "work_board", lambda *_: 1),
    ("", "core.services", "", "attach", "work_services", lambda board: 1),
    ("", "%s.app", "", "start", "work_app", lambda board: 1),
    ("", "core.board", "Board", "pack_hk", "work_hk", lambda *_: 1),
    ("", "core.telemetry", "Set", "pack_into", "work_hk_value", lambda table, buffer, values, *_: len(values)),
    ("", "csp.output", "Output", "_fill", "work_csp_send", lambda *_: 1),
    ("beacon", "beacon.text", "Texts", "frame_into", "work_text", lambda *_: 1),
    ("beacon", "beacon.ax25", "Frame", "close", "work_ax25_byte", lambda frame, info_size: info_size),
)


def install(role, costs):
    """Before the firmware makes its objects."""
    for board, module, owner, name, cost, count in _WORK:
        if board in ("", role):
            if "%" in module:
                module = module % role
            found = __import__(module, None, None, (owner or name,))
            if owner:
                found = getattr(found, owner)
            setattr(found, name, _charged(getattr(found, name), costs[cost], count))


def _charged(function, us, count):
    def charged(*args, **settings):
        result = function(*args, **settings)
        twin.board.kernel.compute(us * count(*args))
        return result

    return charged
