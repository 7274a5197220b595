import { strict as assert } from "node:assert";
import { rmSync, writeFileSync } from "node:fs";
import { commands } from "vscode";
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
  process.kill(pid, "SIGKILL");
  await until("it is started again", () => extension().server.state === "restarting");
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
