"""``python -m tests.standin``: prints its port, and serves until it is killed or its standard input ends."""

from __future__ import annotations

import argparse
import sys
import threading
from pathlib import Path

from tests.standin import loopback
from tests.standin.server import StandIn


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.standin", allow_abbrev=False)
    parser.add_argument("--port", type=int, default=0, help="0 for any that is free")
    parser.add_argument("--log", type=Path, required=True, help="where to write down what it is asked")
    parser.add_argument("--key", default="a-key-for-tests", help="the only one it takes")
    parser.add_argument("--loopback", action="store_true", help="bring up the loopback first: in a new network")
    arguments = parser.parse_args()
    if arguments.loopback:
        loopback.bring_up()
    with StandIn(arguments.port, arguments.log, arguments.key) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdout.write(f"{server.port}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
