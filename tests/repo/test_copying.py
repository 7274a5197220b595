"""Copies of the pristine checkout, on real file systems: with shared data, and without."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanout_server.repo import bare, collect, deleting, index_states, pristine, source, subvolumes, worktrees
from fanout_server.repo.errors import WorktreeFailed
from fanout_server.repo.pristine import Pristine
from fanout_server.repo.repository import Repository
from fanout_server.repo.source import open_source
from fanout_server.repo.sourcing import Source, Wanted
from fanout_server.repo.ways import cloning, copying
from fanout_server.repo.worktrees import Worktree
from tests.conftest import GitCommand
from tests.repo.conftest import ReadTree
from tests.repo.images import mounted
from tests.strategies import NAMES

KINDS = ("btrfs", "xfs", "plain")


@pytest.fixture(scope="module", params=KINDS)
def disk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("disk")
    if request.param == "plain":
        yield folder
        return
    with mounted(request.param, folder) as place:
        yield place
        assert deleting.wait_for_background(60)


@pytest.fixture
def state(disk: Path, request: pytest.FixtureRequest) -> Path:
    place = disk / f"state-{abs(hash(request.node.nodeid))}"
    (place / "worktrees" / "run").mkdir(parents=True)
    source._tried.clear()
    return place


@pytest.fixture
def place(state: Path) -> Path:
    return state / "worktrees" / "run"


@pytest.fixture
def rich(checkout: Path, git: GitCommand) -> str:
    """The checkout with all that a tree can hold; its commit."""
    (checkout / "link").symlink_to("src/one.py")
    (checkout / "broken").symlink_to("nowhere")
    (checkout / "run.sh").write_text("#!/bin/sh\n")
    (checkout / "run.sh").chmod(0o755)
    (checkout / "empty").touch()
    (checkout / "large").write_bytes(os.urandom(3_000_000))
    odd = checkout / os.fsdecode(b"od\xff d\n")
    odd.mkdir()
    (odd / "-x").write_text("odd\n")
    for number in range(500):
        folder = checkout / "many" / str(number % 7)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.txt").write_text(f"{number}\n" * (number % 50))
    inner = checkout.parent / "inner"
    inner.mkdir()
    git(inner, "init", "-q")
    git(inner, "commit", "-q", "--allow-empty", "-m", "inner")
    git(checkout, "add", "-A")
    git(checkout, "update-index", "--add", "--cacheinfo", f"160000,{git(inner, 'rev-parse', 'HEAD')},sub")
    git(checkout, "commit", "-qm", "rich")
    return git(checkout, "rev-parse", "HEAD")


@pytest.fixture
def opened(repo: Repository, state: Path) -> Iterator[Callable[..., Source]]:
    found: list[Source] = []

    def run(base: str, wanted: Wanted | None = None) -> Source:
        found.append(open_source(repo, state, base, wanted or Wanted(), "copy"))
        return found[-1]

    yield run
    for one in found:
        one.close()


_Open = Callable[..., Source]


def _listing(folder: Path) -> dict[str, tuple[object, ...]]:
    """Modes and contents of all that is in it but ``.git``."""
    found: dict[str, tuple[object, ...]] = {}
    for parent, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(parent, name)
            status = path.lstat()
            data = path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None
            if name != ".git":
                found[str(path.relative_to(folder))] = (oct(status.st_mode), data)
    return found


def _times(folder: Path) -> dict[str, int]:
    paths = [path for path in folder.rglob("*") if path.name != ".git" and (path.is_symlink() or not path.is_dir())]
    return {str(path.relative_to(folder)): path.lstat().st_mtime_ns for path in paths}


def _is_known(git: GitCommand, worktree: Path) -> None:
    """Nothing is to be read for the index to be believed: diff-files names what only seems to be changed, too."""
    assert git(worktree, "-c", "core.checkStat=default", "-c", "core.trustctime=true", "diff-files") == ""
    assert git(worktree, "status", "--porcelain", "--ignored") == ""


def test_the_file_system_is_what_it_seems(repo: Repository, state: Path, disk: Path) -> None:
    told = copying.why_not(repo, state)
    if disk.name in {"btrfs", "xfs"}:
        assert told is None
    elif told is not None:
        assert "full copy" in told
        named = dict(source.report(repo, state))
        assert named["copy"] == told
        chosen = next(name for name, problem in named.items() if problem is None)
        assert chosen != "copy"
    assert list(pristine.trash(state).iterdir()) == []


def test_a_copy_is_a_worktree_like_any(
    opened: _Open, rich: str, place: Path, git: GitCommand, repo: Repository, state: Path
) -> None:
    made = opened(rich).create(place / "u", "fanout r/u/1")
    plain = open_source(repo, state, rich, Wanted(), "plain").create(place / "p", "fanout")
    assert _listing(made.path) == _listing(plain.path)
    assert (made.path / "sub").is_dir()
    _is_known(git, made.path)
    assert worktrees.intact(repo, made) is None
    assert made.base == rich
    assert git(made.path, "rev-parse", "HEAD") == rich
    assert git(made.path, "log", "--format=%s") == "rich\nfirst"
    assert "alpha" in git(made.path, "blame", "a.txt")
    (made.path / "a.txt").write_text("changed\n")
    (made.path / "new").write_text("new\n")
    assert git(made.path, "diff", "--name-only") == "a.txt"
    git(made.path, "add", "-A")
    git(made.path, "commit", "-qm", "work")
    assert git(made.path, "status", "--porcelain") == ""


def test_nothing_is_shared_but_data(opened: _Open, rich: str, place: Path, state: Path) -> None:
    one, other = (opened(rich).create(place / name, "fanout") for name in "ab")
    (original,) = state.glob("pristine/*/*/at-*/tree")
    if subvolumes.is_one(original):
        assert _times(one.path) == _times(other.path) == _times(original)
    for worktree in (one, other):
        assert all(path.lstat().st_nlink == 1 for path in worktree.path.rglob("*") if not path.is_dir())
    with (one.path / "large").open("r+b") as file:
        file.write(b"!!!")
    (one.path / "run.sh").chmod(0o600)
    assert (other.path / "large").read_bytes() == (original / "large").read_bytes()
    assert stat.S_IMODE((other.path / "run.sh").stat().st_mode) == 0o755


def test_a_change_of_the_same_size_is_seen_at_once(
    opened: _Open, rich: str, place: Path, git: GitCommand, repo: Repository
) -> None:
    source = opened(rich)
    for number in range(5):
        made = source.create(place / f"u-{number}", "fanout")
        (made.path / "a.txt").write_text("ALPHA\nbeta\ngamma\n")
        assert git(made.path, "status", "--porcelain") == "M a.txt"
        assert [change.path for change in collect.collect(repo, made, "x").changes] == ["a.txt"]


def test_a_change_that_hides_its_time_is_seen(
    opened: _Open, rich: str, place: Path, git: GitCommand, repo: Repository
) -> None:
    made = opened(rich).create(place / "u", "fanout")
    before = (made.path / "a.txt").lstat()
    (made.path / "a.txt").write_text("ALPHA\nbeta\ngamma\n")
    os.utime(made.path / "a.txt", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert git(made.path, "status", "--porcelain") == "M a.txt"
    assert [change.path for change in collect.collect(repo, made, "x").changes] == ["a.txt"]


def test_collect_reads_the_same_from_it(
    opened: _Open, rich: str, place: Path, git: GitCommand, repo: Repository, read_tree: ReadTree
) -> None:
    made = opened(rich).create(place / "u", "fanout")
    assert collect.collect(repo, made, "x") == collect.Collected(None)
    git(made.path, "mv", "many/3", "moved")
    (made.path / "link").unlink()
    (made.path / "link").write_text("no link\n")
    (made.path / "run.sh").chmod(0o644)
    git(made.path, "commit", "-qam", "half")
    got = collect.collect(repo, made, "x")
    assert got.commit is not None
    files = read_tree(repo, got.commit)
    assert files["link"] == b"no link\n"
    assert files["run.sh"] == b"#!/bin/sh\n"
    assert not any(path.startswith("many/3/") for path in files)
    assert sum(path.startswith("moved/") for path in files) == 71


def test_a_retry_goes_on_from_an_earlier_result(
    opened: _Open, rich: str, place: Path, git: GitCommand, repo: Repository
) -> None:
    source = opened(rich)
    first = source.create(place / "u-1", "fanout")
    (first.path / "a.txt").write_text("first\n")
    (first.path / "src" / "one.py").unlink()
    got = collect.collect(repo, first, "first").commit
    second = source.create(place / "u-2", "fanout", got)
    assert (second.path / "a.txt").read_text() == "first\n"
    assert not (second.path / "src" / "one.py").exists()
    assert second.base == rich
    assert git(second.path, "rev-parse", "HEAD") == got
    _is_known(git, second.path)
    assert [change.path for change in collect.collect(repo, second, "x").changes] == ["a.txt", "src/one.py"]


def test_a_retry_whose_result_changed_how_files_are_written(
    opened: _Open, rich: str, place: Path, repo: Repository
) -> None:
    source = opened(rich)
    first = source.create(place / "u-1", "fanout")
    (first.path / ".gitattributes").write_text("*.txt eol=crlf\n")
    got = collect.collect(repo, first, "first").commit
    second = source.create(place / "u-2", "fanout", got)
    assert (second.path / "a.txt").read_bytes() == b"alpha\r\nbeta\r\ngamma\r\n"


def test_the_next_base(opened: _Open, rich: str, place: Path, checkout: Path, git: GitCommand) -> None:
    first = opened(rich)
    one = first.create(place / "u-1", "fanout")
    (checkout / "a.txt").write_text("next\n")
    git(checkout, "commit", "-qam", "next")
    # The first run still works, and goes on with what it stands on.
    second = opened(git(checkout, "rev-parse", "HEAD"))
    assert (second.create(place / "u-2", "fanout").path / "a.txt").read_text() == "next\n"
    other = first.create(place / "u-3", "fanout")
    for made in (one, other):
        assert (made.path / "a.txt").read_text() == "alpha\nbeta\ngamma\n"
    _is_known(git, other.path)
    first.close()
    second.close()
    made = opened(git(checkout, "rev-parse", "HEAD")).create(place / "u-4", "fanout")
    assert (made.path / "a.txt").read_text() == "next\n"
    _is_known(git, made.path)


def test_provisions_and_news(opened: _Open, rich: str, place: Path, checkout: Path, repo: Repository) -> None:
    (checkout / ".env").write_text("KEY=1\n")
    (checkout / "node_modules").mkdir()
    source = opened(rich, Wanted(copy=(".env", "missing"), link=("node_modules",)))
    made = source.create(place / "u", "fanout")
    assert (made.path / ".env").read_text() == "KEY=1\n"
    assert (made.path / "node_modules").readlink() == checkout / "node_modules"
    assert [finding.path for finding in source.news()] == ["missing"]
    assert collect.collect(repo, made, "x", known=(".env", "missing", "node_modules")) == collect.Collected(None)


def test_a_sparse_checkout_stays_sparse(
    opened: _Open, rich: str, place: Path, checkout: Path, git: GitCommand, repo: Repository
) -> None:
    git(checkout, "sparse-checkout", "set", "src")
    made = opened(rich).create(place / "u", "fanout")
    assert {path.name for path in made.path.iterdir() if path.is_dir()} >= {"src"}
    assert not (made.path / "many").exists()
    _is_known(git, made.path)
    (made.path / "src" / "one.py").write_text("changed\n")
    assert [change.path for change in collect.collect(repo, made, "x").changes] == ["src/one.py"]


def test_sha256(tmp_path: Path, git: GitCommand, place: Path, state: Path) -> None:
    root = tmp_path / "sha256"
    root.mkdir()
    git(root, "init", "-q", "--object-format=sha256")
    (root / "file").write_text("x\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "first")
    source = open_source(Repository.discover(root), state, "HEAD", Wanted(), "copy")
    _is_known(git, source.create(place / "u", "fanout").path)
    source.close()


def test_the_users_index_version_plays_no_part(
    opened: _Open, rich: str, place: Path, checkout: Path, git: GitCommand
) -> None:
    git(checkout, "config", "index.version", "4")
    git(checkout, "config", "feature.manyFiles", "true")
    git(checkout, "config", "index.threads", "4")
    _is_known(git, opened(rich).create(place / "u", "fanout").path)


def test_many_at_once_and_nothing_is_left(
    opened: _Open, rich: str, place: Path, repo: Repository, git: GitCommand, state: Path
) -> None:
    source = opened(rich)
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda number: source.create(place / f"u-{number}", "fanout"), range(8)))
        listing = _listing(made[0].path)
        assert all(_listing(one.path) == listing for one in made)
        _is_known(git, made[7].path)
        list(threads.map(source.give_back, made))
    assert deleting.wait_for_background(60)
    assert [path for path in place.iterdir() if path.name != ".trash"] == []
    assert not list((repo.common_dir / "worktrees").glob("*"))
    assert not list((repo.state_dir / "worktrees").iterdir())
    source.close()
    subvolume_paths = [path for path in state.rglob("*") if path.is_dir() and path.stat().st_ino == 256]
    assert len(subvolume_paths) <= 1


def test_a_crash_is_reaped(opened: _Open, rich: str, place: Path, repo: Repository) -> None:
    opened(rich).create(place / "u", "fanout")
    assert worktrees.reap(repo, place) == (place / "u",)
    assert not (place / "u").exists()


def test_what_is_there_is_not_overwritten(opened: _Open, rich: str, place: Path, repo: Repository) -> None:
    (place / "u").mkdir()
    (place / "u" / "mine").write_text("x")
    with pytest.raises(WorktreeFailed, match="something is in it"):
        opened(rich).create(place / "u", "fanout")
    assert (place / "u" / "mine").read_text() == "x"
    assert worktrees.reap(repo, place) == ()


def test_a_copy_that_fails_says_why_and_leaves_nothing(
    opened: _Open, rich: str, place: Path, state: Path, repo: Repository
) -> None:
    source = opened(rich)
    (original,) = state.glob("pristine/*/*/at-*/tree")
    if subvolumes.is_one(original):
        pytest.skip("a snapshot reads no index")
    (index,) = state.glob("pristine/*/*/at-*/entry/index")
    index.write_bytes(b"DIRC\0\0\0\x04" + index.read_bytes()[8:])
    with pytest.raises(WorktreeFailed, match="no index of version 2 or 3"):
        source.create(place / "u", "fanout")
    assert list(place.iterdir()) == [] or [path.name for path in place.iterdir()] == [".trash"]
    assert not list((repo.common_dir / "worktrees").glob("*"))


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1_000_000))


def test_a_full_disk_is_told(rich: str, repo: Repository, tmp_path: Path) -> None:
    with mounted("ext4", tmp_path) as disk:
        source = open_source(repo, disk, rich, Wanted(), "copy")
        # The large file of the checkout does not fit any more.
        _fill(disk / "filler")
        with pytest.raises(WorktreeFailed, match="No space left on device"):
            source.create(disk / "u", "fanout")
        assert not (disk / "u").exists()
        source.close()


def test_an_ordinary_user_can_take_snapshots() -> None:
    """Outside pytest's own folder, which only its owner may enter: root plays somebody else."""
    top = Path(tempfile.mkdtemp())
    try:
        top.chmod(0o755)
        with mounted("btrfs", top) as disk:
            home = disk / "home"
            home.mkdir()
            os.chown(home, 65534, 65534)
            os.seteuid(65534)
            try:
                assert copying._can_snapshot(home)
                deleting.delete(home / "origin")
                deleting.delete(home / "snapshot")
            finally:
                os.seteuid(0)
            assert list(home.iterdir()) == []
    finally:
        shutil.rmtree(top)


