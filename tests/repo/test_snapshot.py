from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from fanout_server.repo import overlooked, snapshot, status
from fanout_server.repo.errors import UnreadableFile
from fanout_server.repo.repository import Repository
from tests.conftest import GitCommand
from tests.repo.conftest import Look, Take


def _codes(taken: snapshot.Snapshot) -> list[tuple[str, str | None]]:
    return [(note.code, note.path) for note in taken.notes]


def test_all_that_the_user_sees(checkout: Path, git: GitCommand, take: Take) -> None:
    (checkout / "a.txt").write_text("staged\n")
    git(checkout, "add", "a.txt")
    (checkout / "a.txt").write_text("staged and edited\n")
    (checkout / "b.txt").unlink()
    git(checkout, "rm", "-q", "--cached", "src/one.py")
    git(checkout, "mv", "src/two.py", "src/three.py")
    (checkout / "untracked.txt").write_text("new\n")
    (checkout / "debug.log").write_text("ignored\n")
    (checkout / "empty").mkdir()
    files, taken = take(buffers={"untracked.txt": b"newer\n", "src/one.py": b"unsaved\n", "made/now.py": b"x"})
    assert files == {
        ".gitignore": b"*.log\n.env\nnode_modules/\n",
        "a.txt": b"staged and edited\n",
        "src/one.py": b"unsaved\n",
        "src/three.py": b"def two():\n    return 2\n",
        "untracked.txt": b"newer\n",
        "made/now.py": b"x",
    }
    assert taken.notes == ()


def test_the_commit_is_ours_on_head_and_not_signed(checkout: Path, repo: Repository, git: GitCommand) -> None:
    for key, value in {"commit.gpgSign": "true", "gpg.program": "false", "i18n.commitEncoding": "latin1"}.items():
        git(checkout, "config", key, value)
    taken = snapshot.take(repo, {}, "Übersicht \udcff\0 end\n")
    told = repo.git("cat-file", "commit", taken.commit).out
    assert f"parent {repo.head()}\n".encode() in told
    assert b"author fanout <fanout@localhost> " in told
    assert b"committer fanout <fanout@localhost> " in told
    assert "\n\nÜbersicht \\udcff  end\n".encode() in told
    assert b"gpgsig" not in told
    assert b"encoding" not in told


def test_nothing_changed(repo: Repository, take: Take) -> None:
    _, taken = take()
    assert taken.tree == repo.git("rev-parse", "HEAD^{tree}").out.decode().strip()
    assert taken.notes == ()


def test_an_edit_in_the_tick_of_the_index_is_seen(checkout: Path, git: GitCommand, take: Take) -> None:
    """Same size, same times: only the time of the index tells git that it must compare."""
    path = checkout / "a.txt"
    for number in range(5):
        old = f"{number} first\n"
        path.write_text(old)
        git(checkout, "add", "a.txt")
        status = (checkout / ".git" / "index").stat()
        path.write_text(f"{number} other\n")
        os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))
        files, _ = take()
        assert files["a.txt"] == f"{number} other\n".encode()


def test_a_racily_clean_entry_needs_the_time_of_the_index(checkout: Path, git: GitCommand, take: Take) -> None:
    path = checkout / "a.txt"
    for key, value in {"core.trustctime": "false", "core.checkStat": "minimal"}.items():
        git(checkout, "config", key, value)
    now = int(time.time()) - 100
    path.write_text("first\n")
    os.utime(path, (now, now))
    git(checkout, "add", "a.txt")
    os.utime(checkout / ".git" / "index", (now, now))
    path.write_text("other\n")
    os.utime(path, (now, now))
    files, _ = take()
    assert files["a.txt"] == b"other\n"


