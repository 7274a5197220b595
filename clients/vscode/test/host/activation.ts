import { strict as assert } from "node:assert";
import { appendFile } from "node:fs/promises";
import { commands, extensions } from "vscode";
import { extension, given, keepLog, test, until } from "./harness.js";

const MOST_MS = 50;

test("activation is quick and starts nothing", async () => {
  const found = extensions.getExtension("fanout.fanout");
  await found?.activate();
  keepLog();
  const { activationMs, server } = extension();
  await appendFile(given().results, `${JSON.stringify({ activationMs })}\n`);
  assert.ok(activationMs < MOST_MS, `${activationMs} ms`);
  assert.equal(server.state, "off");
  assert.equal(await server.pid(), undefined);
});

test("every command that is contributed is there", async () => {
  const contributed: { command: string }[] = extensions.getExtension("fanout.fanout")?.packageJSON.contributes.commands;
  const known = new Set(await commands.getCommands(true));
  assert.deepEqual(
    contributed.map((one) => one.command).filter((one) => !known.has(one)),
    [],
  );
});

test("the view starts the server and shows that there is nothing", async () => {
  await commands.executeCommand("fanout.showRuns");
  await until("the server is ready", () => extension().server.state === "ready" && extension().store.loaded);
  assert.deepEqual(extension().store.runs, []);
});
