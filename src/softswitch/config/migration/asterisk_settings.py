"""The table of app_queue's settings that have no key of their own here: what each becomes, and what that means."""

from __future__ import annotations

from softswitch.config.migration.findings import Fate, Term

TAKEN, DECIDE, NONE = Fate.TAKEN, Fate.DECIDE, Fate.NONE
OFF = frozenset({"", "0", "no", "false", "off", "n", "f"})
ON = frozenset({"1", "yes", "true", "on", "y", "t"})


_DIALPLAN = "there is no dialplan, and no variables of it"
_SOUND = "the switch speaks its own text; write yours if it does not fit"
_POSITION = "texts.position of the queue"
_HOLD_TIME = "hold times are not announced while waiting; the position is"
_PERIODIC = "there are no periodic announcements beside the position"

GENERAL = {
    "persistentmembers": Term(
        NONE, "here every agent's state survives a restart, always", same=ON, same_note="always so: states survive"
    ),
    "autofill": Term(
        NONE, "here all free agents are rung at the same time", same=ON, same_note="always so: all free agents at once"
    ),
    "monitor-type": Term(NONE, "calls are not recorded"),
    "shared_lastcall": Term(
        NONE,
        "wrap-up always counts for all queues of an agent",
        same=ON,
        same_note="always so: wrap-up counts for all queues of an agent",
    ),
    "enable_cidname_logging": Term(NONE, "there is no queue_log; events are in the database"),
    "log_membername_as_agent": Term(NONE, "there is no queue_log; events name the agent's id"),
    "log-restricted-caller-id": Term(NONE, "there is no queue_log; events are in the database", same=ON),
    "negative_penalty_invalid": Term(NONE, "there are no penalties here", same=OFF),
    "force_longest_waiting_caller": Term(
        NONE,
        "a free agent takes the longest waiting caller of all her queues, always",
        same=ON,
        same_note="always so across the queues of an agent",
    ),
}

QUEUE = {
    "retry": Term(
        NONE,
        "no pause: the next free agent is rung at once, and the same one not again within offers.refused_again_after",
    ),
    "timeoutpriority": Term(
        NONE, "a ring under way goes on when the longest wait is over", same=frozenset({"conf"}), same_note="always so"
    ),
    "timeoutrestart": Term(NONE, "each ring has its own time, always"),
    "weight": Term(
        NONE, "queues have no weight: whoever waits longest is next", same=OFF, same_note="no queue goes before another"
    ),
    "autofill": GENERAL["autofill"],
    "autopausedelay": Term(NONE, "an agent is suspended at once, by the count of offers.suspend_after", same=OFF),
    "autopausebusy": Term(NONE, "a busy phone or a refusal never suspends an agent", same=OFF),
    "autopauseunavail": Term(
        NONE, "an agent whose phone cannot be reached is suspended until it registers again", same=ON
    ),
    "maxlen": Term(
        NONE,
        "queues have no limit of callers: who would have been turned away waits up to max_wait",
        same=OFF,
        same_note="no limit, as here",
    ),
    "musicclass": Term(
        DECIDE,
        "copy the files of the class into a folder, { folder: NAME }; without it a quiet melody is played",
        "while_waiting.music",
    ),
    "announce": Term(NONE, "agents hear no announcement before a talk", same=frozenset({""})),
    "queue-callerannounce": Term(DECIDE, _SOUND, "texts.connecting", frozenset({""})),
    "queue-youarenext": Term(DECIDE, _SOUND, _POSITION),
    "queue-thereare": Term(DECIDE, _SOUND, _POSITION),
    "queue-callswaiting": Term(DECIDE, _SOUND, _POSITION),
    "queue-quantity1": Term(DECIDE, _SOUND, _POSITION),
    "queue-quantity2": Term(DECIDE, _SOUND, _POSITION),
    "queue-thankyou": Term(DECIDE, _SOUND, _POSITION, frozenset({""}), "nothing is said here either"),
    "queue-holdtime": Term(NONE, _HOLD_TIME),
    "queue-minute": Term(NONE, _HOLD_TIME),
    "queue-minutes": Term(NONE, _HOLD_TIME),
    "queue-seconds": Term(NONE, _HOLD_TIME),
    "queue-reporthold": Term(NONE, "agents are not told how long the caller waited before the talk"),
    "reportholdtime": Term(NONE, "agents are not told how long the caller waited before the talk", same=OFF),
    "min-announce-frequency": Term(NONE, "the position is told at fixed times only"),
    "announce-holdtime": Term(NONE, _HOLD_TIME, same=OFF, same_note="not announced, as here"),
    "announce-round-seconds": Term(NONE, _HOLD_TIME, same=OFF),
    "announce-position-limit": Term(NONE, "the position is told whatever it is"),
    "announce-position-only-up": Term(NONE, "the position is told also when nothing changed", same=OFF),
    "announce-to-first-user": Term(
        NONE, "announcements are cut short when an agent answers, so that the first caller hears them too", same=ON
    ),
    "periodic-announce": Term(NONE, _PERIODIC, same=frozenset({""})),
    "periodic-announce-frequency": Term(NONE, _PERIODIC, same=OFF),
    "periodic-announce-startdelay": Term(NONE, _PERIODIC),
    "random-periodic-announce": Term(NONE, _PERIODIC, same=OFF),
    "relative-periodic-announce": Term(NONE, _PERIODIC, same=OFF),
    "context": Term(NONE, "keys do not lead out of a queue while waiting; offer the choice in a menu before it"),
    "ringinuse": Term(
        NONE, "an agent has one call at a time; a second one waits", same=OFF, same_note="always so: one call at a time"
    ),
    "memberdelay": Term(NONE, "the talk begins when the agent answers", same=OFF),
    "membermacro": Term(NONE, "there is no dialplan to run"),
    "membergosub": Term(NONE, "there is no dialplan to run"),
    "setinterfacevar": Term(NONE, _DIALPLAN, same=OFF),
    "setqueuevar": Term(NONE, _DIALPLAN, same=OFF),
    "setqueueentryvar": Term(NONE, _DIALPLAN, same=OFF),
    "eventwhencalled": Term(NONE, "there is no manager interface; events are in the database"),
    "eventmemberstatus": Term(NONE, "there is no manager interface; events are in the database"),
    "monitor-format": Term(NONE, "calls are not recorded", same=frozenset({""})),
    "monitor-type": GENERAL["monitor-type"],
    "monitor-join": Term(NONE, "calls are not recorded"),
    "penaltymemberslimit": Term(NONE, "there are no penalties here", same=OFF),
    "defaultrule": Term(
        DECIDE,
        "skills decide who may be rung; who is rung later belongs into a queue that this one overflows into",
        "overflow",
    ),
}
ALIASES = {"music": "musicclass", "musiconhold": "musicclass"}

