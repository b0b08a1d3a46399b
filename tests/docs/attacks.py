"""docs/security.md's table of attacks: 1 to 21 each have a row, each row names tests that exist, and no test claims a number that is not there."""
import fnmatch
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FUNCTION = re.compile(r"^(?:def|static void) (\w+)\(", re.MULTILINE)
NUMBERS = range(1, 22)


def functions():
    """Of all tests: name -> files."""
    found = {}
    for path in sorted((ROOT / "tests").rglob("*")):
        if path.suffix in (".py", ".c") and path.is_file():
            for name in FUNCTION.findall(path.read_text()):
                found.setdefault(name, []).append(path)
    return found


def rows():
    """number -> names of tests."""
    section = (ROOT / "docs/security.md").read_text().partition("## Attacks, and what happens\n")[2].partition("\n## ")[0]
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and cells[0].isdigit():
            yield int(cells[0]), re.findall(r"`([\w*]+)`", cells[3])


def problems(tests, table):
    numbers = [number for number, _ in table]
    if numbers != list(NUMBERS):
        yield f"the rows are {numbers}"
    for number, names in table:
        if not names:
            yield f"attack {number} names no test"
        for name in names:
            if not fnmatch.filter(tests, name):
                yield f"attack {number}: there is no test {name}"
    for name in tests:
        for number in re.findall(r"(?<=_)\d\d(?=_)", name.partition("attack")[2]) if "attack_" in name else ():
            if int(number) not in NUMBERS:
                yield f"{name}: there is no attack {number}"
            elif not any(fnmatch.fnmatch(name, pattern) for row, patterns in table if row == int(number) for pattern in patterns):
                yield f"{name} is not in the row of attack {int(number)}"


def main():
    tests, table = functions(), list(rows())
    found = list(problems(tests, table))
    print("\n".join(found) or f"{len(table)} attacks, {sum(len(names) for _, names in table)} names of tests, all there")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
