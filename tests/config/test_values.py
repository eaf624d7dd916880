"""Every kind of value: what is understood, and what the message says when it is not."""

from __future__ import annotations

from typing import Any

import pytest

GOOD = [
    ("listen", "['udp://[::1]:5060', tcp://0.0.0.0:5061]"),
    ("api", "http://localhost:9000"),
    ("api", "http://[::1]:9000"),
    ("database", "postgresql://line@db.example.com/line"),
    ("media", "{ address: 192.0.2.1, ports: 1024..65535, silence: 1m, codecs: [PCMA] }"),
    ("prompts", "{ cache: /var/cache/x, tts: none }"),
    ("codes", '{ log_in: "*1", log_out: "*2", ready: off, break: off }'),
    ("offers", "{ suspend_after: 3, choose_within: 30s, refused_again_after: 0s }"),
    ("sip", "{ min_expires: 30s, max_expires: 2h, max_contacts: 1, max_calls: 10 }"),
    ("trunks", "{ a: { from: [192.0.2.0/24, 2001:db8::/32], max_calls: 1 }, b: { from: [198.51.100.1] } }"),
    ("teams", "{ day: { agents: [anna], supervisor: anna } }"),
    ("numbers", '{ "112": { say: { en: Hello., et: Tere. }, queue: sales, language: et } }'),
    ("line", "{ name: S, languages: [en], timezone: UTC, domain: sip.example.com, human: sales }"),
]

