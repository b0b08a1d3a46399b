"""proto/openapi.yaml as a judge: is this answer of the running server one that the document promises?"""
import json
import re
import urllib.parse

import jsonschema
import yaml
from fleet import ROOT

PROTO = ROOT / "proto"
METHODS = ("get", "post", "put", "delete", "patch")


DOCUMENT = yaml.safe_load((PROTO / "openapi.yaml").read_text(encoding="utf-8"))
BASE = "http://openapi/"   # nobody asks there: what is referred to stands in the store
STORE = {BASE + "schema/" + path.name: json.loads(path.read_text(encoding="utf-8")) for path in (PROTO / "schema").glob("*.json")}
for schema in STORE.values():
    del schema["$id"]   # a urn, against which urljoin resolves nothing
OPERATIONS = {(method, path): item[method] for path, item in DOCUMENT["paths"].items() for method in item if method in METHODS}


def inside(reference):
    value = DOCUMENT
    for word in reference.removeprefix("#/").split("/"):
        value = value[word.replace("~1", "/").replace("~0", "~")]
    return value


def resolved(value):
    return inside(value["$ref"]) if "$ref" in value else value


def validate(value, schema):
    whole = {**schema, "components": DOCUMENT["components"]}
    resolver = jsonschema.RefResolver(BASE + "openapi.yaml", whole, store=STORE)
    jsonschema.Draft202012Validator(whole, resolver=resolver).validate(value)


def fits(value, schema):
    """The value fits a schema of the document."""
    validate(value, {"$ref": f"#/components/schemas/{schema}"})


def operation_of(method, target):
    """The operation behind a request, by its template; one without names in it goes first. None: the document has none."""
    path = urllib.parse.unquote(urllib.parse.urlsplit(target).path)
    fitting = [template for (verb, template) in OPERATIONS
               if verb == method.lower() and re.fullmatch(re.sub(r"\\\{[a-z0-9_]+\\\}", "[^/]+", re.escape(template)), path)]
    return min(fitting, key=lambda template: template.count("{"), default=None)


def check(method, target, status, headers, body):
    """Fails unless the document has this status for this operation, with this type of content, and the body fits its schema."""
    template = operation_of(method, target)
    if template is None:
        assert status in (401, 403, 404, 405), f"{method} {target}: not in openapi.yaml, answered with {status}"
        return
    responses = OPERATIONS[method.lower(), template]["responses"]
    assert str(status) in responses, f"{method} {template}: {status} is not in openapi.yaml: {body[:300]}"
    response = resolved(responses[str(status)])
    for name, header in response.get("headers", {}).items():
        assert not resolved(header).get("required") or headers[name] is not None, f"{method} {template} {status}: no {name}"
    content = response.get("content")
    kind = (headers["Content-Type"] or "").split(";")[0]
    if content is None:
        assert not body, f"{method} {template} {status}: openapi.yaml has no body, the server {body[:100]}"
        return
    assert kind in content, f"{method} {template} {status}: {kind} is not in openapi.yaml"
    if "json" in kind:
        validate(json.loads(body), content[kind].get("schema", {}))
