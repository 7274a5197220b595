import { strict as assert } from "node:assert";
import { ConfigurationTarget, commands, workspace } from "vscode";
import { extension, given, keepLog, test, until } from "./harness.js";

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
  "a path that names nothing is told of, and mending it starts the server",
  async () => {
    const settings = workspace.getConfiguration("fanout");
    await settings.update("server.path", "/no/such/fanout", ConfigurationTarget.Global);
    await until("it is said", () => extension().server.state === "failed");
    await settings.update("server.path", given().server, ConfigurationTarget.Global);
    await until("it is there", () => extension().server.state === "ready");
  },
  SUITE,
);

test(
  "where the server does not run it is said where it does",
  async () => {
    const here = process.platform;
    Object.defineProperty(process, "platform", { value: "win32" });
    try {
      await workspace.getConfiguration("fanout").update("server.path", undefined, ConfigurationTarget.Global);
      await commands.executeCommand("fanout.restartServer");
      await until("it is said", () => extension().server.state === "failed");
    } finally {
      Object.defineProperty(process, "platform", { value: here });
    }
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
