"""Who may dial what: how it is written, and `call.dial_settings` from it."""

from __future__ import annotations

import re
from typing import Any

import phonenumbers

from softswitch.call.dial_settings import BUILT_IN_RULE, WHO, Caps, DialRule, DialSettings, Night
from softswitch.call.phone_number import BUILT_IN, INTERNAL, NumberPlan, OwnClass, is_emergency
from softswitch.config.kinds import Flag, Keys, ListOf, MapOf, Number, OneOf, Section, Word, key, section
from softswitch.config.problems import Place, Placed, did_you_mean, listing
from softswitch.config.references import Known
from softswitch.config.values import AGENT_ID, COUNTRY, DIALLED, ID, NOTHING
from softswitch.ids import AgentId, TrunkId

PRICE = Word(
    "an amount of money like 0.25",
    r"[0-9]{1,7}(?:\.[0-9]{1,4})?",
    lambda text, _: float(text),
    0.0,
    lambda amount: f"{amount:g}",
)


def _calls(text: Placed, match: re.Match[str]) -> tuple[int, float]:
    if int(match[1]) > 1000:
        raise ValueError(f"{match[1]} calls are too many to be counted; at most 1000")
    unit = {"s": 1.0, "m": 60.0, "h": 3600.0}[match[3]]
    return int(match[1]), float(match[2]) * unit


CALLS = Word(
    "calls in a while, like 10 in 1m",
    r"([0-9]{1,4}) in ([1-9][0-9]{0,3})([smh])",
    _calls,
    (0, 1.0),
    lambda pair: f"{pair[0]} in {pair[1]:g}s",
)


@section
class CapsDoc(Section):
    """Limits of calls that we place. What is not written is not limited."""

    at_once: int | None = key(Number(0, 100_000), "calls at the same time", None)
    calls: tuple[int, float] | None = key(CALLS, "calls that begin in a while, like 10 in 1m", None)
    minutes: int | None = key(Number(0, 10_000_000), "minutes of talk a day", None)
    spend: float | None = key(PRICE, "money a day, by the prices", None)


_CAPS = Keys(CapsDoc, "limits")


@section
class DialClassDoc(Section):
    """A class of destinations of your own."""

    prefixes: tuple[Placed, ...] = key(ListOf(DIALLED, at_least=1), "how its numbers begin, like +37290 or 1188", ())
    countries: tuple[Placed, ...] = key(ListOf(COUNTRY, at_least=1), "all numbers of these countries, like LV", ())


@section
class DialRuleDoc(Section):
    """One rule: for whom, and to what. What no rule allows is refused; `never` beats every `to`."""

    who: Placed = key(OneOf(*WHO), "whose calls", Placed("everyone", NOTHING.place))
    agent: Placed = key(AGENT_ID, "only this agent's", NOTHING)
    team: Placed = key(ID, "only those of the agents of this team", NOTHING)
    from_trunk: Placed = key(ID, "only on behalf of callers who came by this trunk", NOTHING)
    through: Placed = key(ID, "only calls that leave by this trunk", NOTHING)
    hours: Placed = key(ID, "only while this calendar is open", NOTHING)
    to: tuple[Placed, ...] = key(ListOf(ID, at_least=1), "classes of destinations that can be dialled", ())
    never: tuple[Placed, ...] = key(ListOf(ID, at_least=1), "classes that cannot, whatever else allows them", ())


@section
class NightDoc(Section):
    """What changes while a calendar is closed."""

    outside: Placed = key(ID, "the calendar")
    to: tuple[Placed, ...] = key(ListOf(ID), "the only classes that can then be dialled", ())
    account: CapsDoc | None = key(_CAPS, "limits of one account then", None)
    house: CapsDoc | None = key(_CAPS, "limits of all together then", None)


@section
class DiallingDoc(Section):
    """Who may dial what. Emergency numbers can always be dialled."""

    country: Placed = key(COUNTRY, "whose numbers are national; by default the line's, or that of all trunks", NOTHING)
    emergency: tuple[Placed, ...] = key(ListOf(DIALLED), "more emergency numbers than those of the country", ())
    classes: dict[Placed, DialClassDoc] = key(
        MapOf(ID, Keys(DialClassDoc, "a class")), "classes of destinations of your own, looked at first", {}
    )
    allow: tuple[DialRuleDoc, ...] = key(ListOf(Keys(DialRuleDoc, "a rule")), "the rules", ())
    prices: dict[Placed, float] = key(MapOf(ID, PRICE), "price of a minute, by class", {})
    account: CapsDoc | None = key(_CAPS, "limits of each agent, trunk, and of the call-backs together", None)
    house: CapsDoc | None = key(_CAPS, "limits of all calls together", None)
    night: NightDoc | None = key(Keys(NightDoc, "night"), "what changes outside of office hours", None)
    first_international: bool = key(Flag(), "tell when an account calls abroad for the first time", True)
    note_machines: bool = key(
        Flag(), "who answers the calls of agents stands in the record: human, machine, fax, unknown", True
    )


