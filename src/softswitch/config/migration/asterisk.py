"""queues.conf, and what belongs to it, to a draft: every queue, its settings and its members."""

from __future__ import annotations

from collections.abc import Sequence

from softswitch.config.migration.asterisk_people import People
from softswitch.config.migration.asterisk_settings import (
    ALIASES,
    DEFAULT_STRATEGY,
    EMPTY_WORDS,
    GENERAL,
    GONE,
    LOOSE,
    OFF,
    ON,
    QUEUE,
    REASONS,
    STRATEGIES,
    STRICT,
)
from softswitch.config.migration.asterisk_syntax import Context, Variable, parse
from softswitch.config.migration.draft import (
    EVERY_SECONDS,
    RING_SECONDS,
    SERVICE_LEVEL_SECONDS,
    SUSPEND_AFTER,
    WRAP_UP_SECONDS,
    Draft,
    QueueDraft,
    digits_of,
    fitted,
    new_id,
    new_name,
    seconds,
    takes_order,
)
from softswitch.config.migration.findings import Fate, Imported, Ledger, Source, Term, shown
from softswitch.config.migration.report import NAME, markdown
from softswitch.config.migration.written import AFTER_QUEUE, files_of
from softswitch.config.problems import ConfigProblems, Place, Report, did_you_mean

RULES = "queuerules.conf"
TAKEN, DECIDE, NONE = Fate.TAKEN, Fate.DECIDE, Fate.NONE
_OWN = {
    *("strategy", "timeout", "wrapuptime", "servicelevel", "announce-frequency", "announce-position"),
    *("joinempty", "leavewhenempty", "autopause", "member"),
}
_NUMBERS = {"retry", "weight", "maxlen", "autopausedelay", "memberdelay", "penaltymemberslimit"}


def from_asterisk(queues: Source, people: Sequence[Source] = ()) -> Imported:
    """Our configuration from queues.conf (with queuerules.conf beside it) and files with agents or phones. Raises
    `ConfigProblems` when something cannot be read."""
    report, ledger = Report(), Ledger()
    contexts = parse(queues, report)
    others = [(source.name, parse(source, report)) for source in people]
    beside = (RULES,) if RULES in queues.files and queues.name != RULES else ()
    rules = [context for name in beside for context in parse(Source(name, queues.files), report)]
    names = (queues.name, *beside, *(name for name, _ in others))
    draft = Draft("Asterisk", names)
    if report.problems:
        raise ConfigProblems(report.problems)
    _Queues(draft, ledger, report, People(draft, ledger, others, report)).read(contexts, rules)
    if not draft.queues:
        report.add(Place(queues.name), "there is no queue: a [context] that is neither [general] nor a template (!)")
    if report.problems:
        raise ConfigProblems(report.problems)
    files = files_of(draft)
    imported = Imported(files, ledger.sorted())
    return Imported({**files, NAME: markdown(imported, "Asterisk", names)}, imported.findings)


