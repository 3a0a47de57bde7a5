# A board's dictionary: everything it can tell and be told, in one object that flight code and host tools share
# (DESIGN, rule 6). <role>/dictionary.py makes DICTIONARY from the core's tables and the app's own; <role>/compact.py
# makes the same for the board, which keeps less of it: core/lines.py.
#
# Its hash is in every heartbeat: two that agree on it read each other's bytes alike. `dragonet generate all` writes
# what others need of it, and finds what is wrong in it.
from core.telemetry import hash_of


class Dictionary:
    """role; hk: telemetry.Set; parameters, events, commands: tuples as core/*_table.py shows, core's first; limits: as
    core/limits.py shows.

    sets: telemetry.Sets by number; 0 is hk, the others are packed on request. hash: None: found when it is asked for.
    """

    def __init__(self, role, hk, parameters=(), events=(), commands=(), limits=(), sets=(), hash=None):
        self.role = role
        self.hk = hk
        self.sets = (hk,) + tuple(sets)
        self.parameters = parameters
        self.events = events
        self.commands = commands
        self.limits = limits
        self._hash = hash

    @property
    def hash(self):
        """CRC-32 of the canonical text."""
        if self._hash is None:
            self._hash = hash_of(self.lines())
        return self._hash

    def lines(self):
        """The canonical text, line by line: what both ends must agree on. Descriptions may be reworded."""
        for each in self.sets:
            yield from each.lines()
        for name, kind, unit, scale, lowest, highest, default, risky, _ in self.parameters:
            yield "parameter %s %s %g %s %s %s %s %d" % (name, kind, scale, unit, lowest, highest, default, risky)
        for number, name, severity, a, b, _ in self.events:
            yield "event %d %s %d %s, %s" % (number, name, severity, a, b)
        for opcode, name, arguments, flags, _ in self.commands:
            yield "command %d %s %d" % (opcode, name, flags)
            for argument, kind, unit, scale, lowest, highest in arguments:
                yield "argument %s %s %g %s %s %s" % (argument, kind, scale, unit, lowest, highest)
        for field, lowest, highest, persistence_s, hysteresis, severity, action in self.limits:
            if isinstance(action, tuple):
                action = " ".join([str(word) for word in action])
            yield "limit %s %s %s %d %d %d %s" % (
                field, lowest, highest, persistence_s, hysteresis, severity, action
            )