def test_before_the_first_commit(tmp_path: Path, git: GitCommand, take: Take) -> None:
    root = tmp_path / "fresh"
    root.mkdir()
    git(root, "init", "-q")
    (root / "only.txt").write_text("x")
    files, taken = take(root, {"buffer.txt": b"y"})
    assert files == {"only.txt": b"x", "buffer.txt": b"y"}
    assert git(root, "rev-list", "--count", taken.commit) == "1"
    assert not (root / ".git" / "index").exists()
    git(root, "add", "only.txt")
    (root / "only.txt").write_text("z")
    assert take(root)[0] == {"only.txt": b"z"}


def test_an_empty_repository(tmp_path: Path, git: GitCommand, take: Take) -> None:
    root = tmp_path / "fresh"
    root.mkdir()
    git(root, "init", "-q")
    assert take(root)[0] == {}


def test_without_an_index(checkout: Path, git: GitCommand, take: Take) -> None:
    (checkout / "kept.log").write_text("ignored but tracked")
    git(checkout, "add", "-f", "kept.log")
    git(checkout, "commit", "-qm", "log")
    (checkout / ".git" / "index").unlink()
    (checkout / "b.txt").unlink()
    files, _ = take()
    assert files["kept.log"] == b"ignored but tracked"
    assert "b.txt" not in files
    assert files["src/one.py"].startswith(b"def one")


def test_nested_repositories_are_left_out_and_named(checkout: Path, git: GitCommand, take: Take) -> None:
    git(checkout, "init", "-q", "without commits")
    (checkout / "without commits" / "x").write_text("x")
    git(checkout, "init", "-q", "with")
    git(checkout / "with", "commit", "-q", "--allow-empty", "-m", "x")
    (checkout / "with" / "y").write_text("y")
    git(checkout, "init", "-q", "node_modules/ignored")
    files, taken = take(buffers={"with/y": b"unsaved", "with/new": b"unsaved"})
    assert not [name for name in files if name.startswith("with")]
    codes = _codes(taken)
    assert codes == [("base/nested-repository", "with"), ("base/buffer-left-out", "with/y")]
    assert "with, without commits" in taken.notes[0].message


@pytest.mark.parametrize("commits", [True, False])
def test_a_tracked_file_became_a_repository(commits: bool, checkout: Path, git: GitCommand, take: Take) -> None:
    (checkout / "a.txt").unlink()
    git(checkout, "init", "-q", "a.txt")
    if commits:
        git(checkout / "a.txt", "commit", "-q", "--allow-empty", "-m", "x")
    files, taken = take()
    assert "a.txt" not in files
    assert _codes(taken) == [("base/nested-repository", "a.txt")]


