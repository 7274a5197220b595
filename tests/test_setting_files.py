"""The settings files: what counts of them, what is said of the rest, and what a project may not say unless trusted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fanout_server import settings
from fanout_server.setting_files import FOR_TRUSTED, SettingFiles, user_file

EVIL: dict[str, str] = {
    "command": '["sh", "-c", "echo"]',
    "output": '{format = "json", session = "a", resume = ["--evil", "{session}"]}',
    "args": '["--mcp-config", "evil"]',
    "setup": '"make evil"',
    "verify": '"make evil"',
    "check": '"make evil"',
    "allow": '["Bash"]',
    "env": '{NODE_OPTIONS = "--require evil"}',
    "env_pass": '["*"]',
    "copy": '[".env"]',
    "cache_limit": '"none"',
    "link": '["node_modules"]',
}


def write_user(text: str) -> Path:
    path = user_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    made.mkdir()
    return made


def write_project(root: Path, text: str) -> Path:
    path = root / ".fanout.toml"
    path.write_text(text)
    return path


def test_where_the_users_file_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert user_file() == tmp_path / "fanout" / "settings.toml"
    for ignored in ("", "relative"):
        monkeypatch.setenv("XDG_CONFIG_HOME", ignored)
        assert user_file() == Path.home() / ".config" / "fanout" / "settings.toml"


def test_without_files_nothing_is_said(root: Path) -> None:
    layers = SettingFiles().of(root)
    assert (layers.options, layers.problems) == ({}, ())
    assert SettingFiles().of(None).options == {}


def test_the_project_stands_above_the_user(root: Path) -> None:
    write_user('[options]\njobs = 2\nattempts = 5\nagent = "claude"\n')
    write_project(root, "[options]\njobs = 3\nrewrite = [{pattern = 'a', to = 'b'}]\n")
    layers = SettingFiles().of(root)
    # Who gives rules to rewrite with and no agent means the one that rewrites.
    assert layers.options == {"jobs": 3, "attempts": 5, "rewrite": [{"pattern": "a", "to": "b"}]}
    assert SettingFiles().of(None).options == {"jobs": 2, "attempts": 5, "agent": "claude"}


def test_what_is_wrong_is_told_with_its_line_and_the_rest_counts(root: Path) -> None:
    user = write_user(
        '# mine\njobs = 3\noption = 1\ntrust = ["relative", "/w"]\n\n[options]\njobs = "many"\njbos = 3\nattempts = 4\n'
    )
    project = write_project(root, "\ufeff[options]\r\n\r\njobs = 1979-05-27\r\nbudget = '$2'\r\n[other]\r\n[trust]\r\n")
    layers = SettingFiles().of(root)
    assert layers.options == {"attempts": 4, "budget": "$2"}
    assert layers.user.trust == (Path("/w"),)
    for problem, expected in zip(
        layers.problems,
        [
            f"{user}:2: 'jobs' is an option. Put it below a line [options].",
            f"{user}:3: There is no setting 'option'; did you mean 'options'?",
            f"{user}:7: Option 'jobs' takes a whole number",
            f"{user}:8: There is no option 'jbos'; did you mean 'jobs'?",
            f"{user}:4: 'trust' takes folders that begin with / or ~/, but one is the text 'relative'.",
            f"{project}:5: There is no setting 'other'. Known are: options, presets.",
            f"{project}:6: A project cannot say that it is trusted. Put 'trust' into {user}.",
            f"{project}:3: Option 'jobs' takes a whole number",
        ],
        strict=True,
    ):
        assert problem.startswith(expected)


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"[options]\njobs = \n", ":2: This is no TOML, so nothing in the file counts: Invalid value."),
        (b"[options\n", ":1: This is no TOML"),
        (b"a = " + b"[" * 100_000, ": This is no TOML, so nothing in the file counts: It is nested too deeply."),
        (b"a = '\xff'\n", ": It is not UTF-8 (byte 5)."),
        (b"#" * 300_000, ": It is larger than 256 KB"),
        (b"options = 3\n", ":1: 'options' should be a table, but is the number 3."),
        (b"\n[[options]]\njobs = 3\n", ":2: 'options' should be a table, but is a list."),
    ],
)
def test_a_file_that_is_unfit_is_told_and_does_not_count(root: Path, data: bytes, part: str) -> None:
    for path in (write_project(root, ""), write_user("")):
        path.write_bytes(data)
        layers = SettingFiles().of(root)
        path.unlink()
        assert layers.options == {}
        assert [problem for problem in layers.problems if problem.startswith(f"{path}{part}")]


def test_what_lies_there_and_is_no_file(root: Path, tmp_path: Path) -> None:
    path = root / ".fanout.toml"
    path.mkdir()
    assert SettingFiles().of(root).problems == (f"{path}: It is no file that can be read.",)
    path.rmdir()
    os.mkfifo(path)
    assert SettingFiles().of(root).problems == (f"{path}: It is no file that can be read.",)
    path.unlink()
    (tmp_path / "secret").write_text("[options]\njobs = 3\n")
    path.symlink_to(tmp_path / "secret")
    assert SettingFiles().of(root).problems == (
        f"{path}: It is a link, which is not followed. Put the file itself there.",
    )
    # The user may keep theirs where they like.
    write_user("").unlink()
    user_file().symlink_to(tmp_path / "secret")
    assert SettingFiles().of(None).options == {"jobs": 3}


def test_every_option_that_says_what_runs_needs_trust() -> None:
    harmless = {
        *("agent", "model", "rewrite", "split", "jobs", "owns", "setup_key", "attempts", "timeout", "stall", "pilot"),
        *("untracked_limit", "budget", "unit_budget", "prices", "order", "mode", "review", "apply", "worktrees"),
        *("conflicts", "cache"),
    }
    # A new option has to be put on one side.
    assert FOR_TRUSTED | harmless == set(settings.OPTION_KEYS)
    assert not FOR_TRUSTED & harmless
    assert set(EVIL) == FOR_TRUSTED


@pytest.mark.parametrize("key", EVIL)
def test_a_project_may_not_say_what_runs_until_it_is_trusted(root: Path, key: str) -> None:
    user = write_user("")
    path = write_project(root, f"[options]\njobs = 3\n{key} = {EVIL[key]}\n")
    files = SettingFiles()
    layers = files.of(root)
    assert layers.options == {"jobs": 3}
    assert layers.problems[0] == f"{path}:3: Option {key!r} was left out."
    assert f"add its folder to 'trust' in {user}" in layers.problems[1]
    assert set(files.of(root, trusted=True).options) == {"jobs", key}
    assert files.of(root, trusted=True).problems == ()
    for folder, counts in [(root, True), (root.parent, True), (root / "in", False), (root.with_name("projec"), False)]:
        write_user(f"trust = ['{folder}']\n")
        layers = files.of(root)
        assert (key in layers.options) is counts
        assert bool(layers.problems) is not counts


def test_the_users_limits_and_questions_are_not_for_a_project_to_lift(root: Path) -> None:
    write_project(root, "[options]\nbudget = '$99'\nunit_budget = '$9'\napply = 'now'\n[[presets]]\ntitle = 'x'\n")
    layers = SettingFiles().of(root)
    assert layers.options == {"budget": "$99", "unit_budget": "$9"}
    assert [problem.split("toml:")[1] for problem in layers.problems[:-1]] == [
        "4: Option 'apply' was left out.",
        "5: The presets were left out.",
    ]
    assert layers.files[1].presets is None
    write_user("[options]\nbudget = '$1'\n")
    assert SettingFiles().of(root).options == {"budget": "$1", "unit_budget": "$9"}
    write_project(root, "[options]\napply = 'later'\n")
    assert SettingFiles().of(root).options["apply"] == "later"


def test_trust_is_of_folders_as_they_really_are(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_project(root, "[options]\nverify = 'make'\n")
    (tmp_path / "link").symlink_to(root)
    for folder in (str(tmp_path / "link"), "~/project", f"{root}/"):
        monkeypatch.setenv("HOME", str(tmp_path))
        write_user(f"trust = ['{folder}']\n")
        assert SettingFiles().of(root).options == {"verify": "make"}


def test_files_are_read_again_when_they_change(root: Path) -> None:
    files = SettingFiles()
    assert files.of(root).options == {}
    path = write_project(root, "[options]\njobs = 3\n")
    first = files.of(root)
    assert first.options == {"jobs": 3}
    assert files.of(root).project is first.project
    new = path.with_name("new")
    new.write_text("[options]\njobs = 4\n")
    new.replace(path)
    assert files.of(root).options == {"jobs": 4}
    path.unlink()
    assert files.of(root).options == {}
