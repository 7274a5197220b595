from __future__ import annotations

import codecs
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from attrs import frozen

from fanout_server.apply.content import (
    EXECUTABLE,
    REGULAR,
    SYMLINK,
    Content,
    Disk,
    FileChange,
    FolderInTheWay,
    ParentInTheWay,
    Unreadable,
)
from fanout_server.apply.edits import EditPlan, FileEdit, plan_edits
from fanout_server.apply.splice import TextEdit, splice
from fanout_server.model import Finding, Position, Range, Severity


def file(data: bytes | str, mode: int = REGULAR) -> Content:
    return Content(mode, data.encode() if isinstance(data, str) else data)


def change(path: str, old: Content | None, new: Content | None, renamed_from: str | None = None) -> FileChange:
    return FileChange(path, old, new, ("unit-1",), renamed_from)


@frozen
class Buffers:
    """What an editor has open."""

    files: Mapping[str, Content]

    def read(self, path: str) -> Content | None:
        return self.files.get(path)


def plan(now: Mapping[str, Content], *changes: FileChange, sides: Path | None = None) -> EditPlan:
    return plan_edits(changes, Buffers(now), sides)


def only_edit(planned: EditPlan) -> FileEdit:
    assert planned.left == ()
    (edit,) = planned.edits
    return edit


def only_finding(planned: EditPlan) -> Finding:
    assert planned.edits == ()
    assert planned.unchanged == ()
    (finding,) = planned.left
    assert finding.code == "merge/conflict"
    assert finding.severity is Severity.ERROR
    assert finding.units == ("unit-1",)
    assert "unit unit-1" in finding.message
    assert "not applied" in finding.message
    return finding


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"a\nb\nc\n", b"a\nx\nc\n"),
        (b"a\r\nb\r\n", b"a\r\nx\r\n"),
        (codecs.BOM_UTF8 + b"a\nb\n", codecs.BOM_UTF8 + b"x\nb\n"),
        (b"a\nb", b"a\nx"),
        (b"a\n", b"a"),
        (b"a\x0cb\nc\n", b"a\x0cb\nd\n"),
        ("\ufeffä\r\nb".encode("utf-16-le"), "\ufeffä\r\n\U0001f600".encode("utf-16-le")),
        (b"", b"now there is text\n"),
        (b"text\n", b""),
    ],
)
def test_text_that_the_user_left_alone_is_changed_line_by_line(old: bytes, new: bytes) -> None:
    edit = only_edit(plan({"f": file(old)}, change("f", file(old), file(new))))
    assert (edit.path, edit.kind, edit.before, edit.after, edit.units) == (
        "f",
        "modify",
        file(old),
        file(new),
        ("unit-1",),
    )
    assert splice(old, edit.edits) == new
    bom = codecs.BOM_UTF8 if old.startswith(codecs.BOM_UTF8) else b""
    assert all(one.start >= len(bom) for one in edit.edits)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (file(b"a\0b"), file(b"a\0c")),
        (file(b"caf\xe9\n"), file(b"th\xe9\n")),
        (file("a\n"), file("a\n", EXECUTABLE)),
        (file("a\n", EXECUTABLE), file("b\n")),
        (file("a", SYMLINK), file("b", SYMLINK)),
        (file("a\n"), file("b", SYMLINK)),
        (file("a\n"), file(codecs.BOM_UTF8 + b"a\n")),
    ],
)
def test_what_has_no_text_edits_is_replaced_whole(old: Content, new: Content) -> None:
    edit = only_edit(plan({"f": old}, change("f", old, new)))
    assert (edit.kind, edit.before, edit.after, edit.edits) == ("replace", old, new, ())


def test_new_and_deleted_files() -> None:
    planned = plan({"gone": file("x")}, change("gone", file("x"), None), change("new", None, file("y")))
    assert [(edit.path, edit.kind, edit.before, edit.after) for edit in planned.edits] == [
        ("new", "create", None, file("y")),
        ("gone", "delete", file("x"), None),
    ]


