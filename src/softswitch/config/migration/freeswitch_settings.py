"""The table of mod_callcenter's settings that have no key of their own here: what each becomes, and what that means."""

from __future__ import annotations

from softswitch.config.migration.findings import Fate, Term

TAKEN, DECIDE, NONE = Fate.TAKEN, Fate.DECIDE, Fate.NONE
ON = frozenset({"true", "yes", "on", "enable", "enabled", "active", "allow", "t", "1"})
OFF = frozenset({"false", "no", "off", "0", ""})

SETTINGS = {
    "odbc-dsn": Term(DECIDE, "the switch has a database of its own; its address can be a secret", "database"),
    "dbname": Term(DECIDE, "the switch has a database of its own", "database"),
    "debug": Term(NONE, "the log has one level"),
    "reserve-agents": Term(TAKEN, "always so: an agent is rung for one caller at a time"),
    "truncate-tiers-on-load": Term(TAKEN, "always so: the files say who serves which queue"),
    "truncate-agents-on-load": Term(TAKEN, "always so: the files say who the agents are"),
    "global-database-lock": Term(NONE, "queues share no locks here"),
    "agent-originate-timeout": Term(DECIDE, "an agent's phone rings for this long", "queues.ring"),
    "cc-instance-id": Term(NONE, "one switch serves the line"),
}

_TIERS = "agents are not in tiers: who comes in later belongs into a queue that this one overflows into"

QUEUE = {
    "moh-sound": Term(DECIDE, "copy the audio file; without it a quiet melody is played", "while_waiting.music"),
    "announce-sound": Term(NONE, "there are no announcements beside the position"),
    "announce-frequency": Term(NONE, "there are no announcements beside the position", same=OFF),
    "record-template": Term(NONE, "calls are not recorded", same=frozenset({""})),
    "time-base-score": Term(
        NONE,
        "waiting counts from the entry into the queue, not from the beginning of the call",
        same=frozenset({"queue"}),
        same_note="always so: waiting counts from the entry into the queue",
    ),
    "time-base-score-sec": Term(NONE, "callers have no head start by configuration", same=OFF),
    "ring-progressively-delay": Term(NONE, "agents are rung one after another, each for the time of ring"),
    "skip-agents-with-external-calls": Term(
        NONE, "an agent has one call at a time", same=ON, same_note="always so for calls through this switch"
    ),
    "agent-no-answer-status": Term(NONE, "who does not pick up is suspended, with the reason shown"),
    "tier-rules-apply": Term(DECIDE, _TIERS, "overflow", OFF, "all agents of a queue from the beginning, as here"),
    "tier-rule-wait-second": Term(DECIDE, _TIERS, "max_wait"),
    "tier-rule-wait-multiply-level": Term(NONE, _TIERS, same=OFF),
    "tier-rule-no-agent-no-wait": Term(NONE, _TIERS, same=OFF),
    "discard-abandoned-after": Term(NONE, "a caller who hung up has left; when he calls again he is a new caller"),
    "abandoned-resume-allowed": Term(
        NONE, "a caller who hung up has left; when he calls again he is a new caller", same=OFF
    ),
    "max-wait-time-with-no-agent-time-reached": Term(
        NONE, "callers leave at once when nobody is logged in, with nobody_there: overflow"
    ),
    "ring-always-first": Term(NONE, "agents are rung one after another"),
}

AGENT = {
    "status": Term(
        NONE,
        "a phone that registers logs its agent in; breaks are taken by code",
        same=frozenset({"available", "available (on demand)"}),
        same_note="ready when her phone registers",
    ),
    "reject-delay-time": Term(
        DECIDE, "one rule for all: that caller is not offered to her again for so long", "offers.refused_again_after"
    ),
    "busy-delay-time": Term(
        DECIDE, "one rule for all: that caller is not offered to her again for so long", "offers.refused_again_after"
    ),
    "no-answer-delay-time": Term(
        NONE, "who does not pick up is suspended after so many calls, not left alone for a while", same=OFF
    ),
    "ready-time": Term(NONE, "an agent is ready when her wrap-up is over"),
    "state": Term(NONE, "states are the switch's own"),
    "uuid": Term(NONE, "agents do not wait on the line: their phone rings"),
}

# mod_callcenter's strategies -> the order of ringing here, and what it means.
STRATEGIES = {
    "longest-idle-agent": ("longest-idle", "whoever has not talked for longest, in any of her queues"),
    "agent-with-fewest-calls": ("fewest-calls", "calls of all queues count, since the start of the switch"),
    "agent-with-least-talk-time": ("", "whoever talked least"),
    "round-robin": ("round-robin", "whoever was rung longest ago"),
    "sequentially-by-next-agent-order": ("round-robin", "the next one after whoever was rung last"),
    "top-down": ("top-down", "the first free agent, in the order of people.yaml"),
    "sequentially-by-agent-order": ("top-down", "the first free agent, in the order of people.yaml"),
    "ring-all": ("ring-all", "all free agents at once"),
    "ring-progressively": ("", "one agent more every few seconds, all ringing"),
    "random": ("random", "any free agent"),
}
DEFAULT_STRATEGY = "longest-idle-agent"
