"""The traps of YAML: what was written is what is meant, or it is refused with its place."""

from __future__ import annotations

from typing import Any

import pytest

from softswitch.config.problems import Report
from softswitch.config.tree import MAX_BYTES, Mapping, Scalar, Sequence, read_text


def plain(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {key.text: plain(value) for key, value in node.items}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    assert isinstance(node, Scalar)
    return node.text


def problems(text: str | bytes) -> list[str]:
    report = Report()
    read_text(text if isinstance(text, bytes) else text.encode(), "x.yaml", report)
    return [str(problem) for problem in report.problems]


@pytest.mark.parametrize("text", ["17:30", "0123", "010", "no", "yes", "on", "+39051234", "1_000", "0x1f", "1e3", ".5"])
def test_a_plain_word_stays_what_was_written(text: str) -> None:
    report = Report()
    assert plain(read_text(f"key: {text}\n{text}: 1".encode(), "x.yaml", report)) == {"key": text, text: "1"}
    assert report.problems == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", 'x.yaml:3:1: "a" stands here twice; first in line 1'),
        ("a: &x 1", "x.yaml:1:4: &x is a YAML anchor, and they are not used here; put texts in quotes"),
        ("a: !!python/name:os.system 1", "x.yaml:1:4: tag:yaml.org,2002:python/name:os.system is a YAML tag"),
        ("a: 1\n---\nb: 2", "x.yaml:2:1: a second document begins here; one file holds one document"),
        ("a:\n\tb: 1", "x.yaml:2:1: a tab stands here; YAML is indented with spaces"),
        ("  *: 1", 'x.yaml:1:3: a * without quotes has a meaning of its own in YAML; write the key as "*":'),
        ("{ 1: a, *: b }", 'x.yaml:1:9: a * without quotes has a meaning of its own in YAML; write the key as "*":'),
        ("  #: 1", 'x.yaml:1:3: a # without quotes begins a comment; write the key as "#":'),
        ("{ 1: a, #: b }", 'x.yaml:1:9: a # without quotes begins a comment; write the key as "#":'),
        (
            "say: Hello: you",
            'x.yaml:1:11: a second ": " stands in this line; put the text in quotes, or indent the line',
        ),
        ("? [a, b]\n: 1", "x.yaml:1:3: a key must be a plain word or text"),
        ("a: 1\nb: [1, 2\n", "x.yaml:2:4: begins here and never ends; is a bracket or quote missing?"),
        ('a: "1\nb: 2\n', "x.yaml:1:4: begins here and never ends; is a bracket or quote missing?"),
        ("a: 1\n b: 2", 'x.yaml:2:3: a second ": " stands in this line; put the text in quotes, or indent the line'),
        ("a: [1 2}", "x.yaml:1:8: is not YAML: did not find expected ',' or ']'"),
        ("[" * 100, "x.yaml:1:26: is nested too deeply"),
        (b"a: 1\nb: \xff", "x.yaml:2:1: is not UTF-8 text"),
        (b"a: \x00", "x.yaml:1:1: is not YAML: "),
    ],
)
def test_refused_with_a_place(text: str | bytes, message: str) -> None:
    found = problems(text)
    assert len(found) >= 1
    assert found[0].startswith(message)


def test_a_star_used_as_an_alias_is_refused() -> None:
    assert problems("a: &x 1\nb: *x")[1] == (
        "x.yaml:2:4: *x is a YAML alias, and they are not used here; put texts in quotes"
    )


def test_an_alias_bomb_stays_small() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    assert len(problems("\n".join(lines))) == 29 * 9 + 30


def test_a_quoted_key_and_a_comment_are_fine() -> None:
    assert problems('"*": 1\n"#": 2  # said #: once\n# a comment: here\n') == []


def test_an_empty_file_is_nothing() -> None:
    report = Report()
    assert read_text(b"# only a comment\n", "x.yaml", report) is None
    assert report.problems == []


def test_windows_line_ends_and_a_byte_order_mark() -> None:
    report = Report()
    assert plain(read_text(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n", "x.yaml", report)) == {"a": "1", "b": "2"}


def test_a_file_that_is_too_big_is_not_read(directory: Any) -> None:
    found = directory.check({"extra.yaml": "#" * (MAX_BYTES + 1)})
    assert found == [f"extra.yaml:1:1: the file has {MAX_BYTES + 1} bytes; at most {MAX_BYTES} are read"]
