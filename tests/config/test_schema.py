"""The schema for editors says the same as the loader."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from softswitch.config import schema

CONFIGS = Path(__file__).parents[2] / "configs"
SCHEMAS = schema()


class _Words(yaml.SafeLoader):
    """YAML as editors read it (1.2): times and dates are texts, and only true and false are flags."""


_Words.yaml_implicit_resolvers = {
    first: [
        (tag, regex)
        for tag, regex in resolvers
        if tag not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:int", "tag:yaml.org,2002:bool")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Words.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^(?:0|-?[1-9][0-9]*)$"), list("-0123456789"))
_Words.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))


def _type_fits(value: Any, types: str | list[str]) -> bool:
    python = {"string": str, "number": (int, float), "integer": int, "boolean": bool, "array": list, "object": dict}
    words = [types] if isinstance(types, str) else types
    return any(isinstance(value, python[word]) and (word == "boolean" or not isinstance(value, bool)) for word in words)  # type: ignore[arg-type]


def fits(value: Any, rule: dict[str, Any], defs: dict[str, Any]) -> bool:
    """The part of JSON Schema that our schemas use."""
    if "$ref" in rule:
        target = defs[rule["$ref"].removeprefix("#/$defs/")]
        return fits(value, target, defs)
    if "anyOf" in rule and not any(fits(value, option, defs) for option in rule["anyOf"]):
        return False
    if "enum" in rule and value not in rule["enum"]:
        return False
    if "type" in rule and not _type_fits(value, rule["type"]):
        return False
    if "pattern" in rule and isinstance(value, str) and not re.search(rule["pattern"], value):
        return False
    if isinstance(value, int) and not rule.get("minimum", value) <= value <= rule.get("maximum", value):
        return False
    if isinstance(value, list):
        return len(value) >= rule.get("minItems", 0) and all(fits(v, rule.get("items", {}), defs) for v in value)
    if isinstance(value, dict):
        return _object_fits(value, rule, defs)
    return True


def _object_fits(value: dict[Any, Any], rule: dict[str, Any], defs: dict[str, Any]) -> bool:
    properties, more = rule.get("properties", {}), rule.get("additionalProperties", {})
    if len(value) < rule.get("minProperties", 0) or not set(rule.get("required", [])) <= set(value):
        return False
    for name, child in value.items():
        if not fits(str(name), rule.get("propertyNames", {}), defs):
            return False
        child_rule = properties.get(name, more)
        if child_rule is False or not fits(child, child_rule, defs):
            return False
    return True


def files() -> list[tuple[Path, str]]:
    return [(path, "flow" if path.parent.name == "flows" else "line") for path in sorted(CONFIGS.glob("**/*.yaml"))]


@pytest.mark.parametrize(("path", "name"), files())
def test_the_shipped_files_fit(path: Path, name: str) -> None:
    value = yaml.load(path.read_text(), Loader=_Words)
    assert fits(value, SCHEMAS[name], SCHEMAS[name]["$defs"])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("line", "queus: {}"),
        ("line", "queues: { sales: { wrap_up: 30 } }"),
        ("line", "queues: { sales: { sticky: { offer: [callback] } } }"),
        ("line", "agents: { anna: { name: Anna, extension: 1001, password: secret } }"),
        ("line", "listen: udp://0.0.0.0:5060"),
        ("flow", "steps: [{ queue: sales }]"),
        ("flow", "flow: main"),
        ("flow", "{ flow: main, steps: [] }"),
        ("flow", "{ flow: main, steps: [{ menu: m, say: Hi., keys: {} }] }"),
        ("flow", "{ flow: main, steps: [{ collect: m, say: Hi., digits: x }] }"),
    ],
)
def test_mistakes_do_not_fit(name: str, text: str) -> None:
    assert not fits(yaml.load(text, Loader=_Words), SCHEMAS[name], SCHEMAS[name]["$defs"])


def test_the_schema_of_one_file() -> None:
    assert schema("queues.yaml") == schema("line.yaml") == SCHEMAS["line"]
    assert schema("flows/welcome.yaml") == SCHEMAS["flow"]
    with pytest.raises(ValueError, match=r"like line\.yaml"):
        schema("line")


def test_the_schema_is_json_of_the_draft_and_complete() -> None:
    for one in SCHEMAS.values():
        text = json.dumps(one)
        assert one["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        for name in set(re.findall(r'"#/\$defs/(\w+)"', text)):
            assert name in one["$defs"]
        for part in one["$defs"].values():
            assert part.get("description") or part.get("anyOf")
            assert all("description" in entry for entry in part.get("properties", {}).values())
