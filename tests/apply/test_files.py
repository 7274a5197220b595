from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import resource
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fanout_server import model
from fanout_server.apply import files
from fanout_server.apply.content import EXECUTABLE, REGULAR, SYMLINK, Content, Disk, FileChange
from fanout_server.apply.edits import FileEdit, plan_edits
from fanout_server.apply.intent import Phase
from fanout_server.apply.paths import UnsafePath
from tests.apply import trees
from tests.apply.crashing import CHANGING

_NOBODY = 65534

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    trees.make(tmp_path / "root")
    return tmp_path / "root"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "state" / "apply"


def create(path: str, data: bytes = b"new\n", mode: int = REGULAR) -> FileEdit:
    return FileEdit(path, "create", None, Content(mode, data))


def modify(path: str, before: bytes, after: bytes) -> FileEdit:
    return FileEdit(path, "replace", Content(REGULAR, before), Content(REGULAR, after))


def test_every_kind_of_edit_is_written(root: Path, store: Path) -> None:
    inodes = {name: (root / name).stat().st_ino for name in ("a.txt", "binary")}
    files.write(root, trees.edits(root), store)
    umask = os.umask(0)
    os.umask(umask)
    folder = ("folder", 0o777 & ~umask, b"")
    assert trees.tree(root) == {
        "a.txt": ("file", 0o644, b"1\ntwo\n3\n"),
        # Whoever may read it may run it.
        "private": ("file", 0o750, b"new\r\n"),
        "tool": ("file", 0o644, b"#!\n"),
        "binary": ("file", 0o644, b"\0\xfe"),
        "link": ("link", 0, b"./b//c/"),
        "became-link": ("link", 0, b"a.txt"),
        "made": folder,
        "made/deep": folder,
        "made/deep/é \udcff\n": ("file", 0o777 & ~umask, b""),
        "renamed": folder,
        "renamed/to": ("file", 0o644, b"1\n2\n3\nfour\n"),
        "swap-a": folder,
        "swap-a/in": ("file", 0o666 & ~umask, b"in\n"),
        "swap-b": ("file", 0o666 & ~umask, b"out\n"),
    }
    assert not store.exists()
    assert all((root / name).stat().st_ino != inode for name, inode in inodes.items())
    assert plan_edits(trees.CHANGES, Disk(root)).edits == ()


def test_nothing_to_write_makes_nothing(root: Path, store: Path) -> None:
    before = trees.tree(root)
    files.write(root, (), store)
    assert trees.tree(root) == before
    assert not store.parent.exists()


def test_a_folder_with_other_files_stays(tmp_path: Path, store: Path) -> None:
    for name in ("d/gone", "d/stays"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    files.write(tmp_path, (FileEdit("d/gone", "delete", Content(REGULAR, b"x"), None),), store)
    assert [path.name for path in (tmp_path / "d").iterdir()] == ["stays"]


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda root: (root / "a.txt").write_bytes(b"typed\n"),
        lambda root: (root / "tool").chmod(0o644),
        lambda root: (root / "emptied/folder/only").unlink(),
        lambda root: (root / "made").write_bytes(b"a file"),
        lambda root: (root / "renamed").symlink_to("/tmp"),
        lambda root: (root / "swap-b/mine").write_bytes(b"mine"),
        lambda root: ((root / "link").unlink(), (root / "link").mkdir()),
        lambda root: [(root / "binary").unlink(), os.mkfifo(root / "binary")],  # type: ignore[func-returns-value]
    ],
)
def test_a_file_that_changed_meanwhile_stops_it_all(
    root: Path, store: Path, meanwhile: Callable[[Path], object]
) -> None:
    edits = trees.edits(root)
    meanwhile(root)
    before = trees.tree(root)
    with pytest.raises(files.ChangedMeanwhile, match="Apply again"):
        files.write(root, edits, store)
    assert trees.tree(root) == before
    assert not store.exists()


