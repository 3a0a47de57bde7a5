# Wires of one board: each has a level, somebody who drives it and those who watch it.


class Wire:
    """level: 0 or 1. The processor drives it through machine.Pin, a device model through drive()."""

    def __init__(self, number, board):
        self.number = number
        self.level = 0
        self._board = board
        self._watchers = []
        self.pin_irq = None  # set by machine.Pin: called with the new level
        self.driven = False  # by the processor, since power-on
        self.attached = False  # a device model of this board listens: its changes need not reach the hub

    def watch(self, function):
        """Device side: function(level) whenever the processor changes the level."""
        self.attached = True
        self._watchers.append(function)

    def drive(self, level):
        """Device side: set the level; an edge may interrupt the processor."""
        if level != self.level:
            self.level = level
            if self.pin_irq is not None:
                self.pin_irq(level)

    def set(self, level):
        """Processor side."""
        if level == self.level and self.driven:
            return
        self.level = level
        self.driven = True
        if self.attached:
            for function in self._watchers:
                function(level)
        else:
            self._board.pin_left(self.number, level)
        if self.pin_irq is not None:
            self.pin_irq(level)
