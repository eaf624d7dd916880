"""callcenter.conf.xml to a draft: queues, agents and the tiers that join them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from softswitch.config.migration.draft import (
    MAX_WAIT_SECONDS,
    NO_LIMIT_SECONDS,
    RING_SECONDS,
    SUSPEND_AFTER,
    WRAP_UP_SECONDS,
    AgentDraft,
    Draft,
    QueueDraft,
    digits_of,
    fitted,
    free_extension,
    new_env,
    new_id,
    new_name,
    seconds,
    takes_order,
    username_of,
)
from softswitch.config.migration.findings import HIDDEN, Fate, Imported, Ledger, Source, Term, is_secret, shown
from softswitch.config.migration.freeswitch_settings import AGENT, DEFAULT_STRATEGY, QUEUE, SETTINGS, STRATEGIES
from softswitch.config.migration.freeswitch_xml import Element, parse
from softswitch.config.migration.report import NAME, markdown
from softswitch.config.migration.written import AFTER_QUEUE, files_of
from softswitch.config.problems import ConfigProblems, Place, Report, did_you_mean

TAKEN, DECIDE, NONE = Fate.TAKEN, Fate.DECIDE, Fate.NONE
_PARTS = ("settings", "queues", "agents", "tiers")
# user/1000@default, sofia/internal/1000@host, ${sofia_contact(1000@default)}; a gateway leads to no phone of ours
_CONTACT = re.compile(
    r"(?:user/|sofia/(?!gateway/)[a-z0-9_.-]+/|sofia_contact\((?:[^/)]*/)?)(?P<user>[a-z0-9_.-]+)", re.IGNORECASE
)
_TIMEOUT = re.compile(r"(?:leg_timeout|originate_timeout|call_timeout)=([0-9]{1,6})")
ORIGINATE_SECONDS = 60  # FreeSWITCH's own, when the contact does not say how long it rings
_OWN_QUEUE = {"strategy", "max-wait-time", "max-wait-time-with-no-agent"}
_OWN_AGENT = {"name", "type", "contact", "max-no-answer", "wrap-up-time"}


def from_freeswitch(source: Source) -> Imported:
    """Our configuration from callcenter.conf.xml. Raises `ConfigProblems` when something cannot be read."""
    root = parse(source.files[source.name], source.name)
    report, ledger = Report(), Ledger()
    draft = Draft("FreeSWITCH", (source.name,))
    _CallCenter(draft, ledger, report).read(root)
    if not draft.queues and not report.problems:
        report.add(root.place, "there is no <queue> in <queues>")
    if report.problems:
        raise ConfigProblems(report.problems)
    files = files_of(draft)
    imported = Imported(files, ledger.sorted())
    return Imported({**files, NAME: markdown(imported, "FreeSWITCH", draft.sources)}, imported.findings)


@dataclass(slots=True)
class Person:
    draft: AgentDraft
    element: Element
    ring: int = 0  # seconds; 0: the contact does not say
    wrap_up: int = 0
    tiers: list[tuple[int, int, QueueDraft]] = field(default_factory=list)


class _CallCenter:
    def __init__(self, draft: Draft, ledger: Ledger, report: Report) -> None:
        self._draft = draft
        self._ledger = ledger
        self._report = report
        self._queues: dict[str, tuple[Element, QueueDraft]] = {}
        self._people: dict[str, Person] = {}
        self._ids: set[str] = set()

    def read(self, root: Element) -> None:
        parts: dict[str, list[Element]] = {part: [] for part in _PARTS}
        for element in root.walk():
            if element.name in parts:
                parts[element.name].append(element)
            elif element.name.upper() == "X-PRE-PROCESS":
                self._report.add(
                    element.place, "<X-PRE-PROCESS> is not run; write what it sets or includes into the file"
                )
            if element.name == "configuration":
                self._beside(element)
        if not any(parts.values()):
            self._report.add(root.place, "this is no callcenter.conf.xml: no <queues>, <agents> or <tiers> in it")
            return
        for element in self._children(parts["settings"], "param"):
            self._more(element, "settings", ("name", "value"))
            self._param(element, "settings", SETTINGS, "")
        for element in self._children(parts["queues"], "queue"):
            self._queue(element)
        for element in self._children(parts["agents"], "agent"):
            self._agent(element)
        for element in self._children(parts["tiers"], "tier"):
            self._tier(element)
        self._people_into_queues()
        if self._queues:
            self._line(parts)

    def _children(self, parents: list[Element], name: str) -> list[Element]:
        found = []
        for parent in parents:
            for child in parent.children:
                if child.name == name:
                    found.append(child)
                elif child.name.upper() != "X-PRE-PROCESS":
                    hint = did_you_mean(child.name, (name,))
                    self._report.add(child.place, f"<{shown(child.name)}> cannot stand in <{parent.name}>{hint}")
        return found

    def _beside(self, configuration: Element) -> None:
        for child in configuration.children:
            if child.name not in _PARTS and child.name.upper() != "X-PRE-PROCESS":
                note = f"nothing that mod_callcenter knows{did_you_mean(child.name, _PARTS)}"
                self._ledger.add(child.place, "configuration", f"<{child.name}>", "", NONE, "", note)

    def _more(self, element: Element, owner: str, known: tuple[str, ...]) -> None:
        """Attributes that mean nothing."""
        for name, value in element.attributes.items():
            if name not in known:
                value = HIDDEN if is_secret(name) else value
                self._ledger.add(element.place, owner, name, value, NONE, "", "nothing that mod_callcenter knows")

    # -------------------------------------------------------------- queues

    def _queue(self, element: Element) -> None:
        name = element.get("name")
        if not name or name in self._queues:
            what = "a <queue> has no name" if not name else f'the queue "{shown(name)}" stands here twice'
            self._report.add(element.place, what)
            return
        plain = name.partition("@")[0]
        queue = QueueDraft(new_id(plain, "queue", {one.id for one in self._draft.queues}), new_name(plain, "queue"))
        queue.number = digits_of(plain)
        if queue.number in [other.number for other in self._draft.queues]:
            queue.number = ""
        self._draft.queues.append(queue)
        self._queues[name] = (element, queue)
        owner, here = f"queue {name}", f"queues.{queue.id}"
        if queue.number:
            note = "the queue's name is a number: customers who dial it come here"
            self._ledger.add(element.place, owner, "name", name, TAKEN, f"numbers.{queue.number}", note)
        self._more(element, owner, ("name",))
        params = self._params(element, owner)
        self._strategy(element, params, queue, owner, here)
        self._waits(element, params, queue, owner, here)
        for param in params.values():
            if param.get("name") not in _OWN_QUEUE:
                self._param(param, owner, QUEUE, here)
        note = "FreeSWITCH has nothing like it; take the line away, and callers come back to the person they know"
        self._ledger.add(element.place, owner, "sticky", "", DECIDE, f"{here}.sticky: off", note)

    def _params(self, element: Element, owner: str) -> dict[str, Element]:
        """The settings of a queue by name; of one that stands there twice the last counts."""
        found: dict[str, Element] = {}
        for param in self._children([element], "param"):
            name = param.get("name")
            self._more(param, owner, ("name", "value"))
            if not name:
                self._report.add(param.place, "a <param> has no name")
                continue
            if name in found:
                earlier = found.pop(name)
                note = f"line {param.place.line} counts"
                self._ledger.add(earlier.place, owner, name, earlier.get("value"), TAKEN, "", note)
            found[name] = param
        return found

    def _param(self, param: Element, owner: str, terms: dict[str, Term], here: str) -> None:
        name, value = param.get("name"), param.get("value")
        if not name:
            self._report.add(param.place, "a <param> has no name")
            return
        term = terms.get(name)
        if term is None:
            term = Term(NONE, f"nothing that mod_callcenter knows{did_you_mean(name, {*terms, *_OWN_QUEUE})}")
        self._term(param.place, owner, name, value, term, here)

    def _term(self, place: Place, owner: str, name: str, value: str, term: Term, here: str) -> None:
        value = HIDDEN if is_secret(name) and value else value
        if value.lower() in term.same:
            self._ledger.add(place, owner, name, value, TAKEN, "", term.same_note)
            return
        becomes = f"{here}.{term.becomes}" if here and term.becomes and "offers" not in term.becomes else term.becomes
        self._ledger.add(place, owner, name, value, term.fate, becomes, term.note)

    def _strategy(self, element: Element, params: dict[str, Element], queue: QueueDraft, owner: str, here: str) -> None:
        param = params.get("strategy")
        value, place = (param.get("value"), param.place) if param is not None else (DEFAULT_STRATEGY, element.place)
        if value not in STRATEGIES:
            hint = did_you_mean(value, STRATEGIES)
            self._report.add(place, f'"{shown(value)}" is no strategy of mod_callcenter{hint}')
            return
        order, meaning = STRATEGIES[value]
        by_default = "" if param is not None else "FreeSWITCH's default; "
        if takes_order(order):
            queue.order = order
            self._ledger.add(place, owner, "strategy", value, TAKEN, f"{here}.order: {order}", by_default + meaning)
        else:
            note = f"{meaning}: not among the orders of a queue today; longest-idle is what it will do"
            self._ledger.add(place, owner, "strategy", value, DECIDE, f"{here}.order", by_default + note)

    def _waits(self, element: Element, params: dict[str, Element], queue: QueueDraft, owner: str, here: str) -> None:
        value, place = self._number(params.get("max-wait-time"), "max-wait-time", 0, element.place, "value")
        queue.max_wait = fitted(value, MAX_WAIT_SECONDS) if value else NO_LIMIT_SECONDS
        if value == 0:
            queue.max_wait_note = "a day is the longest; FreeSWITCH had no limit"
        fate = TAKEN if value == queue.max_wait else DECIDE
        note = "then he goes on to overflow"
        if fate is DECIDE:
            note += "; no limit there, a day is the longest here: choose what is good for callers"
        self._ledger.add(
            place, owner, "max-wait-time", str(value), fate, f"{here}.max_wait: {seconds(queue.max_wait)}", note
        )
        name = "max-wait-time-with-no-agent"
        value, place = self._number(params.get(name), name, 0, element.place, "value")
        queue.wait_for_agents = value == 0
        if queue.wait_for_agents:
            fate, note = TAKEN, "callers wait for agents to come"
        else:
            fate, note = DECIDE, "here callers leave at once when nobody is logged in, not after this time"
        becomes = f"{here}.nobody_there: {'wait' if queue.wait_for_agents else 'overflow'}"
        self._ledger.add(place, owner, name, str(value), fate, becomes, note)

    def _number(
        self, element: Element | None, name: str, default: int, place: Place, attribute: str
    ) -> tuple[int, Place]:
        if element is None:
            return default, place
        value = element.get(attribute)
        if not (value.isascii() and value.isdigit() and len(value) < 10):
            self._report.add(element.place, f'{name} has to be a whole number, found "{shown(value)}"')
            return default, element.place
        return int(value), element.place

    # -------------------------------------------------------------- agents and tiers

    def _agent(self, element: Element) -> None:
        name = element.get("name")
        if not name or name in self._people:
            what = "an <agent> has no name" if not name else f'the agent "{shown(name)}" stands here twice'
            self._report.add(element.place, what)
            return
        plain = name.partition("@")[0]
        contact = element.get("contact")
        found = _CONTACT.search(contact)
        user = found["user"] if found is not None else ""
        agent_id = new_id(plain, "agent", self._ids)
        self._ids.add(agent_id)
        draft = AgentDraft(agent_id, new_name(plain, "agent"), digits_of(user), new_env(agent_id))
        draft.username = "" if user.isdigit() else username_of(user)
        person = self._people[name] = Person(draft, element)
        rings = _TIMEOUT.search(contact)
        person.ring = int(rings[1]) if rings is not None else 0
        if "wrap-up-time" in element.attributes:
            person.wrap_up, _ = self._number(element, "wrap-up-time", 0, element.place, "wrap-up-time")

    def _tier(self, element: Element) -> None:
        agent, queue = element.get("agent"), element.get("queue")
        person, found = self._people.get(agent), self._queues.get(queue)
        if person is None:
            self._report.add(element.place, f'no agent is called "{shown(agent)}"{did_you_mean(agent, self._people)}')
            return
        if found is None:
            self._report.add(element.place, f'no queue is called "{shown(queue)}"{did_you_mean(queue, self._queues)}')
            return
        level, position = (
            self._number(element if name in element.attributes else None, name, 1, element.place, name)[0]
            for name in ("level", "position")
        )
        here = f"agents.{person.draft.id}.queues: {found[1].id}"
        owner = f"agent {agent}"
        self._ledger.add(element.place, owner, "tier", queue, TAKEN, here, "she takes calls of this queue")
        if any(other is found[1] for _, _, other in person.tiers):
            self._report.add(element.place, "this tier stands here twice")
        person.tiers.append((level, position, found[1]))
        if level > 1:
            note = (
                "all agents of a queue are equal here; who comes in later belongs into a queue this one overflows into"
            )
            self._ledger.add(element.place, owner, "level", str(level), DECIDE, f"queues.{found[1].id}.overflow", note)
        elif "level" in element.attributes:
            self._ledger.add(element.place, owner, "level", str(level), TAKEN, "", "rung from the beginning")
        if "position" in element.attributes:
            note = "agents stand in people.yaml in the order of their first tier's level and position"
            self._ledger.add(element.place, owner, "position", str(position), TAKEN, "agents", note)
        self._more(element, owner, ("agent", "queue", "level", "position"))

    def _people_into_queues(self) -> None:
        people = sorted(self._people.values(), key=lambda one: one.tiers[0][:2] if one.tiers else (1 << 30, 0))
        taken = {queue.number for queue in self._draft.queues if queue.number}
        doubtful: set[str] = set()
        usernames: set[str] = set()
        for person in people:  # extensions that stand there go before those that have to be found
            draft = person.draft
            if not draft.extension or draft.extension in taken:
                doubtful.add(draft.id)
            taken.add(draft.extension)
        for person in people:
            draft = person.draft
            if draft.id in doubtful:
                draft.extension = free_extension(taken)
                taken.add(draft.extension)
            if draft.username in usernames:
                draft.username = ""
            usernames.add(draft.username)
            draft.queues = [queue.id for _, _, queue in person.tiers]
            self._draft.agents.append(draft)
            self._attributes(person, draft.id in doubtful)
        members: dict[str, list[Person]] = {queue.id: [] for queue in self._draft.queues}
        for person in people:
            for queue_id in person.draft.queues:
                members[queue_id].append(person)
        for element, queue in self._queues.values():
            self._common(element, queue, members[queue.id])

    def _attributes(self, person: Person, found: bool) -> None:
        element, draft = person.element, person.draft
        owner, here, add = f"agent {element.get('name')}", f"agents.{draft.id}", self._ledger.add
        note = f"the password of her phone: give {draft.password_env} a new one"
        add(element.place, owner, "name", element.get("name"), DECIDE, f"{here}.name, .password", note)
        for name, value in element.attributes.items():
            if name == "contact":
                note = "the extension had to be found; a SIP phone has to register" if found else "her SIP phone"
                becomes = f"{here}.extension: {draft.extension}"
                add(element.place, owner, name, value, DECIDE if found else TAKEN, becomes, note)
            elif name == "type":
                callback = value.lower() == "callback"
                note = (
                    "her phone rings for each call" if callback else "agents do not wait on the line: their phone rings"
                )
                add(element.place, owner, name, value, TAKEN if callback else NONE, here if callback else "", note)
            elif name == "wrap-up-time":
                add(element.place, owner, name, value, TAKEN, "queues.wrap_up", "belongs to the queue; see there")
            elif name == "max-no-answer":
                self._number(element, name, 0, element.place, name)
                note = "one rule for all agents; see max-no-answer of all agents"
                add(element.place, owner, name, value, TAKEN, "offers.suspend_after", note)
            elif name not in _OWN_AGENT:
                term = AGENT.get(name) or Term(NONE, f"nothing that mod_callcenter knows{did_you_mean(name, AGENT)}")
                self._term(element.place, owner, name, value, term, here)

    def _common(self, element: Element, queue: QueueDraft, members: list[Person]) -> None:
        """What FreeSWITCH says for each agent, and our queue for all of its agents."""
        owner, here = f"queue {element.get('name')}", f"queues.{queue.id}"
        rings = sorted({person.ring or ORIGINATE_SECONDS for person in members}) or [ORIGINATE_SECONDS]
        queue.ring = fitted(rings[-1], RING_SECONDS)
        fate = TAKEN if rings == [queue.ring] else DECIDE
        note = "an agent's phone rings for this long (leg_timeout of the contacts, else FreeSWITCH's 60 seconds)"
        value = ", ".join(map(str, rings))
        self._ledger.add(
            element.place, owner, "leg_timeout of its agents", value, fate, f"{here}.ring: {seconds(queue.ring)}", note
        )
        wraps = sorted({person.wrap_up for person in members}) or [0]
        queue.wrap_up = fitted(wraps[-1], WRAP_UP_SECONDS)
        fate = TAKEN if wraps == [queue.wrap_up] else DECIDE
        note = "time for notes belongs to the queue; the longest of its agents"
        value = ", ".join(map(str, wraps))
        becomes = f"{here}.wrap_up: {seconds(queue.wrap_up)}"
        self._ledger.add(element.place, owner, "wrap-up-time of its agents", value, fate, becomes, note)

    def _line(self, parts: dict[str, list[Element]]) -> None:
        """What FreeSWITCH keeps outside of this file, and what holds for all agents."""
        add = self._ledger.add
        place = next(iter(self._queues.values()))[0].place
        limits = {
            self._number(
                one.element if "max-no-answer" in one.element.attributes else None,
                "max-no-answer",
                0,
                place,
                "max-no-answer",
            )[0]
            for one in self._people.values()
        }
        strictest = min((limit for limit in limits if limit), default=0 if limits else 1)
        after = fitted(strictest or SUSPEND_AFTER[1], SUSPEND_AFTER)
        self._draft.suspend_after = after
        fate = TAKEN if limits == {after} else DECIDE
        note = "so many calls not picked up in a row suspend an agent; one rule for all, the strictest of them"
        if 0 in limits and not strictest:
            note = "never there; 100 is the most here"
        value = ", ".join(map(str, sorted(limits)))
        add(place, "all agents", "max-no-answer", value, fate, f"offers.suspend_after: {after}", note)
        note = "the numbers that customers dial, and your gateway's address, are in the dialplan and the sofia profiles"
        add(place, "all queues", "dialplan", "", DECIDE, "line.yaml: numbers, trunks", note)
        note = "where the dialplan goes on after callcenter; the flow hangs up until you change it"
        add(place, "all queues", "dialplan", "", DECIDE, f"flows/{AFTER_QUEUE}.yaml", note)