def test_what_the_user_already_has_is_unchanged() -> None:
    planned = plan(
        {"made": file("y"), "both": file("2\n"), "name": file("n")},
        change("made", None, file("y")),
        change("both", file("1\n"), file("2\n")),
        change("gone", file("x"), None),
        change("name", file("n"), file("n"), renamed_from="old-name"),
    )
    assert planned == EditPlan((), (), ("made", "both", "gone", "name"))


def test_changes_of_both_are_merged() -> None:
    now = file("typed\n1\n2\n3\n4\n")
    edit = only_edit(plan({"f": now}, change("f", file("1\n2\n3\n4\n"), file("1\n2\n3\nfour\n"))))
    assert edit.kind == "modify"
    assert edit.edits == (TextEdit(12, 13, b"four"),)
    assert edit.after == file("typed\n1\n2\n3\nfour\n")


def test_the_users_text_has_it_already_and_more() -> None:
    planned = plan({"f": file("0\n1\nx\n")}, change("f", file("1\n2\n"), file("1\nx\n")))
    assert planned == EditPlan((), (), ("f",))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_texts_are_merged_too(encoding: str) -> None:
    def wide(text: str) -> Content:
        return file(("\ufeff" + text).encode(encoding))

    base, now, new = wide("1\r\n2\r\n\u0a0a\r\n"), wide("0\r\n1\r\n2\r\n\u0a0a\r\n"), wide("1\r\n2\r\n\u0a0a!\r\n")
    edit = only_edit(plan({"f": now}, change("f", base, new)))
    assert edit.after == wide("0\r\n1\r\n2\r\n\u0a0a!\r\n")
    assert splice(now.data, edit.edits) == edit.after.data
    finding = only_finding(plan({"f": wide("1\r\n2\r\nmine\r\n")}, change("f", base, new)))
    assert finding.range == Range(Position(2, 0), Position(3, 0))


def test_text_in_an_8_bit_encoding_is_merged_as_lines_of_bytes() -> None:
    edit = only_edit(plan({"f": file(b"0\n\xe9\n2\n")}, change("f", file(b"\xe9\n2\n"), file(b"\xe9\n3\n"))))
    assert (edit.kind, edit.after) == ("replace", file(b"0\n\xe9\n3\n"))


def test_a_change_of_encoding_cannot_be_merged() -> None:
    base, new = "é\n1\n2\n3\n", "é\n1\n2\n3!\n"
    for now in (base.encode("latin-1"), ("\ufeff" + base).encode("utf-16-le")):
        assert "encoding" in only_finding(plan({"f": file(now)}, change("f", file(base), file(new)))).message


def test_modes_are_merged_apart_from_content() -> None:
    base, run = file("1\n"), file("1\n", EXECUTABLE)
    assert only_edit(plan({"f": file("2\n")}, change("f", base, run))).after == file("2\n", EXECUTABLE)
    edit = only_edit(plan({"f": file("1\n", EXECUTABLE)}, change("f", base, file("2\n"))))
    assert (edit.kind, edit.after) == ("modify", file("2\n", EXECUTABLE))
    assert plan({"f": file("1\n", EXECUTABLE)}, change("f", None, file("1\n"))).unchanged == ("f",)
    assert only_edit(plan({"f": file("1\n")}, change("f", None, run))).after == run
    assert only_edit(plan({"f": file("1\n", EXECUTABLE)}, change("f", base, None))).kind == "delete"


@pytest.mark.parametrize(
    ("old", "now", "new", "reason"),
    [
        (file("1\n"), file("2\n"), file("3\n"), "same lines (line 1)"),
        (file(b"\0a"), file(b"\0b"), file(b"\0c"), "no text"),
        (file("a", SYMLINK), file("b", SYMLINK), file("c", SYMLINK), "symbolic link"),
        (file("a"), file("b", SYMLINK), file("c"), "symbolic link"),
        (file("1\n"), file("2\n"), None, "was to go, but you have edited it"),
        (file("1\n"), None, file("2\n"), "you have deleted or renamed it"),
        (None, file("1\n"), file("2\n"), "another file of this name"),
    ],
)
def test_what_cannot_be_merged_is_left_alone(
    old: Content | None, now: Content | None, new: Content | None, reason: str
) -> None:
    planned = plan({} if now is None else {"a file": now}, change("a file", old, new))
    finding = only_finding(planned)
    assert finding.path == "a file"
    assert "'a file'" in finding.message
    assert reason in finding.message
    assert "What you have is as it was." in finding.message