# The index, rewritten


@st.composite
def _trees(draw: st.DrawFn) -> dict[str, tuple[str, bytes]]:
    """Path -> kind and content; no path is below another's file."""
    names = NAMES.filter(lambda name: "git" not in name.lower() and not name.isspace())
    found: dict[str, tuple[str, bytes]] = {}
    for _ in range(draw(st.integers(1, 12))):
        folder = draw(st.sampled_from(["", "d/", "d/e/", "é/"]))
        path = folder + draw(names)
        if path not in {"d", "é", "d/e"}:
            kind = draw(st.sampled_from(["plain", "executable", "link", "absent"]))
            found[path] = (kind, draw(st.binary(min_size=1, max_size=40)).replace(b"\0", b"0"))
    return found


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=_trees(), odd_time=st.integers(0, 2**31 - 1), long=st.booleans(), sha256=st.booleans())
def test_git_agrees_with_the_states_that_were_rewritten(
    files: dict[str, tuple[str, bytes]],
    odd_time: int,
    *,
    long: bool,
    sha256: bool,
    tmp_path_factory: pytest.TempPathFactory,
    git: GitCommand,
) -> None:
    root = tmp_path_factory.mktemp("tree")
    tree, copy, index = root / "tree", root / "copy", root / "index"
    for folder in (tree, copy):
        folder.mkdir()
    git(tree, "init", "-q", f"--object-format={'sha256' if sha256 else 'sha1'}")
    if long:
        files["l" * 200 + "/" + "m" * 200 + "/" + "n" * 200 + "/" + "o" * 240 + "/" + "p" * 240] = ("plain", b"x")
        files.update({f"o/{'q' * 250}/{'r' * 250}/{number:0250}/{'s' * 250}": ("plain", b"y") for number in range(3)})
    _lay_out(tree, files, odd_time)
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "--allow-empty", "-m", "first")
    for path, (kind, _) in files.items():
        if kind == "absent" and os.path.lexists(tree / path):
            git(tree, "update-index", "--skip-worktree", "--", path)
            (tree / path).unlink()
    old = (tree / ".git" / "index").read_bytes()
    size = 32 if sha256 else 20
    bare.run(cloning.__file__, size, tree, copy, tree / ".git" / "index", index)
    # git finds its own: the checksum right, every state that of the file, all extensions as they were.
    (copy / ".git").write_text(f"gitdir: {tree}/.git\n")
    (tree / ".git" / "index").write_bytes(index.read_bytes())
    assert git(copy, "-c", "core.worktree=" + str(copy), "diff-files") == ""
    assert git(copy, "-c", "core.worktree=" + str(copy), "status", "--porcelain") == ""
    assert "checksum" not in git(copy, "fsck", "--no-dangling")
    told = _told_by_git(copy)
    for path, (kind, _) in files.items():
        if kind != "absent":
            assert told[os.fsencode(path)] == _state((copy / path).lstat())
    last = index_states.entries(old, size)[-1:]
    end = (last[0].at + 40) if last else 12
    assert index.read_bytes()[end:-size] == old[end:-size]