BAD = [
    ("listen", "[udp://phone:5060]", '"phone" is no IP address of this machine; 0.0.0.0 means all of them'),
    ("listen", "[udp://0.0.0.0:99999]", "99999 is no port number"),
    ("listen", "[udp://0.0.0.0:5060, udp://0.0.0.0:5060]", "an address stands here twice"),
    ("listen", "udp://0.0.0.0:5060", 'expected a list like [ ... ], found "udp://0.0.0.0:5060"'),
    ("listen", "[]", "the list is empty"),
    ("api", "http://0.0.0.0:80", "0.0.0.0 can be reached from outside, and the API asks for no password"),
    ("database", "postgres://x/y", '"postgres" databases are not known - did you mean "postgresql"?'),
    ("database", "postgresql://me:secret@db/x", "a password stands here in clear text; write the whole URL as { env:"),
    ("media", "{ address: 0.0.0.0 }", "0.0.0.0 is no address that a phone could send to; name the address of this"),
    ("media", "{ ports: 3000..2000 }", "3000..2000 is out of order or out of bounds; from 1024 to 65535 is possible"),
    ("media", "{ ports: 20001..20001 }", "0 pairs of ports are too few: a call needs two, each from an even port on"),
    ("media", "{ ports: 20001..20003 }", "1 pair of ports is too few: a call needs two, each from an even port on"),
    ("media", "{ ports: 20000..20010, workers: 64 }",
     "6 pairs of ports are too few for 64 media processes: a call needs two, each from an even port on"),
    ("media", "{ codecs: [PCMX] }", 'expected a codec (g722, opus, pcma, pcmu), found "PCMX" - did you mean "pcmu"?'),
    ("offers", "{ suspend_after: 03 }", 'expected a whole number from 1 to 100, found "03"'),
    ("offers", "{ suspend_after: }", "expected a whole number from 1 to 100, found nothing"),
    ("offers", "{ choose_within: 17:30 }",
     'expected a length of time with its unit, like 20s, 5m, 4h or 30d, found "1'),
    ("offers", "{ choose_within: 1s }", "1s is out of bounds; from 5s to 600s is possible"),
    ("sip", "{ min_expires: 2h }", "is longer than max_expires"),
    ("sip", "{ nonce_secret: {} }", "a secret needs the key env or the key file"),
    ("sip", "{ nonce_secret: { env: A, file: b } }", "a secret has one source: env or file, not both"),
    ("codes", '{ ready: "*11" }', "*11 is the code for log_in already"),
    ("codes", "{ brake: off }", 'codes has no key "brake" - did you mean "break"?'),
    ("trunks", "{ a: { from: [192.0.2.1/24] } }", "is no address or network: 192.0.2.1/24 has host bits set"),
    ("trunks", "{ a: { from: [10.0.0.0/8] }, b: { from: [10.1.1.1] } }", '10.1.1.1/32 belongs to the trunk "a" too'),
    ("numbers", '{ "1": {} }', "a number has either a flow or a queue"),
    ("numbers", '{ "1": { queue: sale } }', 'no queue is called "sale" - did you mean "sales"?'),
    ("numbers", '{ "1": { flow: main } }', 'no flow is called "main"; there is no flow at all'),
    ("numbers", '{ "1": { queue: sales, hours: office } }',
     'no calendar is called "office"; there is no calendar at al'),
    ("numbers", '{ "1": { queue: sales, language: ee } }', '"ee" is not one of the languages of the line; it has en'),
    ("numbers", "{ one: { queue: sales } }", 'expected a number as it is dialled, like "+3726310000" or "1210"'),
    ("numbers", '{ "1": { queue: sales, say: { et: Tere. } } }',
     'a text in "en", the first language of the line, is mi'),
    ("call_back", "{ trunk: pstm }", 'no trunk is called "pstm" - did you mean "pstn"?'),
    ("call_back", "{ show: anna }", "expected a number as it is dialled"),
    ("teams", "{ day: { agents: [ana] } }", 'no agent is called "ana" - did you mean "anna"?'),
    ("line", "{ name: S, languages: [English], timezone: UTC }",
     'expected a language code like en or et, found "Englis'),
    ("line", "{ name: S, timezone: UTC }", "line needs the key languages"),
    ("line", "{ name: S, languages: [en], timezone: UTC, human: boss }", 'no queue is called "boss"; known: sales'),
    ("line", "", "the configuration needs the key line"),
    ("queus", "{}", 'the configuration has no key "queus" - did you mean "queues"?'),
    ("queues", "{ sales: {}, Extra: {} }", 'expected an id of small letters, digits and _, found "Extra"'),
    ("queues", "{ sales: { service_level: 80 } }", 'expected a service level like 80% in 20s, found "80"'),
    ("queues", "{ sales: { service_level: 180% in 20s } }",
     "180% is no part of all calls; from 1% to 100% is possible"),
    ("queues", "{ sales: { sticky: no } }", 'expected the keys of sticky, found "no"'),
    ("queues", "{ sales: { sticky: { offer: [wait, wait] } } }", "a choice stands here twice"),
    ("queues", "{ sales: { sticky: { offer: [callback] } } }",
     'expected wait or colleague or call_back, found "callback'),
    ("queues", "{ sales: { skills: { card: 2 } } }", 'no agent has the skill "card"'),
    ("queues", "{ sales: { overflow: goodby } }", 'no step of this flow and no flow is called "goodby"'),
    ("queues", "{ sales: { overflow: sales } }", "for the queue write { queue: sales }"),
    ("queues", "{ sales: { overflow: { hang_up: true, queue: sales } } }",
     "a target has one of step, flow, queue and h"),
    ("queues", "{ sales: { overflow: { step: x } } }", "there are no steps here; name a flow or a queue"),
    ("queues", "{ sales: { texts: { position: { en: 'You are {positon}.' } } } }",
     'nothing is known as "{positon}" her'),
    ("queues", "{ sales: { texts: { position: { en: 'You are {position' } } } }", "a brace without its partner"),
    ("queues", "{ sales: { while_waiting: { music: calm.wav } } }", 'the audio file "calm.wav" does not exist'),
    ("queues", "{ sales: { while_waiting: { music: line.yaml } } }", '"line.yaml" is no audio file'),
    ("queues", "{ sales: { while_waiting: { music: ../x.wav } } }",
     '"../x.wav" is outside of the configuration directo'),
    ("queues", "{ sales: { while_waiting: { say_position: 45s } } }",
     "expected every and a length of time, like every 4"),
    ("agents", "{ a: { name: A, extension: 1, password: { env: P } }, "
     "b: { name: B, extension: 1, password: { env: P } } }",
     'the extension 1 is taken by the agent "a"'),
    ("agents", "{ a: { name: A, extension: 1, username: u, password: { env: P } }, "
     "b: { name: B, extension: 2, username: u, password: { env: P } } }", 'the user name u is taken by the agent "a"'),
    ("agents", '{ a: { name: A, extension: "3726000000", password: { env: P } } }', ""),
    ("agents", "{ a: { name: A, extension: 1, password: { env: P }, skills: { x: 6 } } }",
     "expected a whole number from"),
]  # fmt: skip


@pytest.mark.parametrize(("section", "value"), GOOD)
def test_good(directory: Any, section: str, value: str) -> None:
    assert directory.check(**{section: value}) == []


@pytest.mark.parametrize(("section", "value", "message"), BAD)
def test_bad(directory: Any, section: str, value: str, message: str) -> None:
    found = directory.check(**{section: value})
    if not message:
        assert found == []
        return
    assert len(found) == 1, found
    file, line, column, text = found[0].split(":", 3)
    assert file == "line.yaml"
    assert text.strip().startswith(message) or message in text
    assert int(line) >= 1
    assert int(column) >= 1


def test_an_extension_that_is_a_number_of_the_line(directory: Any) -> None:
    found = directory.check(numbers='{ "1001": { queue: sales } }')
    assert found == ["line.yaml:5:42: 1001 is a number of the line already"]


def test_a_call_back_trunk_needs_a_way_out(directory: Any) -> None:
    found = directory.check(trunks="{ pstn: { from: [192.0.2.10] } }", call_back="{ trunk: pstn }")
    assert found == ['line.yaml:6:21: no call goes out through the trunk "pstn"; it has no key to']


