# Sensor board: its dictionary (DESIGN, rule 6). Shapes of the entries: core/*_table.py.
# Boards do not carry it: sensor/compact.py is made from it.
from core.command_table import COMMANDS
from core.dictionary import Dictionary
from core.event_table import EVENTS, WARNING
from core.parameter_table import PARAMETERS
from core.system_table import SYSTEM

from sensor.event_table import EVENTS as OWN_EVENTS
from sensor.hk import HK
from sensor.parameter_table import PARAMETERS as OWN_PARAMETERS

DICTIONARY = Dictionary(
    "sensor",
    HK,
    parameters=PARAMETERS + OWN_PARAMETERS,
    events=EVENTS + OWN_EVENTS,
    commands=COMMANDS + (),
    limits=(
        # field, lowest, highest, persistence s, hysteresis, severity, action: core/limits.py
        ("board_t", -3000, 7000, 60, 300, WARNING, None),
        ("payload_t", -2000, 6000, 60, 300, WARNING, None),
        ("rate_x", -30_000, 30_000, 60, 2_000, WARNING, None),
        ("rate_y", -30_000, 30_000, 60, 2_000, WARNING, None),
        ("rate_z", -30_000, 30_000, 60, 2_000, WARNING, None),
        ("not_answering", None, 0, 10, 0, WARNING, "hk_now"),  # so that the ground sees which, at once
    ),
    sets=(SYSTEM,),
)
