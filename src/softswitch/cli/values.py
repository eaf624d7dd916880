"""Options of `run` as the configuration wants them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from softswitch.config import Overrides


def overrides(listen: Sequence[str], http: str | None, database: str | None, rtp_ports: str | None) -> Overrides:
    """What the command line says instead of the files; the configuration checks the values."""
    from softswitch.config import Overrides

    return Overrides(listen=tuple(listen), http=http, database=database, rtp_ports=rtp_ports)
