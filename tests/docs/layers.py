"""Which folder may include which, and the libraries each may use: one table, checked against every #include, printed into docs/architecture.md.

    layers.py check    exit 1 and a line for each violation
    layers.py print    the table in Markdown
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# folder: (folders it may include beside itself, third-party headers it may use)
LAYERS = {
    "common": ((), ("cjson", "openssl", "ini.h")),
    "proto": (("common",), ("cjson", "MQTTAsync.h")),
    "firmware": (("common", "proto"), ("openssl", "cjson", "zlib.h", "zstd.h", "zstd_errors.h", "bzlib.h", "divsufsort.h", "zip.h")),
    "orchestrator/core": (("common", "proto"), ()),
    "redis-scripts": ((), ()),
    "orchestrator/edges": (("common", "proto", "firmware", "orchestrator/core", "redis-scripts"), ("event2", "hiredis", "MQTTAsync.h", "cjson", "openssl", "curl", "librdkafka")),
    "orchestrator": (("common", "orchestrator/edges"), ()),
    "cli": (("common", "proto", "firmware"), ("curl", "cjson", "yaml.h")),
    "agent": (("common", "proto", "firmware"), ("curl", "MQTTAsync.h", "ini.h", "cjson", "openssl", "zlib.h")),
    "sim": (("common", "proto", "firmware"), ("event2", "openssl", "curl", "ini.h", "cjson")),
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def layer_of(path):
    return max((layer for layer in LAYERS if path.startswith(layer + "/")), key=len, default=None)


def sources():
    for layer in LAYERS:
        for path in sorted((ROOT / layer).glob("*")):
            if path.suffix in (".c", ".h", ".def") and path.is_file():
                yield layer, path


def violations():
    third_party = {header for _, headers in LAYERS.values() for header in headers} | {"hiredis", "systemd"}
    for layer, path in sources():
        folders, headers = LAYERS[layer]
        text = path.read_text()
        where = path.relative_to(ROOT)
        for kind, name in INCLUDE.findall(text):
            if kind == "<":
                library = name.split("/")[0]
                if library in third_party and library not in headers:
                    yield f"{where} includes <{name}>, which {layer}/ may not use"
                continue
            target = layer_of(name)
            if target is None or not ((ROOT / name).exists() or name.startswith("redis-scripts/")):
                yield f'{where} includes "{name}": includes are rooted and must exist'
            elif target != layer and target not in folders:
                yield f'{where} includes "{name}", but {layer}/ may not use {target}/'
        if path.suffix == ".h" and "#pragma once" not in text:
            yield f"{where} has no #pragma once"
        if not text.lstrip().startswith("/*"):
            yield f"{where} does not begin with what it is for"


def table():
    yield "| folder | may include | libraries |"
    yield "|---|---|---|"
    for layer, (folders, headers) in LAYERS.items():
        yield f"| `{layer}/` | {', '.join(f'`{folder}/`' for folder in folders) or 'nothing else'} | {', '.join(f'`{header}`' for header in headers) or 'the C library only'} |"


def main(word):
    if word == "print":
        print("\n".join(table()))
        return 0
    found = list(violations())
    documented = (ROOT / "docs/architecture.md").read_text()
    if "\n".join(table()) not in documented:
        found.append("docs/architecture.md does not hold the table that `tests/docs/layers.py print` prints")
    print("\n".join(found) or f"{sum(1 for _ in sources())} files keep to their layers")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
