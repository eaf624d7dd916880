"""Queues and people as they are written -> the settings of the ACD and the texts of the queues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from softswitch.acd.messages import (
    AcdSettings,
    AgentSettings,
    BreakRule,
    CallBackRule,
    Choice,
    QueueSettings,
    RelaxStep,
    ReliefRule,
    StickyRule,
)
from softswitch.call.settings import Absence, AgentVoice, QueueTexts
from softswitch.config.flows import FlowBuilder
from softswitch.config.kinds import keys_of, made
from softswitch.config.language import AgentDoc, Document, OffersDoc, QueueDoc, StickyDoc
from softswitch.config.let_first import let_first_default, let_first_rule, let_first_texts
from softswitch.config.music import build_music
from softswitch.config.problems import Placed, Report, did_you_mean
from softswitch.config.promise_language import CallBackRuleDoc, HerLineDoc, PreviousDoc
from softswitch.config.queue_ways import build_ways, call_back_texts, check_machine
from softswitch.config.references import Known
from softswitch.config.rest import RelaxDoc
from softswitch.config.strategies import StrategyError, load
from softswitch.config.tell_agent import tell_agent
from softswitch.config.text_language import QueueTextsDoc
from softswitch.config.texts import CALL_BACK_TEXTS, CHOICE_TEXTS, LET_FIRST_TEXTS, QUEUE_TEXTS, QUEUE_VARIABLES
from softswitch.ids import AgentId, FlowId, QueueId, SkillId
from softswitch.ivr.messages import Flow, GotoStep, LanguageStep, Say, SayStep, SetStep, Target

Flows = Mapping[FlowId, Flow]


def build_acd(document: Document, known: Known) -> AcdSettings:
    skills = {str(skill) for agent in document.agents.values() for skill in agent.skills}
    queues = tuple(_queue(name, doc, skills, known) for name, doc in document.queues.items())
    agents = tuple(_agent(name, doc, known) for name, doc in document.agents.items())
    for team in document.teams.values():
        for member in (*team.agents, team.supervisor):
            known.check("agent", member)
    settings = AcdSettings(queues, agents)
    if document.offers is not None:
        settings = _with_offers(queues, agents, document.offers)
    return replace(settings, breaks=_breaks(document), relief=_relief(document, known))


def _breaks(document: Document) -> tuple[BreakRule, ...]:
    return tuple(BreakRule(str(name), doc.at_most, doc.then == "ready") for name, doc in document.breaks.items())


def _relief(document: Document, known: Known) -> ReliefRule | None:
    doc = document.relief
    if doc is None:
        return None
    if not doc.after_calls and not doc.after_talk:
        known.report.add(doc.place, "nothing earns this rest; it needs the key after_calls or the key after_talk")
    return ReliefRule(doc.rest, doc.after_calls or 0, doc.after_talk or 0.0)


def _with_offers(
    queues: tuple[QueueSettings, ...], agents: tuple[AgentSettings, ...], offers: OffersDoc
) -> AcdSettings:
    return AcdSettings(
        queues,
        agents,
        suspend_after_no_answers=offers.suspend_after,
        choice_seconds=offers.choose_within,
        no_offer_seconds=offers.refused_again_after,
    )


def _levels(skills: Mapping[Placed, int]) -> tuple[tuple[SkillId, int], ...]:
    return tuple((SkillId(str(skill)), level) for skill, level in skills.items())


def _queue(name: Placed, doc: QueueDoc, skills: set[str], known: Known) -> QueueSettings:
    for skill in doc.skills:
        if skill not in skills and "agent" not in known.doubtful:
            known.report.add(skill.place, f'no agent has the skill "{skill}"{did_you_mean(skill, skills)}')
    for skill in doc.prefer:
        if skill not in skills and "agent" not in known.doubtful:
            known.report.add(skill.place, f'no agent has the skill "{skill}"{did_you_mean(skill, skills)}')
    try:
        load(str(doc.order))
    except StrategyError as problem:
        known.report.add(doc.at("order"), str(problem))
    waiting = doc.while_waiting
    return QueueSettings(
        id=QueueId(str(name)),
        name=str(doc.name or name),
        skills=_levels(doc.skills),
        order=str(doc.order),
        wrap_up_seconds=doc.wrap_up,
        ring_seconds=doc.ring,
        max_wait_seconds=doc.max_wait,
        service_level_seconds=doc.service_level.seconds,
        service_level_percent=doc.service_level.percent,
        say_position_every_seconds=45.0 if waiting is None else waiting.say_position,
        sticky=_sticky(doc),
        overflow_when_nobody=doc.nobody_there == "overflow",
        usual_talk_seconds=doc.usual_talk,
        call_back=_call_back(doc, known),
        most_waiting=doc.most_waiting,
        call_back_lost=doc.lost_callers == "call_back",
        prefers=tuple((SkillId(str(skill)), float(weight)) for skill, weight in doc.prefer.items()),
        relax=tuple(_relax(name, step, known) for step in doc.relax),
        tier_after_seconds=doc.next_level,
        weight=float(doc.weight),
        ring_at_once=doc.ring_at_once,
        suspend_after_no_answers=doc.suspend_after,
        let_first=let_first_rule(waiting),
        more_time_seconds=doc.more_time,
    )


def _relax(queue: Placed, doc: RelaxDoc, known: Known) -> RelaxStep:
    if not doc.skill and not doc.add_queue and not doc.places.keys() & {"skill", "add_queue"}:
        known.report.add(doc.place, "this step relaxes nothing; it needs the key skill or the key add_queue")
    added = known.check("queue", doc.add_queue)
    if doc.add_queue == queue:
        known.report.add(doc.add_queue.place, "a queue has its own agents already; name another queue")
    return RelaxStep(
        doc.after,
        lower_by=0 if not doc.skill or doc.skill == "any" else -int(doc.skill),
        any_skill=doc.skill == "any",
        add_queue=QueueId(str(doc.add_queue)) if added else None,
    )


def _call_back_doc(doc: QueueDoc) -> CallBackRuleDoc | None:
    sticky = _sticky_doc(doc)
    return doc.call_back or (sticky.call_back if sticky is not None else None)


def _call_back(doc: QueueDoc, known: Known) -> CallBackRule | None:
    """The rule of the whole queue, where there is one; else the sticky rule's counts."""
    sticky = _sticky_doc(doc)
    if doc.call_back is not None and sticky is not None and sticky.call_back is not None:
        known.report.add(sticky.at("call_back"), "the queue has a key call_back already; keep one of the two")
    back = _call_back_doc(doc)
    if back is None:
        return None
    if back.number == "ask" and not back.allow:
        known.report.add(
            back.at("number"), "callers could make us dial any number; name how numbers may begin: allow: [+372]"
        )
    if "confirm" in back.places and back.first != "customer":
        known.report.add(back.at("confirm"), "only a customer who is called first is asked; it needs first: customer")
    check_machine(back, known)
    return CallBackRule(back.within, back.attempts, back.retry, back.expires, back.first == "customer", back.confirm)


