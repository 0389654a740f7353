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


def _described(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description}


_ALGORITHMS = [f"{family}{bits}" for family in ("HS", "RS", "PS", "ES") for bits in (256, 384, 512)]
_FIELD_RULES = _keys(
    {
        "remove": _described(
            {"type": "array", "items": _STRING}, "Removes every field of these names."
        ),
        "set": _described(_TEXTS, "Replaces all fields of the name by one with this value."),
        "add": _described(_TEXTS, "Adds the field if no field has the name."),
        "append": _described(_TEXTS, "Adds the field, also beside others of the name."),
    }
)

SCHEMAS: dict[str, Schema] = {
    "jwt_auth": _keys(
        {
            "algorithms": _described(
                {
                    "type": "array",
                    "items": {"enum": [*_ALGORITHMS, "EdDSA", "Ed25519"]},
                    "minItems": 1,
                },
                "Algorithms that a token may use.",
            ),
            "keys": _described(
                {"anyOf": [_TEXT, {"type": "object"}]},
                "PEM text, a JWK, a JWK Set, PEM texts by kid, {file: …}, or {secret: …} for HS.",
            ),
            "issuer": _described(_NAMES, "Accepted `iss`, one or a list."),
            "audience": _described(_NAMES, "Accepted `aud`, one or a list."),
            "leeway": _described(
                {"type": "integer", "minimum": 0, "maximum": 3600, "default": 0},
                "Clock skew that is tolerated, in seconds.",
            ),
            "user_claim": _described(
                {**_STRING, "default": "sub"}, "The claim that names the user."
            ),
            "user_header": _described(
                {**_STRING, "default": "x-auth-user"}, "The request header that gets the user."
            ),
            "claims_to_headers": _described(
                _TEXTS, "Request headers, and the claim that each gets."
            ),
            "forward": _described(
                {"type": "boolean", "default": True}, "Whether the token is forwarded."
            ),
            "realm": _described(_TEXT, "`realm` of the challenges."),
            "claims_encoding": _described(
                {"enum": ["utf8", "percent"], "default": "utf8"},
                "How the user and claims are encoded in headers.",
            ),
        },
        "algorithms",
        "keys",
    ),
    "rate_limit": _keys(
        {
            "limit": _described(
                {**_STRING, "examples": ["100/minute", "5 per 30 seconds"]},
                "A limit in the notation of the package `limits`; several are separated by ';'.",
            ),
            "burst": _described(
                {"type": "integer", "minimum": 1}, "Requests that may come at once."
            ),
            "key": _described(
                {"anyOf": [{"enum": ["address", "user"]}, _keys({"header": _STRING}, "header")]},
                "The key by which requests are counted.",
            ),
            "slots": _described(
                {"type": "integer", "minimum": 1, "default": 65_536},
                "Keys that are counted at the same time.",
            ),
            "headers": _described(
                {"type": "boolean", "default": True},
                "Whether responses have the fields x-ratelimit-limit, -remaining and -reset.",
            ),
        },
        "limit",
    ),
    "rewrite": _keys(
        {
            "path_prefix": _described(_TEXTS, "Prefixes of the path, and their replacements."),
            "path_regex": _described(
                {
                    "type": "array",
                    "items": _keys(
                        {"pattern": _STRING, "replacement": _STRING}, "pattern", "replacement"
                    ),
                },
                "The first pattern that matches is applied; ${1} is a group.",
            ),
            "host": _described(_TEXT, "The new host of the request."),
            "request_headers": _described(_FIELD_RULES, "Changes to the request's fields."),
            "response_headers": _described(_FIELD_RULES, "Changes to the response's fields."),
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
