"""Becomes another program, in a space that was made for it.

Run as a file by a bare interpreter: ``python -I -S entering.py FD PROGRAM ARGUMENT...``. ``FD`` is open on the bytes of
a ``Space``. The working folder is looked up anew in what was mounted. Exits with 125 and a line on standard error where
the system refuses.
"""

from __future__ import annotations

import os
import sys

REFUSED = 125


def main() -> None:
    number, argv = int(sys.argv[1]), sys.argv[2:]
    sys.path.append(os.path.dirname(os.path.abspath(__file__)))
    import overlay  # type: ignore[import-not-found]  # noqa: PLC0415 - found only now

    with open(number, "rb") as file:
        data = file.read()
    here = os.getcwdb()
    try:
        overlay.enter(overlay.Space.from_bytes(data))
        os.chdir(here)
        os.execvp(argv[0], argv)  # noqa: S606 - no shell is the point
    except OSError as error:
        os.write(2, os.fsencode(f"{error.strerror}\n"))
        os._exit(REFUSED)


if __name__ == "__main__":
    main()
