# Runs this board: core/start.py.
import parts
import pins
from core.start import start

start(parts, pins).run()
