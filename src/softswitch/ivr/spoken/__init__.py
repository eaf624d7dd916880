"""How each language says numbers, minutes and times of day: one table per language, see `spoken.table`."""

from __future__ import annotations

from collections.abc import Mapping

from softswitch.ivr.spoken.chinese import CHINESE
from softswitch.ivr.spoken.czech import CZECH
from softswitch.ivr.spoken.english import ENGLISH
from softswitch.ivr.spoken.estonian import ESTONIAN
from softswitch.ivr.spoken.italian import ITALIAN
from softswitch.ivr.spoken.table import SpokenLanguage

SPOKEN: Mapping[str, SpokenLanguage] = {table.language: table for table in (ENGLISH, ESTONIAN, CHINESE, ITALIAN, CZECH)}

__all__ = ["SPOKEN", "SpokenLanguage"]
