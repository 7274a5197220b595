"""What agents do to a worktree, as a table of scripts, and what comes of it by one way or another.

``python -m tests.repo.wild FOLDER UID NAME...`` lets those of the names loose in overlay worktrees, as the user UID, or
as whoever it is run by where that is empty, and prints as JSON what came of it and how the worktrees were mounted.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from attrs import frozen

from fanout_server.model import FanoutError
from fanout_server.mounting import entering, overlay
from fanout_server.repo import collect, emptying, objects
from fanout_server.repo.repository import Repository
from fanout_server.repo.source import open_source
from fanout_server.repo.sourcing import Source, Wanted
from tests.repo.inside import run, shell

BASE = r"""
git init -q
mkdir -p src/deep/er lib/y docs build 'sp ace' wide
printf 'alpha\nbeta\n' >a.txt; printf 'one\n' >b.txt; printf '#!/bin/sh\n' >run.sh; chmod +x run.sh
ln -s a.txt link; ln -s lib folder-link; printf 'a\000b\r\n' >bin.dat; printf 'x\r\ny\r\n' >crlf.dat
printf 'echo\n' >win.bat
for name in one two; do printf "def $name(): pass\n" >src/$name.py; done
echo 3 >src/deep/three.py; echo 4 >src/deep/er/four.py; echo 5 >src/deep/seen.log; echo x >lib/x; echo z >lib/y/z
echo '*.tmp' >docs/.gitignore; echo read >docs/read.md; echo kept >kept.log; echo keep >build/keep
echo other >wide/x; echo in >'sp ace/in'
odd=$(printf 'new\nline'); echo odd >"$odd"; bytes=$(printf '\377.bin'); echo bytes >"$bytes"; echo magic >':(top)x'
printf '*.log\n.env\nnode_modules/\nbuild/\n' >.gitignore
printf '*.txt text\n*.bat text eol=crlf\n' >.gitattributes
git add -A; git add -f kept.log build/keep src/deep/seen.log; git commit -qm base
"""

# Each runs in a worktree of the base. $1 is a Python.
SCRIPTS = {
    "nothing": "git status; ls -lR; find . | wc -l",
    "in place": "echo more >>a.txt; sed -i s/one/uno/ b.txt; printf X | dd of=bin.dat bs=1 seek=1 conv=notrunc",
    "truncated and the same again": r": >a.txt; cp b.txt t; cat t >b.txt; rm t; printf 'echo\r\n' >win.bat",
    "mapped": """
        "$1" -c 'import mmap
with open("src/one.py", "r+b") as f, mmap.mmap(f.fileno(), 0) as m: m[0:3] = b"DEF"'
    """,
    "the same size and times": 'touch -r a.txt t; printf "ALPHA\\nbeta\\n" >a.txt; touch -r t a.txt; rm t',
    "files renamed": "mv a.txt c.txt; git mv b.txt src/b.txt; mv run.sh link; mv crlf.dat kept.log",
    "a folder renamed": "mv src moved",
    "a folder renamed by git": """
        git mv src moved || { mv src moved; git add -A; }; git mv lib/y lib/z || mv lib/y lib/z
    """,
    "a folder renamed by a program": """
        "$1" -c 'import errno, os, shutil
