# Beacon: its dictionary (DESIGN, rule 6). Shapes of the entries: core/*_table.py.
# Boards do not carry it: beacon/compact.py is made from it.
from core.command_table import COMMANDS
from core.dictionary import Dictionary
from core.event_table import EVENTS, WARNING
from core.parameter_table import PARAMETERS
from core.system_table import SYSTEM

from beacon.event_table import EVENTS as OWN_EVENTS
from beacon.hk import HK
from beacon.parameter_table import PARAMETERS as OWN_PARAMETERS

DICTIONARY = Dictionary(
    "beacon",
    HK,
    parameters=PARAMETERS + OWN_PARAMETERS,
    events=EVENTS + OWN_EVENTS,
    commands=COMMANDS + (),
    limits=(
        # field, lowest, highest, persistence s, hysteresis, severity, action: core/limits.py
        ("supply_v", 6400, None, 40, 200, WARNING, None),
        ("pa_t", -3000, 8000, 40, 500, WARNING, None),
    ),
    sets=(SYSTEM,),
)
