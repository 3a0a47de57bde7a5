# Lines that run, by sys.settrace of the coverage build; coverage.py has the runner start it in each process.
#
# Report lines: {"file": path, "lines": [numbers]}
import json
import sys

_seen = {}
_tracers = {}
_written = {}  # how many of each file's lines were written


def start(folder):
    """From here on, lines of files below this folder are kept."""

    def called(frame, event, arg):
        name = frame.f_code.co_filename
        tracer = _tracers.get(name)
        if tracer is None:
            tracer = _tracers[name] = _of(name) if name.startswith(folder) else False
        if tracer:
            return tracer(frame, event, arg)

    sys.settrace(called)


def _of(name):
    seen = _seen[name] = set()

    def line(frame, event, arg):
        seen.add(frame.f_lineno)
        return line

    return line


def write(path):
    """Adds what was seen since the last time: after each case, so that one which hangs loses no other's lines."""
    with open(path, "a") as file:
        for name, seen in _seen.items():
            if len(seen) != _written.get(name):
                _written[name] = len(seen)
                file.write(json.dumps({"file": name, "lines": sorted(seen)}) + "\n")
