# Puts a unix-port process on the virtual board's clock for tests/unit.
import twin
from twin import ioqueue

ioqueue.install()


def before_case():
    import asyncio

    twin.bench()
    asyncio.new_event_loop()  # tasks that the case before left behind do not run in this one
