"""The memory of the switch in SQL: journal of agents, interactions, talks, promises, call details, registrations."""

from softswitch.store.errors import StoreError
from softswitch.store.store import Store, StoreHealth
from softswitch.store.writer import WriterSettings

__all__ = ["Store", "StoreError", "StoreHealth", "WriterSettings"]
