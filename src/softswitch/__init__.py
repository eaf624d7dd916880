"""softswitch: a call-centre switch with sticky routing. See docs/architecture.md for the rooms."""

__version__ = "0.1.0"