def _submodule(checkout: Path, git: GitCommand) -> str:
    git(checkout, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", f"file://{checkout}", "sub")
    git(checkout, "commit", "-qm", "submodule")
    return git(checkout / "sub", "rev-parse", "HEAD")


def test_submodules_stay_as_they_are_recorded(checkout: Path, git: GitCommand, take: Take) -> None:
    recorded = _submodule(checkout, git)
    (checkout / "sub" / "a.txt").write_text("dirty")
    (checkout / "sub" / "untracked").write_text("dirty")
    files, taken = take(buffers={"sub/b.txt": b"unsaved"})
    assert files["sub"] == f"commit:{recorded}".encode()
    assert _codes(taken) == [("base/buffer-left-out", "sub/b.txt")]
    git(checkout / "sub", "-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qam", "moved")
    files, taken = take()
    assert files["sub"] == f"commit:{recorded}".encode()
    assert _codes(taken) == [("base/submodule-moved", "sub")]
    git(checkout, "add", "sub")
    files, taken = take()
    assert files["sub"] == f"commit:{git(checkout / 'sub', 'rev-parse', 'HEAD')}".encode()
    assert taken.notes == ()


def test_a_submodule_that_is_not_there(checkout: Path, git: GitCommand, take: Take) -> None:
    recorded = _submodule(checkout, git)
    git(checkout, "submodule", "--quiet", "deinit", "-f", "sub")
    assert take()[0]["sub"] == f"commit:{recorded}".encode()
    (checkout / "sub").rmdir()
    files, taken = take()
    assert files["sub"] == f"commit:{recorded}".encode()
    assert _codes(taken) == [("base/submodule-moved", "sub")]
    git(checkout, "rm", "-q", "--cached", "sub")
    assert "sub" not in take()[0]


def test_entries_that_git_was_told_not_to_look_at(checkout: Path, git: GitCommand, take: Take) -> None:
    git(checkout, "update-index", "--assume-unchanged", "a.txt", "src/two.py")
    git(checkout, "update-index", "--skip-worktree", "b.txt", "src/one.py")
    (checkout / "a.txt").write_text("assumed\n")
    (checkout / "src" / "two.py").unlink()
    (checkout / "b.txt").write_text("skipped\n")
    (checkout / "src" / "one.py").unlink()
    files, _ = take(buffers={"src/one.py": b"unsaved\n"})
    assert files["a.txt"] == b"assumed\n"
    assert files["b.txt"] == b"skipped\n"
    assert "src/two.py" not in files
    assert files["src/one.py"] == b"unsaved\n"
    assert take()[0]["src/one.py"] == b"def one():\n    return 1\n"


@pytest.mark.parametrize("few", [0, 500])
def test_a_checkout_that_is_assumed_unchanged_as_a_whole(
    few: int, checkout: Path, git: GitCommand, take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overlooked, "_FEW", few)
    recorded = _submodule(checkout, git)
    names = git(checkout, "ls-files", "-z").encode()
    git(checkout, "update-index", "--assume-unchanged", "-z", "--stdin", stdin=names)
    before = git(checkout, "rev-parse", "HEAD^{tree}")
    assert take()[1].tree == before
    status = (checkout / ".git" / "index").stat()
    (checkout / "a.txt").write_text("ALPHA\nbeta\ngamma\n")
    os.utime(checkout / "a.txt", ns=(status.st_mtime_ns, status.st_mtime_ns))
    (checkout / "b.txt").unlink()
    (checkout / "src" / "two.py").unlink()
    (checkout / "src" / "two.py").mkdir()
    (checkout / "src" / "two.py" / "x").write_text("x")
    files, taken = take()
    assert files["a.txt"] == b"ALPHA\nbeta\ngamma\n"
    assert not {"b.txt", "src/two.py"} & files.keys()
    assert (files["src/two.py/x"], files["src/one.py"]) == (b"x", b"def one():\n    return 1\n")
    assert files["sub"] == f"commit:{recorded}".encode()
    assert taken.notes == ()


def test_both_marks_at_once(checkout: Path, git: GitCommand, take: Take) -> None:
    git(checkout, "update-index", "--assume-unchanged", "a.txt", "b.txt")
    git(checkout, "update-index", "--skip-worktree", "a.txt", "b.txt")
    (checkout / "a.txt").write_text("both\n")
    (checkout / "b.txt").unlink()
    files, _ = take()
    assert files["a.txt"] == b"both\n"
    assert files["b.txt"] == b"one\ntwo\nthree\n"


@pytest.mark.parametrize("options", [("--cone",), ("--cone", "--sparse-index"), ("--no-cone",)])
def test_sparse_checkout(options: tuple[str, ...], checkout: Path, git: GitCommand, take: Take) -> None:
    for name in ("far", "near"):
        (checkout / name / "deep").mkdir(parents=True)
        (checkout / name / "deep" / "file").write_text(name)
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "folders")
    git(checkout, "sparse-checkout", "set", *options, "near")
    assert not (checkout / "far").exists()
    (checkout / "near" / "deep" / "file").write_text("edited")
    files, _ = take(buffers={"far/new": b"unsaved"})
    assert files["far/deep/file"] == b"far"
    assert files["near/deep/file"] == b"edited"
    assert files["far/new"] == b"unsaved"
    (checkout / "far" / "deep").mkdir(parents=True)
    (checkout / "far" / "deep" / "file").write_text("there all the same")
    (checkout / "far" / "deep" / "other").write_text("new")
    files, _ = take()
    assert files["far/deep/file"] == b"there all the same"
    assert files["far/deep/other"] == b"new"


