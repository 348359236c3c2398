"""The console of `make run`: a page that shows the simulated call, every delivery, and the reason for each result.

Like the log line, it shows no body, no value of a header, no secret, token, signature or phone number.
"""

from local.console.console import Console
from local.console.log_lines import LogLines
from local.console.routes import PREFIX

__all__ = ["PREFIX", "Console", "LogLines"]