try: os.rename("src", "moved")
except OSError as error:
    assert error.errno == errno.EXDEV
    shutil.copytree("src", "moved", symlinks=True); shutil.rmtree("src")'
    """,
    "a folder renamed and back": "mv src away; mv away src; mv build b2; mv b2 build",
    "renamed twice": "mv src one; mv one lib/two; mv lib three",
    "renamed inside the renamed": "mv src m; mv m/deep m/depth; mv m/depth/er m/out; mv m n; mv n/out/four.py n/",
    "into a new folder, then renamed there": "mkdir -p a/b; mv src/deep a/b/deep; mv a/b/deep a/b/depth; mv a/b c",
    "renamed, then worked in": """
        mv src m; echo more >>m/one.py; rm m/two.py; echo new >m/new.py; rm m/deep/three.py; echo 5 >m/deep/five.py
        rm -r m/deep/er; mkdir m/deep/er; echo 6 >m/deep/er/six.py
    """,
    "renamed, then rules change": "mv src m; echo '*.py' >m/deep/.gitignore; echo 'm/two.py' >>.gitignore",
    "renamed with its rules": "echo x >docs/y.tmp; mv docs papers; echo y >papers/z.tmp; echo n >papers/n.md",
    "renamed, then the rules removed": "mv docs papers; rm papers/.gitignore; echo y >papers/z.tmp",
    "renamed to what is ignored": "mv src node_modules; mv lib build/lib; mv wide .env",
    "a folder below becomes ignored": "mv src m; echo 'm/deep/' >>.gitignore",
    "swapped": "mv src t; mv lib src; mv t lib; mv a.txt t; mv b.txt a.txt; mv t b.txt",
    "swapped, with tracked files that are ignored": "mv src/deep t; mv build src/deep; mv t build",
    "in a circle, then worked in": "mv src t; mv lib src; mv wide lib; mv t wide; echo new >lib/x; rm wide/one.py",
    "a file for a folder, a folder for a file": "rm -r src; echo file >src; rm a.txt; mkdir a.txt; echo x >a.txt/x",
    "links for files and folders": "ln -sf b.txt a.txt; rm -r src; ln -s lib src; rm -r lib; ln -s /nowhere lib",
    "a folder for a link": "rm folder-link; mkdir folder-link; echo x >folder-link/x; rm link; echo plain >link",
    "a folder moved onto a file's name": "rm a.txt; mv src a.txt; mv b.txt src",
    "everything deleted": "find . -mindepth 1 -maxdepth 1 ! -name .git -exec rm -r {} +",
    "everything deleted and some made again": """
        find . -mindepth 1 -maxdepth 1 ! -name .git -exec rm -r {} +
        mkdir src build; echo new >src/new.py; echo 'def one(): pass' >src/one.py; echo keep >build/keep
        echo x >kept.log
        echo q >build/q
    """,
    "a folder deleted and made again": "rm -r src; mkdir -p src/deep; echo 3 >src/deep/three.py; rm -r lib; mkdir lib",
    "deleted, made again, renamed": "rm -r src/deep; mkdir src/deep; echo x >src/deep/x; mv src/deep src/d; mv src m",
    "modes": "chmod +x a.txt; chmod -x run.sh; chmod 700 src; chmod 755 src/one.py; chmod 444 b.txt; chmod g+w lib/x",
    "modes of what is there no more": "chmod 755 lib/x; mv lib l; chmod 755 l/y/z; touch wide; chmod 777 wide",
    "hard links": """
        ln a.txt hard; echo more >>hard; ln src/one.py src/uno.py; ln b.txt t; rm b.txt; mv t b.txt
        ln link other-link
    """,
    "pipes and sockets": """
        rm a.txt; mkfifo a.txt; mkfifo pipe; rm -r lib; mkfifo lib; mkfifo x.log
        "$1" -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
    """,
    "other repositories": """
        git init -q empty; git init -q full; echo x >full/x; git -C full add x; git -C full commit -qm x
        git init -q src; mkdir -p new/deep; git init -q new/deep/inner; echo y >new/y; git init -q node_modules/dep
        rm b.txt; git init -q b.txt; echo s >b.txt/s
    """,
    "what only looks like a repository": """
        mkdir a b c d; echo x >a/x; mkdir a/.git; echo junk >b/.git; echo x >b/x; echo 'gitdir: /nowhere' >c/.git
        echo x >c/x
        mkdir d/.git; echo 'ref: refs/heads/x' >d/.git/HEAD; echo x >d/x; mkdir src/.git; echo x >src/.git/x
        echo y >src/y
    """,
    "a repository moved": "git init -q n; echo x >n/x; git -C n add x; git -C n commit -qm x; mv n lib/n; mv lib l",
    "ignored": """
        echo s >.env; mkdir -p node_modules/a new/node_modules/b new/only docs/sub; echo x >node_modules/a/x
        echo x >new/node_modules/b/x; echo x >new/only/x.log; echo x >docs/sub/x.tmp; echo x >build/more
        mkdir build/sub
        echo x >build/sub/x; echo more >>build/keep; echo more >>kept.log; mkdir dir.log; echo x >dir.log/x
        mkdir -p e/m/p
    """,
    "5,000 ignored files": """
        mkdir -p node_modules/p logs; cd logs
        "$1" -c 'for n in range(5000): open(f"{n}.log" if n % 2 else f"../node_modules/p/{n}", "w").close()'
        echo x >kept; echo x >4999.txt
    """,
    "what ignores itself": """
        mkdir -p cache/v/d other/sub; echo '*' >cache/.gitignore; echo x >cache/v/d/x; echo x >cache/tag
        printf '.gitignore\\n*.o\\n' >other/.gitignore; echo x >other/sub/x.o; echo x >other/sub/x.c
    """,
    "rules changed": """
        printf '*.md\\n!keep.log\\nsrc/\\n/wide\\n' >.gitignore; echo x >new.md; echo x >x.log; echo x >keep.log
        echo x >src/new
        echo x >wide/new; rm docs/.gitignore; echo x >docs/x.tmp; mkdir node_modules; echo x >node_modules/x
    """,
    "rules that are links": "echo '*.c' >rules; rm .gitignore; ln -s rules .gitignore; echo x >x.c; echo x >x.log",
    "attributes changed": """
        printf '*.bat text eol=crlf\\ncrlf.dat text\\n*.crlf -text\\n' >.gitattributes
        printf 'x\\r\\nz\\r\\n' >crlf.dat; printf 'x\\r\\n' >x.crlf
        printf 'x\\r\\n' >new.txt; printf '*.txt -text\\n' >src/.gitattributes; printf 'x\\r\\n' >src/x.txt
    """,
    "attributes removed": """
        rm .gitattributes; echo echo >win.bat; printf 'x\\r\\n' >new.txt; printf 'alpha\\r\\n' >a.txt
    """,
    "attributes moved along": """
        echo '*.c text' >src/.gitattributes; printf 'x\\r\\n' >src/x.c; mv src m; printf 'y\\r\\n' >m/y.c
        printf 'z\\r\\n' >m/z
    """,
    "line ends": """
        printf 'alpha\\r\\nbeta\\r\\n' >a.txt; printf 'x\\r\\n' >new.txt; printf 'x\\r\\n' >new.bat
        printf 'x\\n' >lf.bat
        printf 'x\\r\\n' >plain; printf 'a\\000\\r\\n' >zero.txt
    """,
    "odd names": r"""
        mv "$(printf 'new\nline')" "$(printf 'tab\tand\nline')"; echo x >"$(printf '\377\376')"; echo x >>':(top)x'
        echo x >':!not'; echo x >'*'; echo x >'?.log'; echo x >'[a].log'; mkdir ':(glob)'; echo x >':(glob)/x'
        echo x >-dash
        mkdir "$(printf 'f\n\377')"; echo x >"$(printf 'f\n\377')/x.log"; echo x >"$(printf 'f\n\377')/y"; echo x >'a\b'
        echo x >'"quoted"'; echo x >'trailing '; echo x >'trailing.log '; mv 'sp ace' "$(printf 's\np')"
    """,
    "forbidden names": """
        mkdir .GIT new; echo x >.GIT/x; mkdir 'new/.git '; echo x >'new/.git /x'; echo x >new/git~1; echo y >y
    """,
    "long paths": """
        "$1" -c 'import os
