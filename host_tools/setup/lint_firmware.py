"""basedpyright on flight code with the boards' stubs, less what it cannot know of code without annotations."""

import json
import re
import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]

# Flight code has no typing: what is made as None, () or [None] * n holds something else later.
BEYOND = re.compile(
    "|".join(
        (
            r'for class "None"',
            r'to "None"',
            r'for class "tuple\[\(\)\]"',
            r'"Never" is not iterable',
            r'No overloads for "__setitem__"',
            r'"CAN" is not a known attribute of module "machine"',  # documented since 1.28, in no RP2 stub
            r'on type "_implementation"',  # MicroPython's sys.implementation is a tuple
            r'"CAN" is unknown import symbol',
            r'"VfsRom" is not a known attribute of module "vfs"',  # documented since 1.25, in no RP2 stub
        )
    )
)


def wrong_stubs(folder: Path) -> str:
    """What is wrong with the boards' stubs in `folder`, and the remedy; "" when they are the pinned ones."""
    pinned = re.search(r"^STUBS=(\S+)==(\S+)", (REPO / "host_tools/setup/venv.sh").read_text(), re.MULTILINE)
    if pinned is None:
        return "host_tools/setup/venv.sh pins no STUBS: name them, as micropython-rp2-stubs==VERSION"
    name, version = pinned.groups()
    infos = folder.glob(f"{name.replace('-', '_')}-*.dist-info")
    found = [path.name.split("-")[1].removesuffix(".dist") for path in infos]
    if found == [version]:
        return ""
    what = f"stubs {name} {' and '.join(found)}" if found else f"no stubs {name}"
    return f"{folder}: {what}, not the pinned {version}: rm -r {folder} .venv/dragonet-stamp && make setup-test"


def main() -> int:
    wrong = wrong_stubs(REPO / ".cache" / "typings_rp2")
    if wrong:
        print(f"flight code: {wrong}")
        return 1
    run = subprocess.run(
        [str(Path(sys.executable).with_name("basedpyright")), "-p", str(REPO / "firmware"), "--outputjson"],
        capture_output=True,
        text=True,
        cwd=REPO,
        check=False,
    )
    try:
        report = json.loads(run.stdout)
    except ValueError:
        print(run.stdout + run.stderr, file=sys.stderr)
        return 1
    errors = [
        entry
        for entry in report["generalDiagnostics"]
        if entry["severity"] == "error" and not BEYOND.search(entry["message"])
    ]
    for entry in errors:
        place = f"{Path(entry['file']).relative_to(REPO)}:{entry['range']['start']['line'] + 1}"
        print(f"{place}: {entry['message'].splitlines()[0]} ({entry.get('rule', 'syntax')})")
    checked = report["summary"]["filesAnalyzed"]
    print(f"flight code: {checked} files, {len(errors)} errors")
    return 1 if errors or not checked else 0


if __name__ == "__main__":
    sys.exit(main())
