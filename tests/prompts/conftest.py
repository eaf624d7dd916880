"""A small line whose prompts are built for real, in a directory of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from softswitch.acd.messages import AcdSettings
from softswitch.call.settings import (
    AgentVoice,
    CallSettings,
    FeatureCodes,
    LineTexts,
    NumberSettings,
    QueueTexts,
    Settings,
)
from softswitch.ids import FlowId, QueueId
from softswitch.ivr.messages import CollectStep, Flow, MenuStep, Say, SayStep, Target, Unclear
from softswitch.media.messages import MediaSettings
from softswitch.sip.messages import SipSettings


def both(english: str, estonian: str) -> Say:
    return Say({"en": english, "et": estonian})


def queue_texts(music: str = "") -> QueueTexts:
    return QueueTexts(
        please_wait=both("Please wait.", "Palun oodake."),
        position=both("You are number {position} in the line.", "Teie koht järjekorras on {position}."),
        choice=both(
            "{agent} is on the phone. To wait about {minutes}, press 1.",
            "{agent} räägib praegu. Ooteaeg on umbes {minutes}, vajutage 1.",
        ),
        choice_keys={"1": Target(choose="wait")},
        wait_for_agent=both("I keep you in {agent}'s own line.", "Te ootate nüüd kõneks. {agent} vastab esimesena."),
        call_back_confirmed=both("{agent} calls you back by {time}. Goodbye.", "{agent} helistab teile kell {time}."),
        connecting=both("I connect you with {agent}.", "Ühendan. {agent}."),
        nobody_there=both("Nobody is here just now.", "Praegu ei ole kedagi."),
        sorry_gone=both("She is still busy.", "Ta on ikka veel hõivatud."),
        music=music,
    )


LINE_TEXTS = LineTexts(
    wrong_key=both("That key is not in the menu.", "Sellist valikut ei ole."),
    no_input=both("I heard no key.", "Te ei vajutanud midagi."),
    logged_in=both("You are logged in.", "Olete sees."),
    logged_out=both("You are logged out.", "Olete väljas."),
    now_ready=both("You are ready.", "Olete valmis."),
    on_break=both("You are on a break.", "Olete pausil."),
    call_back_intro=both("Call-back.", "Tagasihelistamine."),
    goodbye=both("Goodbye.", "Head aega."),
)

FLOW = Flow(
    FlowId("welcome"),
    (
        SayStep("greeting", both("Welcome to Example Bank.", "Tere tulemast.")),
        CollectStep("number", both("Enter your number.", "Sisestage number."), 4, 6, Unclear()),
        SayStep("read_back", both("You entered {number}.", "Sisestasite {number}.")),
        MenuStep("main", both("For cards, press 1.", "Kaardid, vajutage 1."), {"1": Target(queue="cards")}, Unclear()),
    ),
)

CALL = CallSettings(
    name="Example Bank",
    timezone="Europe/Tallinn",
    languages=("en", "et"),
    numbers={"8000": NumberSettings("8000", FlowId("welcome"), "en")},
    flows={FLOW.id: FLOW},
    hours={},
    queue_texts={QueueId("cards"): queue_texts()},
    agents={"anna": AgentVoice(both("Anna", "Anna"), "1001"), "mart": AgentVoice(Say({"et": "Mart"}), "1002")},
    codes=FeatureCodes(),
    texts=LINE_TEXTS,
)


@pytest.fixture
def small_line(tmp_path: Path) -> Callable[..., Settings]:
    """Settings in `tmp_path`; keyword arguments replace fields of `Settings` or of its `call`."""

    def build(call: Mapping[str, Any] | None = None, **changes: Any) -> Settings:
        settings = Settings(
            listen=(),
            http_host="127.0.0.1",
            http_port=0,
            database_url="sqlite+aiosqlite://",
            prompt_cache=str(tmp_path / "cache"),
            directory=str(tmp_path),
            tts="espeak-ng",
            sip=SipSettings("example.test", ("example.test",)),
            media=MediaSettings(),
            acd=AcdSettings((), ()),
            call=replace(CALL, **(call or {})),
        )
        return replace(settings, **changes)

    return build