for n in range(18): os.mkdir("d" * 54 + str(n)); os.chdir("d" * 54 + str(n))
open("deep", "w").write("x"); open("x.log", "w")
assert len(os.getcwd()) > 1000'
        echo x >"$(printf '%0255d' 0)"
    """,
    "20 MB": """
        head -c 20000000 /dev/zero >big.bin; head -c 9000000 /dev/zero | tr '\\0' 'x' >big.txt
        cat big.bin >>a.txt
    """,
    "binary": """
        head -c 70000 /dev/urandom >/dev/null; printf '\\000\\001\\r\\n\\377' >b.txt
        printf '\\000' >>src/one.py
    """,
    "empty files and folders": "touch empty; mkdir -p x/y/z; : >src/one.py; mkdir -p src/e; rm lib/y/z",
    "committed": "echo x >>a.txt; rm b.txt; mv src m; git add -A; git commit -qm x; echo more >>a.txt",
    "amended": """
        echo x >>a.txt; git commit -qam x; echo y >>b.txt; git commit -q --amend -am y
        git reset -q --soft HEAD~
    """,
    "staged": """
        echo x >new; git add new; rm new; git rm -q --cached b.txt; echo y >>a.txt; git add a.txt
        echo z >>a.txt
    """,
    "branched and merged": """
        git switch -qC one; echo x >x; git add x; git commit -qm x; git switch -qC two HEAD~; echo y >y; git add y
        git commit -qm y; git merge -q --no-edit one; git branch -q -D one
    """,
    "stashed": """
        echo x >>a.txt; echo y >new; mv b.txt c.txt; git stash -qu; echo z >>run.sh; git stash list
        git stash pop -q
    """,
    "stashed for good": "echo x >>a.txt; mv src m; git add -A; git stash -q; echo y >>b.txt",
    "reset": """
        echo x >>a.txt; rm -r src lib; git reset -q --hard; echo y >>b.txt; git checkout -q HEAD -- b.txt
        echo z >z
    """,
    "another commit checked out": """
        rm -r src; echo x >x; git add -A; git commit -qm x; git checkout -q HEAD~; echo y >y; git checkout -q @{1}
        echo z >>x
    """,
    "cleaned": """
        echo x >new; mkdir node_modules; echo x >node_modules/x; git clean -fdxq; rm -r lib; git restore lib
        echo >>b.txt
    """,
    "rebased": """
        git switch -qC top; echo x >x; git add x; git commit -qm x; git switch -qC low HEAD~; echo y >y; git add y
        git commit -qm y; git rebase -q top; git rm -rq lib; git commit -qm z
    """,
    "no index": 'rm "$(git rev-parse --git-path index)"; echo x >>a.txt; rm b.txt',
    "another user's index": """
        git update-index --assume-unchanged a.txt; git update-index --skip-worktree b.txt
        echo x | tee -a a.txt >>b.txt
    """,
    "marks of its own": """
        "$1" -c 'import os
