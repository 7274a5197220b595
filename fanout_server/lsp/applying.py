"""A run's changes go into the editor and come back: planned, confirmed, sent, looked after, recorded.

An editor's word that it applied an edit is no proof: some always say so, some skip stale files, some apply after they
said no. So what counts is what the open documents and the disk hold afterwards.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

import anyio
import anyio.to_thread
import attrs
from attrs import field, frozen
from lsprotocol import types

from fanout_server.apply.content import Disk, Unreadable
from fanout_server.apply.edits import EditPlan, FileEdit
from fanout_server.apply.resolving import Choice
from fanout_server.lsp import edits as workspace_edits
from fanout_server.lsp import present
from fanout_server.lsp.edits import Share
from fanout_server.lsp.present import EditorPresent, OpenFile
from fanout_server.lsp.protocol import ClientRefused
from fanout_server.lsp.session import Session
from fanout_server.model import FanoutError, Finding, RunState, RunView, Severity
from fanout_server.run.engine import Engine

_EDIT_SECONDS = 60.0
_CONFIRM_SECONDS = 3600.0
# An editor may say that it is done before it tells of, or writes, what it did: as long as something still comes.
_QUIET_SECONDS = 1.0
_REFUSED_QUIET_SECONDS = 0.5
# Emacs tells of what it did only some time after the command that came with it is answered.
_LATE_SECONDS = 5.0
_LOOKING_SECONDS = 20.0
_LOOK_SECONDS = 0.1
_PLANNINGS = 3


@frozen
class Outcome:
    """``applied``: some of the plan is in the user's files now. ``files`` are paths in the checkout at ``root``.

    ``rest`` is how many files of the run nobody asked for, or ticked, yet.
    """

    root: str
    applied: bool
    files: tuple[str, ...] = ()
    left: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    rest: int = 0


@frozen
class Fix:
    """A choice as a workspace edit, and as what the files are to hold after it.

    No ``edit`` where it is not, or not all of it, for the editor to make: ``make_fix`` does it then, or says why not.
    """

    edit: types.WorkspaceEdit | None
    made: tuple[FileEdit, ...]


@frozen
class _Ready:
    """A plan with the open files that it was made with."""

    plan: EditPlan
    files: Mapping[str, OpenFile]
    share: Share = field(repr=False)


class Applying:
    """Applies and reverts for one session; one at a time in each repository."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._busy: dict[str, str] = {}

    async def look(
        self, engine: Engine, run: str, units: Collection[str] | None, paths: Collection[str] | None
    ) -> EditPlan:
        """What ``apply`` would do now. Changes nothing. Raises FanoutError where nothing can be applied."""
        ready = await self._plan(engine, lambda now: engine.plan_apply(run, now, units, paths))
        return ready.plan

    async def apply(
        self,
        engine: Engine,
        run: str,
        units: Collection[str] | None,
        paths: Collection[str] | None = None,
        *,
        confirm: bool = False,
    ) -> Outcome:
        """Brings the run's changes, or those of some units or files, into the user's files.

        ``confirm`` has the editor ask for each unit's changes. Raises FanoutError where nothing can be applied.
        """
        with self._alone(engine, run):
            ready = await self._plan(engine, lambda now: engine.plan_apply(run, now, units, paths))
            if not ready.plan.edits:
                if ready.plan.unchanged and not ready.plan.left:
                    await engine.record_unchanged(run, ready.plan)
                return self._outcome(engine, ready.plan, applied=bool(ready.plan.unchanged), notes=())
            kept = await engine.keep_applied(run, ready.plan)
            done, notes = await self._make(engine, run, ready, confirm=confirm)
            if done.edits:
                await engine.record_applied(run, kept, done)
            return self._outcome(engine, done, applied=bool(done.edits), notes=notes)

    async def revert(self, engine: Engine, run: str) -> Outcome:
        """Takes every apply of the run back, the last first. Raises FanoutError where there is none."""
        with self._alone(engine, run):
            files: list[str] = []
            left: list[Finding] = []
            notes: list[str] = []
            while True:
                ready = await self._plan(engine, lambda now: engine.plan_revert(run, now))
                done, said = await self._make(engine, run, ready, confirm=False)
                files += [edit.path for edit in done.edits]
                left += done.left
                notes += said
                if ready.plan.edits and not done.edits:
                    # The editor took nothing of it: the run stays applied, and the user can try again.
                    break
                await engine.record_reverted(run, done)
                if (await engine.view(run)).state is not RunState.APPLIED:
                    break
            return Outcome(str(engine.repository.root), bool(files), tuple(files), tuple(left), tuple(notes))

    async def fix(self, engine: Engine, run: str, finding: Finding, choice: Choice) -> Fix:
        """What the choice between two sides would change now. Raises FanoutError."""
        ready = await self._plan(engine, lambda now: engine.plan_fix(run, finding, choice, now))
        if ready.share.server or ready.share.left:
            return Fix(None, ())
        edit = await self._written(engine, run, ready, confirm=False)
        return Fix(edit, ready.share.editor)

    async def make_fix(self, engine: Engine, run: str, finding: Finding, choice: Choice) -> bool:
        """Has the editor make what ``fix`` works out, or makes it on the disk. Returns whether all of it is so now.

        Raises FanoutError.
        """
        with self._alone(engine, run):
            ready = await self._plan(engine, lambda now: engine.plan_fix(run, finding, choice, now))
            if ready.share.left:
                raise FanoutError(" ".join(one.message for one in ready.share.left))
            if ready.plan.edits:
                await engine.keep_replaced(run, ready.plan)
            done, _ = await self._make(engine, run, ready, confirm=False)
            return len(done.edits) == len(ready.plan.edits)

    async def is_made(self, engine: Engine, edits: Sequence[FileEdit]) -> bool:
        """Whether the user's files hold all of these edits, or do so soon: it looks for some seconds."""
        return len(await self._look(engine, edits, _LATE_SECONDS)) == len(edits)

    @contextlib.contextmanager
    def _alone(self, engine: Engine, run: str) -> Iterator[None]:
        root = str(engine.repository.root)
        if root in self._busy:
            raise FanoutError(
                f"Run {self._busy[root]} is being applied or reverted. If the editor asks for your confirmation, answer"
                " it; then try again."
            )
        self._busy[root] = run
        try:
            yield
        finally:
            del self._busy[root]

    async def _plan(self, engine: Engine, plan: Callable[[EditorPresent], Awaitable[EditPlan]]) -> _Ready:
        """Plans against what the user has now; anew if they typed into one of the files meanwhile."""
        root = engine.repository.root
        for _ in range(_PLANNINGS):
            files = await anyio.to_thread.run_sync(present.open_files, self._session.documents.all(), root)
            made = await plan(EditorPresent(Disk(root), files))
            share = workspace_edits.share_out(made, files, self._session.client)
            if self._is_current(share.editor, files):
                return _Ready(made, files, share)
        raise FanoutError("The files changed while their edits were worked out. Try again when nobody types in them.")

    def _is_current(self, edits: Sequence[FileEdit], files: Mapping[str, OpenFile]) -> bool:
        for edit in edits:
            one = files.get(edit.renamed_from or edit.path)
            if one is not None:
                now = self._session.documents.get(one.document.uri)
                if now is None or now.text != one.document.text:
                    return False
        return True

    async def _make(
        self, engine: Engine, run: str, ready: _Ready, *, confirm: bool
    ) -> tuple[EditPlan, tuple[str, ...]]:
        """Has the editor and the disk changed. Returns the part of the plan that is so now, and what to tell."""
        share = ready.share
        left = [*ready.plan.left, *share.left]
        notes: list[str] = []
        done: tuple[FileEdit, ...] = ()
        unticked: tuple[FileEdit, ...] = ()
        server = share.server
        if share.editor:
            # Several editors fail to rename or create a file where its folder is yet to be made.
            folders = await anyio.to_thread.run_sync(_make_folders, engine.repository.root, share.editor)
            try:
                said, why_not = await self._send(engine, run, ready, confirm=confirm)
                notes += why_not
                done = await self._look(engine, share.editor, _QUIET_SECONDS if said else _REFUSED_QUIET_SECONDS)
            finally:
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(_remove_empty, folders)
            missing = [edit for edit in share.editor if edit not in done]
            if confirm:
                # What the user did not tick is as it was. It is not wrong, and they can have it another time.
                unticked = await self._unchanged(engine, missing)
                missing = [edit for edit in missing if edit not in unticked]
            if not done and not said:
                server = ()
            elif not confirm:
                # Several editors say yes to creating, renaming and deleting files, and do nothing.
                unmade = await self._untouched(engine, missing)
                server = (*server, *unmade)
                missing = [edit for edit in missing if edit not in unmade]
            left += [_not_taken(edit) for edit in missing]
        if server:
            try:
                await engine.write(attrs.evolve(ready.plan, edits=tuple(server), left=(), unchanged=()))
            except FanoutError as error:
                left += [Finding("apply/not-written", Severity.ERROR, str(error), one.path) for one in server]
            else:
                done = (*done, *server)
                notes.append(_written(server))
        rest = (*ready.plan.rest, *(path for edit in unticked for path in (edit.renamed_from, edit.path) if path))
        return attrs.evolve(ready.plan, edits=done, left=tuple(left), rest=rest), tuple(notes)

    async def _written(self, engine: Engine, run: str, ready: _Ready, *, confirm: bool) -> types.WorkspaceEdit:
        root = engine.repository.root
        view = await engine.view(run)
        editor = ready.share.editor
        paths = {path for edit in editor for path in (edit.path, edit.renamed_from) if path}
        uris = {
            path: ready.files[path].document.uri if path in ready.files else self._session.uri_of(root, path)
            for path in paths
        }
        writer = workspace_edits.Writer(
            client=self._session.client,
            encoding=self._session.protocol.encoding,
            uris=uris,
            files=ready.files,
            titles={unit.id: unit.title for unit in view.units},
            confirm=confirm,
        )
        return await anyio.to_thread.run_sync(writer.write, editor)

    async def _send(self, engine: Engine, run: str, ready: _Ready, *, confirm: bool) -> tuple[bool, list[str]]:
        """Sends the workspace edit. Returns whether the editor says that it applied it, and why it did not."""
        edit = await self._written(engine, run, ready, confirm=confirm)

        def check() -> None:
            if not self._is_current(ready.share.editor, ready.files):
                raise FanoutError("You typed in a file that was about to be changed. Nothing was applied; try again.")

        try:
            params = types.ApplyWorkspaceEditParams(edit=edit, label=f"fanout run {run}")
            if self._session.client.metadata:
                params.metadata = types.WorkspaceEditMetadata(is_refactoring=True)
            answer = await self._session.ask(
                types.WORKSPACE_APPLY_EDIT, params, _CONFIRM_SECONDS if confirm else _EDIT_SECONDS, check
            )
        except TimeoutError:
            return False, ["The editor did not answer."]
        except ClientRefused as refused:
            return False, [f"The editor says: {refused}"]
        if answer and answer.applied:
            return True, []
        return False, [f"The editor says: {answer.failure_reason}"] if answer and answer.failure_reason else []

    async def _look(self, engine: Engine, edits: Sequence[FileEdit], quiet: float) -> tuple[FileEdit, ...]:
        """Those of the edits that are in place: as soon as all are, or nothing has happened for ``quiet`` seconds."""
        changed = anyio.Event()

        def wake() -> None:
            changed.set()

        self._session.documents.on_change.append(wake)
        try:
            began = last = anyio.current_time()
            count = -1
            while True:
                changed = anyio.Event()
                now = await self._now(engine)
                done = await anyio.to_thread.run_sync(_in_place, edits, now)
                now_is = anyio.current_time()
                if len(done) > count:
                    count, last = len(done), now_is
                if len(done) == len(edits) or now_is > last + quiet or now_is > began + _LOOKING_SECONDS:
                    return done
                # The disk sends no notice.
                with anyio.move_on_after(_LOOK_SECONDS):
                    await changed.wait()
                    last = anyio.current_time()
        finally:
            self._session.documents.on_change.remove(wake)

    async def _untouched(self, engine: Engine, edits: Sequence[FileEdit]) -> tuple[FileEdit, ...]:
        now = await self._now(engine)
        return tuple(edit for edit in edits if _is_free(now, edit) and _holds(now.disk, edit, after=False))

    async def _unchanged(self, engine: Engine, edits: Sequence[FileEdit]) -> tuple[FileEdit, ...]:
        now = await self._now(engine)
        return tuple(edit for edit in edits if _holds(now, edit, after=False))

    async def _now(self, engine: Engine) -> EditorPresent:
        root = engine.repository.root
        files = await anyio.to_thread.run_sync(present.open_files, self._session.documents.all(), root)
        return EditorPresent(Disk(root), files)

    def _outcome(self, engine: Engine, plan: EditPlan, *, applied: bool, notes: tuple[str, ...]) -> Outcome:
        files = tuple(edit.path for edit in plan.edits)
        return Outcome(str(engine.repository.root), applied, files, plan.left, notes, len(plan.rest))


