"""Members of queues, agents.conf and the phones of pjsip.conf or sip.conf to people with extension and password.

A member is known by the last part of its interface: PJSIP/1001, Local/1001@agents and Agent/1001 are one person. No
password is copied, nor shown in the report: each becomes the name of an environment variable.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from softswitch.config.migration.asterisk_settings import (
    AGENT,
    AGENT_OTHER,
    MAILBOX,
    OFF,
    ON,
    PHONE,
    PHONE_OTHER,
)
from softswitch.config.migration.asterisk_syntax import Context, Variable
from softswitch.config.migration.draft import (
    AgentDraft,
    Draft,
    QueueDraft,
    digits_of,
    free_extension,
    new_env,
    new_id,
    new_name,
    username_of,
)
from softswitch.config.migration.findings import HIDDEN, Fate, Ledger, Term, is_secret, shown
from softswitch.config.problems import Report

TAKEN, DECIDE, NONE = Fate.TAKEN, Fate.DECIDE, Fate.NONE
_SIP = frozenset({"pjsip", "sip", "local", "agent"})  # the last part of the interface can be an extension
_LINE = {  # sections of pjsip.conf about the line as a whole, and the keys of line.yaml with an equal
    "transport": "listen",
    "registration": "trunks",
    "identify": "trunks",
    "acl": "",
    "domain_alias": "",
    "global": "",
    "system": "",
}


@dataclass(slots=True)
class Card:
    """What the files say of one person or phone, by the name that members refer to."""

    name: str = ""
    number: str = ""
    username: str = ""
    settings: list[tuple[Variable, dict[str, Term], Term]] = field(default_factory=list)


@dataclass(slots=True)
class Member:
    interface: str
    key: str
    name: str
    queues: list[tuple[Variable, QueueDraft, list[str]]] = field(default_factory=list)


class People:
    def __init__(
        self, draft: Draft, ledger: Ledger, files: Sequence[tuple[str, list[Context]]], report: Report
    ) -> None:
        self._draft = draft
        self._ledger = ledger
        self._report = report
        self._cards: dict[str, Card] = {}
        self._members: dict[str, Member] = {}
        self._extensions: set[str] = set()
        self._ids: set[str] = set()
        self._usernames: set[str] = set()
        for _, contexts in files:
            self._file(contexts)

    def reserve(self, numbers: Iterable[str]) -> None:
        """Numbers of queues cannot be extensions."""
        self._extensions.update(numbers)

    # -------------------------------------------------------------- agents.conf, pjsip.conf, sip.conf

    def _file(self, contexts: list[Context]) -> None:
        phones = {one.name.lower() for one in contexts if self._kind(one) in ("endpoint", "friend", "peer", "user")}
        named = {  # auth and aor sections have the endpoint's name, or are named by it
            one.value.lower(): context.name.lower()
            for context in contexts
            for one in context.variables
            if one.name in ("auth", "aors") and self._kind(context) == "endpoint"
        }
        for context in contexts:
            kind, name = self._kind(context), context.name.lower()
            owner = name if name in phones else named.get(name, "")
            if context.template:
                if not context.used:
                    self._aside(context, "nothing uses this template")
            elif kind in _LINE:
                becomes = _LINE[kind]
                note = f"a {kind} section, not of a person"
                self._aside(context, note, DECIDE if becomes else NONE, becomes)
            elif name == "agents" or any(one.name == "agent" for one in context.variables):
                self._old_agents(context)
            elif name == "general":
                self._aside(context, "settings of the channel, not of a person")
            elif kind and owner:
                self._phone(context, self._cards.setdefault(owner, Card()))
            elif kind:
                self._aside(context, "belongs to no endpoint")
            else:
                self._agent(context, self._cards.setdefault(name, Card()))

    def _kind(self, context: Context) -> str:
        found = context.last("type")
        return found.value.lower() if found is not None else ""

    def _aside(self, context: Context, note: str, fate: Fate = NONE, becomes: str = "") -> None:
        for one in context.variables:
            self._ledger.add(one.place, f"[{context.name}]", one.name, _value(one), fate, becomes, note)

    def _phone(self, context: Context, card: Card) -> None:
        for one in context.variables:
            if one.name == "callerid":
                shown_name, _, number = one.value.partition("<")  # "Anna Tamm" <1001>
                card.name = shown_name.strip().strip('"').strip() or card.name
                card.number = digits_of(number.strip().removesuffix(">").strip()) or card.number
            elif one.name == "fullname":
                card.name = one.value or card.name
            elif one.name in ("username", "defaultuser", "auth_user"):
                card.username = username_of(one.value) or card.username
            card.settings.append((one, PHONE, MAILBOX if "mailbox" in one.name or "mwi" in one.name else PHONE_OTHER))

    def _agent(self, context: Context, card: Card) -> None:
        for one in context.variables:
            if one.name == "fullname":
                card.name = one.value or card.name
            card.settings.append((one, AGENT, AGENT_OTHER))

    def _old_agents(self, context: Context) -> None:
        """agent => 1001,4321,Anna Tamm: number, password, name (until Asterisk 11)."""
        for one in context.variables:
            if one.name != "agent":
                self._by_table(one, f"[{context.name}]", AGENT, AGENT_OTHER, "")
                continue
            parts = [part.strip() for part in one.value.split(",", 2)] + ["", ""]
            if not parts[0]:
                self._report.add(one.place, "an agent has a number: agent => 1001,password,Name")
                continue
            card = self._cards.setdefault(parts[0].lower(), Card())
            card.name = parts[2] or card.name
            card.settings.append((one, AGENT, AGENT_OTHER))

    # -------------------------------------------------------------- members

    def member(self, one: Variable, queue_name: str, queue: QueueDraft) -> None:
        """interface[,penalty[,membername[,state_interface[,ringinuse[,wrapuptime[,paused]]]]]]"""
        parts = [part.strip() for part in one.value.split(",")]
        parts += [""] * (7 - len(parts))
        interface, key = parts[0], _key_of(parts[0])
        if not key:
            self._report.add(one.place, f'a member is like PJSIP/1001, found "{shown(parts[0])}"')
            return
        for what, value in (("penalty", parts[1]), ("wrapuptime", parts[5])):
            if value and not re.fullmatch(r"-?[0-9]{1,9}", value):
                self._report.add(one.place, f'the {what} of a member is a whole number, found "{shown(value)}"')
                return
        member = self._members.setdefault(key, Member(interface, key, parts[2]))
        member.name = member.name or parts[2]
        member.queues.append((one, queue, parts))

    def close(self) -> None:
        """Everything is known: extensions and ids are given, in the order of the queues."""
        wanted = {key: self._wanted(member) for key, member in self._members.items()}
        given: dict[str, str] = {}
        for key, number in wanted.items():
            if number and number not in self._extensions:
                given[key] = number
                self._extensions.add(number)
        for key, member in self._members.items():
            extension = given.get(key) or free_extension(self._extensions)
            self._extensions.add(extension)
            self._person(member, extension, key in given)
        for key, card in self._cards.items():
            if key not in self._members:
                for one, _, _ in card.settings:
                    note = "no queue has this member, so that nobody was made of it"
                    self._ledger.add(one.place, f"phone {key}", one.name, _value(one), NONE, "", note)

    def _wanted(self, member: Member) -> str:
        card = self._cards.get(member.key, Card())
        tech = member.interface.partition("/")[0].lower()
        return (digits_of(member.key) if tech in _SIP else "") or card.number

    def _person(self, member: Member, extension: str, own: bool) -> None:
        card = self._cards.get(member.key, Card())
        words = member.key if not digits_of(member.key) else ""
        name = new_name(member.name or card.name or words, extension)
        agent_id = new_id(member.name or card.name or member.key, "agent", self._ids)
        self._ids.add(agent_id)
        agent = AgentDraft(agent_id, name, extension, new_env(agent_id))
        username = card.username or username_of(member.key)
        if not username.isdigit() and username not in self._usernames:  # digits could be a colleague's extension
            agent.username = username
            self._usernames.add(username)
        self._draft.agents.append(agent)
        for one, queue, parts in member.queues:
            if queue.id not in agent.queues:
                agent.queues.append(queue.id)
            self._membership(one, queue, parts, agent, own)
        for one, terms, other in card.settings:
            self._by_table(one, f"agent {agent.id}", terms, other, f"agents.{agent.id}")
        if not any(is_secret(one.name) for one, _, _ in card.settings):
            becomes, note = f"agents.{agent.id}.password", f"give {agent.password_env} a value, and her phone the same"
            self._ledger.add(member.queues[0][0].place, f"agent {agent.id}", "password", "", DECIDE, becomes, note)

    def _membership(self, one: Variable, queue: QueueDraft, parts: list[str], agent: AgentDraft, own: bool) -> None:
        owner, here = f"agent {agent.id}", f"agents.{agent.id}"
        note = f"extension {agent.extension}" if own else f"extension {agent.extension} was found for her"
        tech = parts[0].partition("/")[0].lower()
        fate = TAKEN if own and tech in _SIP else DECIDE
        if tech not in _SIP:
            note += "; her phone has to be a SIP phone that registers here"
        elif tech == "local":
            note += "; what the dialplan does before her phone rings is not taken over"
        value = ",".join(parts[:3]).rstrip(",")
        self._ledger.add(one.place, owner, "member", value, fate, f"{here}.queues: {queue.id}", note)
        add = self._ledger.add
        if parts[2] and new_name(parts[2], "") != agent.name:
            note = "another name for the same phone; one person has one name"
            add(one.place, owner, "membername", parts[2], DECIDE, f"{here}.name: {agent.name}", note)
        if int(parts[1] or 0) > 0:
            note = (
                "all agents of a queue are equal here; who comes in later belongs into a queue this one overflows into"
            )
            add(one.place, owner, "penalty", parts[1], DECIDE, f"queues.{queue.id}.overflow", note)
        elif int(parts[1] or 0) < 0:
            add(one.place, owner, "penalty", parts[1], NONE, "", "there are no penalties here")
        if parts[3]:
            note = "the switch knows by itself whether she is in a call"
            add(one.place, owner, "state_interface", parts[3], TAKEN, "", note)
        if parts[4].lower() in ON:
            add(one.place, owner, "ringinuse", parts[4], NONE, "", "an agent has one call at a time")
        elif parts[4]:
            add(one.place, owner, "ringinuse", parts[4], TAKEN, "", "always so: one call at a time")
        if parts[5]:
            note = "time for notes belongs to the queue, not to a member"
            add(one.place, owner, "wrapuptime", parts[5], DECIDE, f"queues.{queue.id}.wrap_up", note)
        if parts[6]:
            note = "an agent is ready when her phone registers; she takes a break by code"
            fate = TAKEN if parts[6].lower() in OFF else NONE
            add(one.place, owner, "paused", parts[6], fate, "", note)
        for extra in parts[7:]:
            add(one.place, owner, "member", extra, NONE, "", "nothing that app_queue knows")

    def _by_table(self, one: Variable, owner: str, terms: dict[str, Term], other: Term, here: str) -> None:
        add = self._ledger.add
        if is_secret(one.name) or one.name == "agent":
            fate, becomes = (DECIDE, f"{here}.password") if here else (NONE, "")
            note = "never copied: give the environment variable a new one, and the phone the same"
            add(one.place, owner, one.name, HIDDEN, fate, becomes, note)
        elif one.name in ("callerid", "fullname") and here:
            add(one.place, owner, one.name, one.value, TAKEN, f"{here}.name", "her name, unless a queue names her")
        elif one.name in ("username", "defaultuser", "auth_user") and here:
            note = "what her phone registers with; the extension when it is only digits, or taken"
            add(one.place, owner, one.name, one.value, TAKEN, f"{here}.username", note)
        elif one.name in ("auth", "aors", "aor") and here:
            add(one.place, owner, one.name, one.value, TAKEN, here, "one phone, one section here")
        else:
            term = terms.get(one.name, other)
            same = one.value.lower() in term.same
            note = term.same_note if same else term.note
            add(one.place, owner, one.name, _value(one), TAKEN if same else term.fate, term.becomes, note)


def _value(one: Variable) -> str:
    return HIDDEN if is_secret(one.name) or one.name == "agent" else one.value


def _key_of(interface: str) -> str:
    """PJSIP/1001 and Local/1001@agents/n -> 1001; "" when it is no interface."""
    tech, slash, rest = interface.partition("/")
    if not slash or not tech:
        return ""
    return rest.partition("@")[0].partition("/")[0].strip().lower()
