"""A draft as the files of a configuration directory. Every comment says what a person still has to do."""

from __future__ import annotations

import re

from softswitch.config.migration.draft import YAML_WORDS, AgentDraft, Draft, QueueDraft, seconds
from softswitch.config.migration.findings import shown

AFTER_QUEUE = "after_queue"
_WORDS = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?: [A-Za-z0-9_]+)*")


def text(value: str) -> str:
    """A value that every YAML reader takes for this text: bare words, else in double quotes."""
    if _WORDS.fullmatch(value) and value.lower() not in YAML_WORDS:
        return value
    return '"' + "".join(_escaped(one) for one in value) + '"'


def _escaped(one: str) -> str:
    if one in '"\\':
        return f"\\{one}"
    if one.isprintable():
        return one
    code = ord(one)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def files_of(draft: Draft) -> dict[str, str]:
    return {
        "line.yaml": _line(draft),
        "queues.yaml": _queues(draft),
        "people.yaml": _people(draft),
        f"flows/{AFTER_QUEUE}.yaml": _after_queue(draft),
    }


def _head(draft: Draft, about: str) -> list[str]:
    return [
        f"# {about}",
        f"# From {shown(', '.join(draft.sources))}; IMPORTED.md says what became of each setting.",
        "",
    ]


def _line(draft: Draft) -> str:
    lines = _head(draft, f"The line, to be filled in: {draft.peer} keeps all this elsewhere.")
    lines += [
        "line:",
        "  name: Imported line             # as reports and pages show it",
        "  languages: [en]                 # of the callers; en, et, zh, it and cs have texts",
        "  timezone: UTC                   # like Europe/Tallinn",
        "  # country: EE                   # whose public holidays count",
        f"  human: {draft.queues[0].id}",
        "",
        "media:",
        "  address: 127.0.0.1              # the address of this machine that phones and trunks send audio to",
        "",
        "trunks:",
        "  pstn:",
        "    from: [192.0.2.10]            # an example address that is nobody's: write your gateway's",
        "    # to: 192.0.2.10:5060         # calls to customers go here",
        "",
        *_numbers(draft),
        "",
        "offers:",
        f"  suspend_after: {draft.suspend_after:<16} # calls not picked up in a row, then no more are offered",
    ]
    return "\n".join(lines) + "\n"


def _numbers(draft: Draft) -> list[str]:
    """Queues that were called by digits keep them; for the others a line to be filled in."""
    entries = [f'  "{queue.number}": {{ queue: {queue.id} }}' for queue in draft.queues if queue.number]
    entries += [
        f'  # "+3726000000": {{ queue: {queue.id} }}   # the number that customers dial'
        for queue in draft.queues
        if not queue.number
    ]
    none = not any(queue.number for queue in draft.queues)
    return [f"numbers:{' {}' if none else ''}{'   # take {} away with the first number' if none else ''}", *entries]


def _queues(draft: Draft) -> str:
    lines = [*_head(draft, "Where callers wait."), "queues:"]
    for queue in draft.queues:
        lines += [*_queue(queue, draft.peer), ""]
    return "\n".join(lines[:-1]) + "\n"


def _queue(queue: QueueDraft, peer: str) -> list[str]:
    lines = [f"  {queue.id}:", f"    name: {text(queue.name)}"]
    if queue.service_level:
        level = f"    service_level: 80% in {seconds(queue.service_level)}"
        lines.append(f"{level:<34}# the percentage is ours")
    if queue.order:
        lines.append(f"    order: {queue.order}")
    max_wait = f"    max_wait: {seconds(queue.max_wait)}"
    lines += [
        f"    ring: {seconds(queue.ring)}",
        f"    wrap_up: {seconds(queue.wrap_up)}",
        f"{max_wait:<34}# {queue.max_wait_note}" if queue.max_wait_note else max_wait,
        f"    nobody_there: {'wait' if queue.wait_for_agents else 'overflow'}",
        f"    overflow: {AFTER_QUEUE}",
        f"    sticky: off                   # as with {peer}; without this line callers come back to the same person",
        "    while_waiting:",
        f"      say_position: {f'every {seconds(queue.say_position)}' if queue.say_position else 'never'}",
    ]
    return lines


def _people(draft: Draft) -> str:
    lines = _head(draft, "Who answers. Passwords are never copied: give each variable a new one.")
    if not draft.agents:
        return "\n".join([*lines, "agents: {}                        # the files named nobody", ""])
    lines.append("agents:")
    for agent in draft.agents:
        lines += _agent(agent)
    return "\n".join(lines) + "\n"


def _agent(agent: AgentDraft) -> list[str]:
    lines = [f"  {agent.id}:", f"    name: {text(agent.name)}", f'    extension: "{agent.extension}"']
    if agent.username:
        lines.append(f"    username: {text(agent.username)}")
    return [*lines, f"    password: {{ env: {agent.password_env} }}", f"    queues: [{', '.join(agent.queues)}]"]


def _after_queue(draft: Draft) -> str:
    lines = [
        *_head(draft, "What happens to a caller nobody could take."),
        f"flow: {AFTER_QUEUE}",
        "steps:",
        f"  # Here stands what {draft.peer}'s dialplan did after the queue: another queue, a menu, a text.",
        "  - hang_up: true",
        "    because: nobody could take the call",
    ]
    return "\n".join(lines) + "\n"
