"""The ACD: who rings for whom, and sticky routing. Pure; see `acd.engine`."""
