"""A file to a board that flies in real time and back, by python-can: up over socketcand, down over slcan."""

import json
import random
import subprocess
from pathlib import Path

from interop.flying import DRAGONET, ENV, Flying

SIZE = 6_000


def dragonet(*arguments: str) -> dict:
    run = subprocess.run(
        [*DRAGONET, *arguments, "--json"], capture_output=True, text=True, timeout=90, env=ENV, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return json.loads(run.stdout)


def test_a_file_goes_up_by_one_bus_server_and_comes_back_by_the_other(tmp_path: Path) -> None:
    key, file, back = tmp_path / "ops.key", tmp_path / "table.bin", tmp_path / "back.bin"
    subprocess.run([*DRAGONET, "key", "new", str(key)], check=True, env=ENV, capture_output=True)
    file.write_bytes(random.Random(1).randbytes(SIZE))
    flying = Flying(tmp_path / "out", keys=(key,))
    try:
        sent = dragonet("file", "put", "eps", str(file), "--key", str(key), "--via", flying.via("socketcand"))
        assert sent["bytes"] == SIZE
        got = dragonet("file", "get", "eps", "table.bin", str(back), "--via", flying.via("slcan"))
        assert got["bytes"] == SIZE and back.read_bytes() == file.read_bytes()
        found = dragonet("file", "ls", "eps", "--via", flying.via("slcan"))
        assert {"name": "table.bin", "size": SIZE} in found["files"] and 0 < found["free"] < found["total"]
    finally:
        if flying.process.poll() is None:
            flying.process.kill()
