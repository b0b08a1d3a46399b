"""The tables of docs/protocol.md against the code. A table stands between <!-- printed: NAME --> and <!-- end -->.

Use: check_protocol_doc.py PRINT_PROTOCOL SOURCE_ROOT [--update]
"""
import json
import pathlib
import re
import subprocess
import sys

BLOCK = re.compile(r"(<!-- printed: ([\w ]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def table(heads, rows):
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def allowed(field):
    if field["kind"] == "integer":
        highest = "2^53" if field["max"] == 2**53 else field["max"]
        return f"integer, {field['min']} .. {highest}"
    if field["kind"] == "choice":
        return ", ".join(f"`{choice}`" for choice in field["choices"])
    words = {"1": "the integer 1", "boolean": "`true`, `false`", "slot": "`a`, `b`", "sha256": "64 lower-case hex digits"}
    text = words.get(field["kind"], field["kind"])
    return f"{text}, at most {field['longest']} bytes" if "longest" in field else text


def message_table(fields):
    uses = {"required": "yes", "optional": "", "or dash": "yes, or `-`"}
    return table(["field", "required", "allowed", "meaning"],
                 [(f"`{field['name']}`", uses[field["use"]], allowed(field), field["help"]) for field in fields])


def render(printed):
    blocks = {name: message_table(fields) for name, fields in printed["messages"].items()}
    blocks["topics"] = table(["message", "topic"], [(name, f"`{topic}`") for name, topic in printed["topics"].items()])
    limits = printed["limits"]
    blocks["limits"] = table(["limit", "value"], [
        ("longest payload", f"{limits['payload']} bytes"), ("deepest nesting", f"{limits['depth']}, the message itself is 1"),
        ("most values in all", limits["values"]), ("longest string", f"{limits['string']} bytes without its escapes")])
    blocks["error codes"] = table(["code", "class", "meaning"],
                                  [(f"`{code['name']}`", code["class"], code["text"]) for code in printed["error_codes"]])
    return blocks


def main():
    printed = json.loads(subprocess.run([sys.argv[1]], check=True, capture_output=True).stdout)
    path = pathlib.Path(sys.argv[2]) / "docs" / "protocol.md"
    blocks = render(printed)
    text = path.read_text()
    found = [name for _head, name, _body, _tail in BLOCK.findall(text)]
    if sorted(found) != sorted(blocks):
        print("docs/protocol.md must print each of", sorted(blocks), "once; it has", sorted(found))
        return 1
    fresh = BLOCK.sub(lambda match: match[1] + blocks[match[2]] + match[4], text)
    if "--update" in sys.argv:
        path.write_text(fresh)
    elif fresh != text:
        stale = [match[2] for match in BLOCK.finditer(text) if match[3] != blocks[match[2]]]
        print("docs/protocol.md is not what the code says in:", ", ".join(stale), "(meson compile docs-update-protocol)")
        return 1
    print(f"{len(blocks)} tables of docs/protocol.md are what the code says")
    return 0


if __name__ == "__main__":
    sys.exit(main())
