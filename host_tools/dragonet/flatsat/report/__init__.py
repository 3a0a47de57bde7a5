"""report.html of a flight: one file, nothing loaded from the network."""

from dragonet.flatsat.report.page import write_report

__all__ = ["write_report"]
