"""Set-up on machines that lack something: what is done, and what is said when it cannot be done."""

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from dragonet import paths

SETUP = paths.HOST_TOOLS / "setup"


@pytest.fixture
def machine(tmp_path: Path):
    """machine(programs) is a PATH with basic tools and these programs (name: shell text)."""

    def make(**programs: str) -> dict[str, str]:
        folder = tmp_path / "bin"
        folder.mkdir()
        for tool in ("bash", "env", "dirname", "mktemp", "rm", "tail", "mkdir", "flock", "cat", "grep"):
            found = shutil.which(tool)
            assert found is not None
            (folder / tool).symlink_to(found)
        for name, text in programs.items():
            path = folder / name.replace("_", "-")
            path.write_text("#!/bin/bash\n" + text)
            path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return {"PATH": str(folder), "LOG": str(tmp_path / "log")}

    return make


def run(script: str, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["bash", str(SETUP / script), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)


JUDGES = "direwolf multimon-ng sox tshark nodejs npm"
INSTALL = f"apt-get install -y --no-install-recommends {JUDGES}"


def test_root_installs_the_judges(machine):
    environment = machine(id="echo 0", apt_get='echo "$DEBIAN_FRONTEND $*" >>"$LOG"')
    result = run("judges.sh", environment)
    assert result.returncode == 0, result.stderr
    log = Path(environment["LOG"]).read_text()
    assert log.startswith("noninteractive ") and f"install -y --no-install-recommends {JUDGES}" in log
    assert "update" not in log


def test_an_old_package_list_is_renewed(machine):
    apt = 'echo "$*" >>"$LOG"; [[ "$*" != *install* ]] || grep -q update "$LOG"'
    environment = machine(id="echo 0", apt_get=apt)
    assert run("judges.sh", environment).returncode == 0
    calls = Path(environment["LOG"]).read_text().splitlines()
    assert [call.split()[3] for call in calls] == ["install", "update", "install"]


def test_another_user_installs_with_sudo(machine):
    sudo = 'echo "sudo $*" >>"$LOG"; shift; [ "$1" = true ] || exec "$@"'
    environment = machine(id="echo 1000", apt_get="exit 0", sudo=sudo, true="exit 0")
    assert run("judges.sh", environment).returncode == 0
    assert "sudo -n env DEBIAN_FRONTEND=noninteractive apt-get" in Path(environment["LOG"]).read_text()


def test_without_sudo_the_exact_command_is_named(machine):
    result = run("judges.sh", machine(id="echo 1000", apt_get="exit 0", sudo="exit 1"))
    assert result.returncode == 2
    assert f"Run:  sudo apt-get update && sudo {INSTALL}" in result.stderr


def test_without_apt_the_packages_are_named(machine):
    result = run("judges.sh", machine(id="echo 0"))
    assert result.returncode == 2
    assert JUDGES in result.stderr and "no apt-get" in result.stderr


def test_a_failing_apt_shows_why(machine):
    result = run("judges.sh", machine(id="echo 0", apt_get="echo 'E: no network' >&2; exit 100"))
    assert result.returncode == 2
    assert "E: no network" in result.stderr and INSTALL in result.stderr


def test_judges_that_are_there_are_left_alone(machine):
    result = run("judges.sh", machine(atest="", multimon_ng="", sox="", tshark="", node="", npm=""))
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_an_old_python_is_named(machine):
    result = run("venv.sh", machine(python3='[ "$1" != --version ] || echo Python 3.9.2; exit 1'), "run")
    assert result.returncode == 2
    assert "python 3.11 or newer is needed; python3 is Python 3.9.2" in result.stderr