def build_dialling(document: Any, known: Known) -> DialSettings:
    doc: DiallingDoc | None = document.dialling
    own = tuple(map(str, document.numbers))
    extensions = frozenset(str(agent.extension) for agent in document.agents.values())
    country = str(document.line.country)[:2] or _country_of_trunks(document)
    if doc is None:
        return DialSettings(_plan(document, known, NumberPlan(country, extensions, frozenset(own))))
    if doc.country:
        country = str(doc.country)[:2]
        _check_country(doc.country, known)
    classes = tuple(_own_class(name, one, known) for name, one in doc.classes.items())
    names = (*BUILT_IN, *(one.name for one in classes))
    for name in doc.prices:
        _check_class(name, names, known)
    emergency = tuple(map(str, filter(None, doc.emergency)))
    return DialSettings(
        plan=_plan(document, known, NumberPlan(country, extensions, frozenset(own), emergency, classes)),
        rules=(
            DialRule(to=(INTERNAL,), place=BUILT_IN_RULE),
            *(_rule(one, document, names, known) for one in doc.allow),
        ),
        account=_caps(doc.account) or Caps(),
        house=_caps(doc.house) or Caps(),
        prices=tuple((str(name), price) for name, price in doc.prices.items()),
        night=_night(doc.night, names, known),
        tell_first_international=doc.first_international,
        note_machines=doc.note_machines,
    )


def _country_of_trunks(document: Any) -> str:
    """A trunk would make a premium number of its country of digits that mean nothing without one."""
    found = {str(trunk.numbers.country) for trunk in document.trunks.values() if trunk.numbers is not None}
    return found.pop() if len(found) == 1 else ""


def _plan(document: Any, known: Known, plan: NumberPlan) -> NumberPlan:
    """Nobody can have an emergency number. The line can: it may be the one that answers there."""
    for number in (agent.extension for agent in document.agents.values()):
        if number and is_emergency(plan, number):
            known.report.add(number.place, f"{number} is an emergency number; nobody can have it")
    return plan


def _check_country(country: Placed, known: Known) -> None:
    if country and country[:2] not in phonenumbers.SUPPORTED_REGIONS:
        known.report.add(country.place, f'no telephone numbers are known of "{country}"')


def _own_class(name: Placed, doc: DialClassDoc, known: Known) -> OwnClass:
    if name in BUILT_IN:
        known.report.add(name.place, f'"{name}" is a class of the switch already; choose another name')
    if not doc.prefixes and not doc.countries:
        known.report.add(doc.place, "a class has prefixes or countries")
    for country in doc.countries:
        _check_country(country, known)
    return OwnClass(str(name), tuple(map(str, filter(None, doc.prefixes))), tuple(map(str, doc.countries)))


def _check_class(name: Placed, names: tuple[str, ...], known: Known) -> None:
    if name and name not in names:
        hint = did_you_mean(name, names) or f"; known: {listing(names, 20)}"
        known.report.add(name.place, f'no class of destinations is called "{name}"{hint}')


def _rule(doc: DialRuleDoc, document: Any, names: tuple[str, ...], known: Known) -> DialRule:
    for name in (*doc.to, *doc.never):
        _check_class(name, names, known)
    if not doc.to and not doc.never:
        known.report.add(doc.place, "a rule says to or never")
    known.check("agent", doc.agent)
    known.check("calendar", doc.hours)
    known.check("trunk", doc.from_trunk)
    known.check("trunk", doc.through)
    agents: tuple[AgentId, ...] = (AgentId(str(doc.agent)),) if doc.agent else ()
    if doc.agent and doc.team:
        known.report.add(doc.place, "a rule is for an agent or for a team")
    if doc.team and known.check("team", doc.team) and doc.team in document.teams:
        agents = tuple(AgentId(str(member)) for member in document.teams[doc.team].agents)
    return DialRule(
        to=tuple(map(str, doc.to)),
        never=tuple(map(str, doc.never)),
        who=str(doc.who),
        agents=agents,
        trunk=TrunkId(str(doc.from_trunk)) if doc.from_trunk else None,
        through=TrunkId(str(doc.through)) if doc.through else None,
        hours=str(doc.hours),
        place=_where(doc.place),
    )


def _night(doc: NightDoc | None, names: tuple[str, ...], known: Known) -> Night | None:
    if doc is None:
        return None
    known.check("calendar", doc.outside)
    for name in doc.to:
        _check_class(name, names, known)
    return Night(str(doc.outside), tuple(map(str, doc.to)), _caps(doc.account), _caps(doc.house), _where(doc.place))


def _caps(doc: CapsDoc | None) -> Caps | None:
    if doc is None:
        return None
    calls, seconds = doc.calls or (None, 1.0)
    return Caps(doc.at_once, calls, seconds, doc.minutes, doc.spend, _where(doc.place))


def _where(place: Place) -> str:
    return f"{place.file}:{place.line}"
