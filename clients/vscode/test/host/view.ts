import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commands, Uri, workspace } from "vscode";
import { MOST_UNGROUPED } from "../../src/runs/groups.js";
import type { Node } from "../../src/runs/nodes.js";
import { begin, closeAll, extension, file, given, runIs, test, until } from "./harness.js";

const MANY = MOST_UNGROUPED + 1;
const REWRITE = { agent: "rewrite", rewrite: [{ pattern: "return $A", to: "return 10 + $A" }], split: "path" };

test("a run of very many units is shown in groups", async () => {
  const folder = file("many");
  mkdirSync(folder.fsPath);
  for (let at = 0; at < MANY; at++) writeFileSync(join(folder.fsPath, `m${at}.py`), `def f():\n    return ${at}\n`);
  const id = await begin([folder], "Change {file}.", REWRITE);
  const run = await runIs(id, "ready");
  rmSync(folder.fsPath, { recursive: true });
  const { view } = extension();
  const [group, ...more] = await view.getChildren({ kind: "run", run: id });
  assert.deepEqual([group, more], [{ kind: "group", run: id, group: "done" }, []]);
  const { label, description } = view.getTreeItem(group as Node);
  assert.deepEqual([label, description], ["Done", String(MANY)]);
  const units = await view.getChildren(group);
  assert.deepEqual(
    units.map((node) => view.getTreeItem(node).label),
    run.units.map((unit) => unit.title),
  );
  const [unit] = units;
  assert.equal(view.getParent(unit as Node), group);
  const [changed] = await view.getChildren(unit);
  assert.equal(view.getParent(changed as Node), unit);
  await extension().server.execute("fanout.discard", { runId: id });
});

test("runs that are over are hidden and shown again, but not what is applied in part", async () => {
  const { view } = extension();
  const id = await begin([file("src/three.py"), file("src/four.py")]);
  const ready = await runIs(id, "ready");
  const shown = async () => (await view.getChildren()).map((node) => node.run);
  await commands.executeCommand("fanout.hideOver");
  assert.ok((await shown()).includes(id), "it waits to be applied");
  extension().choice.turn(ready, { unit: ready.units[0]?.id ?? "" });
  await commands.executeCommand("fanout.applyRun", id);
  await runIs(id, "applied");
  assert.ok((await shown()).includes(id), "half of it can still be applied");
  await commands.executeCommand("fanout.revertRun", id);
  await runIs(id, "reverted");
  assert.ok(!(await shown()).includes(id));
  await commands.executeCommand("fanout.showOver");
  assert.ok((await shown()).includes(id));
  await closeAll();
});

test("a run that another process begins is shown as it goes, and what is made of it here is seen there", async () => {
  rmSync(given().gate, { force: true });
  const settings = workspace.getConfiguration("fanout");
  const command = settings.get<{ command: string[] }>("options")?.command ?? [];
  const words = [
    "run",
    "-i",
    "Change {file}. WAIT",
    "src/three.py",
    "--set",
    `command=${JSON.stringify(command)}`,
    "--json",
  ];
  const terminal = spawn(settings.get<string>("server.path") ?? "", words, { cwd: given().root });
  let said = "";
  terminal.stdout.on("data", (data) => (said += data));
  terminal.stderr.on("data", (data) => (said += data));
  const over = new Promise((resolve) => terminal.on("exit", resolve));
  const { store } = extension();
  const id = await until("it is shown", () => {
    const found = store.runs.find((run) => run.instruction.includes("WAIT") && run.state === "running");
    return found?.units.some((unit) => unit.state === "running") ? found.runId : undefined;
  });
  assert.match(said, new RegExp(id));
  writeFileSync(given().gate, "");
  await runIs(id, "ready");
  await over;
  await extension().server.execute("fanout.discard", { runId: id });
  await runIs(id, "discarded");
  assert.ok(Uri.parse(store.get(id)?.folder ?? "").path === given().root);
});
