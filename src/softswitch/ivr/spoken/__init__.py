"""How each language says numbers, money, dates and times: one table per language, see `spoken.table` for what the
switch says by itself and `spoken.values` for values with a format."""

from __future__ import annotations

from collections.abc import Mapping

from softswitch.ivr.spoken.chinese import CHINESE, ChineseValues
from softswitch.ivr.spoken.czech import CZECH, CzechValues
from softswitch.ivr.spoken.english import ENGLISH, EnglishValues
from softswitch.ivr.spoken.estonian import ESTONIAN, EstonianValues
from softswitch.ivr.spoken.italian import ITALIAN, ItalianValues
from softswitch.ivr.spoken.table import SpokenLanguage
from softswitch.ivr.spoken.values import SpokenValues

SPOKEN: Mapping[str, SpokenLanguage] = {table.language: table for table in (ENGLISH, ESTONIAN, CHINESE, ITALIAN, CZECH)}

VALUES: Mapping[str, SpokenValues] = {
    values.table.language: values
    for values in (EnglishValues(), EstonianValues(), ChineseValues(), ItalianValues(), CzechValues())
}

__all__ = ["SPOKEN", "VALUES", "SpokenLanguage", "SpokenValues"]