def test_a_conflict_names_all_its_lines_and_keeps_both_sides(tmp_path: Path) -> None:
    base = "".join(f"{number}\n" for number in range(1, 12))
    now = base.replace("2\n3\n", "two\nthree\n").replace("8\n", "eight\n")
    new = base.replace("2\n3\n", "zwei\ndrei\n").replace("8\n", "acht\n").replace("11\n", "elf\n")
    planned = plan({"src/a b.txt": file(now)}, change("src/a b.txt", file(base), file(new)), sides=tmp_path / "sides")
    finding = only_finding(planned)
    assert "(lines 2-3 and 8)" in finding.message
    assert finding.range == Range(Position(1, 0), Position(3, 0))
    also, started, result = finding.related
    assert (also.path, also.range) == ("src/a b.txt", Range(Position(7, 0), Position(8, 0)))
    assert Path(started.path) == tmp_path / "sides/src/a b.txt.base"
    assert Path(result.path) == tmp_path / "sides/src/a b.txt.result"
    assert Path(started.path).read_text() == base
    assert Path(result.path).read_text() == new
    assert result.path in finding.message


def test_only_sides_that_exist_are_kept(tmp_path: Path) -> None:
    finding = only_finding(plan({"f": file("x")}, change("f", None, file("y")), sides=tmp_path))
    assert [Path(one.path).name for one in finding.related] == ["f.result"]
    finding = only_finding(plan({"g": file("x")}, change("g", file("y"), None), sides=tmp_path))
    assert [Path(one.path).name for one in finding.related] == ["g.base"]
    assert sorted(one.name for one in tmp_path.iterdir()) == ["f.result", "g.base"]


def test_sides_that_cannot_be_kept_are_told_and_hide_no_conflict(tmp_path: Path) -> None:
    (tmp_path / "sides").write_text("in the way")
    finding = only_finding(plan({"f": file("x")}, change("f", None, file("y")), sides=tmp_path / "sides"))
    assert finding.related == ()
    assert "could not be kept" in finding.message


def test_a_conflict_in_taking_back_says_so(tmp_path: Path) -> None:
    changes = (change("f", file("made by the run"), None),)
    (finding,) = plan_edits(changes, Buffers({"f": file("edited")}), tmp_path, taking_back=True).left
    assert "What unit unit-1 did to 'f' was not taken back: it was to go" in finding.message
    assert [one.message for one in finding.related] == ["what the run had made of it"]


def test_a_rename_of_case_alone_is_left_alone_where_the_disk_sees_none() -> None:
    class Insensitive:
        def read(self, path: str) -> Content | None:
            return file("x") if path.casefold() == "readme" else None

    renamed = change("Readme", file("x"), file("x"), renamed_from="README")
    assert "upper and lower case" in only_finding(plan_edits((renamed,), Insensitive())).message
    assert only_edit(plan({"README": file("x")}, renamed)).kind == "rename"


def test_odd_names_are_printed_on_one_line() -> None:
    finding = only_finding(plan({"a\n\udcff": file("x")}, change("a\n\udcff", None, file("y"))))
    assert "'a\\n\\udcff'" in finding.message
    assert finding.path == "a\n\udcff"


def test_a_rename_carries_the_users_edits_over() -> None:
    base, now, new = file("1\n2\n3\n"), file("0\n1\n2\n3\n"), file("1\n2\n3!\n")
    edit = only_edit(plan({"old": now}, change("new", base, new, renamed_from="old")))
    assert (edit.path, edit.kind, edit.renamed_from, edit.before) == ("new", "rename", "old", now)
    assert edit.after == file("0\n1\n2\n3!\n")
    assert splice(now.data, edit.edits) == edit.after.data
    plain = only_edit(plan({"old": now}, change("new", base, base, renamed_from="old")))
    assert (plain.after, plain.edits) == (now, ())


