"""A board whose program stops is bitten by its watchdog, whatever the others do."""

from dragonet.bench.measure import Check
from dragonet.flatsat.board_files import board_module
from hil.rig import NotPossible, Rig

BOOT_S = 6.0
WDT_RESET = 3


def test_a_board_that_hangs_recovers_by_its_watchdog(rig: Rig, check: Check) -> None:
    """Its program is stopped; nobody on the bench feeds it. It is back within the watchdog's time and a boot."""
    check.notes += rig.left_out
    for role in rig.turns:
        before = {one: rig.told(one)["boots"].value for one in rig.roles}
        bite_s = board_module(role, "parts").WDT_MS / 1000
        hung_s = rig.now_s
        try:
            rig.hang(role)
        except NotPossible as error:
            if role == rig.turns[-1] and not check.measurements:
                raise
            check.notes.append(f"{role}: {error}")
            continue
        back_s = rig.until_heard(role, hung_s + 1.5, bite_s + BOOT_S)
        silence = None if back_s is None else back_s + 1.5
        check.measure("silent for", silence, "s", bite_s - 2.5, bite_s + BOOT_S, role)
        rig.wait(2.5)
        told = rig.told(role)
        check.measure("reset cause, watchdog", told["reset_cause"].value, "", WDT_RESET, WDT_RESET, role)
        check.measure("boots", told["boots"].value, "", before[role] + 1, before[role] + 1, role)
        for other in rig.roles:
            if other != role:
                check.measure(f"{other} stayed", rig.told(other)["boots"].value, "", before[other], before[other], role)
