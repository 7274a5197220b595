// What a person does, from beginning to end. What is looked for is what they see.
import { strict as assert } from "node:assert";
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Files in the palette, each step of the flow, the run as it goes, a reload in its middle, and its end. */
async function wholeFlow(hands, { root, gate }) {
  await hands.command("Fan Out: Show Runs");
  await hands.page.locator(".pane-body", { hasText: "There are no runs yet" }).first().waitFor();
  await hands.open("one.py");
  await hands.page.locator(".editor-instance .view-lines").first().click();
  await hands.press("Control+Home", "Control+Shift+End");
  await hands.page.locator(".statusbar-item", { hasText: "selected" }).waitFor();
  await hands.press("Control+Alt+u");
  await hands.menu("Fan Out: Split");
  await hands.picture("split");
  await hands.rows("1 function").first().waitFor();
  await hands.press("Escape");
  await hands.command("Fan Out: Over Files...");
  await hands.menu("Fan Out: Over Files");
  await hands.type("src/");
  await hands.rows("all files in it").first().click();
  await hands.press("Enter");
  await hands.menu("Fan Out: Split");
  await hands.press("Enter");
  await hands.menu("Fan Out: Instruction");
  await hands.rows("Write unit tests").first().waitFor();
  await hands.picture("instruction");
  await hands.type("Change {file}. WAIT");
  await hands.rows("as typed").first().waitFor();
  await hands.press("Enter");
  await hands.menu("Fan Out: Agent");
  await hands.rows("as set").first().waitFor();
  await hands.picture("agent");
  await hands.press("Enter");
  await hands.menu("4 units");
  await hands.rows("src/four.py").first().waitFor();
  await hands.picture("preview");
  await hands.press("Enter");
  await hands.node("Change {file}. WAIT").waitFor();
  await hands.node("src/one.py").waitFor();
  await hands.page
    .locator('[role="treeitem"]', { hasText: /one\.py.*running/ })
    .first()
    .waitFor();
  await hands.notification("Change {file}").waitFor();
  await hands.picture("running");
  await writeFile(gate, "");
  const ended = hands.notification("4 of 4 units done");
  await ended.waitFor();
  await hands.picture("ready");
  const before = await readFile(join(root, "src/two.py"), "utf8");
  assert.match(before, /return 2/);
}

/** The changes editor, what is left out in the view, and the Refactor Preview, with a unit unticked there. */
async function results(hands, { root }) {
  await hands.answer("4 of 4 units done", "Review Changes");
  await hands.page
    .locator(".multiDiffEntry, .multi-diff-root-floating-menu, .monaco-component.multiDiffEditor")
    .first()
    .waitFor();
  await hands.page.locator(".view-line", { hasText: "return 10 +" }).first().waitFor();
  await hands.picture("changes");
  await hands.command("Fan Out: Apply With Preview...");
  const rows = hands.page.locator('.monaco-list[aria-label="Bulk Edit"] .monaco-list-row[aria-level="1"]');
  await rows.first().waitFor();
  // One group for each unit, by its title.
  const group = rows.filter({ hasText: "src/four.py" });
  await group.waitFor();
  assert.equal(await group.getAttribute("aria-setsize"), "4");
  for (const name of ["src/four.py", "src/one.py"]) {
    const file = `.monaco-list[aria-label="Bulk Edit"] .monaco-list-row[aria-level="2"][aria-label^="${name}"]`;
    await hands.page.locator(`${file} .edit-checkbox`).click();
  }
  await hands.picture("refactor-preview");
  await hands.page.locator(".panel .monaco-button", { hasText: "Apply" }).first().click();
  await hands.page.locator('[role="treeitem"]', { hasText: "applied" }).first().waitFor();
  await hands.command("File: Save All Files");
  const has = async (name) => (await readFile(join(root, `src/${name}.py`), "utf8")).includes("return 10 +");
  await until(async () => (await has("four")) && (await has("one")));
  assert.ok(!(await has("two")), "what was not ticked is left alone");
}

async function until(holds) {
  const last = Date.now() + 15_000;
  while (!(await holds())) {
    assert.ok(Date.now() < last, "it did not come to that");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The page is loaded anew while units are at work: the run is shown as interrupted, is resumed, and comes to its end. */
async function reload(hands, { gate }) {
  await hands.clear();
  await rm(gate, { force: true });
  await hands.command("Fan Out: Over Files...");
  await hands.menu("Fan Out: Over Files");
  await hands.type("src/three.py");
  await hands.rows("src/three.py").first().click();
  await hands.press("Enter");
  await hands.menu("Fan Out: Split");
  await hands.press("Enter");
  await hands.menu("Fan Out: Instruction");
  await hands.type("Change {file} again. WAIT");
  await hands.rows("as typed").first().waitFor();
  await hands.press("Enter");
  await hands.menu("Fan Out: Agent");
  await hands.rows("as set").first().waitFor();
  await hands.press("Enter");
  await hands.menu("1 unit");
  await hands.press("Enter");
  await hands.node(/three\.py.*running/).waitFor();
  await hands.page.reload();
  await hands.ready();
  await hands.node(/again.*interrupted/).waitFor({ timeout: 2 * 20_000 });
  await writeFile(gate, "");
  await hands.command("Fan Out: Resume");
  await hands.notification("1 of 1 unit done").waitFor();
  await hands.node(/again.*ready/).waitFor();
}

/** A workspace that is not trusted: nothing is started, and the view says why. */
async function untrusted(hands, { began }) {
  await hands.command("Fan Out: Show Runs");
  await hands.page
    .locator(".pane-body", { hasText: "starts nothing in a workspace that you do not trust" })
    .first()
    .waitFor();
  await hands.picture("untrusted");
  assert.ok(!existsSync(began), "a server was started");
}

export const stories = new Map(Object.entries({ wholeFlow, results, reload, untrusted }));
