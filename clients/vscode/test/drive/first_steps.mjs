// From a machine without a fitting Python to a real result, as somebody goes who has just installed the extension.
import { strict as assert } from "node:assert";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { until } from "./steps.mjs";

const LONG_MS = 60_000;

/** A Python that was chosen in the Python extension is taken; who cancels what is made with it hears of no error. */
export async function cancelEnvironment(hands, { own, python }) {
  await hands.command("Fan Out: Show Runs");
  await hands.notification("found none. Seen: python3 is 3.9, too old").waitFor();
  await hands.see(".pane-body", "Fan Out needs Python 3.11 or newer to run its server, and found none");
  await hands.clear();
  await hands.command("Python: Select Interpreter");
  await hands.tell("Select Interpreter", python);
  await hands.page.locator(".pane-body .monaco-button", { hasText: "Try Again" }).click();
  await hands.see(".pane-body", "The server is being started");
  await hands.answer("making the server's environment (once)", "Cancel");
  await hands.see(".pane-body", "environment was cancelled, so there is no server yet");
  assert.equal(await hands.page.locator(".notifications-toasts .notification-list-item").count(), 0);
  const left = await readdir(join(own, "data/data/User/globalStorage/fanout.fanout"));
  // What a killed window has left is removed when an environment has been made.
  assert.deepEqual(
    left.filter((name) => name !== `server-0123456789ab.${2 ** 22 + 1}`),
    [],
  );
  // It is not begun again because somebody looks.
  await hands.command("View: Show Explorer");
  await hands.command("Fan Out: Show Runs");
  await hands.see(".pane-body", "environment was cancelled, so there is no server yet");
  await hands.command("Fan Out: Choose Python...");
  await hands.menu("Fan Out: Python for the Server");
  await hands.rows(python).first().waitFor();
  await hands.press("Escape");
  await hands.command("Python: Select Interpreter");
  await hands.tell("Select Interpreter", "");
  await hands.page.locator(".pane-body .monaco-button", { hasText: "Start Server" }).click();
}

/** It is said that there is no Python that fits, and one is chosen; the server's environment is made with it. */
export async function choosePython(hands, { python }) {
  await hands.answer("found none. Seen: python3 is 3.9, too old", "Choose Python...");
  await hands.menu("Fan Out: Python for the Server");
  await hands.rows("is 3.9, too old").first().waitFor();
  await hands.rows("Another One...").first().click();
  await hands.page.locator(".quick-input-title", { hasText: "Python 3.11 or newer" }).waitFor();
  // First the dialog shows what is in the folder that is open.
  await hands.rows("src").first().waitFor();
  await hands.page.locator(".quick-input-widget input[type=text]").fill(python);
  await hands
    .rows(/^activate/)
    .first()
    .waitFor();
  await hands.press("Enter");
  const making = hands.notification("making the server's environment (once)");
  await making.waitFor();
  await making.waitFor({ state: "hidden", timeout: LONG_MS });
}

/** The walkthrough, by its buttons, ends in changed files. */
export async function walkthrough(hands, { own }) {
  await hands.command("Fan Out: First Steps");
  const page = hands.page.locator(".gettingStartedContainer");
  const step = (title) => page.locator(".step-title", { hasText: title }).first();
  const button = (title) => page.locator(".monaco-button", { hasText: new RegExp(`^${title}$`) });
  await step("Try it on a sample").click();
  await hands.picture("walkthrough");
  await button("Try It on a Sample").click();
  await hands.see(".tab.active", "modernise.fanout.md");
  await step("Run the plan").click();
  await button("Run Plan").click();
  await hands.notification("6 of 6 units done").waitFor();
  await step("Look at the changes and apply them").click();
  // What its buttons open, opens beside it.
  await button("Review Changes").click();
  await hands.see(".multiDiffEntry", "circle.py");
  await button("Apply").click();
  await hands.notification("Applied 6 files").waitFor();
  await button("Show Runs").click();
  await hands.node(/applied/).waitFor();
  const sample = join(own, "data/data/User/globalStorage/fanout.fanout/sample-1");
  for (const done of ["server", "try", "run", "apply"]) {
    await page
      .locator(`.getting-started-step:has([x-step-title-for="fanout.fanout#first#${done}"]) .complete`)
      .waitFor();
  }
  await hands.picture("walkthrough-end");
  await until(async () =>
    /super\(\).__init__\("circle"\)/.test(await readFile(join(sample, "shapes/circle.py"), "utf8")),
  );
}
