"""A document's session: its blocks of commands, taken out and run as they stand, and what it shows as their output, compared.

A block is what stands between "```sh" and "```"; a comment before it, <!-- material: NAME -->, makes it one of several to choose from. What follows
<!-- prints --> between "```text" and "```" is the output of the block before: "..." in a line is anything, a line of "..." alone any number of lines.
"""
import contextlib
import os
import re
import signal
import subprocess
import tempfile

from fleet import ROOT

PART = re.compile(r"(?:<!-- material: (?P<material>\w+) -->\n)?```sh\n(?P<commands>.*?)```\n|<!-- prints -->\n```text\n(?P<prints>.*?)```\n", re.DOTALL)
INHERITED = ("ASAN_OPTIONS", "UBSAN_OPTIONS")


class Block:
    def __init__(self, commands, material):
        self.commands, self.material, self.prints = commands, material, None


def blocks(document):
    """Its blocks in order."""
    found = []
    for part in PART.finditer((ROOT / document).read_text()):
        if part["prints"] is None:
            found.append(Block(part["commands"], part["material"]))
        else:
            assert found and found[-1].prints is None, f"{document}: whose output is this?\n{part['prints']}"
            found[-1].prints = part["prints"]
    return found


def run(script, folder, seconds, path, **environment):
    """One shell for all of it, which ends at the first command that fails; what it left running ends with it."""
    environment = {"PATH": f"{path}:{os.environ['PATH']}", "HOME": str(folder), "LC_ALL": "C.UTF-8",
                   **{name: os.environ[name] for name in INHERITED if name in os.environ}, **environment}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        shell = subprocess.Popen(["bash", "-c", "set -eux -o pipefail\n" + script], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=errors,
                                 start_new_session=True)
        try:
            shell.wait(seconds)
        except subprocess.TimeoutExpired:
            errors.write(f"\nnot over after {seconds} s\n")
        with contextlib.suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()
        for file in (out, errors):
            file.seek(0)
        return subprocess.CompletedProcess(shell.args, shell.returncode, out.read(), errors.read())


def line_pattern(line):
    anything = ".*".join(map(re.escape, line.split("...")))
    return re.sub(r"(\\ )+", " +", anything) + r"\n"


def pattern(prints):
    """A regular expression for what a document shows. How many blanks stand between two words depends on what varies, and is not compared."""
    return re.compile("".join(r"(?:.*\n)*?" if line == "..." else line_pattern(line) for line in prints.splitlines()))


def mark(number):
    return f"=== the output of block {number} ends here ==="


def play(found, folder, seconds, path, **environment):
    """Runs all blocks in one shell and compares what each printed; returns the finished process."""
    script = "\n".join(f"{block.commands}\n{{ echo '{mark(number)}'; }} 2> /dev/null" for number, block in enumerate(found))
    done = run(script, folder, seconds, path, **environment)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    rest = done.stdout
    for number, block in enumerate(found):
        printed, rest = rest.split(mark(number) + "\n", 1)
        if block.prints is not None:
            assert pattern(block.prints).fullmatch(printed), f"block {number} printed\n{printed}\nand the document says\n{block.prints}"
    return done
