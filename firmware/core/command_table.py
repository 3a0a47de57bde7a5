# Commands of the core: the one table (DESIGN, rule 6). Apps have theirs in <role>/dictionary.py, from FIRST_OF_APP on.
#
# The opcode is the first byte of a command; its arguments follow, packed big-endian without gaps: core/commands.py.
from micropython import const

FIRST_OF_APP = const(0x80)
READ = const(1)  # flag: changes nothing, so whoever is on the bus may ask

# Opcodes: 0x00 core, 0x10 parameters, 0x20 schedule, 0x30 time, 0x40 files, 0x50 update, 0x60 keys.
COMMANDS = (
    # opcode, name, ((argument, type, unit, scale, lowest, highest), ...), flags, description
)
