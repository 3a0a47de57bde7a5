# Runs this board: core/start.py. What goes wrong before the core runs ends in a reset, never at the prompt.
import sys
import time
import machine

_PAUSE_MS = 10_000

try:
    import parts
    import pins
    from core.start import start

    board = start(parts, pins)
except Exception as error:
    sys.print_exception(error)
    time.sleep_ms(_PAUSE_MS)
    machine.reset()
board.run()
