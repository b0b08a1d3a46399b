"""Every relative link in README.md and docs/ leads somewhere, and docs/README.md leads to every page."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
broken = []
count = 0
for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        if "://" in target:
            continue
        count += 1
        if not (page.parent / target).exists():
            broken.append(f"{page.relative_to(ROOT)}: {target}")
index = (ROOT / "docs/README.md").read_text()
for page in sorted((ROOT / "docs").rglob("*.md")):
    name = str(page.relative_to(ROOT / "docs"))
    if name != "README.md" and f"]({name})" not in index:
        broken.append(f"docs/README.md does not name {name}")
print("\n".join(broken) or f"{count} links lead somewhere")
sys.exit(1 if broken or not count else 0)
