# Runs this board: core/start.py. What goes wrong before the core runs ends in a reset, never at the prompt; that is
# reached only on the bench, by the ways that guard.py knows.
import sys
import time
import guard
import machine

_PAUSE_MS = 5_000  # the guard's watchdog is not fed

if not guard.safe:
    try:
        if guard.error is not None and guard.running != guard.GOLDEN:
            raise guard.error  # the slot is not all there: its boots are counted
        import parts
        import pins
        from core.start import start

        board = start(parts, pins)
    except Exception as error:
        sys.print_exception(error)
        time.sleep_ms(_PAUSE_MS)
        machine.reset()
    board.run()
