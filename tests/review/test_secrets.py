"""Secrets that units wrote are told by their kind, and shown nowhere."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from importlib.machinery import ModuleSpec

import pytest

from fanout_server.model import Finding, Severity
from fanout_server.review import checks, secrets
from fanout_server.review.material import OutOfTime
from fanout_server.syntax.worker import Worker
from tests.review.merging import Made, material

# In parts, so that nobody who searches this file for secrets finds any.
_AWS = "AKIA" + "2E0A8F3B244C9986"
_TOKEN = "ghp" + "_" + "a1B2c3D4e5F6" * 3
_PASSWORD = "c0rrect" + "-horse-battery"


def _found(files: dict[str, Made]) -> list[Finding]:
    with material(files) as made:
        return list(secrets.find(made))


@pytest.mark.parametrize(
    ("path", "line", "kind"),
    [
        ("a.py", f"key = '{_AWS}'", "AWS Access Key"),
        ("notes.md", f"use {_TOKEN} for now", "GitHub Token"),
        ("id.pem", "-----BEGIN RSA " + "PRIVATE KEY-----", "Private Key"),
        ("settings.yaml", f'password: "{_PASSWORD}"', "Secret Keyword"),
        ("tests/test_a.py", f"key = '{_AWS}'", "AWS Access Key"),
    ],
)
@pytest.mark.raises_code("review/secret")
def test_a_secret_is_told_by_its_kind_and_line(path: str, line: str, kind: str) -> None:
    (one,) = _found({path: Made("one\n", f"one\n{line}\n", ("two",))})
    assert (one.code, one.severity, one.path, one.units) == ("review/secret", Severity.WARNING, path, ("two",))
    assert one.range is not None
    assert one.range.start.line == 1
    assert kind in one.message
    for secret in (_AWS, _TOKEN, _PASSWORD):
        assert secret not in repr(one)


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("a.py", f"key = '{_AWS}'\n", f"x = 1\nkey = '{_AWS}'\n"),
        ("a.py", f"key = '{_AWS}'\n", f"the_key = '{_AWS}'\n"),
        ("a.py", "", "key = os.environ['AWS_ACCESS_KEY_ID']\n"),
        ("a.py", "", "digest = '0cc175b9c0f1b6a831c399e269772661'\n"),
        ("tests/test_a.py", "", f"password = '{_PASSWORD}'\n"),
        ("a.py", "", f"key = '{_AWS}'  # pragma: allowlist secret\n"),
        ("package-lock.json", "", f'{{"key": "{_AWS}"}}\n'),
        ("a.py", f"key = '{_AWS}'\n", None),
    ],
    ids=["there before", "moved", "read", "digest", "test", "meant", "generated", "gone"],
)
@pytest.mark.spares_code("review/secret")
def test_what_is_none_or_was_there_is_not_told(path: str, before: str, after: str | None) -> None:
    assert _found({path: Made(before, after)}) == []


def test_without_the_extra_nothing_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    look: Callable[..., ModuleSpec | None] = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "detect_secrets" else look(name, *rest)
    )
    assert _found({"a.py": Made("", f"key = '{_AWS}'\n")}) == []


def test_what_is_made_ready_needs_no_rules_loaded_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for a review waits for them otherwise."""
    process = Worker()
    try:
        secrets.ready(process)
        loaded = process.call("builtins:eval", "'detect_secrets.core.scan' in __import__('sys').modules")
        monkeypatch.setattr(secrets, "is_there", lambda: False)
        monkeypatch.setattr(Worker, "call", lambda *_, **__: pytest.fail("there is nothing to load"))
        secrets.ready(process)
    finally:
        process.close()
    assert loaded is True


def test_too_much_to_search_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_MOST_LINES", 2)
    files = {"a.py": Made("", f"key = '{_AWS}'\n"), "b.py": Made("", "1\n2\n3\n", ("two",))}
    with material(files) as made:
        found = list(checks.run(made))
    assert [one.code for one in found if one.path == "a.py"] == ["review/secret"]
    assert [(one.code, one.units) for one in found if one.path == "b.py"] == [("review/unfinished", ("two",))]


def test_time_ends_for_it_too() -> None:
    with material({"a.py": Made("", "x = 1\n")}, seconds=0.0) as made, pytest.raises(OutOfTime):
        list(secrets.find(made))
