"""compare_output.py [--update] FILE PROGRAM...: is FILE what PROGRAM prints? If not, shows the difference (or writes FILE)."""
import difflib
import subprocess
import sys

arguments = sys.argv[1:]
update = arguments[0] == "--update"
path, *command = arguments[1:] if update else arguments
printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
if update:
    with open(path, "w", encoding="utf-8") as file:
        file.write(printed)
    sys.exit(0)
with open(path, encoding="utf-8") as file:
    kept = file.read()
if kept != printed:
    sys.stdout.writelines(difflib.unified_diff(kept.splitlines(True), printed.splitlines(True), path, "printed"))
    sys.exit(f"{path} is not what the program prints; write it anew with --update")
