"""What `drover` prints about itself and the files that hold it are the same; the manual page and the completion are well-formed."""
import os
import pathlib
import re
import subprocess

import pytest

DROVER, SOURCE = os.environ["DROVER"], pathlib.Path(os.environ["SOURCE"])


def drover(*args):
    return subprocess.run([DROVER, *args], check=True, capture_output=True, text=True, timeout=20).stdout


@pytest.mark.parametrize("path, args", [("docs/cli.md", ["help", "--all"]), ("cli/drover.1", ["help", "--man"]),
                                        ("cli/drover.bash-completion", ["completion", "bash"])])
def test_file_is_what_the_program_prints(path, args):
    assert (SOURCE / path).read_text() == drover(*args), f"{path} is out of date: meson compile cli-docs-update"


def test_manual_page_is_well_formed():
    done = subprocess.run(["mandoc", "-Tlint", "-W", "warning", str(SOURCE / "cli/drover.1")], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stdout


def test_manual_page_says_everything():
    page = subprocess.run(["mandoc", "-Tutf8", str(SOURCE / "cli/drover.1")], check=True, capture_output=True, timeout=20).stdout
    page = re.sub(".\b", "", page.decode())
    commands = re.findall(r"^## drover (.*)$", (SOURCE / "docs/cli.md").read_text(), re.M)
    assert len(commands) > 15
    for command in commands:
        assert f"drover {command}" in page, command
    for option in set(re.findall(r"--[a-z-]+", drover("help", "--all"))):
        assert option in page, option


def test_completion_is_bash():
    assert subprocess.run(["bash", "-n", str(SOURCE / "cli/drover.bash-completion")], timeout=20).returncode == 0
