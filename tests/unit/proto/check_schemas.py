"""proto/schema against proto/examples and against the tables in the code.

Use: check_schemas.py PRINT_PROTOCOL SOURCE_ROOT
"""
import json
import pathlib
import subprocess
import sys

import jsonschema

problems = []


def check(condition, *words):
    if not condition:
        problems.append(" ".join(str(word) for word in words))


def properties_of(message, schema):
    """The schema's fields; those of one command alone stand in $defs."""
    if message.startswith("command "):
        part = schema["$defs"][message.split()[1]]
        return part["properties"], part["required"]
    return schema["properties"], schema["required"]


def check_field(message, field, rule, required):
    name = f"{message}.{field['name']}:"
    check((field["use"] != "optional") == required, name, "required in one of code and schema only")
    nullable = rule.get("enum") == [1, None] or "null" in rule.get("type", [])
    check(nullable == (field["use"] == "optional"), name, "null is allowed where the field is optional, only there")
    if field["kind"] == "integer":
        check((rule["minimum"], rule["maximum"]) == (field["min"], field["max"]), name, "another range in the code:",
              field["min"], field["max"])
    if field["kind"] == "choice":
        check(rule["enum"] == field["choices"], name, "other choices in the code:", field["choices"])
    if "longest" in field and field["kind"] != "version":
        check_longest(name, field, rule)


def check_longest(name, field, rule):
    """A text of the longest length passes, one more character does not."""
    fills = {"url": "http://", "stream id": "1-"}
    start = fills.get(field["kind"], "")
    digit = "1"
    text = start + digit * (field["longest"] - len(start))
    if field["kind"] == "tags":
        text = digit * 31 + "," + digit * (field["longest"] - 32)
    validator = jsonschema.Draft202012Validator(rule)
    check(validator.is_valid(text), name, "the schema refuses", field["longest"], "characters")
    check(not validator.is_valid(text + digit), name, "the schema accepts over", field["longest"], "characters")


def check_tables(messages, schemas):
    for message, fields in messages.items():
        properties, required = properties_of(message, schemas[message.split()[0]])
        names = {field["name"] for field in fields}
        if message == "online":  # "schema" may stand in it but is never written
            names.add("schema")
        if message == "command update":
            names.add("attempt")
        check(names == set(properties), message, "fields differ:", names ^ set(properties))
        for field in fields:
            check_field(message, field, properties.get(field["name"], {}), field["name"] in required)


def plan_rule(schema, rule):
    """The rule itself: what its $ref leads to, with what stands beside it."""
    if "$ref" in rule:
        rule = {**schema["$defs"][rule["$ref"].rsplit("/", 1)[1]], **rule}
    return rule


def check_plan_member(schema, where, member, rule):
    kind, rule = member["kind"], plan_rule(schema, rule)
    if kind in ("object", "list"):
        inner = plan_rule(schema, rule["items"] if kind == "list" else rule)
        check_plan_object(schema, where, member["members"], inner)
    if "min" in member and "enum" not in rule:
        scale = 10 ** member["decimals"]
        low, high = rule["minimum"] * scale, rule["maximum"] * scale
        check((round(low), round(high)) == (member["min"], member["max"]), where, "another range in the code:", member["min"], member["max"])
    if "choices" in member:
        check(rule["enum"] == member["choices"], where, "other choices in the code:", member["choices"])
    if "most" in member:
        check((rule.get("minItems", 0), rule["maxItems"]) == (member["least"], member["most"]), where, "other lengths in the code")
    if "default" in rule or (member.get("fallback") and "choices" not in member):
        check(rule.get("default") == member.get("fallback"), where, "another default in the code:", member.get("fallback"))


def check_plan_object(schema, where, members, rule):
    check(rule["additionalProperties"] is False, where, "unknown members must be refused")
    names = {member["name"] for member in members}
    check(names == set(rule["properties"]), where, "members differ:", names ^ set(rule["properties"]))
    required = {member["name"] for member in members if member["required"]}
    check(required == set(rule.get("required", [])), where, "required members differ:", required ^ set(rule.get("required", [])))
    for member in members:
        check_plan_member(schema, f"{where}.{member['name']}:", member, rule["properties"].get(member["name"], {}))


def check_plan(members, schema):
    check_plan_object(schema, "plan", members, schema)


def verdict(validator, path):
    try:
        value = json.loads(path.read_bytes().decode("utf-8"))
    except ValueError:
        return "unreadable"
    return "accepts" if validator.is_valid(value) else "refuses"


def check_examples(message, schema, folder):
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    valid = sorted(folder.glob("valid-*.json"))
    check(len(valid) >= 4, message, "has too few valid examples")
    for path in valid:
        check(verdict(validator, path) == "accepts", message, path.name, "the schema refuses it")
    lines = (folder / "invalid.tsv").read_text().splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    listed = [row[0] for row in rows]
    found = sorted(path.name for path in folder.glob("invalid-*.json"))
    check(sorted(listed) == found, message, "invalid.tsv and the folder differ:", set(listed) ^ set(found))
    for name, _error, _where, expected in rows:
        got = verdict(validator, folder / name)
        check(got == expected, message, name, f"the schema {got} it, invalid.tsv says {expected}")


def main():
    printed = json.loads(subprocess.run([sys.argv[1]], check=True, capture_output=True).stdout)
    proto = pathlib.Path(sys.argv[2]) / "proto"
    schemas = {path.stem: json.loads(path.read_text()) for path in (proto / "schema").glob("*.json")}
    messages = set(schemas) - {"plan"}  # a plan travels over HTTP
    check(messages == set(printed["topics"]), "schemas and topics differ:", messages ^ set(printed["topics"]))
    check_plan(printed["plan"], schemas["plan"])
    check_tables(printed["messages"], schemas)
    for message, schema in schemas.items():
        check_examples(message, schema, proto / "examples" / message)
    print("\n".join(problems) or f"{len(schemas)} schemas fit their examples and the code")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
