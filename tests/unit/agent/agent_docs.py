"""What drover-agent prints of itself, in the documents: agent_docs.py check|update DROVER_AGENT SOURCE.

Blocks between "<!-- printed: NAME -->" and "<!-- end -->" are the output of `drover-agent --print-docs=NAME`, and deploy/drover-agent.conf is that of
`drover-agent --print-config`.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "docs"))

from printed import main, printed, with_block  # noqa: E402

CONF_HEAD = """; drover-agent's settings with their defaults, as `drover-agent --print-config` prints them; docs/agent-configuration.md explains them.
; id and model have no default. What is left out keeps its default. Check with: drover-agent --config FILE --check-config

"""
IDENTITY = ("--device.id=gateway-0001", "--device.model=gateway")


def expected(agent, source):
    for path, part in ((source / "docs/agent-configuration.md", "settings"), (source / "docs/agent.md", "states")):
        yield path, with_block(path.read_text(), part, printed(agent, f"--print-docs={part}"))
    yield source / "deploy/drover-agent.conf", CONF_HEAD + printed(agent, *IDENTITY, "--print-config")


if __name__ == "__main__":
    sys.exit(main(expected, *sys.argv[1:]))
