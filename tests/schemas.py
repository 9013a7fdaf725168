"""Holds what moult prints with --json against docs/schema, by the command that printed it."""

import json
import pathlib
import warnings

import jsonschema

SCHEMAS = pathlib.Path(__file__).resolve().parents[1] / "docs/schema"
OF_THEIR_OWN = ("check", "diff", "health", "kargs", "list", "log", "plan", "show", "status")
CHANGING = ("upgrade", "run", "shell", "rollback", "keep", "discard", "pin", "unpin", "cleanup",
            "init", "repair", "internal")


def schema_of(words, document):
    """The file that describes what a command line prints; the command is its first that is one."""
    if "error" in document:
        return "error.json"
    command = next(word for word in words if word in OF_THEIR_OWN + CHANGING)
    if command == "kargs" and "outcome" in document:
        return "change.json"
    return f"{command}.json" if command in OF_THEIR_OWN else "change.json"


def check(words, document):
    """The document, or jsonschema's complaint about it."""
    store = {path.name: json.loads(path.read_text()) for path in SCHEMAS.glob("*.json")}
    schema = store[schema_of(words, document)]
    with warnings.catch_warnings():
        # the newer way is not in Debian 12
        warnings.simplefilter("ignore", DeprecationWarning)
        resolver = jsonschema.RefResolver("", schema, store=store)
        jsonschema.Draft202012Validator(schema, resolver=resolver).validate(document)
    return document
