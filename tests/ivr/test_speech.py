"""Templates into segments; numbers, minutes, times and digits of five languages."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.ivr.formats import Format
from softswitch.ivr.messages import Say, Segment
from softswitch.ivr.speech import (
    Kind,
    fixed_segments,
    format_vocabulary,
    name_segments,
    speak,
    template_problems,
    variables,
    vocabulary,
)
from softswitch.ivr.spoken import SPOKEN

LANGUAGES = tuple(SPOKEN)
ANNA = Say({"en": "Anna", "et": "Anna", "zh": "安娜", "it": "Anna", "cs": "Anna"})


def words(template: str, language: str, **values: str | Say) -> list[str]:
    return [segment.text for segment in speak(template, language, values)]


# ------------------------------------------------------------------ templates


def test_a_template_is_cut_at_its_variables() -> None:
    template = "{agent} is on the phone. To wait about {minutes}, press 1."
    assert words(template, "en", agent=ANNA, minutes="2") == [
        "Anna",
        "is on the phone. To wait about",
        "two minutes",
        "press 1.",
    ]


@pytest.mark.parametrize(
    ("template", "fixed"),
    [
        ("{agent}.", []),
        ("You are number {position}.", ["You are number"]),
        ("{position} ... !", []),
        ("在{minutes}。请等候。", ["在", "请等候。"]),
        ("  Please   wait. \n", ["Please wait."]),
        ("{agent} – {minutes}", []),
        ("{agent} talks.\n\nTo wait, press 1.\n", ["talks.", "To wait, press 1."]),
        ("{agent}.\nTo wait, press 1.", ["To wait, press 1."]),
        ("¿Listo?", ["¿Listo?"]),
        ("Key (1), {minutes}) then", ["Key (1),", "then"]),
    ],
)
def test_fixed_parts(template: str, fixed: list[str]) -> None:
    assert [segment.text for segment in fixed_segments(template, "en")] == fixed


def test_a_missing_or_unspeakable_value_is_left_out() -> None:
    template = "By {time} or {minutes} or {agent} at {position} to {digits}."
    assert words(template, "en") == ["By", "or", "or", "at", "to"]
    bad = {"time": "25:00", "minutes": "soon", "agent": "", "position": "-1", "digits": "abc"}
    assert words(template, "en", **bad) == ["By", "or", "or", "at", "to"]
    assert words("By {time}.", "xx", time="10:00") == ["By"]


def test_a_name_follows_the_language_and_falls_back() -> None:
    assert name_segments(ANNA, "zh") == (Segment("zh", "安娜"),)
    assert name_segments(Say({"et": "Mart"}), "en") == (Segment("et", "Mart"),)
    assert name_segments(Say({"en": "Li"}, {"en": "li.wav"}), "en") == (Segment("en", file="li.wav"),)
    assert name_segments(Say(), "en") == ()
    braces = Say({"en": "{minutes}"})  # a name is never a template
    assert speak("{agent}", "en", {"agent": braces, "minutes": "2"}) == (Segment("en", "{minutes}"),)


def test_problems_of_templates() -> None:
    assert template_problems("{agent} is on the phone. {minutes}, {position}, {time}, {digits}") == []
    assert template_problems("Hello.") == []
    assert template_problems("You entered {amount}.", collected=["amount"]) == []
    assert template_problems("{agnt} speaks", allowed=["agent"]) == ["unknown variable {agnt} (known here: {agent})"]
    assert template_problems("{agent} speaks", allowed=[]) == ["unknown variable {agent}"]
    assert template_problems("") == ["the text is empty"]
    assert "brace" in template_problems("Hello {agent")[0]
    assert "brace" in template_problems("Hello agent}")[0]
    assert template_problems("{a b}") == ["{a b} is not a variable name"]
    assert template_problems("{}") == ["{} is not a variable name"]
    assert template_problems("{x} {x}", collected=["y"]) == template_problems("{x}", collected=["y"])
    assert "cannot be spoken in 'de'" in template_problems("Noch {minutes}.", language="de")[0]
    assert template_problems("Hier ist {agent}.", language="de") == []
    assert template_problems("About {minutes}.", language="en-GB") == []


def test_variables_in_order() -> None:
    assert variables("{b} and {a} and {b}") == ("b", "a", "b")


# ------------------------------------------------------------------ the tables

NUMBERS = {
    "en": {0: "zero", 8: "eight", 11: "eleven", 12: "twelve", 13: "thirteen", 15: "fifteen", 18: "eighteen",
           20: "twenty", 21: "twenty-one", 40: "forty", 44: "forty-four", 58: "fifty-eight", 99: "ninety-nine"},
    "et": {0: "null", 1: "üks", 10: "kümme", 11: "üksteist", 12: "kaksteist", 18: "kaheksateist", 20: "kakskümmend",
           21: "kakskümmend üks", 50: "viiskümmend", 99: "üheksakümmend üheksa"},
    "zh": {0: "零", 2: "二", 10: "十", 12: "十二", 20: "二十", 22: "二十二", 99: "九十九"},
    "it": {0: "zero", 1: "uno", 11: "undici", 17: "diciassette", 21: "ventuno", 23: "ventitré", 28: "ventotto",
           31: "trentuno", 38: "trentotto", 43: "quarantatré", 66: "sessantasei", 80: "ottanta", 81: "ottantuno",
           88: "ottantotto", 91: "novantuno", 99: "novantanove"},
    "cs": {0: "nula", 1: "jedna", 4: "čtyři", 11: "jedenáct", 14: "čtrnáct", 15: "patnáct", 19: "devatenáct",
           20: "dvacet", 21: "dvacet jedna", 50: "padesát", 90: "devadesát", 99: "devadesát devět"},
}  # fmt: skip

MINUTES = {
    "en": {1: "one minute", 2: "two minutes", 21: "twenty-one minutes", 60: "sixty minutes"},
    "et": {1: "üks minut", 2: "kaks minutit", 5: "viis minutit", 21: "kakskümmend üks minutit",
           60: "kuuskümmend minutit"},
    "zh": {1: "一分钟", 2: "两分钟", 10: "十分钟", 12: "十二分钟", 22: "二十二分钟", 60: "六十分钟"},
    "it": {1: "un minuto", 2: "due minuti", 21: "ventuno minuti", 60: "sessanta minuti"},
    "cs": {1: "jednu minutu", 2: "dvě minuty", 3: "tři minuty", 4: "čtyři minuty", 5: "pět minut", 12: "dvanáct minut",
           14: "čtrnáct minut", 21: "jednadvacet minut", 22: "dvaadvacet minut", 35: "pětatřicet minut",
           40: "čtyřicet minut", 59: "devětapadesát minut", 60: "šedesát minut"},
}  # fmt: skip

TIMES = {
    "en": {"0:00": "midnight", "00:05": "twelve oh five a.m.", "09:30": "nine thirty a.m.", "12:00": "noon",
           "12:15": "twelve fifteen p.m.", "14:00": "two p.m.", "14:30": "two thirty p.m.",
           "23:59": "eleven fifty-nine p.m."},
    "et": {"00:00": "null", "9:05": "üheksa null viis", "14:00": "neliteist",
           "14:30": "neliteist kolmkümmend", "21:45": "kakskümmend üks nelikümmend viis"},
    "zh": {"00:00": "零点 整", "02:05": "两点 零五分", "14:30": "十四点 三十分", "22:22": "二十二点 二十二分"},
    "it": {"01:00": "una", "14:30": "quattordici e trenta", "21:05": "ventuno e cinque", "00:01": "mezzanotte e uno",
           "00:00": "mezzanotte", "12:00": "mezzogiorno", "12:01": "dodici e uno"},
    "cs": {"00:00": "půlnoci", "00:30": "nula hodin třiceti minut", "12:00": "dvanácti hodin",
           "01:01": "jedné hodiny jedné minuty", "02:00": "dvou hodin", "09:10": "devíti hodin deseti minut",
           "14:30": "čtrnácti hodin třiceti minut", "15:04": "patnácti hodin čtyř minut",
           "21:22": "jednadvaceti hodin dvaadvaceti minut", "20:59": "dvaceti hodin devětapadesáti minut"},
}  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_numbers(language: str) -> None:
    for number, spoken in NUMBERS[language].items():
        assert words("{position}", language, position=str(number)) == [spoken]
    table = SPOKEN[language].numbers
    assert len(set(table)) == 100, "two numbers sound the same"


@pytest.mark.parametrize("language", LANGUAGES)
def test_minutes(language: str) -> None:
    for number, spoken in MINUTES[language].items():
        assert words("{minutes}", language, minutes=str(number)) == [spoken]
    assert words("{minutes}", language, minutes="0") == words("{minutes}", language, minutes="1")
    assert words("{minutes}", language, minutes="75") == words("{minutes}", language, minutes="60")
    assert len(set(SPOKEN[language].minutes[1:])) == 60


@pytest.mark.parametrize("language", LANGUAGES)
def test_times(language: str) -> None:
    for time, spoken in TIMES[language].items():
        assert " ".join(words("{time}", language, time=time)) == spoken


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_minute_of_the_day_sounds_different(language: str) -> None:
    spoken = {tuple(words("{time}", language, time=f"{h:02}:{m:02}")) for h in range(24) for m in range(60)}
    assert len(spoken) == 24 * 60
    assert max(map(len, spoken)) <= 3


def test_digits() -> None:
    assert words("{digits}", "en", digits="042") == ["zero", "four", "two"]
    assert words("{customer_number}", "et", customer_number="19") == ["üks", "üheksa"]
    assert words("{caller}", "it", caller="+39 051-2") == ["più", "tre", "nove", "zero", "cinque", "uno", "due"]
    assert words("{caller}", "en", caller="anonymous") == []
    assert words("{digits}", "en", digits="٣²") == []  # digits of other scripts are not keys of a telephone


POSITIONS = {
    "en": {100: "one hundred", 101: "one hundred and one", 150: "one hundred and fifty", 1000: "one thousand",
           1001: "one thousand and one", 1234: "one thousand two hundred and thirty-four"},
    "et": {100: "sada", 101: "sada üks", 221: "kakssada kakskümmend üks", 1001: "tuhat üks", 2000: "kaks tuhat"},
    "zh": {100: "一百", 101: "一百零一", 110: "一百一十", 200: "二百", 1001: "一千零一"},
    "it": {100: "cento", 101: "centouno", 108: "centotto", 123: "centoventitré", 1000: "mille", 2001: "duemilauno"},
    "cs": {100: "sto", 101: "sto jedna", 121: "sto dvacet jedna", 202: "dvě stě dva", 1000: "tisíc"},
}  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_long_line_is_told_as_a_number(language: str) -> None:
    known = set(vocabulary(language, [Kind.NUMBER]))
    for number, spoken in POSITIONS[language].items():
        assert words("{position}", language, position=str(number)) == [spoken]
    for number in [*range(100, 1300), *range(1300, 10_000, 37)]:
        (segment,) = speak("{position}", language, {"position": str(number)})
        assert segment.at_once
        assert known.issuperset(segment.instead), number
        assert segment.instead


# before "to five minutes": what agrees with the minutes that come later
LEAST = {
    "en": {1: "one", 2: "two", 21: "twenty-one"},
    "et": {1: "üks", 2: "kaks", 21: "kakskümmend üks"},
    "zh": {1: "一", 2: "两", 12: "十二"},
    "it": {1: "uno", 2: "due", 21: "ventuno"},
    "cs": {1: "jednu", 2: "dvě", 3: "tři", 5: "pět", 21: "jednadvacet", 22: "dvaadvacet", 45: "pětačtyřicet"},
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_least_wait_agrees_with_the_minutes(language: str) -> None:
    known = set(vocabulary(language, [Kind.LEAST]))
    for number, spoken in LEAST[language].items():
        assert words("{least}", language, least=str(number)) == [spoken]
    for number in range(1, 61):
        assert known.issuperset(speak("{least}", language, {"least": str(number)}))


ITALIAN_TIMES = [
    ("Entro le {time}.", "14:30", ["Entro le", "quattordici", "e trenta"]),
    ("Entro le {time}.", "01:00", ["Entro", "l'una"]),
    ("Entro le {time}.", "1:20", ["Entro", "l'una", "e venti"]),
    ("Entro le {time}.", "00:00", ["Entro", "mezzanotte"]),
    ("Entro le {time}.", "00:15", ["Entro", "mezzanotte", "e quindici"]),
    ("Entro le {time}.", "12:00", ["Entro", "mezzogiorno"]),
    ("Entro le {time}.", "12:30", ["Entro le", "dodici", "e trenta"]),
    ("Domani, dalle {time} in poi.", "01:00", ["Domani,", "dall'una", "in poi."]),
    ("Domani, dalle {time} in poi.", "12:00", ["Domani,", "da mezzogiorno", "in poi."]),
    ("alle {time}", "01:00", ["all'una"]),
    ("Alle {time}", "00:00", ["a mezzanotte"]),
    ("prima delle {time}", "01:05", ["prima", "dell'una", "e cinque"]),
    ("prima delle {time}", "12:00", ["prima", "di mezzogiorno"]),
    # official: on the 24-hour clock
    ("alle ore {time}", "00:30", ["alle", "ore zero", "e trenta"]),
    ("alle ore {time}", "12:00", ["alle", "ore dodici"]),
    ("alle ore {time}", "01:00", ["alle ore", "una"]),
    ("entro le {time:clock}", "13:00", ["entro", "l'una del pomeriggio"]),
    ("entro le {time:clock}", "00:30", ["entro", "mezzanotte e mezza"]),
    ("entro le {when:time}", "01:30", ["entro", "l'una e trenta"]),
    ("entro le {when:time}", "soon", ["entro le"]),
    ("entro le {time}", "25:00", ["entro le"]),
]


@pytest.mark.parametrize(("template", "time", "spoken"), ITALIAN_TIMES)
def test_italian_articles_go_with_the_hour(template: str, time: str, spoken: list[str]) -> None:
    """l'una, but le due; mezzanotte and mezzogiorno have none (Serianni, Grammatica italiana, VI)."""
    segments = speak(template, "it", {"time": time, "when": time})
    assert [segment.text for segment in segments] == spoken
    known = {*fixed_segments(template, "it"), *vocabulary("it", [Kind.TIME])}
    known.update(format_vocabulary("it", [Format("time"), Format("clock")]))
    for segment in segments:
        assert known.issuperset(segment.instead or (segment,)), segment


