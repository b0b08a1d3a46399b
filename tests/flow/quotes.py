"""quotes.py [--update] DOCUMENT STORIES: are the stories quoted in the document the stories that are tested?

A quote is a ```text block right after a line <!-- story NAME -->; it holds all moments and remarks of NAME.story.
"""
import difflib
import re
import sys
from pathlib import Path

QUOTE = re.compile(r"(<!-- story (\w+) -->\n```text\n)(.*?)(```\n)", re.S)


def quote(stories: Path, name: str) -> str:
    lines = (stories / f"{name}.story").read_text(encoding="utf-8").splitlines()
    return "".join(line + "\n" for line in lines if line.startswith(("[", "#", "rollout", "policy")))


def main() -> None:
    arguments = [argument for argument in sys.argv[1:] if argument != "--update"]
    document, stories = Path(arguments[0]), Path(arguments[1])
    text = document.read_text(encoding="utf-8")
    fresh = QUOTE.sub(lambda found: found[1] + quote(stories, found[2]) + found[4], text)
    if "--update" in sys.argv:
        document.write_text(fresh, encoding="utf-8")
    elif not QUOTE.search(text):
        sys.exit(f"{document} quotes no story")
    elif fresh != text:
        sys.stdout.writelines(difflib.unified_diff(text.splitlines(True), fresh.splitlines(True), str(document), "stories"))
        sys.exit(f"{document} quotes stories that went another way since; write it anew with --update")


main()
