"""The demo bank line: real phones of another maker against a real switch."""