def _lay_out(tree: Path, files: dict[str, tuple[str, bytes]], odd_time: int) -> None:
    for path, (kind, content) in list(files.items()):
        place = tree / path
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            if kind == "link":
                place.symlink_to(os.fsdecode(content))
            else:
                place.write_bytes(content)
                place.chmod(0o755 if kind == "executable" else 0o644)
        except OSError:
            # A name that is too long for this file system.
            del files[path]
            continue
        os.utime(place, ns=(1, odd_time * 10**9 + 123_456_789), follow_symlinks=False)


_DEBUG = re.compile(
    rb"([^\0]+)\0  ctime: (\d+):(\d+)\n  mtime: (\d+):(\d+)\n  dev: (\d+)\tino: (\d+)\n"
    rb"  uid: (\d+)\tgid: (\d+)\n  size: (\d+)\tflags: \w+\n"
)


def _told_by_git(folder: Path) -> dict[bytes, tuple[int, ...]]:
    argv = ["git", "ls-files", "--debug", "-z"]
    told = subprocess.run(argv, cwd=folder, check=True, capture_output=True).stdout
    return {found[0]: tuple(map(int, found[1:])) for found in _DEBUG.findall(told)}


def _state(status: os.stat_result) -> tuple[int, ...]:
    times = (*divmod(status.st_ctime_ns, 10**9), *divmod(status.st_mtime_ns, 10**9))
    rest = (status.st_dev, status.st_ino & 0xFFFFFFFF, status.st_uid, status.st_gid, status.st_size)
    return (*times, *rest)


