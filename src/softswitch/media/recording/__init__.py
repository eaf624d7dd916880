"""Recordings without effects: where sound belongs in time, what is written in which form, how it is sealed."""