def test_every_time_behind_an_italian_article_is_rendered_beforehand() -> None:
    for word in ("le", "alle", "dalle", "delle", "ore"):
        template = f"x {word} {{time}}"
        known = {*fixed_segments(template, "it"), *vocabulary("it", [Kind.TIME])}
        told = [speak(template, "it", {"time": f"{hour}:{minute:02}"}) for hour in range(24) for minute in range(60)]
        assert all(known.issuperset(segments) for segments in told)
        assert len(set(told)) == 24 * 60


def test_a_regional_language_uses_the_table_of_its_language() -> None:
    assert words("{minutes}", "en-GB", minutes="3") == ["three minutes"]


# ------------------------------------------------------------------ the closed vocabulary


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_vocabulary_is_small_and_has_no_doubles(language: str) -> None:
    segments = vocabulary(language)
    assert len(segments) == len(set(segments)) <= 300
    assert all(segment.text.strip() == segment.text != "" and segment.language == language for segment in segments)
    assert not any(re.search(r"[{}_0-9]", segment.text) for segment in segments)


def test_a_vocabulary_of_some_kinds() -> None:
    assert len(vocabulary("en", [Kind.MINUTES])) == 60
    assert len(vocabulary("en", [Kind.DIGITS])) == 11
    assert vocabulary("en", []) == vocabulary("en", [Kind.NAME]) == vocabulary("xx") == ()


