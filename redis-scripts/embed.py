#!/usr/bin/env python3
"""Embeds the Lua scripts into the program: embed.py <upgrade_fsm.def> <out.c> <out.h> <script.lua>...

A line `-- @include lib/x.lua` is replaced by that file; `-- @states` by is_live(state), which knows the states of an upgrade that are not
final, read from the state machine's table. Comments and indentation are dropped: Redis keeps each script's text in memory.
`embed.py --print <upgrade_fsm.def> <script.lua>` prints one script as it is embedded (tests load it from there).
"""
import pathlib
import re
import sys


def states(definition: pathlib.Path) -> str:
    rows = re.findall(r"^STATE\((\w+),\s*(\w+),", definition.read_text(), re.M)
    live = [name.lower() for name, kind in rows if kind != "FINAL"]
    if not live or len(live) == len(rows):
        raise SystemExit(f"{definition}: no STATE rows understood")
    # a chain of comparisons, and no table: interned strings compare as pointers, and a table would be built anew at every call
    return "local function is_live(state) return " + " or ".join(f"state == '{name}'" for name in live) + " end"


def resolve(path: pathlib.Path, definition: pathlib.Path) -> str:
    lines = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        include = re.fullmatch(r"-- @include (lib/\w+\.lua)", line.strip())
        if number == 1 and line.startswith("#!lua"):
            lines.append(line)
        elif include:
            lines.append(resolve(path.parent / include[1], definition))
        elif line == "-- @states":
            lines.append(states(definition))
        elif line.startswith("-- @"):
            raise SystemExit(f"{path}:{number}: not understood: {line}")
        elif line.strip() and not line.strip().startswith("--"):
            lines.append(line.strip())
    return "\n".join(lines)


def literal(text: str) -> str:
    quoted = (line.replace("\\", "\\\\").replace('"', '\\"') for line in text.splitlines())
    return "\n".join(f'    "{line}\\n"' for line in quoted)


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["--print"]:
        print(resolve(pathlib.Path(arguments[2]), pathlib.Path(arguments[1])))
        return
    definition, out_c, out_h, *scripts = map(pathlib.Path, arguments)
    names = [script.stem for script in scripts]
    out_h.write_text(
        "/* Made by redis-scripts/embed.py. */\n#pragma once\n\nenum redis_script {\n"
        + "".join(f"    SCRIPT_{name.upper()},\n" for name in names)
        + "    REDIS_SCRIPT_COUNT\n};\n\n"
        "struct redis_script_text {\n    const char *name;\n    const char *text;\n};\n"
        "extern const struct redis_script_text redis_script_texts[REDIS_SCRIPT_COUNT];\n")
    rows = [f'    {{"{name}",\n{literal(resolve(script, definition))}}},\n' for name, script in zip(names, scripts)]
    out_c.write_text(
        '/* Made by redis-scripts/embed.py. */\n#include "redis-scripts/scripts.h"\n\n'
        "const struct redis_script_text redis_script_texts[REDIS_SCRIPT_COUNT] = {\n" + "".join(rows) + "};\n")


if __name__ == "__main__":
    main(sys.argv[1:])