def _in_place(edits: Sequence[FileEdit], now: EditorPresent) -> tuple[FileEdit, ...]:
    return tuple(edit for edit in edits if _holds(now, edit, after=True))


def _holds(now: EditorPresent | Disk, edit: FileEdit, *, after: bool) -> bool:
    """Whether the files of the edit are as they are to be after it (or were before it)."""
    expected = {edit.path: edit.after if after else edit.before}
    if edit.renamed_from is not None:
        expected = {edit.path: edit.after, edit.renamed_from: None} if after else {edit.renamed_from: edit.before}
    try:
        # A document may stay open when its file is gone: there the disk counts.
        return all(
            (now.disk if content is None and isinstance(now, EditorPresent) else now).read(path) == content
            for path, content in expected.items()
        )
    except Unreadable:
        return False


def _is_free(now: EditorPresent, edit: FileEdit) -> bool:
    """Whether nobody has the file open, but for one that is to go and that the editor shows as it is on the disk."""
    opened = now.files.get(edit.renamed_from or edit.path)
    if opened is None:
        return True
    return edit.kind == "delete" and edit.before is not None and opened.data == edit.before.data


def _make_folders(root: Path, edits: Sequence[FileEdit]) -> list[Path]:
    """Returns the folders that it made, the outer ones first."""
    made: list[Path] = []
    for edit in edits:
        if edit.kind in {"create", "rename"}:
            missing = [folder for folder in (root / edit.path).parents if folder.is_relative_to(root)]
            for folder in reversed([one for one in missing if not one.exists()]):
                folder.mkdir(exist_ok=True)
                made.append(folder)
    return made


def _remove_empty(folders: Sequence[Path]) -> None:
    for folder in reversed(folders):
        with contextlib.suppress(OSError):
            folder.rmdir()


def _not_taken(edit: FileEdit) -> Finding:
    message = (
        f"The editor did not make the change to '{edit.path}': part of it was unticked, or it changed at that moment."
        " Apply the run again to have it."
    )
    return Finding("apply/not-taken", Severity.WARNING, message, edit.renamed_from or edit.path, units=edit.units)


def _written(edits: Sequence[FileEdit]) -> str:
    names = ", ".join(edit.path for edit in edits[:5]) + (", ..." if len(edits) > 5 else "")  # noqa: PLR2004
    count = f"{len(edits)} file{'' if len(edits) == 1 else 's'}"
    return f"fanout wrote {count} on disk itself, since the editor cannot: {names}."


def describe(view: RunView) -> str:
    """What is ready, for the question whether to apply it."""
    done = sum(unit.state == "done" for unit in view.units)
    text = f"Run {view.id} is ready: {done} of {len(view.units)} units done, {len(view.owners)} files changed"
    text = f"{text}, {len(view.findings)} findings." if view.findings else f"{text}."
    return f"{text} {view.check}" if view.check else text
