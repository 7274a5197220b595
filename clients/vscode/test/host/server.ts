import { strict as assert } from "node:assert";
import { rmSync, writeFileSync } from "node:fs";
import { commands, window } from "vscode";
import { begin, extension, file, given, runIs, test, until } from "./harness.js";

test("a server that is killed comes back with its runs, and the run goes on", async () => {
  rmSync(given().gate, { force: true });
  const id = await begin([file("src/three.py")], "Change {file}. WAIT");
  await until("the unit is at work", () =>
    extension()
      .store.get(id)
      ?.units.some((unit) => unit.state === "running"),
  );
  const pid = await extension().server.pid();
  assert.ok(pid);
  const told: string[] = [];
  const listening = extension().store.onEnd(({ run }) => told.push(run.state));
  // It is asked for the run and dies before it answers.
  process.kill(pid, "SIGSTOP");
  extension().store.touch(id);
  process.kill(pid, "SIGKILL");
  await until("it is started again", () => extension().server.state === "restarting");
  assert.equal(extension().store.get(id)?.state, "running");
  await until("it is there", () => extension().server.state === "ready");
  assert.notEqual(await extension().server.pid(), pid);
  await runIs(id, "interrupted");
  await until("it is told", () => told.length > 0);
  listening.dispose();
  assert.deepEqual(told, ["interrupted"]);
  writeFileSync(given().gate, "");
  await commands.executeCommand("fanout.resumeRun", id);
  await runIs(id, "ready");
  await extension().server.execute("fanout.discard", { runId: id });
});

test("the log is shown, and the runs are asked for again", async () => {
  const before = extension().store.runs.length;
  assert.ok(before > 0);
  let asked = false;
  const listening = extension().store.onChange(({ listed }) => {
    asked ||= listed;
  });
  await commands.executeCommand("fanout.refreshRuns");
  listening.dispose();
  assert.ok(asked);
  assert.equal(extension().store.runs.length, before);
  await commands.executeCommand("fanout.showLog");
  await until("the log", () => window.visibleTextEditors.some(({ document }) => document.uri.scheme === "output"));
  await commands.executeCommand("workbench.action.closePanel");
});
