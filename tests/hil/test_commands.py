"""Who may command: signatures, replay, forgery. Nothing here changes a board but its counters."""

from pathlib import Path

import pytest

from dragonet.bench.measure import Check
from dragonet.errors import NotDone
from dragonet.ground.commander import Refusal, command_line, unpack
from dragonet.ground.keys import KeyFile
from hil.rig import Rig

from core import ports  # isort: skip

PAYLOAD = b"bench"


def test_command_authentication(rig: Rig, check: Check, tmp_path: Path) -> None:
    """A signed command is done once; unsigned, repeated, altered or signed by another key it is refused and counted."""
    stranger = KeyFile.make(tmp_path / "stranger.key", rig.key.slot)
    check.notes += rig.left_out
    for role in rig.turns:
        before = _refused(rig, role)
        reply = rig.signed(role).call("noop", signed=True, data=PAYLOAD)
        check.measure("signed command", reply.status, board=role, wanted="completed")
        check.measure("its answer", reply.data.decode(), board=role, wanted=PAYLOAD.decode())

        commander = rig.signed(role)
        with pytest.raises(Refusal) as unsigned:
            _unsigned(rig, role, "hk_now")
        check.measure("unsigned", unsigned.value.reply.reason, board=role, wanted="unsigned")

        sport = rig.node().port()
        frame = commander.frame("hk_now", sport)
        check.measure("first time", _send(rig, role, frame, sport), board=role, wanted="completed")
        rig.signed(role).call("noop", signed=True, data=PAYLOAD)  # or it is a question whose answer was lost
        check.measure("repeated", _send(rig, role, frame, sport), board=role, wanted="repeated")

        sport = rig.node().port()
        frame = commander.frame("hk_now", sport)
        altered = frame[:-1] + bytes((frame[-1] ^ 1,))
        check.measure("one bit altered", _send(rig, role, altered, sport), board=role, wanted="forged")
        check.measure("from another port", _send(rig, role, frame, rig.node().port()), board=role, wanted="forged")

        rig.wait(1.5)  # too many wrong MACs in a second are not looked at
        sport = rig.node().port()
        other = stranger.sign(role, rig.node().address, ports.COMMAND, sport, rig.key.next(role) + 1, frame[-1:])
        check.measure("another's key", _send(rig, role, other, sport), board=role, wanted="forged")
        rig.wait(1.0)
        check.measure("refused commands counted", _refused(rig, role) - before, "", 5, 5, role)
        done = rig.signed(role).call("noop", signed=True, data=PAYLOAD).status
        check.measure("the owner commands on", done, board=role, wanted="completed")


def _send(rig: Rig, role: str, frame: bytes, sport: int) -> str:
    """The status, or the reason of a refusal; "" = no answer."""
    for one in rig.node().replies(ports.ADDRESSES[role], ports.COMMAND, frame, 1.0, sport):
        reply = unpack(one.data, one.data[0], int.from_bytes(one.data[1:5], "big"))
        if reply is not None and reply.status != "accepted":
            return reply.reason or reply.status
    return ""


def _unsigned(rig: Rig, role: str, command: str) -> None:
    """A command that needs a signature, without one."""
    commander = rig.commander(role)
    line = command_line(commander.dictionary, command)
    sport = rig.node().port()
    frame = bytes((255,)) + bytes(4) + bytes((line[0],))
    for one in rig.node().replies(ports.ADDRESSES[role], ports.COMMAND, frame, 1.0, sport):
        reply = unpack(one.data, line[0], 0)
        if reply is not None and not reply.done:
            raise commander.refusal(command, reply)
    raise NotDone(f"{role} did not answer")


def _refused(rig: Rig, role: str) -> int:
    return int.from_bytes(rig.commander(role).call("refusals").data[4:8], "big")
