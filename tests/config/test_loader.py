"""A directory becomes settings: what is where, what is missing, what the command line says instead."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from softswitch.acd.messages import AcdSettings, Choice, StickyRule
from softswitch.call.settings import FeatureCodes, ListenSettings
from softswitch.config import ConfigProblems, Overrides, check, load
from softswitch.ivr.messages import Target

CONFIGS = Path(__file__).parents[2] / "configs"
PASSWORDS = {"ANNA_PASSWORD": "a", "MART_PASSWORD": "m", "LI_PASSWORD": "l"}


@pytest.mark.parametrize("name", ["bank", "minimal"])
def test_the_shipped_configurations_are_good(name: str) -> None:
    assert check(CONFIGS / name) == []
    load(CONFIGS / name, env=PASSWORDS)


def test_the_bank() -> None:
    settings = load(CONFIGS / "bank", env=PASSWORDS)
    assert settings.listen == (ListenSettings("udp", "127.0.0.1", 5060), ListenSettings("tcp", "127.0.0.1", 5060))
    assert settings.database_url == "sqlite+aiosqlite:///var/line.db"
    assert [account.username for account in settings.sip.accounts] == ["1001", "1002", "1003"]
    assert settings.sip.accounts[0].ha1_md5 == hashlib.md5(b"1001:127.0.0.1:a").hexdigest()
    assert settings.sip.accounts[0].ha1_sha256 == hashlib.sha256(b"1001:127.0.0.1:a").hexdigest()
    assert settings.sip.trunks[0].networks == ("127.0.0.2/32",)
    call = settings.call
    assert (call.call_back_trunk, call.call_back_caller) == ("pstn", "+3726310000")
    assert call.human == Target(queue="everyday")
    assert call.numbers["1210"].flow == "lost_card"
    everyday = settings.acd.queues[0]
    assert everyday.sticky == StickyRule()
    assert settings.acd.queues[1].sticky is None
    assert settings.acd.agents[2].skills == (("cards", 2),)
    texts = call.queue_texts[everyday.id]
    assert texts.choice_keys["3"] == Target(choose="call_back")
    assert texts.choice_keys["0"] == Target(choose="colleague")
    assert texts.choice.texts["en"].endswith("For a call back by {time}, press 3.")


def test_the_smallest_line_has_good_defaults(directory: Any) -> None:
    settings = directory.load()
    assert settings.listen == (ListenSettings("udp", "0.0.0.0", 5060), ListenSettings("tcp", "0.0.0.0", 5060))
    assert (settings.http_host, settings.http_port) == ("127.0.0.1", 8060)
    assert settings.acd == AcdSettings(settings.acd.queues, settings.acd.agents)
    assert settings.acd.queues[0].sticky == StickyRule()
    assert settings.call.codes == FeatureCodes()
    assert settings.call.flows[settings.call.numbers["+3726000000"].flow].steps[0].target == Target(queue="sales")
    assert settings.sip.nonce_secret == b""
    assert settings.sip.realm == "127.0.0.1"


def test_nothing_in_the_settings_is_a_placed_text(directory: Any) -> None:
    """Settings are compared and printed; they hold plain values only."""
    text = repr(directory.load())
    assert "Place" not in text
    assert "secret" not in text.replace("nonce_secret", "").replace("secret=False", "")


def test_sections_in_several_files(directory: Any) -> None:
    people = "agents: { li: { name: Li, extension: 1003, password: { env: PW }, queues: [sales] } }\n"
    assert directory.load({"people.yaml": people}, agents="").acd.agents[0].id == "li"
    assert directory.check({"people.yaml": people}) == [
        'people.yaml:1:1: the section "agents" stands in line.yaml too (line 5)'
    ]


def test_no_directory_and_no_file(tmp_path: Path) -> None:
    assert [str(p) for p in check(tmp_path / "none")] == [f"{tmp_path}/none: is not a directory with a configuration"]
    assert [str(p) for p in check(tmp_path)] == [f"{tmp_path}: holds no configuration: there is no file line.yaml"]


def test_a_yml_file_is_not_silently_left_out(directory: Any) -> None:
    assert directory.check({"more.yml": "a: 1"}) == ["more.yml:1:1: is not read; configuration files end in .yaml"]


def test_an_unreadable_file_does_not_hide_the_others_nor_invent_problems(directory: Any) -> None:
    found = directory.check({"queues.yaml": "queues: {"}, queues="", codes="{ log_in: zero }")
    assert len(found) == 2
    assert found[0].startswith("line.yaml:5:")
    assert found[1].startswith("queues.yaml:1:")


def test_an_unreadable_flow_is_known_by_its_file_name(directory: Any) -> None:
    found = directory.check({"flows/main.yaml": "flow: main\nsteps: {"}, numbers='{ "1": { flow: main } }')
    assert len(found) == 1
    assert found[0].startswith("flows/main.yaml:")


def test_a_flow_twice(directory: Any) -> None:
    flow = "flow: main\nsteps: [{ queue: sales }]\n"
    assert directory.check({"flows/a.yaml": flow, "flows/b.yaml": flow}) == [
        'flows/b.yaml:1:7: the flow "main" stands in flows/a.yaml too (line 1)'
    ]


# ------------------------------------------------------------------ secrets


def test_secrets_from_environment_and_file(directory: Any) -> None:
    (directory.path / "pw").write_text("secret\n")
    by_env = directory.load().sip.accounts
    agents = "{ anna: { name: Anna, extension: 1001, password: { file: pw }, queues: [sales] } }"
    assert directory.load(agents=agents).sip.accounts == by_env


def test_secrets_that_are_not_there(directory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PW", raising=False)
    assert directory.check() == []  # a check needs no secrets
    with pytest.raises(ConfigProblems, match="the environment variable PW is not set"):
        load(directory.path)
    directory.write(agents="{ anna: { name: Anna, extension: 1001, password: { file: none }, queues: [] } }")
    with pytest.raises(ConfigProblems, match=r"line\.yaml:5:66: .*none cannot be read: No such file"):
        load(directory.path)
    assert "PW" not in os.environ


def test_the_database_may_be_a_secret(directory: Any) -> None:
    with pytest.raises(ConfigProblems, match="is no database URL"):
        directory.load(database="{ env: PW }")
    directory.write(database="{ env: DB }")
    settings = load(directory.path, env={"PW": "x", "DB": "postgresql://me:pw@db/line"})
    assert settings.database_url == "postgresql+asyncpg://me:pw@db/line"


def test_nonce_secret(directory: Any) -> None:
    directory.write(sip="{ nonce_secret: { env: NONCE } }")
    assert load(directory.path, env={"PW": "x", "NONCE": "0123456789abcdef"}).sip.nonce_secret == b"0123456789abcdef"
    with pytest.raises(ConfigProblems, match=r"line\.yaml:6:22: the secret is too short; at least 16 characters"):
        load(directory.path, env={"PW": "x", "NONCE": "0123"})


# ------------------------------------------------------------------ the command line


def test_overrides(directory: Any) -> None:
    settings = directory.load(
        overrides=Overrides(
            listen=("udp://127.0.0.1:7000",),
            http="127.0.0.1:7001",
            database="sqlite:////tmp/x.db",
            rtp_ports=(30000, 30100),
            prompts="/tmp/p",
        )
    )
    assert settings.listen == (ListenSettings("udp", "127.0.0.1", 7000),)
    assert (settings.http_host, settings.http_port) == ("127.0.0.1", 7001)
    assert settings.database_url == "sqlite+aiosqlite:////tmp/x.db"
    assert (settings.media.port_first, settings.media.port_last) == (30000, 30100)
    assert settings.prompt_cache == "/tmp/p"


def test_wrong_overrides_name_their_flag(directory: Any) -> None:
    with pytest.raises(ConfigProblems) as caught:
        directory.load(
            overrides=Overrides(listen=("udp:5060",), http="0.0.0.0:80", database="mysql://x", rtp_ports="1..2")
        )
    flags = [str(problem).split(":")[0] for problem in caught.value.problems]
    assert flags == ["--database", "--http", "--listen", "--rtp-ports"]
    with pytest.raises(ConfigProblems) as caught:
        directory.load(overrides=Overrides(rtp_ports="4001..4003"))
    (problem,) = caught.value.problems
    assert str(problem).startswith("--rtp-ports: 1 pair of ports is too few")


def test_overrides_that_say_nothing(directory: Any) -> None:
    assert directory.load(overrides=Overrides(listen=())) == directory.load()
    assert directory.load(overrides=Overrides(rtp_ports="4000..4010")).media.port_last == 4010


def test_choices_by_the_order_of_the_offer(directory: Any) -> None:
    texts = directory.load(queues="{ sales: { sticky: { offer: [call_back, wait] } } }").call.queue_texts["sales"]
    assert texts.choice.texts["en"] == (
        "{agent} is on the phone.\nFor a call back by {time}, press 1.\nTo wait about {minutes}, press 2."
    )
    assert {key: target.choose for key, target in texts.choice_keys.items()} == {
        "1": "call_back",
        "2": "wait",
        "0": "colleague",
    }
    assert set(texts.choice_parts) == {"intro", "call_back", "wait"}


def test_every_key_of_a_queue(directory: Any) -> None:
    settings = directory.load(
        queues="""
  sales:
    name: Sales
    skills: { cars: 3 }
    service_level: 90.5% in 1m
    ring: 12s
    wrap_up: 1.5m
    max_wait: 1h
    nobody_there: wait
    overflow: { queue: second, because: full }
    usual_talk: 4m
    sticky:
      look_back: 7d
      counts_as_previous: { talked_at_least: 30s }
      offer: [wait, colleague]
      wait_at_most: 2m
      call_back: { within: 30m, attempts: 2, retry: 90s }
    while_waiting: { say_position: never }
    texts: { please_wait: { en: "Moment.", et: "Hetk." } }
  second: { sticky: off, while_waiting: { say_position: every 1m } }
""",
        agents="{ anna: { name: Anna, extension: 1001, password: { env: PW }, queues: [sales], skills: { cars: 5 } } }",
    )
    sales, second = settings.acd.queues
    assert (sales.name, sales.skills, sales.ring_seconds, sales.wrap_up_seconds) == ("Sales", (("cars", 3),), 12, 90)
    assert (sales.service_level_percent, sales.service_level_seconds, sales.max_wait_seconds) == (90.5, 60, 3600)
    assert (sales.overflow_when_nobody, sales.usual_talk_seconds, sales.say_position_every_seconds) == (False, 240, 0)
    assert sales.sticky == StickyRule(7 * 86400, 30, (Choice.WAIT, Choice.COLLEAGUE), 120, 1800, 2, 90)
    assert (second.sticky, second.say_position_every_seconds, second.overflow_when_nobody) == (None, 60, True)
    texts = settings.call.queue_texts[sales.id]
    assert texts.after_overflow == Target(queue="second", because="full")
    assert texts.please_wait.texts == {"en": "Moment.", "et": "Hetk."}
    assert settings.call.queue_texts[second.id].after_overflow == Target(hang_up=True)
