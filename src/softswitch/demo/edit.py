"""Change values in a YAML text where they stand: comments, order and everything else stay as they are."""

from __future__ import annotations

import yaml


def set_value(text: str, path: tuple[str, ...], value: str) -> str:
    """The text with `value` (YAML, on one line) at this path of keys; keys that are missing are added. The first
    key must be there already."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    for depth, key in enumerate(path):
        if not isinstance(node, yaml.MappingNode) or not node.value:
            raise ValueError(f"{'.'.join(path[:depth]) or 'the file'} has no keys to set {key} beside")
        child = next((child for name, child in node.value if name.value == key), None)
        if child is None:
            if depth == 0:
                raise ValueError(f"the file has no section {key}")
            return _with_key(text, node, key, _nested(path[depth + 1 :], value))
        node = child
    assert node is not None
    start, end = node.start_mark.index, node.end_mark.index
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        raise ValueError(f"{'.'.join(path)} is a block; set the keys in it")
    return text[:start] + value + text[end:]


def _nested(path: tuple[str, ...], value: str) -> str:
    for key in reversed(path):
        value = f"{{ {key}: {value} }}"
    return value


def _with_key(text: str, node: yaml.MappingNode, key: str, value: str) -> str:
    first = node.value[0][0].start_mark
    between = ", " if node.flow_style else "\n" + " " * first.column
    return text[: first.index] + f"{key}: {value}{between}" + text[first.index :]
