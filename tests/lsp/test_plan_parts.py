"""The parts that answer for plan documents, without a server: completion's places, tokens, files, words, refreshes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from fanout_server import model
from fanout_server.lsp import plan_completion, plan_structure, plan_tokens, refreshing
from fanout_server.lsp import plan_words as words
from fanout_server.lsp.client import capability
from fanout_server.lsp.documents import Document
from fanout_server.lsp.features import Features
from fanout_server.lsp.plan_document import PlanText
from fanout_server.lsp.plan_files import Listed
from fanout_server.lsp.plan_language import TOKEN_TYPES, is_plan
from fanout_server.lsp.plan_runs import LastRun, index_of
from fanout_server.lsp.positions import Encoding
from fanout_server.lsp.protocol import ClientRefused
from fanout_server.model import FailureKind, Plan, Target, Unit, UnitState, UnitView
from fanout_server.planning.targets import Entry
from fanout_server.repo.repository import Repository
from fanout_server.run import report
from fanout_server.run.state import units_line
from tests.conftest import GitCommand


def plan_text(text: str, encoding: Encoding = Encoding.UTF16) -> PlanText:
    return PlanText(Document("file:///p.fanout.md", "/p.fanout.md", 1, text, "fanout", 0.0), encoding)


def offered(marked: str) -> tuple[list[str], str]:
    """What is offered at the mark, and which text it takes the place of."""
    offset = marked.index("^")
    text = plan_text(marked.replace("^", "", 1))
    found = (
        plan_completion.in_header(text, offset)
        if text.is_header(offset)
        else plan_completion.in_instruction(text, offset)
    )
    if found is None:
        return [], ""
    return [one.label for one in found.choices], text.text[found.start : found.end]


@pytest.mark.parametrize(
    ("marked", "first", "replaced"),
    [
        ("---\n^\n---\n", "agent", ""),
        ("---\n^", "agent", ""),
        ("---\nag^\n---\n", "agent", "ag"),
        ("---\nag^ent: x\n---\n", "agent", "agent"),
        ("---\nagent: ^\n---\n", "claude", ""),
        ("---\nagent: cla^\n---\n", "claude", "cla"),
        ("---\napply:^\n---\n", "ask", ""),
        ("---\nworktrees:  pl^\n---\n", "auto", "pl"),
        ("---\nbudget: ^\n---\n", "$3.00", ""),
        ('---\nowns: ["{^"]\n---\n', "{file}", "{"),
        ('---\nowns: ["{fi^}"]\n---\n', "{file}", "{fi}"),
        ('---\ncommand:\n  - x\n  - "{pr^\n---\n', "{file}", "{pr"),
        ("---\noutput:\n  ^\n---\n", "format", ""),
        ("---\noutput:\n  format: js^\n---\n", "text", "js"),
        ("---\noutput: {format: ^}\n---\n", "text", ""),
        ("---\noutput: {format: json, se^}\n---\n", "format", "se"),
        ("---\nrewrite:\n  - ^\n---\n", "pattern", ""),
        ("---\nrewrite: [{^}]\n---\n", "pattern", ""),
        ("---\nprices:\n  gpt: {inp^}\n---\n", "input", "inp"),
        ("Do it to {^", "{file}", "{"),
        ("Do it to {st^} now\n\n- a\n", "{file}", "{st}"),
    ],
)
def test_what_is_offered_where(marked: str, first: str, replaced: str) -> None:
    found, text = offered(marked)
    assert found[0] == first
    assert text == replaced


@pytest.mark.parametrize(
    "marked",
    [
        "---\nagent: x\n# cla^\n---\n",
        "---\nfoo: ^\n---\n",
        "---\nmodel: ^\n---\n",
        "---\n  ^\n---\n",
        "---^\n---\n",
        "---\noutput: ^\n---\n",
        "---\nprices:\n  in^\n---\n",
        "Do it ^",
        "Do {{fi^",
        "- a.py: {fi^",
        "---\nagent: claude\nnext thing^\n---\n",
    ],
)
def test_where_nothing_is_offered(marked: str) -> None:
    assert offered(marked)[0] == []


def test_options_that_are_set_are_not_offered_again() -> None:
    found, _ = offered("---\nagent: x\njobs: [\nap^\n---\n")
    assert "apply" in found
    assert not {"agent", "jobs"} & set(found)


def test_a_plan_is_known_by_its_language_or_its_name() -> None:
    assert is_plan(Document("untitled:1", None, 1, "", "fanout", 0.0))
    assert is_plan(Document("untitled:a.fanout.md", None, 1, "", "markdown", 0.0))
    assert is_plan(Document("file:///a%2Efanout.md", "/a.fanout.md", 1, "", "markdown", 0.0))
    assert not is_plan(Document("file:///a.md", "/a.md", 1, "", "markdown", 0.0))


lines = st.sampled_from(
    [
        "---",
        "jobs: 3",
        "owns: ['{file}', '\U0001f600{stem}']",
        "agent: claude  # \U0001f600 note",
        "# comment",
        "verify: |",
        "  npm {x}",
        "Do {file} \U0001f600 {stem}.",
        "",
        "- \U0001f600 a.py: note",
        "- src/*.py",
        "  more {file}",
        "- [ ] x",
    ]
)


@given(st.lists(lines, max_size=12), st.sampled_from(["\n", "\r\n", "\r"]), st.sampled_from(list(Encoding)))
def test_tokens_lie_in_order_within_their_lines(chosen: list[str], end: str, encoding: Encoding) -> None:
    text = plan_text(end.join(chosen), encoding)
    found = plan_tokens.tokens(text)
    data = plan_tokens.encoded(text, found)
    line = column = length = 0
    for number, token in zip(range(0, len(data), 5), found, strict=True):
        down, right, size, kind, _ = data[number : number + 5]
        assert down >= 0
        assert right >= (length if down == 0 else 0)
        line, column, length = line + down, right + (column if down == 0 else 0), size
        assert TOKEN_TYPES[kind] == token.kind
        start = text.lines.offset(line, column, encoding)
        assert (start, text.lines.offset(line, column + size, encoding)) == (token.start, token.end)
        assert not {"\n", "\r"} & set(text.text[token.start : token.end])


@given(st.lists(lines, max_size=12))
def test_symbols_and_foldings_are_well_formed(chosen: list[str]) -> None:
    text = plan_text("\n".join(chosen))

    def check(symbols: Iterable[types.DocumentSymbol]) -> None:
        for one in symbols:
            assert one.name
            assert "\n" not in one.name
            assert one.range.start <= one.selection_range.start
            assert one.selection_range.end <= one.range.end
            check(one.children or ())

    check(plan_structure.symbols(text))
    for folding in plan_structure.foldings(text):
        assert 0 <= folding.start_line < folding.end_line < len(text.lines.starts)


def test_files_are_found_level_by_level_and_by_their_own_name(checkout: Path, git: GitCommand) -> None:
    for name in ("src.md", "src-x/a.py", "src/deep/er/Two.txt", "src/deep.py"):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text("x")
    listed = Listed(Repository.discover(checkout))
    assert listed.children("src", 9) == ["src-x/", "src.md", "src/"]
    assert listed.children("src/", 9) == ["src/deep.py", "src/deep/", "src/one.py", "src/two.py"]
    assert listed.children("src/deep/", 9) == ["src/deep/er/"]
    assert listed.children("", 2) == [".gitignore", "a.txt"]
    assert listed.children("none", 9) == []
    assert listed.named("tw", 9) == ["src/two.py", "src/deep/er/Two.txt"]
    assert listed.bases_of(str(checkout / "src/p.fanout.md")) == ("src/", "")
    assert listed.bases_of(str(checkout / "p.fanout.md")) == ("",)
    assert listed.bases_of(None) == ("",)


def test_units_are_found_by_target_and_note() -> None:
    units = (
        Unit("1", "a", "", (Target("a.py"),)),
        Unit("2", "a", "", (Target("a.py"),), note="other"),
        Unit("3", "text", "", variables={"item": "some text"}),
    )
    plan = Plan("", units)
    views = tuple(UnitView(unit.id, unit.title) for unit in units)
    view = model.RunView("r", model.RunState.RUNNING, "/", "b", plan, 0.0, views)
    engine: Any = None
    last = LastRun(engine, "r", view, index_of(plan))

    def found(entry: Entry) -> str | None:
        one = last.unit_of(entry)
        return None if one is None else one[1].id

    assert found(Entry(Target("a.py"), "a.py", "other")) == "2"
    assert found(Entry(Target("a.py"), "a.py", "edited since")) == "1"
    assert found(Entry(None, "some text")) == "3"
    assert found(Entry(Target("new.py"), "new.py")) is None
    assert LastRun(engine, "r").unit_of(Entry(None, "some text")) is None


def test_words_of_units() -> None:
    unit = UnitView("u", "t")
    assert words.one_unit(unit) == "queued"
    running = UnitView("u", "t", UnitState.RUNNING, attempts=2, started=time.time() - 65, cost=0.123)
    assert words.one_unit(running) == "running (attempt 2) 1:05 $0.12"
    failed = UnitView("u", "t", UnitState.FAILED, seconds=3723.0, kind=FailureKind.TIMED_OUT)
    assert words.one_unit(failed) == "failed (timed out) 1:02:03"
    assert units_line([running, failed, unit]) == "0/3 done, 1 running, 1 failed, $0.12"
    assert words.fenced("a ```` b") == "`````text\na ```` b\n`````"
    assert words.inline("a`b") == "``a`b``"
    assert words.inline("`a") == "`` `a ``"
    assert words.inline("a\nb") == "`a b`"


def test_the_tail_of_a_log_is_that_of_the_newest_program_that_said_something(tmp_path: Path) -> None:
    logs = tmp_path / "u"
    for name, text in (
        ("1/agent.log", "old\n"),
        ("2/agent.log", "one\n\x1b[31mtwo\x1b[0m\r\nthree\n\n"),
        ("2/verify.log", ""),
    ):
        (logs / name).parent.mkdir(parents=True, exist_ok=True)
        (logs / name).write_text(text)
    assert report.tail(tmp_path, "u", 2) == ("two", "three")
    assert report.tail(tmp_path, "none", 2) == ()
    (logs / "2/agent.log").write_bytes(b"x" * 100_000 + b"\nend\n")
    assert report.tail(tmp_path, "u", 1) == ("end",)


def test_capabilities_are_looked_up_by_their_place() -> None:
    known = types.ClientCapabilities(
        workspace=types.WorkspaceClientCapabilities(
            inlay_hint=types.InlayHintWorkspaceClientCapabilities(refresh_support=True)
        )
    )
    assert capability(known, "workspace.inlay_hint.refresh_support") is True
    assert capability(known, "workspace.code_lens.refresh_support") is None
    assert capability(known, "text_document.hover") is None


class FakeSession:
    """Enough of a session to ask a client that answers when it is told to."""

    def __init__(self, tasks: Any, known: bool = True) -> None:
        self._tasks = tasks
        self._known = known
        self.asked: list[str] = []
        self.answer = anyio.Event()
        self.error: Exception | None = None

    def capability(self, path: str) -> bool:  # noqa: ARG002 - as a session has it
        return self._known

    def spawn(self, work: Any, *args: object) -> None:
        self._tasks.start_soon(work, *args)

    async def ask(self, method: str, params: Any, timeout: float) -> None:  # noqa: ARG002 - as above
        self.asked.append(method)
        await self.answer.wait()
        if self.error is not None:
            raise self.error


@pytest.mark.anyio
@pytest.mark.parametrize("error", [None, ClientRefused("no"), TimeoutError()], ids=["answered", "refused", "silent"])
async def test_refreshes_do_not_flood_and_the_last_one_comes(
    monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    monkeypatch.setattr(refreshing, "_EVERY_SECONDS", 0.01)
    async with anyio.create_task_group() as tasks:
        session: Any = FakeSession(tasks)
        session.error = error
        refresh = refreshing.Refresh(session, "x/refresh", "x")
        for _ in range(50):
            refresh.soon()
            await anyio.lowlevel.checkpoint()
        assert session.asked == ["x/refresh"]
        session.answer.set()
    # All that came while the first was out is one more.
    assert session.asked == ["x/refresh"] * 2
    async with anyio.create_task_group() as tasks:
        session._tasks = tasks
        refresh.soon()
    assert len(session.asked) == 3


@pytest.mark.anyio
async def test_a_client_that_knows_no_refresh_is_not_asked() -> None:
    async with anyio.create_task_group() as tasks:
        session: Any = FakeSession(tasks, known=False)
        refreshing.Refresh(session, "x/refresh", "x").soon()
    assert session.asked == []


class Providing:
    """A provider of one action with data."""

    def __init__(self, title: str, kind: str | None) -> None:
        self.title = title
        self.kind = kind

    async def actions(self, params: types.CodeActionParams) -> list[types.CodeAction | types.Command]:  # noqa: ARG002
        return [types.CodeAction(self.title, kind=self.kind, data={"of": self.title})]

    async def resolve(self, action: types.CodeAction) -> types.CodeAction:
        assert isinstance(action.data, dict)
        return types.CodeAction(f"{action.data['of']}, resolved", data=action.data)


class Broken:
    async def actions(self, params: types.CodeActionParams) -> list[types.CodeAction | types.Command]:  # noqa: ARG002
        raise ZeroDivisionError


@pytest.mark.anyio
async def test_providers_are_asked_in_order_and_their_own_actions_come_back_to_them() -> None:
    features = object.__new__(Features)
    features.code_actions = [
        Providing("one", "quickfix.a"),
        Broken(),
        Providing("two", "refactor"),
        Providing("no", None),
    ]
    place = types.Range(types.Position(0, 0), types.Position(0, 0))

    async def ask(*only: str) -> list[types.CodeAction | types.Command]:
        context = types.CodeActionContext(diagnostics=[], only=list(only) or None)
        return await features.actions(types.CodeActionParams(types.TextDocumentIdentifier("x"), place, context))

    every = await ask()
    assert [one.title for one in every] == ["one", "two", "no"]
    assert [one.title for one in await ask("quickfix")] == ["one"]
    assert [one.title for one in await ask("")] == ["one", "two"]
    for one in every:
        assert isinstance(one, types.CodeAction)
        resolved = await features.resolve(one)
        assert resolved.title == f"{one.title}, resolved"
        assert await features.resolve(resolved) == resolved
    strange = types.CodeAction("x", data={"provider": 99, "data": 1})
    assert await features.resolve(strange) == strange
    assert (await features.resolve(types.CodeAction("x", data=3))).data == 3


def test_what_answers_for_plans_is_not_loaded_with_the_server() -> None:
    code = "import sys, fanout_server.lsp.late; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    loaded = {name.removeprefix("fanout_server.") for name in done.stdout.split()}
    assert "lsp.features" in loaded
    assert not loaded & {"lsp.plan_room", "lsp.plan_hover", "lsp.plan_completion", "lsp.plan_outlook", "option_docs"}