def test_a_database_that_is_not_understood_is_not_repeated(directory: Any) -> None:
    found = directory.check(database="postgresql:me:secret@db/x")
    assert len(found) == 1
    assert "secret" not in found[0]


def test_a_line_in_a_language_that_the_switch_does_not_speak(directory: Any) -> None:
    line = "{ name: S, languages: [fr], timezone: UTC }"
    assert directory.check(line=line) == [
        "line.yaml:1:29: the switch has no texts of its own in fr; add one of en, et, zh, it, cs, or write all "
        "texts of the line and of its queues"
    ]
    settings = directory.load(line=line.replace("[fr]", "[fr, zh-TW]"))
    assert settings.call.texts.goodbye.texts == {"zh-TW": "再见。"}
    choice = settings.call.queue_texts["sales"].choice
    assert list(choice.texts) == ["zh-TW"]
    assert settings.call.agents["anna"].spoken_name.texts == {"fr": "Anna", "zh-TW": "Anna"}


def test_queues_that_hand_callers_round(directory: Any) -> None:
    queues = "{ sales: { overflow: { queue: b } }, b: { overflow: away }, c: { overflow: { queue: sales } } }"
    away = {"flows/away.yaml": "flow: away\nsteps: [{ say: Moment. }, { queue: sales }]\n"}
    assert directory.check(away, queues=queues) == [
        "line.yaml:4:30: when nobody is there, callers go round: sales, b, sales",
        "line.yaml:4:61: when nobody is there, callers go round: b, sales, b",
    ]
    asked = {"flows/away.yaml": "flow: away\nsteps: [{ menu: m, say: Hi., keys: { 1: { queue: sales } } }]\n"}
    assert directory.check(asked, queues=queues) == []
    assert directory.check(away, queues=queues.replace("overflow: away", "overflow: away, nobody_there: wait")) == []


# ------------------------------------------------------------------ flows

FLOWS = [
    ("  - sai: { en: Hello. }", '3:5: "sai" is no step - did you mean "say"?'),
    ("  - hello", '3:5: expected a step like { say: ... }, found "hello"'),
    ("  - say: { en: '' }", "3:16: the text is empty"),
    ("  - say: []", "3:10: expected texts by language like { en: ... }, found a list"),
    ("  - say: { en: 'Hello {nme}.' }", '3:16: nothing is known as "{nme}" here; known: caller, dialled'),
    ("  - say: { en: { file: a.wav } }", '3:24: the audio file "a.wav" does not exist'),
    ("  - goto: nowhere", '3:11: no step of this flow and no flow is called "nowhere"'),
    ("  - goto: { step: mein }\n  - { say: Hi., name: main }",
     '3:19: this flow has no step "mein" - did you mean "main"?'),
    ("  - queue: sale", '3:12: no queue is called "sale" - did you mean "sales"?'),
    ("  - hang_up: yes", '3:14: expected true or false, found "yes"'),
    ("  - language: zh", '3:15: "zh" is not one of the languages of the line; it has en, et'),
    ("  - { menu: m, say: Hi., keys: {} }", "3:32: there is no entry"),
    ("  - { menu: m, say: Hi., keys: { 12: { queue: sales } } }",
     '3:34: expected a key of the phone: 0 to 9, "*" or "#"'),
    ("  - { menu: m, keys: { 1: { queue: sales } } }", "3:5: a menu needs the key say"),
    ("  - { menu: m, say: Hi., keys: { 1: { queue: sales } }, unclear: { agian: 1 } }",
     '3:68: unclear has no key "agian"'),
    ("  - { collect: c, say: Hi., digits: 9..3 }",
     "3:37: 9..3 is out of order or out of bounds; from 1 to 64 is possible"),
    ("  - { collect: c, say: Hi., digits: 4, secret: true, customer_id: true }", "a secret cannot be the customer id"),
    ("  - { collect: pin, say: Hi., digits: 4, secret: true }\n  - say: '{pin}'",
     '4:10: nothing is known as "{pin}" here'),
    ("  - { say: A., name: x }\n  - { say: B., name: x }", '4:22: a second step is called "x"; the first is in line 3'),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "message"), FLOWS)
def test_mistakes_in_flows(directory: Any, steps: str, message: str) -> None:
    found = [text for text in directory.flow(steps) if "hang_up: false" not in text]
    assert len(found) == 1, found
    assert message in found[0]
    assert found[0].startswith("flows/main.yaml:")


def test_a_word_that_is_a_step_and_a_flow(directory: Any) -> None:
    found = directory.flow("  - { say: Hi., name: main }\n  - goto: main")
    assert found == [
        'flows/main.yaml:4:11: "main" is a step here and a flow too; write { step: main } or { flow: main }'
    ]


def test_a_flow_without_steps(directory: Any) -> None:
    assert directory.check({"flows/main.yaml": "flow: main\nsteps: []"}) == ["flows/main.yaml:2:8: the list is empty"]
    assert directory.check({"flows/main.yaml": ""}) == ["flows/main.yaml:1:1: the file is empty"]
