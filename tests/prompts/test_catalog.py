"""Which segments a configuration needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from softswitch.call.prompts import BUILT_IN, CALM_MUSIC, Prompt, PromptCatalog, music_segment, segments_needed
from softswitch.call.settings import AgentVoice, Settings
from softswitch.ids import FlowId, QueueId
from softswitch.ivr.messages import Flow, LanguageStep, MenuStep, Say, SayStep, Segment, Target, Unclear
from softswitch.ivr.speech import speak

SmallLine = Callable[..., Settings]
ONE_FLOW = FlowId("one")


def steps(*all_steps: SayStep | MenuStep | LanguageStep) -> dict[FlowId, Flow]:
    return {ONE_FLOW: Flow(ONE_FLOW, tuple(all_steps))}


def test_texts_names_numbers_and_sounds(small_line: SmallLine) -> None:
    needed = segments_needed(small_line())
    assert len(needed) == len(set(needed))
    for segment in (
        Segment("en", "Welcome to Example Bank."),
        Segment("et", "Tere tulemast."),
        Segment("en", "is on the phone. To wait about"),
        Segment("en", "Anna"),
        Segment("et", "Mart"),
        Segment("en", "sixty minutes"),
        Segment("et", "kaks minutit"),
        Segment("en", "ninety-nine"),
        Segment("en", "p.m."),
        Segment("en", "plus"),
        *BUILT_IN,
    ):
        assert segment in needed, segment
    assert not any("{" in segment.text for segment in needed)


def test_the_order_depends_on_the_configuration_alone(small_line: SmallLine) -> None:
    assert segments_needed(small_line()) == segments_needed(small_line())


def test_everything_a_queue_can_say_is_needed(small_line: SmallLine) -> None:
    settings = small_line()
    needed = set(segments_needed(settings))
    choice = settings.call.queue_texts[QueueId("cards")].choice
    for voice in settings.call.agents.values():
        for minutes in range(1, 100):
            for language, template in choice.texts.items():
                values: dict[str, str | Say] = {"agent": voice.spoken_name, "minutes": str(minutes)}
                assert needed.issuperset(speak(template, language, values))


def test_a_choice_in_parts(small_line: SmallLine) -> None:
    texts = small_line().call.queue_texts[QueueId("cards")]
    parts = {"intro": Say({"en": "{agent} talks."}), "wait": Say({"en": "To wait, press 1."})}
    whole = Say({"en": "{agent} talks.\nTo wait, press 1."})
    queues = {QueueId("cards"): replace(texts, choice=whole, choice_parts=parts)}
    needed = segments_needed(small_line(call={"queue_texts": queues}))
    assert Segment("en", "talks.") in needed
    assert Segment("en", "To wait, press 1.") in needed
    assert Segment("en", "talks. To wait, press 1.") not in needed


def test_words_that_no_text_uses_are_not_needed(small_line: SmallLine) -> None:
    base = small_line()
    texts = base.call.queue_texts[QueueId("cards")]
    plain = replace(texts, choice=Say({"en": "Wait."}), position=Say({"en": "Wait."}), call_back_confirmed=Say())
    needed = segments_needed(small_line(call={"flows": {}, "queue_texts": {QueueId("cards"): plain}}))
    assert Segment("en", "two minutes") not in needed
    assert Segment("en", "p.m.") not in needed


def test_files_before_texts_and_the_texts_of_menus(small_line: SmallLine) -> None:
    menu = MenuStep(
        "m", Say({"en": "Press 1."}, {"et": "menu.et.wav"}), {"1": Target(hang_up=True)}, Unclear(), Say({"en": "No."})
    )
    needed = segments_needed(small_line(call={"flows": steps(menu)}))
    assert Segment("en", "Press 1.") in needed
    assert Segment("et", file="menu.et.wav") in needed
    assert Segment("en", "No.") in needed


def test_a_missing_language_is_spoken_in_the_lines_first(small_line: SmallLine) -> None:
    czech = SayStep("c", Say({"cs": "Chvilku, asi {minutes}."}))
    needed = segments_needed(small_line(call={"flows": steps(czech)}))
    assert Segment("cs", "Chvilku, asi") in needed
    assert Segment("cs", "dvě minuty") in needed


def test_languages_of_steps_and_numbers_count(small_line: SmallLine) -> None:
    say = Say({"en": "Hello.", "it": "Buongiorno."})
    assert Segment("it", "Buongiorno.") not in segments_needed(small_line(call={"flows": steps(SayStep("s", say))}))
    flows = steps(LanguageStep("l", "it"), SayStep("s", say))
    assert Segment("it", "Buongiorno.") in segments_needed(small_line(call={"flows": flows}))


def test_music_of_a_queue(small_line: SmallLine) -> None:
    assert music_segment("") == CALM_MUSIC
    base = small_line()
    own = replace(base.call.queue_texts[QueueId("cards")], music="waltz.ogg")
    assert Segment("", file="waltz.ogg") in segments_needed(small_line(call={"queue_texts": {QueueId("cards"): own}}))


def test_a_name_may_be_a_file(small_line: SmallLine) -> None:
    voices = {"li": AgentVoice(Say({}, {"en": "li.wav"}), "1003")}
    needed = segments_needed(small_line(call={"agents": voices}))
    assert Segment("en", file="li.wav") in needed


def test_the_catalogue_leaves_out_what_it_does_not_have() -> None:
    one, two = Segment("en", "one"), Segment("en", "two")
    catalog = PromptCatalog({one: Prompt("a-1", 0.5), two: Prompt("b-2", 0.25)})
    assert catalog.find(one) == Prompt("a-1", 0.5)
    assert catalog.find(Segment("et", "one")) is None
    assert catalog.keys((two, Segment("en", "three"), one, two)) == (("b-2", "a-1", "b-2"), 1.0)
    assert catalog.keys(()) == ((), 0)
    assert catalog.all_keys() == ("a-1", "b-2")
