"""One file per step, named NNNN_what.py with `revision = "NNNN"`."""
