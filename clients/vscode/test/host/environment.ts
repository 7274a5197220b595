import { strict as assert } from "node:assert";
import { ConfigurationTarget, commands, workspace } from "vscode";
import { extension, keepLog, test, until } from "./harness.js";

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
