"""YAML to frozen settings, every mistake located.

`load` gives one immutable `Settings` or raises `ConfigProblems`; `check` only lists what is wrong; `schema` describes
the language for editors. Nothing here keeps state.
"""

from softswitch.config.loader import Overrides, check, load, load_recording, load_without_secrets, look
from softswitch.config.problems import ConfigProblems, Place, Problem
from softswitch.config.schema import schema

__all__ = [
    "ConfigProblems",
    "Overrides",
    "Place",
    "Problem",
    "check",
    "load",
    "load_recording",
    "load_without_secrets",
    "look",
    "schema",
]
