# Sensor board: its dictionary (DESIGN, rule 6). Shapes of the entries: core/*_table.py.
from core.command_table import COMMANDS
from core.dictionary import Dictionary
from core.event_table import EVENTS
from core.parameter_table import PARAMETERS

from sensor.hk import HK

DICTIONARY = Dictionary(
    "sensor",
    HK,
    parameters=PARAMETERS + (),
    events=EVENTS + (),
    commands=COMMANDS + (),
    limits=(),
)
