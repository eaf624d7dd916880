"""Calls: sessions, ring attempts, bridges, call-backs, routing, the record. Pure; see `call.core`."""
