import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { ConfigurationTarget, commands, Uri, window, workspace } from "vscode";
import { extension, given, keepLog, onDisk, runIs, test, until } from "./harness.js";

const SUITE = "environment";

test(
  "without a Python the user is told, and nothing is started",
  async () => {
    await commands.executeCommand("fanout.showRuns");
    keepLog();
    await until("it is said", () => extension().server.state === "noPython");
    assert.equal(await extension().server.pid(), undefined);
  },
  SUITE,
);

test(
  "a server that ends at once is told of, and not started again and again",
  async () => {
    const settings = workspace.getConfiguration("fanout");
    await settings.update("server.path", "/bin/false", ConfigurationTarget.Global);
    await commands.executeCommand("fanout.restartServer");
    await until("it is said", () => extension().server.state === "failed");
    await settings.update("server.path", undefined, ConfigurationTarget.Global);
  },
  SUITE,
);

test(
  "with one, the server is installed from the wheel into an environment of its own",
  async () => {
    await workspace.getConfiguration("fanout").update("python", given().python, ConfigurationTarget.Global);
    await commands.executeCommand("fanout.restartServer");
    await until("the server is ready", () => extension().server.state === "ready");
    const pid = await extension().server.pid();
    assert.ok(pid);
    assert.match(commandLine(pid), /globalStorage.fanout\.fanout.server-[0-9a-f]{12}/);
  },
  SUITE,
);

test(
  "the walkthrough ends in a real result, without a key",
  async () => {
    await commands.executeCommand("fanout.tryIt");
    const plan = await until("the sample's plan is shown", () =>
      window.activeTextEditor?.document.uri.path.endsWith("modernise.fanout.md") ? window.activeTextEditor : undefined,
    );
    const id = await commands.executeCommand<string>("fanout.runPlan");
    const run = await runIs(id, "ready");
    assert.deepEqual(
      run.units.map((unit) => unit.state),
      Array(6).fill("done"),
    );
    await commands.executeCommand("fanout.applyRun", id);
    await runIs(id, "applied");
    const circle = Uri.joinPath(plan.document.uri, "../shapes/circle.py");
    const shown = await workspace.openTextDocument(circle);
    assert.match(shown.getText(), /super\(\).__init__\("circle"\)/);
    assert.match(shown.getText(), /int \| float/);
    await shown.save();
    assert.equal(await onDisk(circle), shown.getText());
  },
  SUITE,
);

function commandLine(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
}
