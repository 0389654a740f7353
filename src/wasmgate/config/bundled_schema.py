"""JSON Schemas of the configurations of bundled policies, for editors.

A policy checks its configuration itself; these schemas repeat what its `settings.rs` reads, so that
an editor knows the keys. A test compares them with what the modules accept.
"""

from __future__ import annotations

from typing import Any

__all__ = ["SCHEMAS", "with_bundled"]

Schema = dict[str, Any]

_STRING: Schema = {"type": "string"}
# `{file: path}` stands for the text of a file.
_TEXT: Schema = {
    "anyOf": [
        _STRING,
        {
            "type": "object",
            "properties": {"file": {**_STRING, "description": "A path beside gateway.yaml."}},
            "required": ["file"],
            "additionalProperties": False,
        },
    ]
}
_NAMES: Schema = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}
_TEXTS: Schema = {"type": "object", "additionalProperties": _TEXT}


def _keys(properties: dict[str, Schema], *required: str) -> Schema:
    schema: Schema = {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
    return schema | ({"required": list(required)} if required else {})


def _said(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description}


_ALGORITHMS = [f"{family}{bits}" for family in ("HS", "RS", "PS", "ES") for bits in (256, 384, 512)]
_FIELD_RULES = _keys(
    {
        "remove": _said({"type": "array", "items": _STRING}, "Removes every field of these names."),
        "set": _said(_TEXTS, "Replaces all fields of the name by one with this value."),
        "add": _said(_TEXTS, "Adds the field if no field has the name."),
        "append": _said(_TEXTS, "Adds the field, also beside others of the name."),
    }
)

SCHEMAS: dict[str, Schema] = {
    "jwt_auth": _keys(
        {
            "algorithms": _said(
                {
                    "type": "array",
                    "items": {"enum": [*_ALGORITHMS, "EdDSA", "Ed25519"]},
                    "minItems": 1,
                },
                "Algorithms that a token may use.",
            ),
            "keys": _said(
                {"anyOf": [_TEXT, {"type": "object"}]},
                "PEM text, a JWK, a JWK Set, PEM texts by kid, {file: …}, or {secret: …} for HS.",
            ),
            "issuer": _said(_NAMES, "Accepted `iss`, one or a list."),
            "audience": _said(_NAMES, "Accepted `aud`, one or a list."),
            "leeway": _said(
                {"type": "integer", "minimum": 0, "maximum": 3600, "default": 0},
                "Clock skew that is tolerated, in seconds.",
            ),
            "user_claim": _said({**_STRING, "default": "sub"}, "The claim that names the user."),
            "user_header": _said(
                {**_STRING, "default": "x-auth-user"}, "The request header that gets the user."
            ),
            "claims_to_headers": _said(_TEXTS, "Request headers, and the claim that each gets."),
            "forward": _said(
                {"type": "boolean", "default": True}, "Whether the token is forwarded."
            ),
            "realm": _said(_TEXT, "`realm` of the challenges."),
            "claims_encoding": _said(
                {"enum": ["utf8", "percent"], "default": "utf8"},
                "How the user and claims are encoded in headers.",
            ),
        },
        "algorithms",
        "keys",
    ),
    "rate_limit": _keys(
        {
            "limit": _said(
                {**_STRING, "examples": ["100/minute", "5 per 30 seconds"]},
                "A limit in the notation of the package `limits`; several are separated by ';'.",
            ),
            "burst": _said({"type": "integer", "minimum": 1}, "Requests that may come at once."),
            "key": _said(
                {"anyOf": [{"enum": ["address", "user"]}, _keys({"header": _STRING}, "header")]},
                "The key by which requests are counted.",
            ),
            "slots": _said(
                {"type": "integer", "minimum": 1, "default": 65_536},
                "Keys that are counted at the same time.",
            ),
            "headers": _said(
                {"type": "boolean", "default": True},
                "Whether responses have the fields x-ratelimit-limit, -remaining and -reset.",
            ),
        },
        "limit",
    ),
    "rewrite": _keys(
        {
            "path_prefix": _said(_TEXTS, "Prefixes of the path, and their replacements."),
            "path_regex": _said(
                {
                    "type": "array",
                    "items": _keys(
                        {"pattern": _STRING, "replacement": _STRING}, "pattern", "replacement"
                    ),
                },
                "The first pattern that matches is applied; ${1} is a group.",
            ),
            "host": _said(_TEXT, "The new host of the request."),
            "request_headers": _said(_FIELD_RULES, "Changes to the request's fields."),
            "response_headers": _said(_FIELD_RULES, "Changes to the response's fields."),
        }
    ),
}
"""By the name of the module."""


def with_bundled(schema: Schema) -> Schema:
    """Return a schema of gateway.yaml with the schema of each bundled module's configuration."""
    settings: Schema = schema["$defs"]["PolicySettings"]
    settings["properties"]["module"]["examples"] = [*SCHEMAS, "./own.wasm"]
    settings["allOf"] = [
        {
            "if": {"properties": {"module": {"const": name}}, "required": ["module"]},
            "then": {
                "properties": {"configuration": {"$ref": f"#/$defs/{name}"}},
                **({"required": ["configuration"]} if "required" in SCHEMAS[name] else {}),
            },
        }
        for name in SCHEMAS
    ]
    return {**schema, "$defs": {**schema["$defs"], **SCHEMAS}}