def _sticky_doc(doc: QueueDoc) -> StickyDoc | None:
    """None when it is switched off; the defaults when it is not mentioned."""
    if doc.sticky is False:
        return None
    if doc.sticky is None:
        return made(StickyDoc, doc.place)
    assert isinstance(doc.sticky, StickyDoc)
    return doc.sticky


def _sticky(doc: QueueDoc) -> StickyRule | None:
    sticky = _sticky_doc(doc)
    if sticky is None:
        return None
    counts = sticky.counts_as_previous or made(PreviousDoc, doc.place)
    hers = sticky.her_line or made(HerLineDoc, doc.place)
    back = sticky.call_back or made(CallBackRuleDoc, doc.place)
    return StickyRule(
        look_back_seconds=sticky.look_back,
        talked_at_least_seconds=counts.talked_at_least,
        offer=tuple(Choice(choice) for choice in sticky.offer),
        wait_at_most_seconds=sticky.wait_at_most,
        call_back_within_seconds=back.within,
        call_back_attempts=back.attempts,
        call_back_retry_seconds=back.retry,
        named_banker="named_banker" in counts.or_,
        ticket_owner="ticket_owner" in counts.or_,
        line_callers=hers.callers,
        line_seconds=hers.time,
        line_in_a_row=hers.in_a_row,
    )


def _agent(name: Placed, doc: AgentDoc, known: Known) -> AgentSettings:
    for queue in doc.queues:
        known.check("queue", queue)
    return AgentSettings(
        id=AgentId(str(name)),
        name=str(doc.name),
        queues=tuple(QueueId(str(queue)) for queue in doc.queues),
        skills=_levels(doc.skills),
        languages=tuple((known.language(language), level) for language, level in doc.languages.items()),
        tiers=tuple((QueueId(str(queue)), tier) for queue, tier in doc.queues.items() if tier != 1),
        deputy=_deputy(name, doc, known),
        chats=doc.chats,
        chats_during_calls=doc.chats_during_calls,
    )


def _deputy(name: Placed, doc: AgentDoc, known: Known) -> AgentId | None:
    if not known.check("agent", doc.deputy):
        return None
    if doc.deputy == name:
        known.report.add(doc.deputy.place, "nobody is her own deputy")
    return AgentId(str(doc.deputy))


def build_absences(document: Document, known: Known) -> tuple[Absence, ...]:
    absences = []
    for name, doc in document.agents.items():
        for away in doc.away:
            if away.from_ and away.to and away.to < away.from_:
                known.report.add(away.to.place, "ends before it begins")
            absences.append(Absence(AgentId(str(name)), str(away.from_), str(away.to)))
    return tuple(absences)


# ------------------------------------------------------------------ texts


def build_queue_texts(document: Document, known: Known, flows: FlowBuilder) -> dict[QueueId, QueueTexts]:
    texts = {
        QueueId(str(name)): replace(_queue_texts(doc, known, flows), **tell_agent(str(name), doc, known))
        for name, doc in document.queues.items()
    }
    if any(agent.deputy for agent in document.agents.values()):
        return texts
    return {name: replace(each, away=Say()) for name, each in texts.items()}  # never said, so never rendered


