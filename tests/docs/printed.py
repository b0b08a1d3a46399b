"""What a program prints of itself stands in documents: in blocks between "<!-- printed: NAME -->" and "<!-- end -->", and in its sample configuration."""
import os
import pathlib
import re
import subprocess

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("DROVER_")}


def printed(program, *arguments):
    return subprocess.run([program, *arguments], check=True, capture_output=True, text=True, env=ENVIRONMENT).stdout


def block(text, name):
    """(before, inside, after) of a printed block."""
    found = re.search(rf"(.*<!-- printed: {name} -->\n)(.*?)(<!-- end -->.*)", text, re.DOTALL)
    assert found, f"no block for {name}"
    return found.groups()


def with_block(text, name, inside):
    before, _, after = block(text, name)
    return before + inside + after


def main(expected, word, program, source):
    """expected(program, source) gives (path, text) of each document; word is check or update. -> the exit code"""
    stale = []
    for path, text in expected(program, pathlib.Path(source)):
        if path.exists() and path.read_text() == text:
            continue
        stale.append(path.name)
        if word == "update":
            path.write_text(text)
    if word == "check" and stale:
        print(f"not what {pathlib.Path(program).name} prints:", ", ".join(stale), "(meson compile docs-update-agent, docs-update-daemon)")
        return 1
    print("the documents have what the program prints" if not stale else f"rewrote {', '.join(stale)}")
    return 0
