"""duplicate_row.py ROOT COMPILER...: a second row for the same state and event must not compile; the table as it is must."""
import subprocess
import sys
import tempfile
from pathlib import Path

root, *compiler = sys.argv[1:]
core = Path(root) / "orchestrator" / "core"


def compiles(extra: str) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "orchestrator" / "core"
        copy.mkdir(parents=True)
        for name in ("upgrade_fsm.c", "upgrade_fsm.h"):
            (copy / name).write_text((core / name).read_text())
        (copy / "upgrade_fsm.def").write_text((core / "upgrade_fsm.def").read_text() + extra)
        command = [*compiler, "-fsyntax-only", "-D_GNU_SOURCE", f"-I{folder}", f"-I{root}", str(copy / "upgrade_fsm.c")]
        return subprocess.run(command, capture_output=True).returncode == 0


if not compiles(""):
    sys.exit("the table does not compile")
if compiles('MOVE(LOST, CANCEL, FAILED, 0, "a second row for the same")\n'):
    sys.exit("a second row for LOST, CANCEL compiles")
