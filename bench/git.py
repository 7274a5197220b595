"""What git mechanics cost: our worktrees beside those of ``git worktree add``, claude-squad and worktrunk, in one run.

On a generated repository of 70,000 files and one of 2,000 (whose keys begin with ``small_``), in a folder on the disk
where our state would be. Ours and the others take turns; figures are medians of rounds in a warm cache. On an ext4
without a journal every delete makes later creates many times slower: look whether the last worktree of the others took
as long as the first, which is said on the way.

- *create*, N units: ``source.create`` for each, and for each a process that enters the space (mounts, namespaces),
  reads a file there, whose bytes are checked, and reports; from the first create to the last report. The processes are
  forked by a small bare one: a supervisor is started for every agent by every way, so the start of its interpreter is
  no part of this. The others: N times ``git worktree add --detach``, one after the other.
- *cold*: with the pristine checkout made first, in an empty state folder.
- *status*: the first ``git status`` in a fresh unit and in a fresh plain worktree, without the start of a process.
- *collect*: ``collect.collect`` of a unit that edited 3 files, added 1 and deleted 1; *merge*: ``merge.merge`` of
  results that have nothing in common, and of a mix where every eighth edits a file of another's and every thirty-second
  its very line: with the files added and deleted, so that there may be renames, and of the edits only.
- *cleanup*: the processes end, so that their mounts go, and ``source.give_back`` for each; ``with_background`` is with
  what that leaves to a process of the lowest priority. The others: N times ``git worktree remove --force``.
- *disk*: blocks of all that is ours, by those of one plain worktree, its index, and the files that units wrote.
- *snapshot*: by ``git status --porcelain=v2 -z -uall`` in the same dirty checkout.
- *whole*: snapshot of a dirty checkout, ground for it (a delta over the warm pristine checkout), creation, mounts gone,
  collecting with all that a run makes sure of and keeps (refs), merge, hunks, clean-up. claude-squad from end to end:
  its commands to create, ``git add -A`` and ``git commit`` in each, ``git merge`` of each, removal of each; it has no
  snapshot. What agents do, and the start of their processes, is no part of either.

No disk has room for 128 plain worktrees of 70,000 files, nor has anybody the time: so many are made as ``--rivals``,
``--seconds`` and ``--room`` allow; for more, their time is multiplied. Such figures have a star, and their keys stand
in ``extrapolated``. Ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from bench.worktrees import figures, repositories
from bench.worktrees.figures import Figures
from bench.worktrees.ours import Place
from bench.worktrees.subject import Budget, Subject
from fanout_server.repo import source

FILES, SMALL = 70_000, 2_000
COUNTS, QUICK_COUNTS = (1, 8, 32, 128), (1, 8)
_MOST_RIVALS = 128


def main() -> int:
    parser = argparse.ArgumentParser(description="Worktrees of ours beside plain ones.")
    parser.add_argument("--place", type=Path, default=Path.cwd(), help="a folder on the disk where the state would be")
    parser.add_argument("--rivals", type=int, default=8, help="plain worktrees of the large repository, at most")
    parser.add_argument("--seconds", type=float, default=60.0, help="that each kind of rival may take, about")
    parser.add_argument("--room", type=float, default=12.0, help="GB that they may fill")
    parser.add_argument("--files", type=int, help=f"of the repository: {FILES}, or with --quick {SMALL}")
    parser.add_argument("--quick", action="store_true", help="the small repository only, up to 8 units")
    options = parser.parse_args()
    # Nobody's settings: not on our side, not on theirs.
    os.environ |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    room = int(min(options.room * 1e9, shutil.disk_usage(options.place).free / 3))
    began, load = time.perf_counter(), os.getloadavg()
    print(f"{os.cpu_count()} processors, load {load[0]:.2f}, {_git_version()}, uid {os.geteuid()}", flush=True)
    extrapolated: list[str] = []
    result: dict[str, object] = {}
    with tempfile.TemporaryDirectory(prefix="fanout-bench-", dir=options.place) as name:
        sizes = [(options.files or SMALL, "")] if options.quick else [(options.files or FILES, ""), (SMALL, "small_")]
        for files, prefix in sizes:
            counts = QUICK_COUNTS if options.quick else COUNTS
            most = _MOST_RIVALS if files <= SMALL else options.rivals
            found = Figures(prefix)
            try:
                _measure(Path(name), files, counts, Budget(most, options.seconds, room), found)
            finally:
                print(found.table(with_goals=not prefix and not options.quick), flush=True)
            result |= found.values
            extrapolated += found.extrapolated
    if extrapolated:
        print("* more plain worktrees than were made: their time multiplied")
    result |= {
        "extrapolated": extrapolated,
        "load": [round(load[0], 2), round(os.getloadavg()[0], 2)],
        "processors": os.cpu_count(),
        "root": os.geteuid() == 0,
        "seconds": round(time.perf_counter() - began),
    }
    print(figures.line(result))
    return 0


def _measure(home: Path, files: int, counts: tuple[int, ...], budget: Budget, found: Figures) -> None:
    place_of_all = home / str(files)
    began = time.perf_counter()

    def log(text: str) -> None:
        print(f"  {time.perf_counter() - began:6.1f} s  {text}", flush=True)

    print(f"{files} files", flush=True)
    made = repositories.make(place_of_all / "checkout", files)
    log("the repository is there")
    place = Place.of(made, place_of_all / "state")
    works = {way: problem is None for way, problem in source.report(place.repo, place.state)}
    found.put("files", files)
    # Those that speak against themselves come last, and may still work where they are asked for.
    ways = sorted(works, key=lambda way: not works[way])
    found.put("ways", " ".join(way for way in ways if works[way]))
    Subject(place, place_of_all, counts, budget, found, log).measure(ways)
    log("done")
    shutil.rmtree(place_of_all)


def _git_version() -> str:
    return repositories.git(Path("/"), "version").decode().strip()


if __name__ == "__main__":
    sys.exit(main())
