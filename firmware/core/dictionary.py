# A board's dictionary: everything it can tell and be told, in one object that flight code and host tools share
# (DESIGN, rule 6). <role>/dictionary.py makes DICTIONARY from the core's tables and the app's own.


class Dictionary:
    """role; hk: telemetry.Set; parameters, events, commands, limits: tuples as core/*_table.py shows, core's first."""

    def __init__(self, role, hk, parameters=(), events=(), commands=(), limits=()):
        self.role = role
        self.hk = hk
        self.parameters = tuple(parameters)
        self.events = tuple(events)
        self.commands = tuple(commands)
        self.limits = tuple(limits)
