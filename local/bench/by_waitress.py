"""The function on a custom runtime, served by waitress: what the server of `shared.server` is compared with.

    python -m local.bench.by_waitress --threads 50

Prints `listening on http://127.0.0.1:PORT` and serves until SIGTERM.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys

from waitress.server import create_server

from functions.mute_call.index import application


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m local.bench.by_waitress", description=__doc__)
    parser.add_argument("--threads", type=int, default=50, help="requests at a time (default: %(default)s)")
    options = parser.parse_args()
    # It would tell of each request that waits for a thread.
    logging.getLogger("waitress").setLevel(logging.CRITICAL)
    server = create_server(application, host="127.0.0.1", port=0, threads=options.threads, connection_limit=1000)
    sys.stdout.write(f"listening on http://127.0.0.1:{server.effective_port}\n")
    sys.stdout.flush()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    server.run()


if __name__ == "__main__":
    main()