def _queue_texts(doc: QueueDoc, known: Known, flows: FlowBuilder) -> QueueTexts:
    written = doc.texts
    says: dict[str, Say] = {}
    for name in keys_of(QueueTextsDoc):
        own = getattr(written, name) if written is not None else None
        if own is not None:
            says[name] = known.say(own, QUEUE_VARIABLES[name])
        elif name in CALL_BACK_TEXTS:
            says[name] = known.default(CALL_BACK_TEXTS[name])
        elif name in LET_FIRST_TEXTS:
            says[name] = known.default(let_first_default(name, doc.while_waiting))
        elif name in QUEUE_TEXTS:
            says[name] = known.default(QUEUE_TEXTS[name])
    sticky = _sticky_doc(doc)
    offer = tuple(str(choice) for choice in sticky.offer) if sticky is not None else ()
    if len(set(offer)) != len(offer) and sticky is not None:
        known.report.add(sticky.at("offer"), "a choice stands here twice")
    own_choice = "choice" in says
    parts = {} if own_choice else _choice_parts(offer, known)
    keys = {str(index): Target(choose=choice) for index, choice in enumerate(offer, 1)}
    keys["0"] = Target(choose="colleague")
    music = doc.while_waiting.music if doc.while_waiting is not None else None
    ways = build_ways(doc, _call_back_doc(doc), known, flows)
    says_wait = doc.while_waiting is None or doc.while_waiting.say_wait
    return QueueTexts(
        please_wait=says["please_wait"],
        position=says["position"],
        choice=says["choice"] if own_choice else _joined(parts, ("intro", *offer)),
        choice_keys=keys,
        wait_for_agent=says["wait_for_agent"],
        call_back_confirmed=says["call_back_confirmed"],
        connecting=says["connecting"],
        nobody_there=says["nobody_there"],
        sorry_gone=says["sorry_gone"],
        away=says["away"],
        wait_between=says["wait_between"] if says_wait else Say(),
        wait_about=says["wait_about"] if says_wait else Say(),
        let_first=let_first_texts(doc.while_waiting, says),
        music=build_music(music, known),
        after_overflow=flows.target(doc.overflow) if doc.overflow is not None else Target(hang_up=True),
        choice_parts=parts,
        ways=ways,
        call_back_texts=call_back_texts(doc, ways, offer, says, known),
    )


def _choice_parts(offer: tuple[str, ...], known: Known) -> dict[str, Say]:
    parts = {"intro": known.default(CHOICE_TEXTS["intro"])}
    for index, choice in enumerate(offer, 1):
        texts = {language: text.replace("{key}", str(index)) for language, text in CHOICE_TEXTS[choice].items()}
        parts[choice] = known.default(texts)
    return parts


def _joined(parts: Mapping[str, Say], order: tuple[str, ...]) -> Say:
    """One text from its parts; a line break is where one recorded piece ends (`ivr.speech`)."""
    return Say(texts={lang: "\n".join(parts[name].texts[lang] for name in order) for lang in parts["intro"].texts})


def report_circles(document: Document, texts: Mapping[QueueId, QueueTexts], flows: Flows, report: Report) -> None:
    """Queues that hand a caller on to each other when nobody is there, without ever asking him: he would go round
    and round at once, for ever."""
    at_once = {
        name: _next_queue(texts[QueueId(str(name))].after_overflow, flows)
        for name, doc in document.queues.items()
        if doc.nobody_there == "overflow"
    }
    for name in at_once:
        way = [str(name)]
        while (following := at_once.get(Placed(way[-1], name.place), "")) and following not in way:
            way.append(following)
        if following == name:
            doc = document.queues[name]
            report.add(doc.at("overflow"), f"when nobody is there, callers go round: {', '.join([*way, way[0]])}")


def _next_queue(target: Target, flows: Flows) -> str:
    """The queue that this target leads to without asking the caller anything; "" when there is none."""
    seen = set()
    while target.flow and target.flow not in seen:
        seen.add(target.flow)
        flow = flows.get(FlowId(target.flow))
        step = (
            next((s for s in flow.steps if not isinstance(s, SayStep | LanguageStep | SetStep)), None) if flow else None
        )
        if not isinstance(step, GotoStep):
            return ""
        target = step.target
    return "" if target.hang_up else target.queue


def build_voices(document: Document, known: Known) -> dict[str, AgentVoice]:
    voices = {}
    for name, doc in document.agents.items():
        spoken = Say(texts=dict.fromkeys(known.languages, str(doc.name)))
        if doc.spoken is not None:
            own = known.say(doc.spoken, (), partial=True)
            spoken = Say(texts={**spoken.texts, **own.texts}, files=own.files)
        voices[str(name)] = AgentVoice(
            spoken_name=spoken, extension=str(doc.extension), auto_answer=str(doc.auto_answer)
        )
    return voices
