import { strict as assert } from "node:assert";
import { rmSync, writeFileSync } from "node:fs";
import {
  type CodeAction,
  commands,
  languages,
  Position,
  Range,
  Selection,
  Uri,
  WorkspaceEdit,
  window,
  workspace,
} from "vscode";
import type { Node } from "../../src/runs/nodes.js";
import { begin, closeAll, extension, file, given, onDisk, open, runIs, test, until } from "./harness.js";

test("a whole run: from a selection to an applied edit and a fixed finding", async () => {
  const document = await open(file("src/one.py"));
  const before = document.getText();
  const editor = window.activeTextEditor;
  assert.ok(editor);
  editor.selection = new Selection(0, 0, document.lineCount - 1, 0);
  const id = await commands.executeCommand<string>("fanout.overSelection", {
    instruction: "Change {file}.",
    run: true,
  });
  const ready = await runIs(id, "ready");
  assert.deepEqual(
    ready.units.map((unit) => [unit.state, unit.files.length]),
    [["done", 1]],
  );
  assert.equal(document.getText(), before);
  // What the review found is looked at before it is applied, in what the run made of the file.
  const [findings] = await extension().view.getChildren({ kind: "run", run: id });
  assert.equal(findings?.kind, "findings");
  const [node] = await extension().view.getChildren(findings);
  assert.equal(node?.kind, "finding");
  const { label, description } = extension().view.getTreeItem(node);
  assert.match(`${label} ${description}`, /output for looking for an error.*src\/one\.py:5$/);
  await commands.executeCommand("fanout.openFinding", node);
  const shown = await until("the finding's place", () =>
    window.activeTextEditor?.document.uri.scheme === "fanout" ? window.activeTextEditor : undefined,
  );
  assert.equal(shown.document.lineAt(shown.selection.active.line).text, 'print("debug")');
  await commands.executeCommand("fanout.applyRun", id);
  await runIs(id, "applied");
  assert.match(document.getText(), /return 10 \+ 1/);
  assert.match(document.getText(), /print\("debug"\)/);
  const finding = await until("the finding is shown", () =>
    languages.getDiagnostics(document.uri).find((one) => one.source === "fanout"),
  );
  const actions = await commands.executeCommand<CodeAction[]>(
    "vscode.executeCodeActionProvider",
    document.uri,
    finding.range,
    "quickfix",
    10,
  );
  const fix = actions.find((one) => one.title.includes("Drop unit"));
  assert.ok(fix, `${finding.message}: ${actions.map((one) => one.title).join("; ")}`);
  if (fix.edit) await workspace.applyEdit(fix.edit);
  if (fix.command) await commands.executeCommand(fix.command.command, ...(fix.command.arguments ?? []));
  await until("the finding is gone", () =>
    languages.getDiagnostics(document.uri).every((one) => one.source !== "fanout"),
  );
  assert.equal(document.getText(), before);
  await closeAll();
});

