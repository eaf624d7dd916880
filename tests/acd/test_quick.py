"""What is written out for speed is the same as what it stands for."""

from __future__ import annotations

import copy
import pickle
from dataclasses import MISSING, FrozenInstanceError, fields, replace
from typing import Any

import pytest

from softswitch.acd import journal, quick
from softswitch.acd import messages as m
from softswitch.acd.engine import Engine
from softswitch.ids import IdSource, InteractionId, QueueId, SkillId

MADE = [m.AgentStateChanged, m.Connect, m.InteractionEnded, m.RingAgent, m.RingEnded]


@pytest.mark.parametrize("kind", MADE)
def test_a_command_that_is_made_quickly_is_the_same_command(kind: Any) -> None:
    make = quick.maker(kind)
    values = {one.name: number for number, one in enumerate(fields(kind))}
    needed = {one.name: values[one.name] for one in fields(kind) if one.default is MISSING}
    for told in (values, needed):
        made = make(**told)
        assert type(made) is kind and made == kind(**told) and hash(made) == hash(kind(**told))
        assert repr(made) == repr(kind(**told)) and replace(made) == made
        assert pickle.loads(pickle.dumps(made)) == copy.deepcopy(made) == made
        with pytest.raises(FrozenInstanceError):
            setattr(made, fields(kind)[0].name, 1)
    with pytest.raises(TypeError):
        make()


PLAIN = m.CallerEntered(InteractionId(1), QueueId("everyday"), "+372", None, "en", None)
MORE: list[dict[str, Any]] = [
    {},
    {"skills": ((SkillId("cards"), 2),)},
    {"head_start_seconds": -5.0},
    {"waited_seconds": 1.5},
    {"can_be_called_back": False},
    {"prefers": ((SkillId("loans"), 1.0),)},
    {"passes": 1},
    {"away": ("anna",)},
]


@pytest.mark.parametrize("more", MORE)
def test_a_caller_is_read_as_he_was_written_and_his_defaults_take_no_room(more: dict[str, Any]) -> None:
    assert {name for each in MORE for name in each} == {f.name for f in fields(PLAIN) if f.default is not MISSING}
    engine = Engine(m.AcdSettings((m.QueueSettings(QueueId("everyday"), "Everyday"),), ()), IdSource())
    caller = replace(PLAIN, **more)
    group = journal.group([caller, 3.0, 7, 4.0, m.ChoiceMade(InteractionId(1), m.Choice.WAIT), 5.0], 9.0)
    lines = list(journal.Segment(journal.header(engine, 9.0, "run", 1) + group).lines)
    assert [line.event for line in lines] == [caller, None, m.ChoiceMade(InteractionId(1), m.Choice.WAIT)]
    assert lines[0].ids == (7,) and lines[0].now == 3.0
    shortest = journal.group([PLAIN, 3.0], 9.0)
    assert (len(journal.group([caller, 3.0], 9.0)) > len(shortest)) == bool(more)