def test_intent_to_add(checkout: Path, git: GitCommand, take: Take) -> None:
    for name in ("wanted", "gone", "wanted.log"):
        (checkout / name).write_text(name)
    git(checkout, "add", "-f", "-N", "wanted", "gone", "wanted.log")
    (checkout / "gone").unlink()
    files, _ = take()
    assert files["wanted"] == b"wanted"
    assert files["wanted.log"] == b"wanted.log"
    assert "gone" not in files


def _diverge(checkout: Path, git: GitCommand) -> None:
    git(checkout, "checkout", "-qb", "other")
    (checkout / "a.txt").write_text("theirs\n")
    (checkout / "b.txt").write_text("theirs\n")
    git(checkout, "rm", "-q", "src/one.py")
    git(checkout, "commit", "-qam", "theirs")
    git(checkout, "checkout", "-q", "main")
    for name in ("a.txt", "b.txt", "src/one.py"):
        (checkout / name).write_text("ours\n")
    git(checkout, "commit", "-qam", "ours")


@pytest.mark.parametrize("operation", ["merge", "rebase", "cherry-pick"])
def test_in_the_middle_of(operation: str, checkout: Path, git: GitCommand, take: Take) -> None:
    _diverge(checkout, git)
    with pytest.raises(AssertionError):
        git(checkout, operation, "other")
    (checkout / "b.txt").unlink()
    files, taken = take(buffers={"src/one.py": b"resolved\n"})
    assert files["a.txt"].startswith(b"<<<<<<<")
    assert "b.txt" not in files
    assert files["src/one.py"] == b"resolved\n"
    assert _codes(taken) == [("base/unmerged", "a.txt")]
    assert "a.txt, b.txt, src/one.py" in taken.notes[0].message


def test_an_unmerged_file_behind_a_link(checkout: Path, git: GitCommand, take: Take, tmp_path: Path) -> None:
    _diverge(checkout, git)
    with pytest.raises(AssertionError):
        git(checkout, "merge", "other")
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "one.py").write_text("outside")
    (checkout / "src").rename(checkout / "src2")
    (checkout / "src").symlink_to(tmp_path / "away")
    files, _ = take()
    assert files["src"] == b"link:" + os.fsencode(tmp_path / "away")
    assert "src/one.py" not in files
    assert files["src2/one.py"] == b"ours\n"


def test_split_index(checkout: Path, git: GitCommand, take: Take) -> None:
    git(checkout, "update-index", "--split-index")
    (checkout / "a.txt").write_text("after the split\n")
    git(checkout, "-c", "core.splitIndex=true", "add", "a.txt")
    (checkout / "b.txt").write_text("edited\n")
    assert list((checkout / ".git").glob("sharedindex.*"))
    files, _ = take()
    assert files["a.txt"] == b"after the split\n"
    assert files["b.txt"] == b"edited\n"