test("what is not saved is part of the base, and what is typed during the run stays", async () => {
  const document = await open(file("src/two.py"));
  const typed = new WorkspaceEdit();
  typed.insert(document.uri, new Position(document.lineCount, 0), "\n\ndef unsaved():\n    return 7\n");
  await workspace.applyEdit(typed);
  closeGate();
  const id = await begin([document.uri], "Change {file}. WAIT");
  await until("the unit is at work", () => extension().store.unit(id, "01-two")?.state === "running");
  const more = new WorkspaceEdit();
  more.insert(document.uri, new Position(0, 0), "# typed meanwhile\n");
  await workspace.applyEdit(more);
  openGate();
  await runIs(id, "ready");
  await commands.executeCommand("fanout.applyRun", id);
  await runIs(id, "applied");
  const text = document.getText();
  assert.match(text, /^# typed meanwhile\n/);
  assert.match(text, /return 10 \+ 7/);
  assert.match(text, /return 10 \+ 2/);
  const marked = await extension().server.execute("fanout.origins", { uri: document.uri.toString() });
  assert.ok(marked.origins.length > 0);
  await commands.executeCommand("fanout.revertRun", id);
  await runIs(id, "reverted");
  assert.match(document.getText(), /^# typed meanwhile\n[\s\S]*return 2[\s\S]*return 7/);
  await closeAll();
});

test("one undo takes back what was applied", async () => {
  const document = await open(file("src/four.py"));
  const before = document.getText();
  const id = await begin([document.uri]);
  await runIs(id, "ready");
  await commands.executeCommand("fanout.applyRun", id);
  await runIs(id, "applied");
  assert.notEqual(document.getText(), before);
  await commands.executeCommand("undo");
  await until("it is undone", () => document.getText() === before);
  await closeAll();
});

test("a run is cancelled", async () => {
  closeGate();
  const id = await begin([file("src/three.py"), file("src/four.py")], "Change {file}. WAIT");
  await until("a unit is at work", () =>
    extension()
      .store.get(id)
      ?.units.some((unit) => unit.state === "running"),
  );
  await commands.executeCommand("fanout.cancelRun", { kind: "run", run: id });
  const run = await runIs(id, "cancelled");
  assert.deepEqual(
    run.units.map((unit) => unit.state),
    ["cancelled", "cancelled"],
  );
  openGate();
  await commands.executeCommand("fanout.discardRun", id);
  await runIs(id, "discarded");
});

test("units and files that are unticked are left out", async () => {
  const id = await begin([file("src/three.py"), file("src/four.py")]);
  const ready = await runIs(id, "ready");
  const [first] = ready.units;
  assert.ok(first);
  extension().choice.turn(ready, { unit: first.id });
  await commands.executeCommand("fanout.applyRun", id);
  await runIs(id, "applied");
  const three = await workspace.openTextDocument(file("src/three.py"));
  const four = await workspace.openTextDocument(file("src/four.py"));
  const texts = ready.units.map((unit) => (unit.title === "src/three.py" ? three : four).getText());
  assert.doesNotMatch(texts[0] ?? "", /return 10/);
  assert.match(texts[1] ?? "", /return 10/);
  await commands.executeCommand("fanout.revertRun", id);
  await runIs(id, "reverted");
  await closeAll();
});

test("of two runs with the same words each editor of changes applies its own", async () => {
  const ids = [await begin([file("src/three.py")]), await begin([file("src/four.py")])];
  for (const id of ids) {
    await runIs(id, "ready");
    await commands.executeCommand("fanout.openChanges", id);
    // One that is only looked at gives way to the next.
    await commands.executeCommand("workbench.action.keepEditor");
  }
  const labels = window.tabGroups.activeTabGroup.tabs.map((tab) => tab.label);
  assert.equal(new Set(labels).size, 2, labels.join("; "));
  await commands.executeCommand("workbench.action.openEditorAtIndex1");
  await until("the first is shown", () => window.tabGroups.activeTabGroup.tabs[0]?.isActive);
  await commands.executeCommand("fanout.applyRun");
  await runIs(ids[0] ?? "", "applied");
  await runIs(ids[1] ?? "", "ready");
  await commands.executeCommand("fanout.revertRun", ids[0]);
  await runIs(ids[0] ?? "", "reverted");
  await commands.executeCommand("workbench.action.closeAllEditors");
  await extension().server.execute("fanout.discard", { runId: ids[1] ?? "" });
  await runIs(ids[1] ?? "", "discarded");
});

test("a unit and a file are left out by their menu, and say so in words", async () => {
  const id = await begin([file("src/three.py"), file("src/four.py")]);
  const [unit] = (await runIs(id, "ready")).units;
  assert.ok(unit);
  const node = { kind: "unit", run: id, unit: unit.id } as const;
  const file_ = { kind: "file", run: id, unit: unit.id, uri: unit.files[0] ?? "" } as const;
  const boxOf = (of: Node) => {
    const { checkboxState } = extension().view.getTreeItem(of);
    return typeof checkboxState === "object" ? checkboxState.accessibilityInformation?.label : undefined;
  };
  const said = () => [extension().view.getTreeItem(file_).accessibilityInformation?.label, boxOf(file_)];
  const name = workspace.asRelativePath(file(unit.title));
  assert.deepEqual(said(), [`File ${name}`, `${name}: to be applied`]);
  await commands.executeCommand("fanout.turnNode", file_);
  assert.deepEqual(said(), [`File ${name}`, `${name}: left out`]);
  // It was all that the unit has.
  assert.equal(boxOf(node), `${unit.title}: left out`);
  await commands.executeCommand("fanout.turnNode", node);
  assert.deepEqual(
    [...said(), boxOf(node)],
    [`File ${name}`, `${name}: to be applied`, `${unit.title}: to be applied`],
  );
  await commands.executeCommand("fanout.turnNode", node);
  await commands.executeCommand("fanout.applyRun", id);
  await runIs(id, "applied");
  assert.match(`${extension().view.getTreeItem({ kind: "run", run: id }).description}`, /2\/2 done · 1 file left out/);
  await commands.executeCommand("fanout.revertRun", id);
  await runIs(id, "reverted");
  await closeAll();
});

test("the changes of a run and of a unit open in the changes editor, a file's in the diff editor", async () => {
  const id = await begin([file("src/three.py"), file("src/four.py")]);
  const [unit] = (await runIs(id, "ready")).units;
  assert.ok(unit);
  await commands.executeCommand("fanout.openChanges", id);
  await until("the changes editor", () => tabNamed("Fan Out: Change {file}."));
  await commands.executeCommand("fanout.openUnitChanges", { kind: "unit", run: id, unit: unit.id });
  await until("the unit's changes", () => tabNamed(`Fan Out: ${unit.title}`));
  const node = { kind: "file", run: id, unit: unit.id, uri: unit.files[0] };
  await commands.executeCommand("fanout.openFileChanges", node);
  await until("the file's diff", () =>
    tabNamed(`${workspace.asRelativePath(Uri.parse(unit.files[0] ?? ""))} (Fan Out)`),
  );
  const root = extension().store.get(id)?.folder ?? "";
  const path = (unit.files[0] ?? "").slice(root.length);
  const side = (which: string) => Uri.parse(`fanout:${path}?run=${id}&unit=${unit.id}&side=${which}`);
  const after = await workspace.openTextDocument(side("after"));
  const before = await workspace.openTextDocument(side("before"));
  assert.match(after.getText(), /return 10 \+/);
  assert.equal(before.getText(), await onDisk(Uri.parse(unit.files[0] ?? "")));
  await commands.executeCommand("fanout.openLog", { kind: "unit", run: id, unit: unit.id });
  await until(
    "the log",
    () =>
      window.activeTextEditor?.document.uri.path.endsWith("/log") &&
      /changed src/.test(window.activeTextEditor.document.getText()),
  );
  await commands.executeCommand("fanout.openPrompt", { kind: "unit", run: id, unit: unit.id });
  await until("the prompt", () => window.activeTextEditor?.document.uri.path.endsWith("/prompt"));
  await commands.executeCommand("fanout.openReport", id);
  await until("the report", () => window.activeTextEditor?.document.uri.path.endsWith("/report"));
  await commands.executeCommand("workbench.action.keepEditor");
  for (const command of ["fanout.openUnitChanges", "fanout.openFileChanges"]) {
    await commands.executeCommand(command, node);
    await commands.executeCommand("workbench.action.keepEditor");
  }
  const kept = labels();
  assert.equal(kept.length, 3, kept.join("; "));
  await extension().server.execute("fanout.discard", { runId: id });
  await runIs(id, "discarded");
  await until("what showed its changes is closed", () => labels().length === 1);
  assert.deepEqual(labels(), kept.slice(0, 1));
  await closeAll();
});

test("a unit that failed is done again with a note", async () => {
  const id = await begin([file("src/three.py"), file("src/four.py")], "Change {file}. FAIL {stem}", { attempts: 1 });
  const run = await runIs(id, "ready");
  const failed = run.units.find((unit) => unit.state === "failed");
  assert.equal(failed?.title, "src/four.py");
  await extension().server.execute("fanout.retry", { runId: id, units: [failed.id], note: "MEND" });
  await until("it is done", () => extension().store.unit(id, failed.id)?.state === "done");
  await runIs(id, "ready");
  await extension().server.execute("fanout.discard", { runId: id });
});

test("a unit is cancelled, the other goes on, and what did not come to its end is done again", async () => {
  closeGate();
  const id = await begin([file("src/three.py"), file("src/four.py")], "Change {file}. WAIT", { attempts: 1 });
  const [one, other] = await until("both are at work", () => {
    const units = extension().store.get(id)?.units;
    return units?.length === 2 && units.every((unit) => unit.state === "running") ? units : undefined;
  });
  assert.ok(one && other);
  await commands.executeCommand("fanout.cancelUnit", { kind: "unit", run: id, unit: one.id });
  await until("it is cancelled", () => extension().store.unit(id, one.id)?.state === "cancelled");
  openGate();
  assert.equal((await runIs(id, "ready")).units.find((unit) => unit.id === other.id)?.state, "done");
  await commands.executeCommand("fanout.retryRun", id);
  await until("both are done", () =>
    extension()
      .store.get(id)
      ?.units.every((unit) => unit.state === "done"),
  );
  await runIs(id, "ready");
  await extension().server.execute("fanout.discard", { runId: id });
});

test("a pilot waits, and the rest goes on", async () => {
  const id = await begin([file("src/three.py"), file("src/four.py")], "Change {file}.", { pilot: 1 });
  await runIs(id, "waiting");
  await commands.executeCommand("fanout.acceptPilot", id);
  assert.equal((await runIs(id, "ready")).units.filter((unit) => unit.state === "done").length, 2);
  await extension().server.execute("fanout.discard", { runId: id });
});

test("plan documents: language, symbols, lenses, folding; a new one is run", async () => {
  await commands.executeCommand("fanout.newPlan", file("src/three.py"), [file("src/three.py"), file("src/four.py")]);
  const editor = await until("the plan is shown", () =>
    window.activeTextEditor?.document.languageId === "fanout" ? window.activeTextEditor : undefined,
  );
  const { document } = editor;
  const at = editor.selection.active;
  await editor.edit((edit) => edit.insert(at, "Change {file}."));
  await document.save();
  const lenses = await commands.executeCommand<{ command?: { title: string } }[]>(
    "vscode.executeCodeLensProvider",
    document.uri,
    10,
  );
  assert.ok(
    lenses.some((one) => /^Run 2 units/.test(one.command?.title ?? "")),
    JSON.stringify(lenses),
  );
  const symbols = await commands.executeCommand<unknown[]>("vscode.executeDocumentSymbolProvider", document.uri);
  assert.ok(symbols.length > 0);
  const id = await commands.executeCommand<string>("fanout.runPlan");
  await runIs(id, "ready");
  await extension().server.execute("fanout.discard", { runId: id });
  await closeAll();
});

test("a plan that cannot be run does not look as if it went on", async () => {
  const plan = file("bad.fanout.md");
  writeFileSync(plan.fsPath, "---\njobs: 0\nnosuch: 1\n---\nChange {file}.\n\n- src/three.py\n");
  await open(plan);
  const id = await commands.executeCommand<string | undefined>("fanout.runPlan");
  // What goes wrong at once is the command's own error, and there never was a run.
  if (id !== undefined) assert.match((await runIs(id, "failed")).message, /cannot be run as it is/);
  await until("nothing goes on", () => extension().store.active.length === 0);
  await closeAll();
  rmSync(plan.fsPath);
});

test("runs over changes and over problems", async () => {
  const changed = file("src/changed.py");
  writeFileSync(changed.fsPath, "def changed():\n    return 5\n");
  const id = await commands.executeCommand<string>("fanout.overChanges", {
    instruction: "Change {file}.",
    options: { split: "path" },
    since: "HEAD",
    folder: Uri.file(given().root),
    run: true,
  });
  assert.ok((await runIs(id, "ready")).units.some((unit) => unit.title.includes("changed.py")));
  await extension().server.execute("fanout.discard", { runId: id });
  rmSync(changed.fsPath);
  const problems = languages.createDiagnosticCollection("a checker");
  problems.set(file("src/three.py"), [{ range: new Range(0, 0, 0, 3), message: "three is wrong", severity: 0 }]);
  const other = await commands.executeCommand<string>("fanout.overProblems", {
    instruction: "Mend {file}.",
    run: true,
  });
  const run = await runIs(other, "ready");
  assert.deepEqual(
    run.units.map((unit) => unit.title),
    ["src/three.py"],
  );
  problems.dispose();
  await extension().server.execute("fanout.discard", { runId: other });
});

function tabNamed(name: string): boolean {
  return window.tabGroups.all.some((group) => group.tabs.some((tab) => tab.label === name || tab.label.includes(name)));
}

function closeGate(): void {
  rmSync(given().gate, { force: true });
}

function openGate(): void {
  writeFileSync(given().gate, "");
}

function labels(): string[] {
  return window.tabGroups.all.flatMap((group) => group.tabs.map((tab) => tab.label));
}