class _Queues:
    def __init__(self, draft: Draft, ledger: Ledger, report: Report, people: People) -> None:
        self._draft = draft
        self._ledger = ledger
        self._report = report
        self._people = people
        self._pausing: dict[str, bool] = {}  # queue -> autopause
        self._autofill = False  # [general] says whether queues fill all agents at once

    def read(self, contexts: list[Context], rules: list[Context]) -> None:
        seen: dict[str, Place] = {}
        queues = []
        for context in contexts:
            if context.name == "general":
                self._plain(context, "general", GENERAL)
                self._autofill = self._autofill or context.last("autofill") is not None
            elif context.template:
                self._template(context)
            elif context.name in seen:
                for one in context.variables:
                    note = f"Asterisk reads only the [{shown(context.name)}] of line {seen[context.name].line}"
                    self._ledger.add(one.place, f"queue {context.name}", one.name, one.value, NONE, "", note)
            else:
                seen[context.name] = context.place
                queues.append((context, self._draft_of(context)))
        self._people.reserve([queue.number for _, queue in queues if queue.number])
        for context, queue in queues:
            self._queue(context, queue)
        self._people.close()
        if queues:
            self._line(queues[0][0].place)
        for context in rules:
            self._rule(context)

    def _draft_of(self, context: Context) -> QueueDraft:
        taken = {queue.id for queue in self._draft.queues}
        queue = QueueDraft(new_id(context.name, "queue", taken), new_name(context.name, "queue"))
        queue.number = digits_of(context.name)
        if queue.number in [other.number for other in self._draft.queues]:
            queue.number = ""
        queue.max_wait_note = "as the fifth argument of Queue(...) in the dialplan says"
        self._draft.queues.append(queue)
        return queue

    # -------------------------------------------------------------- what stands in no key of one queue

    def _template(self, context: Context) -> None:
        if not context.used:
            for one in context.variables:
                note = "no queue uses this template"
                self._ledger.add(one.place, f"template {context.name}", one.name, one.value, NONE, "", note)

    def _line(self, place: Place) -> None:
        """What Asterisk keeps outside of these files, and what holds for all queues."""
        add = self._ledger.add
        after, pausing = self._draft.suspend_after, set(self._pausing.values())
        if pausing == {True}:
            fate, note = TAKEN, "as autopause = all: suspended in all her queues, until she is ready again"
        elif pausing == {False}:
            fate, note = DECIDE, "autopause is off: 100 is the most; 1 protects callers from phones nobody picks up"
            after = SUSPEND_AFTER[1]
        else:
            off = ", ".join(name for name, on in self._pausing.items() if not on)
            fate, note = DECIDE, f"one rule for all queues; without autopause were: {shown(off)}"
        self._draft.suspend_after = after
        add(place, "all queues", "autopause", "", fate, f"offers.suspend_after: {after}", note)
        note = "the numbers that customers dial, and your gateway's address, are in extensions.conf and pjsip.conf"
        add(place, "all queues", "dialplan", "", DECIDE, "line.yaml: numbers, trunks", note)
        note = "where Queue(...) goes on after a time-out or an empty queue; the flow hangs up until you change it"
        add(place, "all queues", "dialplan", "", DECIDE, f"flows/{AFTER_QUEUE}.yaml", note)

    def _rule(self, context: Context) -> None:
        for one in context.variables:
            note = (
                "penalties that change while a caller waits: put those agents into a queue that this one overflows into"
            )
            self._ledger.add(one.place, f"rule {context.name}", one.name, one.value, DECIDE, "max_wait, overflow", note)

    # -------------------------------------------------------------- one queue

    def _queue(self, context: Context, queue: QueueDraft) -> None:
        owner = f"queue {context.name}"
        here = f"queues.{queue.id}"
        if queue.number:
            note = "the queue's name is a number: customers who dial it come here"
            self._ledger.add(context.place, owner, "name", context.name, TAKEN, f"numbers.{queue.number}", note)
        self._strategy(context, queue, owner, here)
        self._times(context, queue, owner, here)
        self._positions(context, queue, owner, here)
        self._emptiness(context, queue, owner, here)
        self._autopause(context, owner)
        self._plain(context, owner, QUEUE, here)
        self._defaults(context, queue, owner)
        note = "the fifth argument of Queue(...) in the dialplan; Asterisk waits for ever without it"
        self._ledger.add(context.place, owner, "Queue() timeout", "", DECIDE, f"{here}.max_wait: 10m", note)
        note = "Asterisk has nothing like it; take the line away, and callers come back to the person they know"
        self._ledger.add(context.place, owner, "sticky", "", DECIDE, f"{here}.sticky: off", note)
        for member in context.all("member"):
            self._people.member(member, context.name, queue)

    def _defaults(self, context: Context, queue: QueueDraft, owner: str) -> None:
        """What Asterisk does without being told, and the switch does not."""
        names = {"ringinuse": "yes"}
        if queue.say_position:
            names["announce-holdtime"] = "yes"
        if not self._autofill:
            names["autofill"] = "no"
        for name, value in names.items():
            if context.last(name) is None:
                note = f"Asterisk's default; {QUEUE[name].note}"
                self._ledger.add(context.place, owner, name, value, NONE, "", note)

    def _last(self, context: Context, name: str, default: str) -> tuple[str, Place, str]:
        """The value that counts, where it stands, and a word for the report when it is only the default."""
        found = context.last(name)
        return (found.value, found.place, "") if found is not None else (default, context.place, "Asterisk's default; ")

    def _number(self, context: Context, name: str, default: int) -> tuple[int, Place, str]:
        value, place, by_default = self._last(context, name, str(default))
        digits = value.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
            self._report.add(place, f'{name} has to be a whole number, found "{shown(value)}"')
            return default, place, by_default
        return int(value), place, by_default

    def _strategy(self, context: Context, queue: QueueDraft, owner: str, here: str) -> None:
        value, place, by_default = self._last(context, "strategy", DEFAULT_STRATEGY)
        word = value.lower()
        if word not in STRATEGIES:
            self._report.add(place, f'"{shown(value)}" is no strategy of Asterisk{did_you_mean(word, STRATEGIES)}')
            return
        order, meaning = STRATEGIES[word]
        if takes_order(order):
            queue.order = order
            fate, becomes, note = TAKEN, f"{here}.order: {order}", meaning
        else:
            fate, becomes = DECIDE, f"{here}.order"
            note = f"{meaning}: not among the orders of a queue today; longest-idle is what it will do"
        self._ledger.add(place, owner, "strategy", value, fate, becomes, by_default + note)

    def _times(self, context: Context, queue: QueueDraft, owner: str, here: str) -> None:
        add = self._ledger.add
        value, place, by_default = self._number(context, "timeout", 15)
        queue.ring = fitted(value if value > 0 else RING_SECONDS[1], RING_SECONDS)
        note = by_default + "an agent's phone rings for this long"
        if queue.ring != value:
            note += f"; from {RING_SECONDS[0]}s to {seconds(RING_SECONDS[1])} is possible here"
        fate = TAKEN if queue.ring == value else DECIDE
        add(place, owner, "timeout", str(value), fate, f"{here}.ring: {seconds(queue.ring)}", note)
        value, place, by_default = self._number(context, "wrapuptime", 0)
        queue.wrap_up = fitted(value, WRAP_UP_SECONDS)
        fate = TAKEN if queue.wrap_up == max(0, value) else DECIDE
        note = by_default + "after each talk, for all queues of the agent; she can end it herself"
        add(place, owner, "wrapuptime", str(value), fate, f"{here}.wrap_up: {seconds(queue.wrap_up)}", note)
        value, place, by_default = self._number(context, "servicelevel", 0)
        if value > 0:
            queue.service_level = fitted(value, SERVICE_LEVEL_SECONDS)
            becomes = f"{here}.service_level: 80% in {seconds(queue.service_level)}"
            note = "Asterisk has no percentage, 80 is ours; here callers who hung up count too, the formula differs"
            add(place, owner, "servicelevel", str(value), TAKEN, becomes, note)
        elif not by_default:
            add(place, owner, "servicelevel", str(value), DECIDE, f"{here}.service_level", "80% in 20s unless written")

    def _positions(self, context: Context, queue: QueueDraft, owner: str, here: str) -> None:
        value, place, by_default = self._number(context, "announce-frequency", 0)
        how, how_place, how_default = self._last(context, "announce-position", "yes")
        if value > 0 and how.lower() not in OFF:
            queue.say_position = fitted(value, EVERY_SECONDS)
        becomes = f"{here}.while_waiting.say_position: "
        becomes += f"every {seconds(queue.say_position)}" if queue.say_position else "never"
        note = by_default + "how often a caller is told his place"
        self._ledger.add(place, owner, "announce-frequency", str(value), TAKEN, becomes, note)
        if how_default:
            return
        fate, note = TAKEN, "told while waiting, or never"
        if how.lower() not in OFF | ON:
            fate, note = DECIDE, "the position is told whatever it is"
        self._ledger.add(how_place, owner, "announce-position", how, fate, becomes, note)

    def _emptiness(self, context: Context, queue: QueueDraft, owner: str, here: str) -> None:
        join, leave = (self._reasons(context, name) for name in ("joinempty", "leavewhenempty"))
        queue.wait_for_agents = not join and not leave
        becomes = f"{here}.nobody_there: {'wait' if queue.wait_for_agents else 'overflow'}"
        for name, reasons in (("joinempty", join), ("leavewhenempty", leave)):
            value, place, by_default = self._last(context, name, "yes" if name == "joinempty" else "no")
            beyond = ", ".join(sorted(reasons - GONE))
            fate, note = TAKEN, "when nobody is logged in with a phone that answers"
            if queue.wait_for_agents:
                note = "callers wait for agents to come"
            elif not reasons:
                fate, note = (
                    DECIDE,
                    "one rule for entering and for staying: when the last agent logs out, callers leave",
                )
            elif beyond:
                fate, note = DECIDE, f"here only agents who are not logged in do not count, but not these: {beyond}"
            self._ledger.add(place, owner, name, value, fate, becomes, by_default + note)

    def _reasons(self, context: Context, name: str) -> frozenset[str]:
        found = context.last(name)
        reasons: frozenset[str] = frozenset()
        for word in found.value.lower().split(",") if found is not None else ():
            word = word.strip()
            if word in REASONS:
                reasons |= {word}
            elif word in ("strict", "loose"):
                reasons = STRICT if word == "strict" else LOOSE
            elif word in ON or word in OFF:
                reasons = EMPTY_WORDS[name, word in ON]
            elif found is not None:
                hint = did_you_mean(word, (*REASONS, "yes", "no", "strict", "loose"))
                self._report.add(found.place, f'"{shown(word)}" is nothing that {name} knows{hint}')
        return reasons

    def _autopause(self, context: Context, owner: str) -> None:
        found = context.last("autopause")
        on = found is not None and found.value.lower() in ON | {"all"}
        self._pausing[context.name] = on
        if found is None:
            return
        if found.value.lower() not in ON | OFF | {"all"}:
            self._report.add(found.place, f'autopause is yes, no or all, found "{shown(found.value)}"')
        note = "who does not pick up is suspended in all her queues" if on else "see autopause of all queues"
        fate = TAKEN if found.value.lower() == "all" else DECIDE
        self._ledger.add(found.place, owner, "autopause", found.value, fate, "offers.suspend_after", note)

    # -------------------------------------------------------------- by the table

    def _plain(self, context: Context, owner: str, terms: dict[str, Term], here: str = "") -> None:
        """`here`: the queue's place in our files; "" for [general]."""
        names = {*terms, *_OWN, *ALIASES} if here else set(terms)
        for one in context.variables:
            name = ALIASES.get(one.name, one.name)
            if name == "member" and here:
                continue
            counts = context.last(name, *(word for word, meant in ALIASES.items() if meant == name))
            if counts is not None and counts is not one:
                note = f"{counts.place.file}:{counts.place.line} counts, as in Asterisk"
                self._ledger.add(one.place, owner, one.name, one.value, TAKEN, "", note)
            elif name in terms:
                self._term(one, owner, terms[name], here)
            elif name not in names:
                note = f"nothing that app_queue knows{did_you_mean(name, names)}"
                self._ledger.add(one.place, owner, one.name, one.value, NONE, "", note)

    def _term(self, one: Variable, owner: str, term: Term, here: str) -> None:
        if one.name in _NUMBERS:
            digits = one.value.removeprefix("-")
            if not (digits.isascii() and digits.isdigit()):
                self._report.add(one.place, f'{one.name} has to be a whole number, found "{shown(one.value)}"')
                return
        if one.value.lower() in term.same:
            self._ledger.add(one.place, owner, one.name, one.value, TAKEN, "", term.same_note)
            return
        becomes = f"{here}.{term.becomes}" if here and term.becomes else term.becomes
        self._ledger.add(one.place, owner, one.name, one.value, term.fate, becomes, term.note)
