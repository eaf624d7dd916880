"""Queues of other switches to our configuration: Asterisk's app_queue and FreeSWITCH's mod_callcenter.

    their files -> parsed, every value with its place -> draft + findings -> our YAML, IMPORTED.md

Pure: files come in as a mapping from names to bytes and go out as a mapping from names to text. What cannot be parsed
raises `ConfigProblems` with every place; what was parsed has a `Finding`, whether it has an equal here or not.
"""

from softswitch.config.migration.asterisk import from_asterisk
from softswitch.config.migration.findings import Fate, Finding, Imported, Source, at
from softswitch.config.migration.freeswitch import from_freeswitch

__all__ = ["Fate", "Finding", "Imported", "Source", "at", "from_asterisk", "from_freeswitch"]