def test_a_change_at_the_very_last_moment_stops_it_all(
    root: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the files are in place when somebody saves one that is still to come."""
    edits = trees.edits(root)
    before = trees.tree(root)
    target = root / "tool"
    real = os.rename

    def rename(source: Path, destination: Path) -> None:
        real(source, destination)
        if Path(destination) == root / "a.txt":
            target.write_bytes(b"saved just now\n")

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(files.ChangedMeanwhile) as caught:
        files.write(root, edits, store)
    assert caught.value.path == "tool"
    monkeypatch.undo()
    assert trees.tree(root) == {**before, "tool": ("file", 0o755, b"saved just now\n")}
    assert not store.exists()


def test_a_new_file_never_replaces_one_that_came_meanwhile(
    root: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.rename

    def rename(source: Path, destination: Path) -> None:
        real(source, destination)
        if Path(destination).name == Phase.WRITING:
            (root / "new").write_bytes(b"mine")

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(files.ChangedMeanwhile):
        files.write(root, (create("first"), create("new")), store)
    assert (root / "new").read_bytes() == b"mine"
    assert not (root / "first").exists()


@pytest.mark.parametrize("path", ["../out", "/out", "a/../../out", ".git/hooks/x", "d/.Git/config", "a//b", "."])
def test_paths_that_lead_out_are_refused(root: Path, store: Path, path: str) -> None:
    before = trees.tree(root.parent)
    edits = (create("fine"), create(path), FileEdit("x", "rename", trees.file(b""), trees.file(b""), (), path))
    for edit in edits[1:]:
        with pytest.raises(UnsafePath):
            files.write(root, (edits[0], edit), store)
    assert trees.tree(root.parent) == before


def test_a_link_on_the_way_is_refused(root: Path, store: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (root / "out").symlink_to("../outside")
    before = trees.tree(tmp_path)
    with pytest.raises(files.ChangedMeanwhile):
        files.write(root, (create("fine"), create("out/file")), store)
    assert trees.tree(tmp_path) == before


def test_a_folder_that_becomes_a_link_in_the_last_moment_is_refused(
    root: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "outside").mkdir()
    (root / "inside").mkdir()
    real = os.rename

    def rename(source: Path, destination: Path) -> None:
        real(source, destination)
        if Path(destination).name == Phase.WRITING:
            real(root / "inside", root / "aside")
            (root / "inside").symlink_to("../outside")

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(files.ChangedMeanwhile):
        files.write(root, (create("inside/file"),), store)
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_folder_that_makes_place_for_a_link_is_not_looked_for_behind_it(
    root: Path, store: Path, tmp_path: Path
) -> None:
    """``d/deep/file`` goes and ``d`` becomes a link to a folder that has an empty ``deep`` too."""
    (tmp_path / "outside" / "deep").mkdir(parents=True)
    (root / "d/deep").mkdir(parents=True)
    (root / "d/deep/file").write_bytes(b"x")
    edits = (
        FileEdit("d/deep/file", "delete", Content(REGULAR, b"x"), None),
        create("d", b"../outside", SYMLINK),
    )
    files.write(root, edits, store)
    assert (root / "d").is_symlink()
    assert (tmp_path / "outside" / "deep").is_dir()


@pytest.mark.parametrize("target", [b"", b"a\0b"])
def test_a_link_to_what_cannot_be_named_is_told(root: Path, store: Path, target: bytes) -> None:
    before = trees.tree(root)
    with pytest.raises(files.WriteFailed):
        files.write(root, (create("fine"), create("link to it", target, SYMLINK)), store)
    assert trees.tree(root) == before


def test_two_edits_of_one_path_are_a_mistake_of_the_caller(root: Path, store: Path) -> None:
    with pytest.raises(ValueError, match="two edits"):
        files.write(root, (create("new"), create("new")), store)


class _Fails:
    """Makes calls that change something on disk fail, from number ``first`` on, ``times`` of them."""

    def __init__(self, patch: pytest.MonkeyPatch, first: int, times: int, names: tuple[str, ...]) -> None:
        self.calls = 0
        for name in names:
            patch.setattr(os, name, self._wrapped(name, first, first + times))

    def _wrapped(self, name: str, first: int, last: int) -> Callable[..., object]:
        real = getattr(os, name)

        def call(*args: object, **named: object) -> object:
            self.calls += 1
            if first <= self.calls < last:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(args[0]))
            return real(*args, **named)

        return call


def test_any_error_on_the_way_leaves_all_as_it_was(
    root: Path, store: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    edits = trees.edits(root)
    old = trees.tree(root)
    step = 1
    while (error := _error_of_writing(root, edits, store, monkeypatch, step)) is not None:
        assert isinstance(error, files.WriteFailed)
        assert "no space left on device" in str(error)
        assert "as they were" in str(error)
        assert trees.tree(root) == old
        assert not store.exists()
        step += 1
    assert step > 100
    # The first error that does not matter comes when all is written and noted, and only this is not safely on the disk.
    assert "may not hold them safely" in caplog.text
    assert plan_edits(trees.CHANGES, Disk(root)).edits == ()
    assert not store.exists()


def test_what_cannot_be_tidied_up_is_no_reason_to_fail(
    root: Path, store: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = os.unlink

    def unlink(path: Path, **named: int) -> None:
        if Path(path).parent == store:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(path, **named)

    edits = trees.edits(root)
    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", unlink)
        files.write(root, edits, store)
    assert plan_edits(trees.CHANGES, Disk(root)).edits == ()
    assert "could not be removed" in caplog.text
    assert (store / Phase.DONE).exists()
    assert files.recover(root, store) == ()
    assert plan_edits(trees.CHANGES, Disk(root)).edits == ()
    assert not store.exists()


def _error_of_writing(
    root: Path, edits: tuple[FileEdit, ...], store: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> Exception | None:
    """What becomes of an apply of which one call fails, that of number ``step``."""
    with monkeypatch.context() as patch:
        _Fails(patch, step, 1, CHANGING)
        try:
            files.write(root, edits, store)
        except model.FanoutError as error:
            return error
    return None


def test_when_not_even_the_way_back_works_it_is_told_and_tried_again(
    root: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edits = trees.edits(root)
    old = trees.tree(root)
    stuck = 0
    for step in range(1, 60):
        with monkeypatch.context() as patch:
            _Fails(patch, step, 10_000, ("rename", "link", "unlink", "rmdir", "mkdir"))
            with contextlib.suppress(files.WriteFailed):
                stuck += _is_stuck(root, edits, store)
        files.recover(root, store)
        assert not store.exists()
        if trees.tree(root) != old:
            break
    assert stuck > 10
    assert plan_edits(trees.CHANGES, Disk(root)).edits == ()


def _is_stuck(root: Path, edits: tuple[FileEdit, ...], store: Path) -> bool:
    try:
        files.write(root, edits, store)
    except files.NotTakenBack as error:
        told = str(error)
    else:
        return False
    assert str(store) in told
    return True


def test_a_full_disk_leaves_all_as_it_was(root: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing more can be written from some point on; renaming and removing still work, as on a real disk."""
    edits = trees.edits(root)
    old = trees.tree(root)
    for step in range(1, 40):
        with monkeypatch.context() as patch:
            fails = _Fails(patch, step, 10_000, ("write",))
            if not _fails_to_write(root, edits, store):
                assert fails.calls < step
                break
        assert trees.tree(root) == old
        assert not store.exists()
    else:
        pytest.fail("it never ends")


def _fails_to_write(root: Path, edits: tuple[FileEdit, ...], store: Path) -> bool:
    try:
        files.write(root, edits, store)
    except files.WriteFailed:
        return True
    return False


def test_a_limit_of_the_system_is_an_error_like_any_other(root: Path, store: Path) -> None:
    script = (
        "import resource, sys; from pathlib import Path; from fanout_server.apply import files; "
        "from fanout_server.apply.content import Content; from fanout_server.apply.edits import FileEdit; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)); "
        "edits = [FileEdit('small', 'create', None, Content(0o100644, b'x')),"
        " FileEdit('big', 'create', None, Content(0o100644, b'x' * 50_000))]\n"
        "try: files.write(Path(sys.argv[1]), edits, Path(sys.argv[2]))\n"
        "except files.WriteFailed as error: sys.stdout.write(str(error))\n"
    )
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 20_000
    before = trees.tree(root)
    done = subprocess.run(
        [sys.executable, "-c", script, str(root), str(store)], cwd=PROJECT, capture_output=True, check=True, timeout=60
    )
    assert b"file too large" in done.stdout
    assert trees.tree(root) == before
    assert not store.exists()


def test_a_store_on_another_file_system_gets_copies(root: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = trees.tree(root)
    edits = trees.edits(root)

    def link(source: Path, target: Path, **_named: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "link", link)
    real = os.rename

    def rename(source: Path, destination: Path) -> None:
        if Path(destination) == root / "swap-b":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(source, destination)

    monkeypatch.setattr(os, "rename", rename)
    time = (root / "private").stat().st_mtime_ns
    with pytest.raises(files.WriteFailed, match="input/output error"):
        files.write(root, edits, store)
    assert trees.tree(root) == old
    assert (root / "private").stat().st_mtime_ns == time
    monkeypatch.setattr(os, "rename", real)
    files.write(root, edits, store)
    assert plan_edits(trees.CHANGES, Disk(root)).edits == ()


def test_what_is_put_back_is_the_same_file(root: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "other name").hardlink_to(root / "a.txt")
    status = (root / "a.txt").stat()
    break_off(root, store, monkeypatch, (modify("a.txt", b"1\n2\n3\n", b"x"), create("new")))
    assert files.recover(root, store) == ("a.txt", "new")
    now = (root / "a.txt").stat()
    assert (now.st_ino, now.st_mtime_ns, now.st_nlink) == (status.st_ino, status.st_mtime_ns, 2)


class _Crash(BaseException):
    """As if the process had died: nobody gets to tidy up."""


def break_off(root: Path, store: Path, patch: pytest.MonkeyPatch, edits: tuple[FileEdit, ...]) -> None:
    """Writes all edits, and then dies just before that is noted."""

    def rename(source: Path, destination: Path) -> None:
        if Path(destination).name == Phase.DONE:
            patch.setattr(files, "recover", lambda *_: ())
            raise _Crash
        real(source, destination)

    real = os.rename
    recover = files.recover
    with patch.context() as inner:
        inner.setattr(os, "rename", rename)
        with pytest.raises(_Crash):
            files.write(root, edits, store)
    patch.setattr(files, "recover", recover)
    assert (store / Phase.WRITING).exists()


def test_what_was_edited_after_a_crash_stays_and_what_it_held_is_set_aside(
    root: Path, store: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    edits = (
        modify("a.txt", b"1\n2\n3\n", b"x"),
        modify("binary", b"\0\xff", b"y"),
        FileEdit("emptied/folder/only", "delete", Content(REGULAR, b"only\n"), None),
        create("new"),
        create("mine"),
    )
    break_off(root, store, monkeypatch, edits)
    (root / "a.txt").write_bytes(b"typed after the crash")
    (root / "mine").write_bytes(b"mine")
    (root / "emptied/folder").mkdir(parents=True)
    (root / "emptied/folder/only").mkdir()
    with caplog.at_level(logging.WARNING):
        assert files.recover(root, store) == ("binary", "new")
    assert (root / "a.txt").read_bytes() == b"typed after the crash"
    assert (root / "mine").read_bytes() == b"mine"
    assert (root / "binary").read_bytes() == b"\0\xff"
    left = store.with_name("apply-left")
    assert {path.name: path.read_bytes() for path in left.iterdir()} == {"a.txt": b"1\n2\n3\n", "only": b"only\n"}
    assert str(left / "a.txt") in caplog.text
    assert not store.exists()


def test_an_apply_to_another_worktree_is_taken_back_there(
    root: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linked worktrees share the store."""
    other = tmp_path / "other"
    trees.make(other)
    old = trees.tree(root)
    break_off(root, store, monkeypatch, trees.edits(root))
    files.recover(other, store)
    assert trees.tree(root) == old
    assert trees.tree(other) == old


def test_a_checkout_that_was_moved_is_taken_back_where_it_is(
    root: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = trees.tree(root)
    break_off(root, store, monkeypatch, trees.edits(root))
    moved = root.rename(tmp_path / "moved")
    assert files.recover(moved, store) != ()
    assert trees.tree(moved) == old


def test_what_was_kept_for_a_folder_that_is_gone_is_set_aside(
    root: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    break_off(root, store, monkeypatch, (modify("a.txt", b"1\n2\n3\n", b"x"),))
    root.rename(tmp_path / "gone")
    (tmp_path / "other").mkdir()
    assert files.recover(tmp_path / "other", store) == ()
    assert [path.read_bytes() for path in store.with_name("apply-left").glob("kept-*")] == [b"1\n2\n3\n"]
    assert str(store.with_name("apply-left")) in caplog.text


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"root": 3}', b"null", b"\xff"])
def test_a_note_that_cannot_be_read_is_set_aside_with_what_was_kept(
    root: Path, store: Path, monkeypatch: pytest.MonkeyPatch, damage: bytes
) -> None:
    break_off(root, store, monkeypatch, (modify("a.txt", b"1\n2\n3\n", b"x"),))
    (store / Phase.WRITING).write_bytes(damage)
    assert files.recover(root, store) == ()
    assert not store.exists()
    assert [path.read_bytes() for path in store.with_name("apply-left").glob("kept-*")] == [b"1\n2\n3\n"]
    files.write(root, (create("new"),), store)
    assert (root / "new").exists()


def test_writing_first_takes_back_what_was_broken_off(root: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    break_off(root, store, monkeypatch, (modify("a.txt", b"1\n2\n3\n", b"x"),))
    files.write(root, (modify("a.txt", b"1\n2\n3\n", b"y"),), store)
    assert (root / "a.txt").read_bytes() == b"y"


def test_the_note_is_ours_alone_and_names_no_contents(root: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    break_off(root, store, monkeypatch, (create("secret", b"a secret"),))
    assert stat.S_IMODE(store.stat().st_mode) == 0o700
    note = (store / Phase.WRITING).read_text()
    assert "a secret" not in note
    assert json.loads(note)["entries"][0]["path"] == "secret"


@contextlib.contextmanager
def ordinary_user(folder: Path) -> Iterator[None]:
    """Root may write everywhere, so inside the block it is somebody else, who owns ``folder`` and all in it."""
    if os.geteuid() != 0:
        yield
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, _NOBODY, _NOBODY, follow_symlinks=False)
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_folder_that_may_not_be_written_is_told() -> None:
    # Not below pytest's own folder, which nobody else may enter.
    with tempfile.TemporaryDirectory() as name:
        root, store = Path(name) / "root", Path(name) / "store"
        (root / "from").mkdir(parents=True)
        (root / "from" / "old").write_bytes(b"old")
        with ordinary_user(Path(name)):
            (root / "from").chmod(0o555)
            old = trees.tree(root)
            with pytest.raises(files.WriteFailed, match="permission denied at 'from/"):
                files.write(root, (create("a"), create("from/new")), store)
            assert trees.tree(root) == old
            (root / "from").chmod(0o755)


def test_permissions_beside_the_executable_bit_are_kept(tmp_path: Path, store: Path) -> None:
    cases = [(0o600, REGULAR, 0o600), (0o640, EXECUTABLE, 0o750), (0o711, REGULAR, 0o600), (0o700, EXECUTABLE, 0o700)]
    for bits, mode, expected in cases:
        path = tmp_path / "f"
        path.write_bytes(b"old")
        path.chmod(bits)
        before = Disk(tmp_path).read("f")
        files.write(tmp_path, (FileEdit("f", "replace", before, Content(mode, b"new")),), store)
        assert stat.S_IMODE(path.stat().st_mode) == expected


def test_a_link_that_becomes_a_file_gets_fresh_permissions(tmp_path: Path, store: Path) -> None:
    (tmp_path / "f").symlink_to("nowhere")
    change = FileChange("f", Content(SYMLINK, b"nowhere"), Content(REGULAR, b"x"), ())
    files.write(tmp_path, plan_edits((change,), Disk(tmp_path)).edits, store)
    assert (tmp_path / "f").read_bytes() == b"x"
    assert not (tmp_path / "f").is_symlink()


def test_a_process_that_is_killed_at_any_step_leaves_all_or_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.apply.crashing", str(tmp_path)],
        cwd=PROJECT,
        capture_output=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr.decode()
    forward, backward = map(int, done.stdout.split())
    assert forward > 100
    assert backward > 100
