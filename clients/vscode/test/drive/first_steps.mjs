// From a machine without a fitting Python to a real result, as somebody goes who has just installed the extension.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { until } from "./steps.mjs";

const LONG_MS = 60_000;

/** It is said that there is no Python that fits, and one is chosen; the server's environment is made with it. */
export async function choosePython(hands, { python }) {
  await hands.command("Fan Out: Show Runs");
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
  await page.locator(".step-title", { hasText: "Try it on a sample" }).first().click();
  await hands.picture("walkthrough");
  await page.locator(".monaco-button", { hasText: /^Try It on a Sample$/ }).click();
  await hands.see(".tab.active", "modernise.fanout.md");
  const lens = hands.page.locator(".codelens-decoration a", { hasText: "Run 6 units" }).first();
  await lens.waitFor();
  await lens.click();
  await hands.answer("6 of 6 units done", "Apply");
  await hands.node(/applied/).waitFor();
  const sample = join(own, "data/data/User/globalStorage/fanout.fanout/sample-1");
  await until(async () =>
    /super\(\).__init__\("circle"\)/.test(await readFile(join(sample, "shapes/circle.py"), "utf8")),
  );
}