for name, key in (("src", "opaque"), ("lib", "redirect")):
    try: os.setxattr(name, f"user.overlay.{key}", b"y")
    except OSError: pass'
        echo x >>src/one.py; echo x >>lib/x
    """,
}


# What git and many programs give up on; it is only to do no harm.
DEEP = {
    "paths that are too long": """
        echo x >>a.txt; "$1" -c 'import os
for n in range(70): os.mkdir("d" * 60); os.chdir("d" * 60)
open("deep", "w"); os.mkdir("e")'
    """,
    "folders in folders": """
        "$1" -c 'import os
for n in range(1100): os.mkdir("d"); os.chdir("d")
open("deep", "w").write("x")'
    """,
}

# Steps that Hypothesis thinks of, each of which may be impossible.
STEPS = """
import errno, json, os, shutil, sys
def move(a, b):
    try: os.rename(a, b)
    except OSError as error:
        if error.errno != errno.EXDEV: raise
        if os.path.isdir(b): os.rmdir(b)
        shutil.copytree(a, b, symlinks=True); shutil.rmtree(a)
def put(path, text, mode):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, mode) as file: file.write(text)
for what, path, more in json.loads(sys.argv[1]):
    try:
        if what == "write": put(path, more, "w")
        elif what == "append": put(path, more, "a")
        elif what == "move": move(path, more)
        elif what == "link": os.symlink(more, path)
        elif what == "same": os.link(path, more)
        elif what == "folder": os.makedirs(path)
        elif what == "run": os.chmod(path, 0o755)
        elif os.path.isdir(path) and not os.path.islink(path): shutil.rmtree(path)
        else: os.unlink(path)
    except OSError: pass