def test_a_file_is_added_while_git_looks(
    checkout: Path, repo: Repository, git: GitCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes look at once, one at tracked files, one at others; the file must not slip between them."""
    (checkout / "new").write_text("x")
    read_tracked, read_untracked = status.read_tracked, status.read_untracked
    looked = threading.Event()

    def first(*args: Any) -> status.Status:
        told = read_tracked(*args)
        looked.set()
        return told

    def then(*args: Any) -> status.Status:
        looked.wait(60)
        git(checkout, "add", "new")
        return read_untracked(*args)

    monkeypatch.setattr(status, "read_tracked", first)
    monkeypatch.setattr(status, "read_untracked", then)
    taken = snapshot.take(repo, {}, "base")
    assert git(checkout, "cat-file", "blob", f"{taken.commit}:new") == "x"


def test_somebody_holds_the_index(checkout: Path, take: Take) -> None:
    (checkout / ".git" / "index.lock").write_text("held")
    (checkout / "a.txt").write_text("edited\n")
    assert take()[0]["a.txt"] == b"edited\n"


def test_line_ends_are_stored_as_saving_and_adding_would(checkout: Path, git: GitCommand, take: Take) -> None:
    (checkout / "crlf.txt").write_bytes(b"one\r\ntwo\r\n")
    git(checkout, "add", "crlf.txt")
    git(checkout, "commit", "-qm", "with CRLF inside")
    git(checkout, "config", "core.autocrlf", "true")
    git(checkout, "config", "core.safecrlf", "true")
    (checkout / "new.txt").write_bytes(b"a\r\nb\n")
    buffers = {"a.txt": b"alpha\r\nnew\r\n", "crlf.txt": b"one\r\nthree\r\n", "buffer.txt": b"c\r\n"}
    files, _ = take(buffers=buffers)
    assert files["a.txt"] == b"alpha\nnew\n"
    assert files["crlf.txt"] == b"one\r\nthree\r\n"
    assert files["new.txt"] == b"a\nb\n"
    assert files["buffer.txt"] == b"c\n"


def test_attributes_of_folders_apply_to_buffers(checkout: Path, take: Take) -> None:
    (checkout / "src" / ".gitattributes").write_text("*.py text eol=crlf\n")
    (checkout / ".gitattributes").write_text("*.txt text\n")
    files, _ = take(buffers={"src/one.py": b"x\r\n", "a.txt": b"y\r\n", "raw": b"z\r\n"})
    assert (files["src/one.py"], files["a.txt"], files["raw"]) == (b"x\n", b"y\n", b"z\r\n")


def test_filters_apply(checkout: Path, git: GitCommand, take: Take) -> None:
    git(checkout, "config", "filter.shout.clean", "tr a-z A-Z")
    (checkout / ".gitattributes").write_text("*.up filter=shout\n")
    (checkout / "disk.up").write_text("disk\n")
    files, _ = take(buffers={"buffer.up": b"buffer\n"})
    assert (files["disk.up"], files["buffer.up"]) == (b"DISK\n", b"BUFFER\n")


@pytest.mark.parametrize("where", ["disk", "buffer"])
def test_a_missing_filter_names_the_file(
    where: str, checkout: Path, repo: Repository, git: GitCommand, everything: Look
) -> None:
    git(checkout, "config", "filter.lfs.clean", "no-such-program-here")
    git(checkout, "config", "filter.lfs.required", "true")
    (checkout / ".gitattributes").write_text("*.bin filter=lfs\n")
    if where == "disk":
        (checkout / "big file.bin").write_bytes(b"\0")
    buffers = {"big file.bin": b"\0\1"} if where == "buffer" else {}
    before = everything(checkout)
    with pytest.raises(UnreadableFile, match=r"big file\.bin") as caught:
        snapshot.take(repo, buffers, "base")
    assert "Install the program of that filter" in str(caught.value)
    assert everything(checkout) == before
    assert list((repo.state_dir / "tmp").glob("*")) == []


def test_links_and_modes(checkout: Path, take: Take) -> None:
    (checkout / "dangling").symlink_to("no where")
    (checkout / "a.txt").chmod(0o755)
    (checkout / "b.txt").unlink()
    (checkout / "b.txt").symlink_to("a.txt")
    (checkout / "run.sh").write_text("#!")
    (checkout / "run.sh").chmod(0o755)
    files, _ = take(buffers={"a.txt": b"executable still\n", "run.sh": b"#! new"})
    assert files["dangling"] == b"link:no where"
    assert files["a.txt"] == b"755:executable still\n"
    assert files["b.txt"] == b"link:a.txt"
    assert files["run.sh"] == b"755:#! new"


def test_a_buffer_opened_through_a_link(checkout: Path, take: Take, tmp_path: Path) -> None:
    (checkout / "link.txt").symlink_to("a.txt")
    (checkout / "folder").symlink_to("src")
    (tmp_path / "outside.txt").write_text("x")
    (checkout / "out.txt").symlink_to(tmp_path / "outside.txt")
    buffers = {"link.txt": b"through\n", "folder/one.py": b"also\n", "out.txt": b"no\n"}
    files, taken = take(buffers=buffers)
    assert files["a.txt"] == b"through\n"
    assert files["link.txt"] == b"link:a.txt"
    assert files["src/one.py"] == b"also\n"
    assert files["out.txt"] == b"link:" + os.fsencode(tmp_path / "outside.txt")
    assert _codes(taken) == [("base/buffer-left-out", "out.txt")]


@pytest.mark.parametrize(
    "path", ["../outside.py", "/etc/passwd", ".git/config", "src/../../x", ".", "debug.log", "node_modules/a/b.js"]
)
def test_buffers_that_are_none_of_ours(path: str, checkout: Path, take: Take) -> None:
    (checkout / "node_modules").mkdir()
    files, taken = take(buffers={path: b"secret"})
    assert b"secret" not in files.values()
    assert _codes(taken) == [("base/buffer-left-out", path)]


def test_a_buffer_of_an_ignored_file_that_is_tracked(checkout: Path, git: GitCommand, take: Take) -> None:
    (checkout / "kept.log").write_text("x")
    git(checkout, "add", "-f", "kept.log")
    assert take(buffers={"kept.log": b"unsaved"})[0]["kept.log"] == b"unsaved"


def test_a_buffer_of_the_size_and_time_of_its_file(checkout: Path, git: GitCommand, take: Take) -> None:
    git(checkout, "config", "core.trustctime", "false")
    git(checkout, "config", "core.checkStat", "minimal")
    assert take(buffers={"a.txt": b"ALPHA\nbeta\ngamma\n"})[0]["a.txt"] == b"ALPHA\nbeta\ngamma\n"


def test_odd_names(checkout: Path, take: Take) -> None:
    names = [
        " lead",
        "new\nline",
        "quote\"'",
        "-dash",
        "--stdin",
        os.fsdecode(b"\xff\xe9"),
        ":(glob)*",
        "[a]",
        "tab\tx",
    ]
    for name in names:
        (checkout / name).write_text("disk")
    files, _ = take(buffers=dict.fromkeys(names[::2], b"buffer") | {os.fsdecode(b"new\n\xfe"): b"buffer"})
    assert {name: files[name] for name in names} == {
        name: b"disk" if number % 2 else b"buffer" for number, name in enumerate(names)
    }
    assert files[os.fsdecode(b"new\n\xfe")] == b"buffer"


def test_files_and_folders_change_places(checkout: Path, take: Take, tmp_path: Path) -> None:
    (checkout / "a.txt").unlink()
    (checkout / "a.txt").mkdir()
    (checkout / "a.txt" / "inside").write_text("x")
    (checkout / "src").rename(tmp_path / "src")
    (checkout / "src").write_text("now a file")
    files, _ = take()
    assert files["a.txt/inside"] == b"x"
    assert files["src"] == b"now a file"
    assert not [name for name in files if name.startswith("src/")]


def test_a_buffer_below_what_is_a_file(take: Take) -> None:
    files, _ = take(buffers={"a.txt/x": b"unsaved"})
    assert files["a.txt/x"] == b"unsaved"
    assert "a.txt" not in files


def test_a_folder_became_a_link(checkout: Path, take: Take, tmp_path: Path) -> None:
    (checkout / "src").rename(tmp_path / "src")
    (checkout / "src").symlink_to(tmp_path / "src")
    files, _ = take()
    assert files["src"].startswith(b"link:")
    assert "src/one.py" not in files


def test_names_that_git_forbids(checkout: Path, take: Take) -> None:
    (checkout / ".GIT").mkdir()
    (checkout / ".GIT" / "config").write_text("[core]")
    (checkout / "src" / "git~1").write_text("x")
    (checkout / "fine").write_text("x")
    files, taken = take(buffers={"src/.Git/hook": b"x"})
    assert "fine" in files
    assert not [name for name in files if "git" in name.lower() and name != ".gitignore"]
    assert [note.code for note in taken.notes] == ["base/forbidden-name", "base/forbidden-name"]
    assert ".GIT/config, src/git~1" in taken.notes[0].message


def test_what_is_no_file(checkout: Path, take: Take) -> None:
    (checkout / "a.txt").unlink()
    os.mkfifo(checkout / "a.txt")
    os.mkfifo(checkout / "untracked")
    files, taken = take()
    assert "a.txt" not in files
    assert "untracked" not in files
    assert _codes(taken) == [("base/not-a-file", "a.txt")]


def test_folders_that_may_not_be_read(git: GitCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside pytest's own folder, which only its owner may enter: root, whom nothing stops, plays somebody else."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("HOME", "/")
    monkeypatch.delenv("XDG_CONFIG_HOME")
    top = Path(tempfile.mkdtemp())
    closed = top / "closed"
    try:
        if os.geteuid() == 0:
            os.chown(top, 65534, 65534)
            os.seteuid(65534)
        git(top, "init", "-q")
        closed.mkdir()
        (closed / "x").write_text("x")
        closed.chmod(0)
        (top / "new").write_text("x")
        taken = snapshot.take(Repository.discover(top), {}, "base")
        assert git(top, "ls-tree", "-r", "--name-only", taken.commit) == "new"
        assert _codes(taken) == [("base/unreadable-folder", "closed")]
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
        closed.chmod(0o700)
        shutil.rmtree(top)


def test_in_a_linked_worktree(checkout: Path, git: GitCommand, take: Take, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    git(checkout, "worktree", "add", "-q", str(linked), "-b", "side")
    (checkout / "a.txt").write_text("of the main checkout")
    (linked / "b.txt").write_text("of the linked one")
    git(linked, "add", "b.txt")
    files, _ = take(linked, {"new": b"x"})
    assert files["a.txt"] == b"alpha\nbeta\ngamma\n"
    assert files["b.txt"] == b"of the linked one"
    assert files["new"] == b"x"


def test_settings_that_hide_things(checkout: Path, git: GitCommand, take: Take) -> None:
    for key, value in {
        "status.showUntrackedFiles": "no",
        "core.ignoreStat": "true",
        "core.untrackedCache": "true",
        "core.preloadIndex": "false",
        "diff.ignoreSubmodules": "all",
        "add.ignoreErrors": "true",
        "core.fsmonitor": "/bin/true",
        "feature.manyFiles": "true",
    }.items():
        git(checkout, "config", key, value)
    git(checkout, "add", "-A")
    (checkout / "a.txt").write_text("edited\n")
    (checkout / "new").write_text("x")
    files, _ = take()
    assert files["a.txt"] == b"edited\n"
    assert files["new"] == b"x"


def test_sha256(tmp_path: Path, git: GitCommand, take: Take) -> None:
    root = tmp_path / "sha256"
    root.mkdir()
    git(root, "init", "-q", "--object-format=sha256")
    (root / "a").write_text("x")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    (root / "a").unlink()
    files, taken = take(root, {"b": b"y"})
    assert files == {"b": b"y"}
    assert len(taken.commit) == 64


def test_shallow_clone(checkout: Path, git: GitCommand, take: Take, tmp_path: Path) -> None:
    git(checkout, "commit", "-q", "--allow-empty", "-m", "second")
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{checkout}", "shallow")
    (tmp_path / "shallow" / "a.txt").write_text("x")
    assert take(tmp_path / "shallow")[0]["a.txt"] == b"x"
