"""``python -m fanout_server.schema DIR`` writes all schemas into a folder."""

from __future__ import annotations

import sys
from pathlib import Path

from fanout_server.schema import documents


def main() -> int:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents.texts().items():
        (folder / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