"""

# What only somebody who may not read everything can do.
CLOSED = {
    "a closed folder": "mkdir new; echo x >new/x; chmod 000 new; mkdir m; echo y >m/y; chmod 000 lib; echo z >>a.txt",
    "a closed folder that was replaced": "rm -r lib; mkdir lib; echo x >lib/x; chmod 000 lib; echo z >>a.txt",
    "a folder that can only be listed": "mkdir new; echo x >new/x; chmod 600 new",
    "a closed file": "echo x >>a.txt; chmod 000 a.txt",
    "read-only": "chmod 400 a.txt b.txt; mv a.txt c.txt; echo x >src/x; chmod 500 src; chmod 500 src/deep",
}


@frozen
class Outcome:
    """``tree`` is that of the result; ``left`` are the names that were left out of it. ``by_git`` is the tree that git
    itself makes of the files, where that was asked for.
    """

    tree: str
    left: tuple[str, ...]
    by_git: str = ""


def lay_out(root: Path) -> Repository:
    root.mkdir(parents=True)
    subprocess.run(["sh", "-euc", BASE], cwd=root, check=True, capture_output=True)
    return Repository.discover(root)


def unleash(repo: Repository, source: Source, path: Path, script: str, index: Path | None = None) -> Outcome:
    """What is left of a worktree after the script; of a plain one also by git, with ``index``, which is not there."""
    worktree = source.create(path, "wild")
    try:
        shell(worktree, script, sys.executable)
        got = collect.collect(repo, worktree, "wild")
        tree = objects.of(repo).tree_of(got.commit or source.base)
        return Outcome(tree, got.ignored, _by_git(repo, source.base, path, index) if index is not None else "")
    finally:
        source.give_back(worktree)


def _by_git(repo: Repository, base: str, path: Path, index: Path) -> str:
    """With ``git add -A``; other repositories are left out."""
    env = {**os.environ, "GIT_DIR": str(repo.git_dir), "GIT_WORK_TREE": str(path), "GIT_INDEX_FILE": str(index)}

    def git(*args: str, stdin: str = "", check: bool = True) -> str:
        data = os.fsencode(stdin)
        done = subprocess.run(["git", *args], cwd=path, env=env, input=data, capture_output=True, check=False)
        assert done.returncode == 0 or not check, done.stderr
        return os.fsdecode(done.stdout).strip()

    git("read-tree", base)
    others = [f":(exclude,literal){name}" for name in _others(repo, base, path)]
    # Names that git does not take are an error that it goes past.
    git("add", "-A", "--ignore-errors", "--", ".", *others, check=False)
    gone = [name for name in git("ls-files", "-z").split("\0") if name and _is_no_file(path / name)]
    git("update-index", "-z", "--force-remove", "--stdin", stdin="".join(f"{name}\0" for name in gone))
    return git("write-tree")


def _is_no_file(path: Path) -> bool:
    """Git leaves an entry alone whose file became a pipe or another repository; to us the file is gone."""
    return not path.is_symlink() and not path.is_file() and (not path.is_dir() or (path / ".git").exists())


def _others(repo: Repository, base: str, path: Path) -> list[str]:
    found = []
    for parent, folders, _ in os.walk(path):
        name = os.path.relpath(parent, path)
        if name != "." and (Path(parent) / ".git" / "objects").is_dir():
            told = repo.git("cat-file", "-t", f"{base}:{name}", check=False).out
            if told != b"tree\n":
                found.append(name)
                folders.clear()
    return found


class Crowd:
    """One after the other, in worktrees of one repository."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repo = lay_out(folder / "checkout")
        self.state = folder / "state"
        self.place = self.state / "worktrees" / "run"
        self.place.mkdir(parents=True)
        head = self.repo.head()
        assert head is not None
        self.base = head
        self._sources: dict[str, Source] = {}
        self._count = 0

    def source(self, way: str) -> Source:
        if way not in self._sources:
            self._sources[way] = open_source(self.repo, self.state, self.base, Wanted(), way)
        return self._sources[way]

    def unleash(self, way: str, script: str, *, ask_git: bool = False) -> Outcome:
        self._count += 1
        index = self.folder / f"index-{self._count}" if ask_git else None
        return unleash(self.repo, self.source(way), self.place / str(self._count), script, index)

    def told(self, way: str, script: str) -> list[object]:
        """As JSON has it, also where there is no result."""
        try:
            found = self.unleash(way, script)
        except FanoutError as error:
            return [type(error).__name__]
        return [found.tree, list(found.left)]

    def mounts(self) -> str:
        """What somebody in an overlay worktree finds mounted."""
        worktree = self.source("overlay").create(self.place / "looking", "wild")
        try:
            return run(worktree, "cat", "/proc/self/mountinfo").decode()
        finally:
            self.source("overlay").give_back(worktree)

    def close(self) -> None:
        for source in self._sources.values():
            source.close()

    def remains(self) -> list[str]:
        """What is still there of any worktree."""
        folders = (
            self.place,
            self.place / ".layers",
            self.repo.common_dir / "worktrees",
            self.repo.state_dir / "works",
        )
        found = [path for folder in folders if folder.is_dir() for path in folder.iterdir()]
        return [str(path.relative_to(self.folder)) for path in found if path.name not in {".trash", ".layers"}]


def become(uid: int, folder: Path) -> None:
    """From now on this process is a user of that number, who may read what lies in ``folder`` and in the system."""
    # What is imported late is imported now: where it lies may be closed to them.
    warm = Crowd(folder / "warm")
    warm.told("overlay", "echo x >>a.txt; rm -r lib")
    warm.told("plain", "echo x >>a.txt; rm -r lib; rm .gitignore")
    warm.close()
    for module in (entering, emptying, overlay):
        copy = folder / Path(str(module.__file__)).name
        shutil.copyfile(str(module.__file__), copy)
        module.__file__ = str(copy)
    os.chown(folder, uid, uid)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    # Who changed their user may not look at themselves in /proc otherwise.
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
    if not os.access(sys.executable, os.X_OK):
        sys.executable = "/usr/bin/python3"


def main() -> None:
    folder, uid, *names = sys.argv[1:]
    if uid:
        become(int(uid), Path(folder))
    crowd = Crowd(Path(folder) / "crowd")
    told = {name: crowd.told("overlay", SCRIPTS[name]) for name in names}
    closed = {name: [crowd.told(way, script) for way in ("overlay", "plain")] for name, script in CLOSED.items()}
    mounts = crowd.mounts()
    crowd.close()
    json.dump({"told": told, "closed": closed, "mounts": mounts, "remains": crowd.remains()}, sys.stdout)


if __name__ == "__main__":
    main()
