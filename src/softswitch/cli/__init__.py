"""The command line. `softswitch.cli.main` loads a command's own modules only when that command runs."""

from __future__ import annotations


def main() -> None:
    from softswitch.cli.commands import app

    app(prog_name="softswitch")