def test_what_does_not_hold_for_the_original_does_not_hold_for_the_copy(
    checkout: Path, tmp_path: Path, git: GitCommand
) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    (checkout / "a.txt").write_text("ALPHA\nbeta\ngamma\n")
    cloning_index = tmp_path / "index"
    bare.run(cloning.__file__, 20, checkout, copy, checkout / ".git" / "index", cloning_index)
    (checkout / ".git" / "index").write_bytes(cloning_index.read_bytes())
    assert git(checkout, "--work-tree", str(copy), "status", "--porcelain") == "M a.txt"


def test_what_is_no_index() -> None:
    for data in (b"", b"DIRC", b"DIRC\0\0\0\x02\0\0\0\x05" + b"\0" * 30, b"DIRC\0\0\0\x04\0\0\0\0"):
        with pytest.raises(index_states.Unreadable):
            index_states.entries(data, 20)


def test_others_wait_while_the_pristine_checkout_is_brought_to_the_next_base(
    repo: Repository, state: Path, rich: str, checkout: Path, git: GitCommand
) -> None:
    (checkout / "b.txt").write_text("next\n")
    git(checkout, "commit", "-qam", "next")
    bases = [git(checkout, "rev-parse", f"{rich}^{{tree}}"), git(checkout, "rev-parse", "HEAD^{tree}")]
    problems: list[str] = []

    def stand(tree: str, text: str) -> None:
        for _ in range(5):
            ground = Pristine(repo, state)
            try:
                (folder,) = ground.whole(tree).lowers
                if (folder / "b.txt").read_text() != text:
                    problems.append(text)
            finally:
                ground.close()

    texts = ("one\ntwo\nthree\n", "next\n")
    threads = [threading.Thread(target=stand, args=pair) for pair in zip(bases * 2, texts * 2, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


def test_the_worktree_is_the_sources(opened: _Open, rich: str, place: Path) -> None:
    made = opened(rich).create(place / "u", "fanout")
    assert made == Worktree(made.path, made.admin, rich)
