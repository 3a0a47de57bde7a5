"""The flatsat: board processes in lockstep on virtual time, wires between them, and the world around them.

flight.py puts a flight together; outputs.py writes what it leaves.
hub.py is virtual time; virtual_board.py a board's process, with clocks.py; one_core.py keeps them on one core.
canbus.py and i2cbus.py are the buses; bus_log.py, pcapng.py and housekeeping.py keep what was heard on them.
rails.py, burn_wires.py and carrier.py are what boards switch: power, antennas, the transmitter.
scenario.py reads what flies; physics/ is the world, ships.py and ais_log.py what the AIS receiver hears.
devices/ are the chips, radio/ what a ground station hears, report/ the page.
pace.py, real_time.py, can_servers.py, slcan.py, socketcand.py: real time, and the bus open to other tools.
"""
