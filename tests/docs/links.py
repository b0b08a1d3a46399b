"""Every relative link and every `path/` named in README.md and docs/ leads somewhere."""
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
print("\n".join(broken) or f"{count} links lead somewhere")
sys.exit(1 if broken or not count else 0)
