"""`make run`: gateway, simulator and console at their usual ports, until Ctrl-C."""

from __future__ import annotations

from local.cli.command_line import run
from local.demo.run import main

if __name__ == "__main__":
    run(main)
