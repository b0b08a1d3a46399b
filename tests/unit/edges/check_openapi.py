"""proto/openapi.yaml against the table of routes in the code, and against itself.

Use: check_openapi.py TEST_HTTP_ROUTE SOURCE_ROOT      (TEST_HTTP_ROUTE --print prints the table)
"""
import pathlib
import subprocess
import sys

import jsonschema
import yaml

METHODS = ("get", "head", "post", "put", "delete", "patch", "options", "trace")
PROBLEM_FREE = {"200", "201", "202", "204", "206", "304"}
failures = []


def check(good, text):
    if not good:
        failures.append(text)


def resolve(document, reference, folder):
    """The value behind a $ref, inside the document or in a file beside it."""
    file, _, pointer = reference.partition("#")
    if file:
        return yaml.safe_load((folder / file).read_text(encoding="utf-8"))
    value = document
    for word in pointer.strip("/").split("/"):
        value = value[word]
    return value


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def route_names_check(document, path, operation, folder):
    """Every {name} of the path is declared, and every declared path parameter is in it."""
    item = document["paths"][path]
    declared = set()
    for parameter in item.get("parameters", []) + operation.get("parameters", []):
        if "$ref" in parameter:
            parameter = resolve(document, parameter["$ref"], folder)
        if parameter["in"] == "path":
            declared.add(parameter["name"])
    wanted = {part[1:-1] for part in path.split("/") if part.startswith("{")}
    check(declared == wanted, f"{path}: path parameters {sorted(declared)}, in the path {sorted(wanted)}")


def query_names(document, path, operation, folder):
    names = set()
    for parameter in document["paths"][path].get("parameters", []) + operation.get("parameters", []):
        if "$ref" in parameter:
            parameter = resolve(document, parameter["$ref"], folder)
        if parameter["in"] == "query":
            names.add(parameter["name"])
    return names


def main():
    root = pathlib.Path(sys.argv[2])
    folder = root / "proto"
    document = yaml.safe_load((folder / "openapi.yaml").read_text(encoding="utf-8"))
    printed = subprocess.run([sys.argv[1], "--print"], check=True, capture_output=True, text=True).stdout
    table = {}
    for line in printed.splitlines():
        method, path, *query = line.split(" ")
        table[(method.lower(), path)] = set(query)
    check(document["openapi"].startswith("3.1."), "not OpenAPI 3.1")
    written = {(method, path) for path, item in document["paths"].items() for method in item if method in METHODS}
    # GET implies HEAD: the document may leave it out
    check(not set(table) - written, f"not in openapi.yaml: {sorted(set(table) - written)}")
    extra = {(method, path) for method, path in written - set(table) if not (method == "head" and ("get", path) in table)}
    check(not extra, f"not in the code: {sorted(extra)}")
    ids = set()
    for method, path in sorted(written):
        operation = document["paths"][path][method]
        check(operation["operationId"] not in ids, f"operationId {operation['operationId']} twice")
        ids.add(operation["operationId"])
        route_names_check(document, path, operation, folder)
        if (method, path) in table:
            names = query_names(document, path, operation, folder)
            check(names == table[(method, path)], f"{method} {path}: query {sorted(names)}, in the code {sorted(table[(method, path)])}")
        for status, response in operation["responses"].items():
            if "$ref" in response:
                response = resolve(document, response["$ref"], folder)
            if status not in PROBLEM_FREE and method != "head":
                check("application/problem+json" in response.get("content", {}), f"{method} {path} {status}: no problem")
        secured = operation.get("security", document["security"])
        check(path.startswith("/api/") == (secured == [{"operator": []}]), f"{method} {path}: the operator's token")
    for reference in references(document):
        try:
            resolve(document, reference, folder)
        except (KeyError, OSError) as error:
            check(False, f"{reference} leads nowhere: {error!r}")
    for name, schema in document["components"]["schemas"].items():
        try:
            jsonschema.Draft202012Validator.check_schema(schema)
        except jsonschema.SchemaError as error:
            check(False, f"schema {name}: {error.message}")
    for failure in failures:
        print(failure)
    print(f"{len(table)} routes, {len(document['components']['schemas'])} schemas, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