NAMES = st.sampled_from(["agent", "minutes", "position", "least", "time", "digits", "caller", "account"])
TEXTS = st.text(alphabet="ab ,.!?12é电", max_size=12)
PIECES = st.lists(st.one_of(TEXTS, NAMES.map(lambda name: f"{{{name}}}")), max_size=8)
CLOCK = st.builds(lambda h, m: f"{h:02}:{m:02}", st.integers(0, 23), st.integers(0, 59))
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "agent": st.just(ANNA),
        "minutes": st.integers(-5, 5000).map(str),
        "position": st.integers(-5, 50_000).map(str),
        "least": st.integers(-5, 5000).map(str),
        "time": st.one_of(CLOCK, st.text(max_size=6)),
        "digits": st.text(alphabet="0123456789*#+ ", max_size=12),
        "caller": st.text(max_size=12),
        "account": st.text(alphabet="0123456789", max_size=12),
    },
)


@given(st.sampled_from(LANGUAGES), PIECES.map("".join), VALUES)
def test_whatever_is_spoken_was_known_beforehand(language: str, template: str, values: dict[str, str | Say]) -> None:
    known = {*vocabulary(language), *fixed_segments(template, language), *name_segments(ANNA, language)}
    spoken = [word for segment in speak(template, language, values) for word in segment.instead or (segment,)]
    assert set(spoken) <= known


@given(st.text(max_size=40), st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4))
def test_nothing_breaks_on_odd_templates(template: str, values: dict[str, str]) -> None:
    template_problems(template)
    speak(template, "en", values)
