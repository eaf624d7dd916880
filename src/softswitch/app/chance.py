"""Randomness for tags, branches and Call-IDs: the operating system's, so that nobody can guess a dialog."""

from __future__ import annotations

import random


class Chance(random.SystemRandom):
    """What the SIP stack is handed as its source of randomness (tests hand in a seeded one)."""
