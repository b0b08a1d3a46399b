"""proto/asyncapi.yaml against the topics in the code, the schema files, and itself.

Use: check_asyncapi.py PRINT_PROTOCOL SOURCE_ROOT
"""
import json
import pathlib
import re
import subprocess
import sys

import yaml

# DESIGN's table: who sends, QoS (the highest a sender may use), retained.
WIRE = {
    "heartbeat": ("receive", 1, False),
    "online": ("receive", 1, True),
    "report": ("receive", 1, False),
    "notice": ("send", 1, True),
    "command": ("send", 1, False),
    "event": ("send", 0, False),
}
problems = []


def check(condition, *words):
    if not condition:
        problems.append(" ".join(str(word) for word in words))


def follow(document, reference):
    """What a '#/a/b' reference names; None when there is nothing."""
    node = document
    for step in reference.removeprefix("#/").split("/"):
        node = node.get(step) if isinstance(node, dict) else None
    return node


def references(node):
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            yield from references(value)
    if isinstance(node, list):
        for value in node:
            yield from references(value)


def check_references(document, folder):
    for reference in references(document):
        if reference.startswith("#/"):
            check(follow(document, reference) is not None, "dangling reference", reference)
        else:
            check((folder / reference).is_file(), "no such file", reference)


def check_channels(document, topics):
    channels = document["channels"]
    check(set(channels) == set(topics), "channels and topics differ:", set(channels) ^ set(topics))
    for name, address in topics.items():
        channel = channels.get(name, {})
        check(channel.get("address") == address, name, "has address", channel.get("address"), "but the code says", address)
        check(set(channel.get("parameters", {})) == set(re.findall(r"{(\w+)}", address)), name, "parameters differ from address")
        check(list(channel.get("messages", {})) == [name], name, "must carry the message of its name")
        message = document["components"]["messages"].get(name, {})
        check(message.get("payload") == {"$ref": f"schema/{name}.json"}, name, "must refer to its schema file")


def check_operations(document):
    found = {}
    for name, operation in document["operations"].items():
        channel = operation["channel"]["$ref"].removeprefix("#/channels/")
        check(channel not in found, name, "is a second operation on", channel)
        mqtt = operation["bindings"]["mqtt"]
        found[channel] = (operation["action"], mqtt["qos"], mqtt["retain"])
    check(found == WIRE, "operations differ from the contract:", found)


def main():
    printed = json.loads(subprocess.run([sys.argv[1]], check=True, capture_output=True).stdout)
    path = pathlib.Path(sys.argv[2]) / "proto" / "asyncapi.yaml"
    document = yaml.safe_load(path.read_text())
    check(document["asyncapi"] == "3.0.0", "not AsyncAPI 3.0.0")
    check({"title", "version"} <= set(document["info"]), "info needs a title and a version")
    check_references(document, path.parent)
    check_channels(document, printed["topics"])
    check_operations(document)
    print("\n".join(problems) or f"{len(document['channels'])} channels fit the code and the schemas")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
