# EPS: its dictionary (DESIGN, rule 6). Shapes of the entries: core/*_table.py.
# Boards do not carry it: eps/compact.py is made from it.
from core.command_table import COMMANDS
from core.dictionary import Dictionary
from core.event_table import ERROR, EVENTS, WARNING
from core.parameter_table import PARAMETERS
from core.system_table import SYSTEM

from eps.event_table import EVENTS as OWN_EVENTS
from eps.hk import HK
from eps.parameter_table import PARAMETERS as OWN_PARAMETERS

DICTIONARY = Dictionary(
    "eps",
    HK,
    parameters=PARAMETERS + OWN_PARAMETERS,
    events=EVENTS + OWN_EVENTS,
    commands=COMMANDS + (),
    limits=(
        # field, lowest, highest, persistence s, hysteresis, severity, action: core/limits.py
        ("battery_v", 6500, 8400, 40, 100, ERROR, None),
        ("battery_t", 0, 4500, 60, 200, WARNING, None),        # what the cells may be charged at
        ("board_t", -2000, 7000, 60, 300, WARNING, None),
        ("soc", 2500, None, 60, 500, WARNING, None),
        ("model_error", -600, 600, 900, 200, WARNING, None),   # the pack is not what the estimator takes it for
        ("loads_tripped", None, 0, 60, 0, WARNING, None),
        ("loads_stuck", None, 0, 40, 0, ERROR, None),
        ("not_answering", None, 0, 60, 0, WARNING, None),
    ),
    sets=(SYSTEM,),
)
