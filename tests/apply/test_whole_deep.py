"""Random trees: what a run made of one meets what the user made of it, on a real disk."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from hypothesis import event, given, settings
from hypothesis import strategies as st

from fanout_server.apply import files
from fanout_server.apply.content import EXECUTABLE, REGULAR, SYMLINK, Content, Disk, FileChange
from fanout_server.apply.edits import FileEdit, plan_edits
from fanout_server.apply.paths import parents
from fanout_server.apply.splice import splice

Files = dict[str, Content]

# Few names, so that files and folders want the same places.
PATHS = ("a", "b", "c", "a/a", "a/b", "b/a", "b/a/a", "b/a/b", "c/c/c", "c/c")
LINES = [b"1\n", b"2\n", b"3\r\n", b"\xe9\n", b"four", b"\n"]
CONTENTS = st.one_of(
    st.builds(Content, st.sampled_from([REGULAR, EXECUTABLE]), st.lists(st.sampled_from(LINES)).map(b"".join)),
    st.builds(Content, st.just(REGULAR), st.sampled_from([b"\0a", b"\0b", b"\xef\xbb\xbf1\n2\n"])),
    st.builds(Content, st.just(SYMLINK), st.sampled_from([b"a", b"../out"])),
)


def fits(tree: Mapping[str, Content], path: str) -> bool:
    taken = {parent for one in tree for parent in parents(one)}
    return path not in taken and tree.keys().isdisjoint(parents(path))


@st.composite
def trees(draw: st.DrawFn) -> Files:
    made: Files = {}
    for path in draw(st.permutations(PATHS)):
        if fits(made, path) and draw(st.booleans()):
            made[path] = draw(CONTENTS)
    return made


@st.composite
def edited(draw: st.DrawFn, base: Files) -> Files:
    made = dict(base)
    for path in draw(st.lists(st.sampled_from(PATHS), max_size=8)):
        match draw(st.sampled_from(["drop", "add", "line", "move"])):
            case "drop":
                made.pop(path, None)
            case "add":
                for one in [one for one in made if one.startswith(path + "/") or path.startswith(one + "/")]:
                    del made[one]
                made[path] = draw(CONTENTS)
            case "line" if path in made and not made[path].is_link:
                data = draw(st.sampled_from([b"new\n" + made[path].data, made[path].data + b"\nend\n"]))
                made[path] = Content(made[path].mode, data)
            case "move" if path in made:
                content = made.pop(path)
                target = draw(st.sampled_from(PATHS))
                made[target if fits(made, target) else path] = content
            case _:
                pass
    return made


def changes_between(old: Files, new: Files) -> tuple[FileChange, ...]:
    """As git tells them: what went and what came with the same content is a rename."""
    gone = [path for path in old if path not in new]
    found: list[FileChange] = []
    for path in sorted(new.keys() - old.keys()):
        source = next((one for one in gone if old[one] == new[path]), None)
        if source is not None:
            gone.remove(source)
        found.append(FileChange(path, old[source] if source else None, new[path], ("u",), source))
    found += [FileChange(path, old[path], None, ("u",)) for path in gone]
    found += [FileChange(path, old[path], new[path], ("u",)) for path in old if path in new and old[path] != new[path]]
    return tuple(sorted(found, key=lambda change: change.path))


@contextmanager
def on_disk(tree: Files) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp())
    try:
        root = folder / "root"
        root.mkdir()
        for path, content in tree.items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if content.is_link:
                target.symlink_to(content.data.decode())
            else:
                target.write_bytes(content.data)
                target.chmod(0o755 if content.mode == EXECUTABLE else 0o644)
        yield root
    finally:
        shutil.rmtree(folder)


def read_all(root: Path) -> Files:
    disk = Disk(root)
    names = [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_symlink() or not path.is_dir()]
    return {name: content for name in names if (content := disk.read(name)) is not None}


def one_by_one(now: Files, edits: tuple[FileEdit, ...]) -> Files:
    """As an editor makes them, which wants each to be possible when its turn comes."""
    tree = dict(now)
    for edit in edits:
        if edit.kind == "create":
            assert edit.path not in tree
        else:
            assert tree.pop(edit.renamed_from or edit.path) == edit.before
        if edit.after is not None:
            assert fits(tree, edit.path)
            assert edit.path not in tree
            tree[edit.path] = edit.after
        if edit.kind in {"modify", "rename"}:
            assert edit.before is not None
            assert edit.after is not None
            assert edit.before.mode == edit.after.mode
            assert splice(edit.before.data, edit.edits) == edit.after.data
    return tree


@settings(max_examples=8000, deadline=None, database=None)
@given(st.data())
def test_what_a_run_made_meets_what_the_user_made(data: st.DataObject) -> None:
    base = data.draw(trees())
    new = data.draw(edited(base))
    now = data.draw(edited(base))
    changes = changes_between(base, new)
    with on_disk(now) as root:
        plan = plan_edits(changes, Disk(root))
        files.write(root, plan.edits, root.parent / "store")
        after = read_all(root)
        assert one_by_one(now, plan.edits) == after
        event("conflicts" if plan.left else "all applied")
        # Nothing of the user's is lost, and nothing that nobody changed is touched.
        for path in PATHS:
            if new.get(path) == base.get(path):
                assert after.get(path) == now.get(path)
        ours = {edit.path for edit in plan.edits} | {edit.renamed_from for edit in plan.edits}
        for path in now.keys() - ours:
            assert after[path] == now[path]
        if now == base:
            assert plan.left == ()
            assert after == new
        # What was left alone the first time may go its way later; what was applied has nothing to do any more.
        if not plan.left:
            assert plan_edits(changes, Disk(root)).edits == ()
        # Taking it back, where nothing was typed since.
        written = {edit.path: edit.after for edit in plan.edits if edit.after is not None}
        stood = {edit.renamed_from or edit.path: edit.before for edit in plan.edits if edit.before is not None}
        back = plan_edits(changes_between(written, stood), Disk(root), taking_back=True)
        assert back.left == ()
        files.write(root, back.edits, root.parent / "store")
        assert read_all(root) == now
