"""The help in docs/simulator.md against the program's own. Use: check_simulator_doc.py DROVER_SIM SOURCE_ROOT [--update]"""
import pathlib
import re
import subprocess
import sys

BLOCK = re.compile(r"(<!-- printed: drover-sim --help -->\n```text\n)(.*?)(```\n<!-- end -->)", re.DOTALL)


def main():
    printed = subprocess.run([sys.argv[1], "--help"], check=True, capture_output=True, text=True).stdout
    path = pathlib.Path(sys.argv[2]) / "docs" / "simulator.md"
    text = path.read_text()
    if len(BLOCK.findall(text)) != 1:
        print("docs/simulator.md must have the block of drover-sim --help once")
        return 1
    fresh = BLOCK.sub(lambda match: match[1] + printed + match[3], text)
    if "--update" in sys.argv:
        path.write_text(fresh)
        return 0
    if fresh != text:
        print("docs/simulator.md is behind the program; run this with --update, or: meson compile docs-update-simulator")
    return fresh != text


sys.exit(main())