def test_a_rename_of_what_is_no_text_and_changed_is_a_new_file_and_a_deleted_one() -> None:
    planned = plan({"old": file(b"\0a")}, change("new", file(b"\0a"), file(b"\0b"), renamed_from="old"))
    assert [(edit.path, edit.kind, edit.after) for edit in planned.edits] == [
        ("new", "create", file(b"\0b")),
        ("old", "delete", None),
    ]
    same = only_edit(plan({"old": file(b"\0a")}, change("new", file(b"\0a"), file(b"\0a"), renamed_from="old")))
    assert same.kind == "rename"


@pytest.mark.parametrize(
    ("now", "reason", "path"),
    [
        ({"old": file("1\n"), "new": file("x")}, "another file of this name", "new"),
        ({}, "deleted or renamed it since", "new"),
        ({"old": file("2\n")}, "same lines", "old"),
        ({"old": file("2\n"), "new": file("3\n")}, "edited it", "new"),
    ],
)
def test_a_rename_that_cannot_be_done_is_left_alone(now: Mapping[str, Content], reason: str, path: str) -> None:
    finding = only_finding(plan(now, change("new", file("1\n"), file("3\n"), renamed_from="old")))
    assert reason in finding.message
    assert "'old'" in finding.message
    assert finding.path == path


def test_a_rename_of_which_the_new_file_is_there_leaves_only_the_old_one_to_delete() -> None:
    now = {"old": file("1\n"), "new": file("3\n")}
    edit = only_edit(plan(now, change("new", file("1\n"), file("3\n"), renamed_from="old")))
    assert (edit.path, edit.kind) == ("old", "delete")


def test_edits_come_in_an_order_in_which_they_can_be_made() -> None:
    now = {name: file(name + "\n") for name in ("modified", "renamed", "deleted")}
    planned = plan(
        now,
        change("deleted", now["deleted"], None),
        change("modified", now["modified"], file("new\n")),
        change("a-new-name", now["renamed"], now["renamed"], renamed_from="renamed"),
        change("made", None, file("made\n")),
    )
    assert [edit.kind for edit in planned.edits] == ["create", "modify", "rename", "delete"]


def write(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)


def on_disk(root: Path, *changes: FileChange) -> EditPlan:
    return plan_edits(changes, Disk(root))


def test_a_file_makes_place_for_a_folder(tmp_path: Path) -> None:
    write(tmp_path, "a")
    planned = on_disk(tmp_path, change("a", file("a"), None), change("a/b", None, file("b")))
    assert [(edit.kind, edit.path) for edit in planned.edits] == [("delete", "a"), ("create", "a/b")]


def test_a_folder_makes_place_for_a_file(tmp_path: Path) -> None:
    write(tmp_path, "a/b", "a/c/d")
    planned = on_disk(
        tmp_path, change("a", None, file("a")), change("a/b", file("a/b"), None), change("a/c/d", file("a/c/d"), None)
    )
    assert [(edit.kind, edit.path) for edit in planned.edits] == [
        ("delete", "a/b"),
        ("delete", "a/c/d"),
        ("create", "a"),
    ]


def test_a_file_moves_into_the_folder_that_takes_its_place_and_back(tmp_path: Path) -> None:
    write(tmp_path, "a")
    planned = on_disk(tmp_path, change("a/b", file("a"), file("a"), renamed_from="a"))
    assert [(edit.kind, edit.path, edit.after) for edit in planned.edits] == [
        ("delete", "a", None),
        ("create", "a/b", file("a")),
    ]
    (tmp_path / "a").unlink()
    write(tmp_path, "a/b")
    planned = on_disk(tmp_path, change("a", file("a/b"), file("a/b"), renamed_from="a/b"))
    assert [(edit.kind, edit.path) for edit in planned.edits] == [("delete", "a/b"), ("create", "a")]


