#!/usr/bin/env python3
"""Writes what the generators of clients read, from the description of the whole API.

Usage: clients/describe.py DESCRIPTION FOLDER

FOLDER gets four files:
- integrator.json: without the operations of the tags Portal and Operations, and the schemas that only they use.
- simple.json: the same, as generators of classes can read it:
  - a body in JSON and in another media type is in JSON only, since they handle one media type at a time;
  - a value that may be text or a list, an object or a list, … is a value of any type, since they write no code for it, or
    code that does not compile.
- answers.json: as simple.json, without the answers that are errors, for a client that raises errors before it reads bodies.
  The schemas of errors stay.
- idempotent.txt: paths of the POST operations that take `Idempotency-Key`, one a line.
"""

import json
import sys
from pathlib import Path

LEFT_OUT = {"Portal", "Operations"}
METHODS = {"get", "put", "post", "delete", "patch", "head", "options", "trace"}
SCHEMAS = "#/components/schemas/"


def references(node):
    """Names of the schemas that a part of the description refers to."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].removeprefix(SCHEMAS)
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def simplify(node):
    """The same without what the generators cannot read; changes the node in place."""
    if isinstance(node, dict):
        content = node.get("content")
        if isinstance(content, dict) and "application/json" in content:
            node["content"] = {"application/json": content["application/json"]}
        types = node.get("type")
        if isinstance(types, list) and len(set(types) - {"null"}) > 1:
            del node["type"]
        if any(choice.get("type") == "array" for choice in node.get("oneOf", []) if isinstance(choice, dict)):
            del node["oneOf"]
        for value in node.values():
            simplify(value)
    elif isinstance(node, list):
        for value in node:
            simplify(value)


def for_integrator(description):
    paths = {}
    for path, item in description["paths"].items():
        kept = {name: value for name, value in item.items() if name not in METHODS or not LEFT_OUT & set(value["tags"])}
        if METHODS & set(kept):
            paths[path] = kept
    schemas = description["components"]["schemas"]
    used, new = set(), set(references(paths))
    while new:
        used |= new
        new = {name for known in new for name in references(schemas[known])} - used
    return {
        **description,
        "paths": paths,
        "tags": [tag for tag in description["tags"] if tag["name"] not in LEFT_OUT],
        "components": {**description["components"], "schemas": {name: schemas[name] for name in schemas if name in used}},
    }


def without_errors(description):
    def kept(responses):
        return {status: answer for status, answer in responses.items() if status < "4"}

    paths = {
        path: {
            name: {**value, "responses": kept(value["responses"])} if name in METHODS else value
            for name, value in item.items()
        }
        for path, item in description["paths"].items()
    }
    return {**description, "paths": paths}


def write(folder, name, description):
    (folder / name).write_text(json.dumps(description, ensure_ascii=False, indent=1), encoding="utf-8")


def idempotent(description):
    for path, item in description["paths"].items():
        parameters = item.get("post", {}).get("parameters", [])
        if any(parameter["name"] == "Idempotency-Key" for parameter in parameters):
            if "{" in path:
                # The clients compare whole paths.
                sys.exit(f"{path} takes Idempotency-Key and has a parameter, which the clients do not support")
            yield path


if __name__ == "__main__":
    source, folder = Path(sys.argv[1]), Path(sys.argv[2])
    reduced = for_integrator(json.loads(source.read_text(encoding="utf-8")))
    write(folder, "integrator.json", reduced)
    simplify(reduced)
    write(folder, "simple.json", reduced)
    write(folder, "answers.json", without_errors(reduced))
    (folder / "idempotent.txt").write_text("".join(f"{path}\n" for path in idempotent(reduced)), encoding="utf-8")
