"""What droverd prints of itself, in the documents: daemon_docs.py check|update DROVERD SOURCE.

Blocks between "<!-- printed: settings -->" and "<!-- end -->" are the output of `droverd --print-docs=settings`, and
deploy/droverd.conf is that of `droverd --print-config`. The metrics are compared by test_daemon_program.py, which has a running one.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "docs"))

from printed import main, printed, with_block  # noqa: E402

CONF_HEAD = """; droverd's settings with their defaults, as `droverd --print-config` prints them; docs/configuration.md explains them.
; What is left out keeps its default. Check with: droverd --config FILE --check-config

"""


def expected(droverd, source):
    configuration = source / "docs/configuration.md"
    yield configuration, with_block(configuration.read_text(), "settings", printed(droverd, "--print-docs=settings"))
    yield source / "deploy/droverd.conf", CONF_HEAD + printed(droverd, "--print-config")


if __name__ == "__main__":
    sys.exit(main(expected, *sys.argv[1:]))
