"""What droverd prints of itself, in the documents: daemon_docs.py check|update DROVERD SOURCE.

Blocks between "<!-- printed: settings -->" and "<!-- end -->" are the output of `droverd --print-docs=settings`, and
deploy/droverd.conf is that of `droverd --print-config`. The metrics are compared by test_daemon_program.py, which has a running one.
"""
import os
import pathlib
import re
import subprocess
import sys

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("DROVER_")}
CONF_HEAD = """; droverd's settings with their defaults, as `droverd --print-config` prints them; docs/configuration.md explains them.
; What is left out keeps its default. Check with: droverd --config FILE --check-config

"""


def printed(droverd, *arguments):
    return subprocess.run([droverd, *arguments], check=True, capture_output=True, text=True, env=ENVIRONMENT).stdout


def block(text, name):
    """(before, inside, after) of a printed block."""
    found = re.search(rf"(.*<!-- printed: {name} -->\n)(.*?)(<!-- end -->.*)", text, re.DOTALL)
    assert found, f"no block for {name}"
    return found.groups()


def with_block(text, name, inside):
    before, _, after = block(text, name)
    return before + inside + after


def expected(droverd, source):
    configuration = source / "docs/configuration.md"
    yield configuration, with_block(configuration.read_text(), "settings", printed(droverd, "--print-docs=settings"))
    yield source / "deploy/droverd.conf", CONF_HEAD + printed(droverd, "--print-config")


def main(word, droverd, source):
    stale = []
    for path, text in expected(droverd, pathlib.Path(source)):
        if path.exists() and path.read_text() == text:
            continue
        stale.append(path.name)
        if word == "update":
            path.write_text(text)
    if word == "check" and stale:
        print("not what droverd prints:", ", ".join(stale), "(meson compile docs-update-daemon)")
        return 1
    print("settings in docs and deploy are those of the table" if not stale else f"rewrote {', '.join(stale)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
