"""Errors that a user can cause and can cure: the command line prints them as one line, without a traceback."""


class UserError(Exception):
    """Says what is wrong, where, and what to do about it, in one line."""


class NotDone(Exception):
    """What was asked reached its address and was not done, or nobody answered; one line. Exit code 1."""
