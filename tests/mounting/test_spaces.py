"""Spaces: on their way to another process, and as a program finds them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanout_server.mounting import entering, overlay, spaces
from fanout_server.mounting.overlay import Space

_PATHS = st.binary(min_size=1, max_size=20).filter(lambda path: b"\0" not in path).map(lambda path: b"/" + path)
_OVERLAYS = st.tuples(_PATHS, st.lists(_PATHS, min_size=1, max_size=4), _PATHS, _PATHS)
_SPACES = st.builds(
    Space,
    st.lists(_OVERLAYS, max_size=3),
    st.lists(_PATHS, max_size=3),
    st.lists(st.tuples(_PATHS, _PATHS), max_size=3),
)

_ODD = ["a space", "a:colon", "a,comma,upperdir=/", "back\\slash\\:", "new\nline", os.fsdecode(b"\xff\xfe"), "'\"$x`"]


@given(_SPACES)
def test_nothing_is_lost_on_the_way_to_another_process(space: Space) -> None:
    again = Space.from_bytes(space.to_bytes())
    assert (again.overlays, again.covered, again.binds) == (space.overlays, space.covered, space.binds)


def _in(space: Space | None, *argv: str, cwd: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    with spaces.handed_over(space) as (prefix, descriptors):
        return subprocess.run(
            [*prefix, *argv], cwd=cwd, pass_fds=descriptors, capture_output=True, check=False, timeout=30
        )


def _layers(home: Path, name: str = "x") -> tuple[Path, Path, Path, Path]:
    """Target, lower, upper and work, with a file in the lower one."""
    made = tuple(home / kind / name for kind in ("target", "lower", "upper", "work"))
    for folder in made:
        folder.mkdir(parents=True)
    target, lower, upper, work = made
    (lower / "file").write_text("below\n")
    return target, lower, upper, work


def _space(*layers: Path, covered: list[bytes] | None = None) -> Space:
    target, lower, upper, work = map(bytes, layers)
    return Space([(target, [lower], upper, work)], covered)


@pytest.mark.parametrize("name", _ODD)
def test_any_path_will_do_in_every_place(tmp_path: Path, name: str) -> None:
    target, lower, upper, work = _layers(tmp_path, name)
    second, hidden, goal = (tmp_path / kind / name for kind in ("second", "hidden", "goal"))
    for folder in (second, hidden, goal):
        folder.mkdir(parents=True)
    (second / "two").write_text("second\n")
    (hidden / "secret").write_text("secret\n")
    layers = (bytes(target), [bytes(second), bytes(lower)], bytes(upper), bytes(work))
    space = Space([layers], [bytes(hidden)], [(bytes(target), bytes(goal))])
    script = 'pwd; cat file two; echo new >made; cat "$1/made"; ls -A "$2"'
    done = _in(space, "sh", "-ec", script, "sh", str(goal), str(hidden), cwd=target)
    assert done.stderr == b""
    assert done.stdout == bytes(target) + b"\nbelow\nsecond\nnew\n"
    assert sorted(path.name for path in upper.iterdir()) == ["made"]
    assert list(target.iterdir()) == list(goal.iterdir()) == []
    assert (hidden / "secret").exists()


def test_it_is_seen_by_nobody_else_and_gone_at_the_end(tmp_path: Path) -> None:
    layers = _layers(tmp_path)
    with spaces.handed_over(_space(*layers)) as (prefix, descriptors):
        argv = [*prefix, "sh", "-c", "echo; read end"]
        with subprocess.Popen(
            argv, pass_fds=descriptors, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/"
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"\n"
            assert list(layers[0].iterdir()) == []
            assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
            process.kill()
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()


def test_what_was_written_is_there_the_next_time(tmp_path: Path) -> None:
    space = _space(*_layers(tmp_path))
    target = tmp_path / "target" / "x"
    assert _in(space, "sh", "-ec", "rm file; mkdir d; echo x >d/x", cwd=target).stderr == b""
    assert _in(space, "find", ".", "-type", "f", cwd=target).stdout == b"./d/x\n"


def test_a_covered_folder_can_be_worked_in_and_forgets_it(tmp_path: Path) -> None:
    target, lower, upper, work = _layers(tmp_path)
    (target.parent / "sibling").mkdir()
    (target.parent / "sibling" / "theirs").write_text("theirs\n")
    space = _space(target, lower, upper, work, covered=[bytes(target.parent)])
    script = 'ls -A "$1"; mkdir -p "$1/sibling"; echo mine >"$1/sibling/theirs"; cat "$1/sibling/theirs"'
    done = _in(space, "sh", "-ec", script, "sh", str(target.parent), cwd=target)
    assert (done.stdout, done.stderr) == (b"x\nmine\n", b"")
    assert (target.parent / "sibling" / "theirs").read_text() == "theirs\n"


@pytest.mark.parametrize(
    ("gone", "said"), [(1, "cannot find the layer"), (2, "cannot find the layer"), (3, "cannot make a work folder")]
)
def test_a_missing_layer_is_named(tmp_path: Path, gone: int, said: str) -> None:
    layers = _layers(tmp_path)
    shutil.rmtree(layers[gone])
    done = _in(_space(*layers), "echo", "not reached", cwd=layers[0])
    assert (done.returncode, done.stdout) == (entering.REFUSED, b"")
    assert said in done.stderr.decode()
    assert str(layers[gone]) in done.stderr.decode()
    assert done.stderr.decode().strip().endswith("No such file or directory")


def test_other_refusals_are_named(tmp_path: Path) -> None:
    target, lower, upper, work = _layers(tmp_path)
    done = _in(_space(target, lower, upper, work, covered=[bytes(tmp_path / "none")]), "true", cwd=target)
    assert done.returncode == entering.REFUSED
    assert f"cannot cover {tmp_path}/none: No such file or directory" in done.stderr.decode()
    target.rmdir()
    target.write_text("a file")
    done = _in(_space(target, lower, upper, work), "true", cwd=tmp_path)
    assert f"cannot make the folder {target}: File exists" in done.stderr.decode()


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    done = _in(_space(*_layers(tmp_path)), "no-such-program-here", cwd=tmp_path)
    assert done.returncode == entering.REFUSED
    assert b"No such file" in done.stderr


def test_without_a_space_nothing_comes_before_the_program() -> None:
    with spaces.handed_over(None) as handed:
        assert handed == ([], [])


def test_trying_it_out(tmp_path: Path) -> None:
    assert spaces.try_out(tmp_path / "one", tmp_path / "two, with\na:name") is None


def test_trying_it_out_where_it_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = Space([(b"/none", [b"/none"], b"/none", b"/none")]).to_bytes()
    monkeypatch.setattr(Space, "to_bytes", lambda _: nowhere)
    assert spaces.try_out(tmp_path / "home") == "cannot find the layer /none: No such file or directory"


def test_trying_it_out_notices_what_does_not_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mount that lets everything through, which no kernel would do, stands for one that notes things otherwise."""
    home = tmp_path / "home"
    through = Space([], binds=[(bytes(home / "lower"), bytes(home / "target"))]).to_bytes()
    monkeypatch.setattr(Space, "to_bytes", lambda _: through)
    assert spaces.try_out(home) == "a write went through to the lower layer"


def test_which_marks_are_read_are_those_that_are_made(tmp_path: Path) -> None:
    target, lower, upper, work = _layers(tmp_path)
    (lower / "folder").mkdir()
    assert _in(_space(target, lower, upper, work), "sh", "-ec", "rm -r folder; mkdir folder", cwd=target).stderr == b""
    assert os.getxattr(upper / "folder", f"{overlay.marks()}.overlay.opaque") == b"y"
