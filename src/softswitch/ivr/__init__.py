"""The voice menu: flows of say, menu, collect, goto, queue. Pure; see `ivr.flow`."""