# Asterisk's strategies -> the order of ringing here, and where they differ.
STRATEGIES = {
    "leastrecent": ("longest-idle", "whoever has not talked for longest, in any of her queues"),
    "fewestcalls": ("fewest-calls", "calls of all queues count, since the start of the switch"),
    "rrmemory": ("round-robin", "whoever was rung longest ago"),
    "rrordered": ("round-robin", "whoever was rung longest ago"),
    "roundrobin": ("round-robin", "whoever was rung longest ago"),
    "linear": (
        "top-down",
        "the first free agent in the order of people.yaml, one order for all queues, from the top for each ring",
    ),
    "ringall": ("ring-all", "all free agents at once"),
    "random": ("random", "any free agent"),
    "wrandom": ("", "a random choice weighed by penalty"),
}
DEFAULT_STRATEGY = "ringall"

# joinempty and leavewhenempty: agents in these states do not count. The first three mean here: not logged in.
GONE = frozenset({"unavailable", "invalid", "unknown"})
REASONS = GONE | {"paused", "penalty", "inuse", "ringing", "wrapup"}
_SOME = frozenset({"penalty", "paused", "invalid"})
EMPTY_WORDS = {
    ("joinempty", True): frozenset[str](),
    ("joinempty", False): _SOME,
    ("leavewhenempty", True): _SOME,
    ("leavewhenempty", False): frozenset[str](),
}
STRICT = frozenset({"penalty", "paused", "invalid", "unavailable"})
LOOSE = frozenset({"penalty", "invalid"})

# What stands with a phone (pjsip.conf, sip.conf) and matters here beside names and passwords.
PHONE = {
    "max_contacts": Term(DECIDE, "one limit for all phones, 5 when not written", "sip.max_contacts"),
    "allow": Term(DECIDE, "one list for all phones: PCMU and PCMA when not written", "media.codecs"),
    "disallow": Term(DECIDE, "one list for all phones: PCMU and PCMA when not written", "media.codecs"),
    "context": Term(NONE, "phones of agents dial codes and numbers, there is no dialplan"),
    "transport": Term(DECIDE, "phones reach any address of the key listen", "listen"),
    "type": Term(TAKEN, "a phone that registers", "agents"),
    "host": Term(TAKEN, "every phone registers", "agents", frozenset({"dynamic"})),
    "language": Term(DECIDE, "the languages an agent speaks; by default all of the line", "agents.languages"),
}
PHONE_OTHER = Term(NONE, "a setting of Asterisk's phone channel; the switch negotiates this by itself or cannot do it")
MAILBOX = Term(NONE, "there is no voice mail")
AGENT = {
    "ackcall": Term(NONE, "an agent accepts a call by picking up", same=OFF),
    "autologoff": Term(
        DECIDE, "who does not pick up is suspended until she is ready again", "offers.suspend_after", OFF
    ),
    "wrapuptime": Term(NONE, "time for notes belongs to the queue", same=OFF),
    "musiconhold": Term(NONE, "agents do not wait on the line: their phone rings"),
    "recordagentcalls": Term(NONE, "calls are not recorded", same=OFF),
    "custom_beep": Term(NONE, "agents do not wait on the line: their phone rings"),
}
AGENT_OTHER = Term(NONE, "a setting of Asterisk's agent channel, without meaning here")