def test_a_renamed_file_makes_place_for_a_folder(tmp_path: Path) -> None:
    write(tmp_path, "a")
    planned = on_disk(tmp_path, change("c", file("a"), file("a"), renamed_from="a"), change("a/b", None, file("b")))
    assert [(edit.kind, edit.path) for edit in planned.edits] == [("rename", "c"), ("create", "a/b")]


def test_what_has_to_stay_makes_no_place(tmp_path: Path) -> None:
    """The user edited ``a``, so it stays, so ``a/b`` cannot come, so ``z`` whose rename it is stays too."""
    write(tmp_path, "a", "z")
    planned = on_disk(
        tmp_path,
        change("a", file("another"), None),
        change("a/b", file("z"), file("z"), renamed_from="z"),
        change("z/new", None, file("new")),
    )
    assert planned.edits == ()
    assert [finding.path for finding in planned.left] == ["a", "a/b", "z/new"]
    assert "'a' is a file, not a folder" in planned.left[1].message
    assert "'z' is a file, not a folder" in planned.left[2].message


def test_a_folder_with_something_of_the_users_in_it_stays(tmp_path: Path) -> None:
    write(tmp_path, "a/b", "a/mine")
    planned = on_disk(tmp_path, change("a", None, file("a")), change("a/b", file("a/b"), None))
    assert [edit.path for edit in planned.edits] == ["a/b"]
    assert ["'a' is a folder" in finding.message for finding in planned.left] == [True]


def test_an_empty_folder_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    assert [edit.kind for edit in on_disk(tmp_path, change("a", None, file("a"))).edits] == ["create"]


def test_places_that_were_swapped_already_are_unchanged(tmp_path: Path) -> None:
    write(tmp_path, "a/b")
    planned = on_disk(tmp_path, change("a", file("a"), None), change("a/b", None, file("a/b")))
    assert planned == EditPlan((), (), ("a", "a/b"))


def test_the_disk_is_read_without_following_links(tmp_path: Path) -> None:
    root = tmp_path / "root"
    write(root, "run.sh", "folder/file")
    (root / "run.sh").chmod(0o755)
    (tmp_path / "outside").mkdir()
    write(tmp_path / "outside", "secret")
    (root / "link").symlink_to("../outside/secret")
    (root / "out").symlink_to("../outside")
    os.mkfifo(root / "pipe")
    disk = Disk(root)
    assert disk.read("run.sh") == Content(EXECUTABLE, b"run.sh")
    assert disk.read("folder/file") == Content(REGULAR, b"folder/file")
    assert disk.read("link") == Content(SYMLINK, b"../outside/secret")
    assert disk.read("nothing") is None
    assert disk.read("no/thing") is None
    with pytest.raises(ParentInTheWay, match="'out' is a symbolic link"):
        disk.read("out/secret")
    with pytest.raises(ParentInTheWay, match=r"'run\.sh' is a file"):
        disk.read("run.sh/x")
    with pytest.raises(FolderInTheWay) as caught:
        disk.read("folder")
    assert caught.value.files == ("folder/file",)
    with pytest.raises(Unreadable, match="no regular file"):
        disk.read("pipe")


def test_a_link_to_a_folder_counts_as_something_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/link").symlink_to("/nowhere")
    (tmp_path / "a/to-folder").symlink_to("b")
    with pytest.raises(FolderInTheWay) as caught:
        Disk(tmp_path).read("a")
    assert caught.value.files == ("a/b/link", "a/to-folder")


@pytest.mark.parametrize(
    "path", ["../x", "/etc/passwd", "a/../../x", ".git/hooks/pre-commit", "a/.GIT/config", "", "a//b"]
)
def test_paths_that_lead_out_are_left_alone(tmp_path: Path, path: str) -> None:
    planned = on_disk(tmp_path, change(path, None, file("x")))
    assert planned.edits == ()
    assert "leads out" in planned.left[0].message


def test_a_file_that_may_not_be_read_is_left_alone(tmp_path: Path) -> None:
    class Locked:
        def read(self, path: str) -> Content | None:
            raise Unreadable(path, "permission denied")

    planned = plan_edits((change("f", file("1"), file("2")),), Locked())
    assert "permission denied" in planned.left[0].message
