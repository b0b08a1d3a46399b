"""What drover-agent prints of itself, in the documents: agent_docs.py check|update DROVER_AGENT SOURCE.

Blocks between "<!-- printed: NAME -->" and "<!-- end -->" are the output of `drover-agent --print-docs=NAME`, and deploy/drover-agent.conf is that of
`drover-agent --print-config`.
"""
import os
import pathlib
import re
import subprocess
import sys

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("DROVER_")}
CONF_HEAD = """; drover-agent's settings with their defaults, as `drover-agent --print-config` prints them; docs/agent-configuration.md explains them.
; id and model have no default. What is left out keeps its default. Check with: drover-agent --config FILE --check-config

"""
IDENTITY = ("--device.id=gateway-0001", "--device.model=gateway")


def printed(agent, *arguments):
    return subprocess.run([agent, *arguments], check=True, capture_output=True, text=True, env=ENVIRONMENT).stdout


def with_block(text, name, inside):
    found = re.search(rf"(.*<!-- printed: {name} -->\n)(.*?)(<!-- end -->.*)", text, re.DOTALL)
    assert found, f"no block for {name}"
    return found.group(1) + inside + found.group(3)


def expected(agent, source):
    for path, part in ((source / "docs/agent-configuration.md", "settings"), (source / "docs/agent.md", "states")):
        yield path, with_block(path.read_text(), part, printed(agent, f"--print-docs={part}"))
    yield source / "deploy/drover-agent.conf", CONF_HEAD + printed(agent, *IDENTITY, "--print-config")


def main(word, agent, source):
    stale = []
    for path, text in expected(agent, pathlib.Path(source)):
        if path.exists() and path.read_text() == text:
            continue
        stale.append(path.name)
        if word == "update":
            path.write_text(text)
    if word == "check" and stale:
        print("not what drover-agent prints:", ", ".join(stale), "(meson compile docs-update-agent)")
        return 1
    print("settings and states in docs and deploy are those of the tables" if not stale else f"rewrote {', '.join(stale)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
