"""Objects that are written together lie in packs as git itself would read and check them, and not in too many."""

from __future__ import annotations

import os
import random
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanout_server.repo import objects, pack_file, packs
from fanout_server.repo.objects import Objects
from fanout_server.repo.repository import Repository
from tests.conftest import GitCommand

# Around the sizes where one more byte is needed to tell them, and where it is compressed.
_SIZES = (0, 1, 15, 16, 2047, 2048, 3999, 4000, 16_001, 65_535, 65_536, 262_144)


@pytest.fixture(scope="module", params=["sha1", "sha256"])
def empty(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("empty")
    subprocess.run(["git", "init", "-q", f"--object-format={request.param}", root], check=True)
    return root


@pytest.fixture
def store(repo: Repository) -> Objects:
    return objects.of(repo)


def _packs(repo: Repository) -> list[str]:
    return sorted(path.name for path in (repo.common_dir / "objects" / "pack").iterdir())


def _loose(repo: Repository) -> int:
    return sum(1 for _ in (repo.common_dir / "objects").glob("??/*"))


def _write(store: Objects, *names: str) -> list[str]:
    """A batch of three objects for each name."""
    with store.batch():
        return [store.write("blob", f"{name} {number}".encode()) for name in names for number in range(3)]


def _join(store: Objects) -> None:
    store.join_packs()
    store.sweep_packs()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else reads, so that nobody is waited for."""
    monkeypatch.setattr(packs, "_LISTED_SECONDS", 0.0)


def _check(git: GitCommand, repo: Repository) -> None:
    assert "error" not in git(repo.root, "fsck", "--full", "--strict")


_blobs = st.one_of(
    st.binary(max_size=40), st.sampled_from(_SIZES).map(lambda size: random.Random(size).randbytes(size // 2) * 2)
)


@given(data=st.lists(_blobs, min_size=1, max_size=20))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_git_reads_what_was_packed(empty: Path, data: list[bytes]) -> None:
    store = objects.of(Repository.discover(empty))
    entries = {store._loose.oid("blob", one): pack_file.entry("blob", one) for one in data}
    built = pack_file.build(entries)
    place = empty / ".git" / "objects" / "pack" / built.name
    place.with_suffix(".pack").write_bytes(built.pack)
    place.with_suffix(".idx").write_bytes(built.index)
    try:
        subprocess.run(["git", "verify-pack", f"{place}.idx"], cwd=empty, check=True, capture_output=True)
        asked = "".join(f"{oid}\n" for oid in entries).encode()
        told = subprocess.run(
            ["git", "cat-file", "--batch"], cwd=empty, input=asked, check=True, capture_output=True
        ).stdout
        sizes = {store._loose.oid("blob", one): one for one in data}
        assert told == b"".join(b"%b blob %d\n%b\n" % (oid.encode(), len(sizes[oid]), sizes[oid]) for oid in entries)
        # The same index as git would have made.
        git_made = empty / "made.idx"
        subprocess.run(
            ["git", "index-pack", "-o", git_made, place.with_suffix(".pack")],
            cwd=empty,
            check=True,
            capture_output=True,
        )
        assert git_made.read_bytes() == built.index
        git_made.unlink()
        assert [built.pack[begin:end] for _, begin, end in built.places] == list(entries.values())
    finally:
        for path in place.parent.iterdir():
            path.unlink()


def test_a_batch_is_one_pack_at_its_end(repo: Repository, store: Objects, git: GitCommand) -> None:
    before = _loose(repo)
    with store.batch():
        blob = store.write("blob", b"x" * 9000)
        tree = store.write("tree", b"100644 x\0" + bytes.fromhex(blob))
        lines = ["tree " + tree, "author A <a@b> 1 +0000", "committer A <a@b> 1 +0000", "", "made"]
        commit = store.write("commit", "\n".join(lines).encode())
        assert (store.kind(tree), store.read_blob(blob), store.tree_of(commit)) == ("tree", b"x" * 9000, tree)
        assert store.has(blob)
        assert store.missing([blob, tree, commit]) == ()
        assert _packs(repo) == []
        with pytest.raises(AssertionError):
            git(repo.root, "cat-file", "-e", blob)
    assert len(_packs(repo)) == 2
    assert _loose(repo) == before
    assert git(repo.root, "cat-file", "blob", f"{commit}:x") == "x" * 9000
    assert store.missing([blob, tree, commit]) == ()
    assert (store.kind(tree), store.read_blob(blob), store.tree_of(commit)) == ("tree", b"x" * 9000, tree)
    _check(git, repo)


def test_a_batch_that_fails_leaves_nothing(repo: Repository, store: Objects) -> None:
    before = _loose(repo)
    oids: list[str] = []

    def fail() -> None:
        with store.batch():
            oids.extend(store.write("blob", f"{number}".encode()) for number in range(5))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert (_packs(repo), _loose(repo)) == ([], before)
    assert store.missing(oids) == tuple(oids)


def test_a_few_are_files_of_their_own(repo: Repository, store: Objects) -> None:
    with store.batch():
        oids = [store.write("blob", b"first"), store.write("blob", b"second")]
    assert _packs(repo) == []
    assert store.missing(oids) == ()


def test_a_batch_within_another_ends_with_it(repo: Repository, store: Objects) -> None:
    with store.batch():
        _write(store, "inner")
        assert _packs(repo) == []
    assert len(_packs(repo)) == 2


def test_another_repository_has_its_own(repo: Repository, store: Objects, tmp_path: Path, git: GitCommand) -> None:
    git(tmp_path, "init", "-q", "other")
    other = objects.of(Repository.discover(tmp_path / "other"))
    with store.batch():
        oid = other.write("blob", b"there")
        assert not store.has(oid)
        assert git(tmp_path / "other", "cat-file", "blob", oid) == "there"


def test_a_large_batch_is_written_in_pieces(
    repo: Repository, store: Objects, monkeypatch: pytest.MonkeyPatch, git: GitCommand
) -> None:
    monkeypatch.setattr(objects, "_BATCH_BYTES", 100_000)
    with store.batch():
        oids = [store.write("blob", b"%d" % number * 10_000) for number in range(100)]
        assert len(_packs(repo)) > 6
        assert [store.read_blob(oid) for oid in oids] == [b"%d" % number * 10_000 for number in range(100)]
    assert store.missing(oids) == ()
    _check(git, repo)


def test_one_index_of_all_packs_is_left_alone(repo: Repository, store: Objects, git: GitCommand) -> None:
    git(repo.root, "repack", "-adq", "--write-midx")
    before = _packs(repo)
    oids = _write(store, "a")
    assert _packs(repo) == before
    assert store.missing(oids) == ()


@pytest.mark.usefixtures("at_once")
def test_many_packs_become_one(repo: Repository, store: Objects, git: GitCommand) -> None:
    oids = []
    for number in range(2 * packs._MOST):
        oids += _write(store, f"{number}")
        assert len(_packs(repo)) <= 2 * packs._MOST
    _join(store)
    assert len(_packs(repo)) == 2
    assert store.missing(oids) == ()
    assert [store.read_blob(oid) for oid in oids[:3]] == [b"0 0", b"0 1", b"0 2"]
    asked = "".join(f"{oid}\n" for oid in oids).encode()
    assert "missing" not in git(repo.root, "cat-file", "--batch-check", stdin=asked)
    _check(git, repo)
    _join(store)
    assert len(_packs(repo)) == 2


@pytest.mark.usefixtures("at_once")
def test_a_large_pack_is_not_written_again(repo: Repository, store: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "_SMALL_BYTES", 1000)
    with store.batch():
        for number in range(3):
            store.write("blob", os.urandom(500) + b"%d" % number)
    large = _packs(repo)
    _write(store, "a")
    _write(store, "b")
    _join(store)
    assert len(_packs(repo)) == 4
    assert set(large) <= set(_packs(repo))


@pytest.mark.usefixtures("at_once")
def test_the_same_twice_is_one_pack(repo: Repository, store: Objects) -> None:
    for _ in range(3):
        oids = _write(store, "a", "b")
    assert len(_packs(repo)) == 2
    _join(store)
    assert len(_packs(repo)) == 2
    assert store.missing(oids) == ()


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("why", ["git cleans up", "one index of all", "the disk is full"])
def test_packs_stay_as_they_are(
    why: str, repo: Repository, store: Objects, git: GitCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    oids = [*_write(store, "a"), *_write(store, "b")]
    before = set(_packs(repo))
    with monkeypatch.context() as patch:
        if why == "git cleans up":
            (repo.common_dir / "gc.pid").write_text("1 elsewhere")
        elif why == "one index of all":
            git(repo.root, "multi-pack-index", "write")
        else:

            def full(*_: object) -> None:
                raise OSError(28, "No space left on device")

            patch.setattr("fanout_server.repo.atomic.write", full)
        _join(store)
    assert before <= set(_packs(repo))
    assert store.missing(oids) == ()
    (repo.common_dir / "gc.pid").unlink(missing_ok=True)
    (repo.common_dir / "objects" / "pack" / "multi-pack-index").unlink(missing_ok=True)
    _join(store)
    assert len(_packs(repo)) == 2
    assert store.missing(oids) == ()


def test_no_room_for_a_pack_is_told_by_git(
    repo: Repository, store: Objects, monkeypatch: pytest.MonkeyPatch, git: GitCommand
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fanout_server.repo.atomic.write", full)
    oids = _write(store, "a")
    assert _packs(repo) == []
    assert [git(repo.root, "cat-file", "blob", oid) for oid in oids] == ["a 0", "a 1", "a 2"]


@pytest.mark.usefixtures("at_once")
def test_what_git_took_away_is_missing(repo: Repository, store: Objects, git: GitCommand) -> None:
    gone, _, _ = kept = _write(store, "a")
    git(repo.root, "gc", "-q", "--prune=now")
    assert store.missing(kept) == tuple(kept)
    assert _write(store, "a") == kept
    _write(store, "b")
    git(repo.root, "update-ref", "refs/fanout/a", gone)
    git(repo.root, "gc", "-q", "--prune=now")
    assert store.missing(kept) == tuple(kept[1:])
    _join(store)
    assert store.read_blob(gone) == b"a 0"
    assert store.missing(kept) == tuple(kept[1:])


@pytest.fixture
def reading(repo: Repository) -> Iterator[subprocess.Popen[bytes]]:
    """A git process of the user's that reads objects all along."""
    with subprocess.Popen(
        ["git", "cat-file", "--batch-check"], cwd=repo.root, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(30) == 0


def test_who_reads_meanwhile_misses_nothing(
    repo: Repository, reading: subprocess.Popen[bytes], git: GitCommand
) -> None:
    """Threads write and join, as units end side by side; git and we ask for each object right after it was written."""
    assert reading.stdin is not None
    assert reading.stdout is not None
    lock = threading.Lock()
    wrong: list[str] = []

    def work(number: int) -> None:
        store = objects.of(repo)
        for count in range(60):
            for oid in _write(store, f"{number} {count}"):
                if store.missing([oid]) or store.kind(oid) != "blob":
                    wrong.append(oid)
                with lock:
                    reading.stdin.write(f"{oid}\n".encode())  # type: ignore[union-attr]
                    reading.stdin.flush()  # type: ignore[union-attr]
                    told = reading.stdout.readline()  # type: ignore[union-attr]
                if b"blob" not in told:
                    wrong.append(told.decode())

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []
    _join(objects.of(repo))
    assert len(_packs(repo)) == 2
    _check(git, repo)


def test_a_needless_pack_stays_for_those_who_have_listed_it(repo: Repository, store: Objects) -> None:
    """Between git's listing of the folder and its opening of what it saw there."""
    _write(store, "a")
    _write(store, "b")
    listed = set(_packs(repo))
    store.join_packs()
    assert listed < set(_packs(repo))
    _write(store, "c")
    assert listed < set(_packs(repo))
    store.sweep_packs()
    assert not listed & set(_packs(repo))


@pytest.mark.parametrize("why", ["git cleans up", "one index of all"])
def test_a_needless_pack_stays_while_git_has_it_in_a_list(
    why: str, repo: Repository, store: Objects, git: GitCommand
) -> None:
    oids = [*_write(store, "a"), *_write(store, "b")]
    listed = set(_packs(repo))
    store.join_packs()
    if why == "git cleans up":
        (repo.common_dir / "gc.pid").write_text("1 elsewhere")
    else:
        git(repo.root, "multi-pack-index", "write")
    store.sweep_packs()
    assert listed <= set(_packs(repo))
    _check(git, repo)
    (repo.common_dir / "gc.pid").unlink(missing_ok=True)
    (repo.common_dir / "objects" / "pack" / "multi-pack-index").unlink(missing_ok=True)
    store.sweep_packs()
    assert len(_packs(repo)) == 2
    assert store.missing(oids) == ()


def test_what_is_needless_and_written_again_stays(repo: Repository, store: Objects, git: GitCommand) -> None:
    """Git may have taken the larger one away meanwhile, as nothing named what is in it."""
    oids = _write(store, "a")
    _write(store, "b")
    store.join_packs()
    git(repo.root, "gc", "-q", "--prune=now")
    assert _write(store, "a") == oids
    store.sweep_packs()
    assert store.missing(oids) == ()
    _check(git, repo)


def test_a_pack_without_its_index_is_no_harm(repo: Repository, store: Objects, git: GitCommand) -> None:
    """As after a death between the two."""
    oids = _write(store, "a")
    (index,) = (name for name in _packs(repo) if name.endswith(".idx"))
    (repo.common_dir / "objects" / "pack" / index).unlink()
    assert store.missing(oids) == tuple(oids)
    assert git(repo.root, "status", "--porcelain") == ""
    assert _write(store, "a") == oids
    assert store.missing(oids) == ()
    _check(git, repo)
