"""``python -m fanout_server`` is the same as ``fanout``."""

from __future__ import annotations

import sys

from fanout_server.cli import main

if __name__ == "__main__":
    sys.exit(main())
