# What makes a build a bench build: core/services.py attaches this module where there is one. No flight image, slot
# image or package has it; a node that has it says so in its ident: revision "... +bench".
#
# It lets anyone on the bus reset the board, read and write its memory, set its routes and its clock.
import machine
from core import time_commands
from core.commands import Refused
from core.timescale import UNIX
from csp.bench_services import BenchServices


def attach(board):
    def set_clock(seconds, nanoseconds):
        if board.time is not None and seconds >= UNIX:
            try:
                time_commands.set_(board.time, seconds - UNIX, nanoseconds // 1000 % 1_000_000, 0)
            except Refused:
                pass  # far back: the reply tells what the clock says

    BenchServices(
        board.node,
        reboot=machine.reset,
        set_clock=set_clock,
        memory=getattr(machine, "mem8", None),  # the virtual board has none
    )
