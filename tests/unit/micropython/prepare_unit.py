# Puts a unix-port process on the virtual board's clock for tests/unit.
import twin


def before_case():
    twin.bench()
