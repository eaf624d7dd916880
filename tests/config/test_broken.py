"""Ten different mistakes in one directory: ten messages in one run, each with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from softswitch.config import ConfigProblems, check, load

BROKEN = Path(__file__).parent / "broken"

EXPECTED = """\
flows/welcome.yaml:3:24: the audio file "prompts/hello.wav" does not exist
flows/welcome.yaml:8:7: a * without quotes has a meaning of its own in YAML; write the key as "*":
line.yaml:5:13: "Europe/Talinn" is no time zone - did you mean "Europe/Tallinn"?
line.yaml:7:10: "upd" is not served - did you mean "udp"?
line.yaml:9:18: is no address or network: '192.0.2.300' does not appear to be an IPv4 or IPv6 network
line.yaml:11:26: no flow is called "welcom" - did you mean "welcome"?
people.yaml:2:55: a secret is never written here; name it as { env: NAME } or { file: PATH }
people.yaml:3:28: an agent has no key "extention" - did you mean "extension"?
queues.yaml:3:14: expected a length of time with its unit, like 20s, 5m, 4h or 30d, found "30"
queues.yaml:5:5: "ring" stands here twice; first in line 4
"""


def test_ten_mistakes_give_ten_located_messages() -> None:
    assert "".join(f"{problem}\n" for problem in check(BROKEN)) == EXPECTED


def test_load_raises_with_all_of_them() -> None:
    with pytest.raises(ConfigProblems) as caught:
        load(BROKEN, env={"MART_PASSWORD": "x"})
    assert f"{caught.value}\n" == EXPECTED
    assert len(caught.value.problems) == 10
