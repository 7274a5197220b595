// What is done with runs while they go, and with their results, from the menus and buttons of VS Code's window.
import { strict as assert } from "node:assert";
import { readFile, rm, writeFile } from "node:fs/promises";
import { begin, until } from "./steps.mjs";

/** A server of another version is told of, with a way to the setting. */
export async function otherVersion(hands) {
  await hands.command("Fan Out: Show Runs");
  await hands.answer("The server is version 9.9.9, the extension 0.1.0", "Open Setting");
  await hands.see(".settings-editor .setting-item-description", "The program fanout to be started as the server");
  await hands.press("Escape", "Escape");
  await hands.page.locator(".settings-editor").waitFor({ state: "hidden" });
}

/** Several files of the explorer, by its menu; presets are offered. */
export async function explorerMenu(hands) {
  await hands.command("View: Show Explorer");
  await hands.node("src").click();
  await hands.node("one.py").click();
  await hands.node("two.py").click({ modifiers: ["Control"] });
  await hands.choose(hands.node("two.py"), "Fan Out", "Over Files...");
  await hands.menu("Fan Out: Split");
  await hands.rows("2 files").first().waitFor();
  await hands.press("Enter");
  await hands.menu("Fan Out: Instruction");
  await hands.rows("Write unit tests").first().waitFor();
  await hands.press("Escape");
}

/** Nobody waits for an agent that is slow to tell its version; and what is said is a plan document instead of a run. */
export async function slowAgent(hands, { versionGate }) {
  await hands.open("one.py");
  await hands.command("Fan Out: Over Selection...");
  await hands.menu("Fan Out: Split");
  await hands.press("Enter");
  await hands.see(".quick-input-title", "Fan Out: Instruction");
  // At once, whatever is still on its way.
  await hands.type("Mind {file}.");
  await hands.rows("as typed").first().waitFor();
  await hands.press("Enter");
  await hands.menu("Fan Out: Agent");
  await hands.rows("as set").first().waitFor();
  assert.equal(await hands.rows("2.1.330").count(), 0);
  await writeFile(versionGate, "");
  await hands.rows("Look Again").first().click();
  await hands.rows("2.1.330").first().waitFor();
  await hands.rows("as set").first().click();
  await hands.menu("1 unit");
  await hands.page.locator('.quick-input-widget [aria-label="Open as Plan Document"]').click();
  await hands.see(".tab.active", "fanout.md");
  await hands.see(".view-line", "Mind {file}.");
  await hands.command("View: Revert and Close Editor");
}

/** By the menus of the editor and of source control; and what is wrong, by that of Problems. */
export async function otherMenus(hands) {
  await hands.open("one.py");
  const line = hands.page.locator(".editor-instance .view-line", { hasText: "return 1" }).first();
  await line.dblclick();
  await hands.choose(line, "Fan Out", "Over Selection...");
  await hands.menu("Fan Out: Split");
  await hands.rows("1 function").first().waitFor();
  await hands.press("Escape");
  await hands.choose(line, "Fan Out", "New Plan");
  await hands.see(".tab.active", "fanout.md");
  // The selection's, and not all that is in the file.
  await hands.see(".view-line", "src/one.py#one");
  await hands.command("View: Revert and Close Editor");
  await hands.open("broken.json");
  await hands.command("Problems: Focus on Problems View");
  // What knows JSON is only started by the file.
  await hands.see('.panel [role="treeitem"]', "broken.json");
  await hands.page
    .locator('.panel [aria-label="Views and More Actions..."], .panel [aria-label="More Actions..."]')
    .first()
    .click();
  await hands.follow("Fan Out", "Over Problems...");
  await hands.menu("Fan Out: Instruction");
  await hands.press("Escape");
  await hands.press("Control+Shift+g");
  await hands.choose(hands.node("broken.json"), "Fan Out", "Over Files...");
  // There is one way to split a file like that, so it is not asked for.
  await hands.menu("Fan Out: Instruction");
  await hands.press("Escape");
  const header = hands.page.locator(".pane-header", { hasText: "Changes" }).first();
  await header.hover();
  await header.locator('[aria-label$="More Actions..."]').click();
  await hands.follow("Fan Out", "Over Changes...");
  await hands.menu("Fan Out: Over Changes");
  await hands.rows("HEAD").first().click();
  await hands.menu("Fan Out: Split");
  await hands.press("Escape");
  await hands.command("View: Close All Editors");
}

/** A unit at work is told something, its worktree opened; then it is done again with a note, and its log looked at. */
export async function notes(hands, { gate }) {
  await rm(gate, { force: true });
  await hands.command("Fan Out: Show Runs");
  await hands.see(".pane-body", "There are no runs yet");
  await begin(hands, "src/three.py", "Add a million, carefully.");
  const unit = hands.node(/three\.py.*running/);
  await unit.waitFor();
  await hands.choose(unit, "Send a Note to the Agent...");
  await hands.tell("Fan Out: src/three.py", "Mind the gap.");
  await hands.notification("The agent is told when it comes to its end.").waitFor();
  await opensWorktree(hands, unit);
  await writeFile(gate, "");
  await hands.notification("1 of 1 unit done").waitFor();
  await rm(gate);
  await hands.choose(hands.node(/three\.py.*done/), "Do Unit Again With a Note...");
  await hands.tell("Fan Out: src/three.py", "Once more, with feeling.");
  await hands.node(/three\.py.*running/).waitFor();
  await writeFile(gate, "");
  await hands.node(/three\.py.*done/).waitFor();
  await hands.choose(hands.node(/three\.py.*done/), "Open Prompt of Unit");
  await hands.see(".view-line", "Once more, with feeling.");
  await hands.choose(hands.node(/three\.py.*done/), "Open Log of Unit");
  await hands.see(".view-line", "changed src/three.py");
}

async function opensWorktree(hands, unit) {
  const opened = hands.page.context().waitForEvent("page");
  await hands.choose(unit, "Open Worktree in New Window");
  const other = await opened;
  await other.locator('[role="treeitem"]', { hasText: "src" }).first().waitFor({ timeout: 30_000 });
  assert.match(decodeURIComponent(other.url()), /three/);
  // One that goes before its extensions are there leaves them behind.
  await other.locator('.statusbar-item[id^="status.scm"]').first().waitFor({ timeout: 30_000 });
  await other.goto("about:blank");
  await other.close();
}

/** Files and units are left out in the view, by keys too, and in the changes editor; one undo takes all back. */
export async function leavingOut(hands) {
  await hands.clear();
  await hands.command("Fan Out: Over Files...");
  await hands.menu("Fan Out: Over Files");
  await hands.type("src/");
  await hands.rows("all files in it").first().click();
  await hands.press("Enter");
  await hands.menu("Fan Out: Split");
  await hands.press("Enter");
  await hands.menu("Fan Out: Instruction");
  await hands.see(".quick-input-list", "Add a million, carefully.");
  await hands.type("Raise {file}.");
  await hands.rows("as typed").first().waitFor();
  await hands.press("Enter");
  await hands.menu("Fan Out: Agent");
  await hands.see(".quick-input-list", "cannot be used here");
  await hands.press("Enter");
  await hands.menu("4 units");
  await hands.press("Enter");
  await hands.notification("4 of 4 units done").waitFor();
  await untick(hands, "src/four.py");
  await hands.answer("4 of 4 units done", "Review Changes");
  await hands.see(".view-line", "return 10 +");
  // A file, by the menu of its text.
  const two = hands.page.locator(".multiDiffEntry", { hasText: "two.py" }).locator(".modified .view-line").first();
  await hands.choose(two, "Leave Out This File");
  await hands.see(".statusbar-item", "src/two.py is left out");
  // And what is left, with check boxes, by the editor's button.
  await hands.page.locator('.editor-actions [aria-label^="Choose What to Apply"]').first().click();
  await hands.menu("Fan Out: Raise {file}.");
  await hands.rows("Unit src/three.py").first().click();
  await hands.picture("choose");
  await hands.press("Enter");
  await hands.node("src/three.py").locator('[role="checkbox"][aria-checked="false"]').waitFor();
  // It stays left out in a window that is loaded anew.
  await hands.command("Developer: Reload Window");
  await hands.page.locator(".monaco-workbench").waitFor({ state: "detached" });
  await hands.ready();
  await hands.node("src/four.py").locator('[role="checkbox"][aria-label="src/four.py: left out"]').waitFor();
  // So does what was looked at.
  await hands.see(".tab.active", "Fan Out: Raise {file}. (4 files)");
  await hands.see(".view-line", "return 10 +");
  await hands.page.locator('.editor-actions [aria-label^="Apply"]').first().click();
  await hands.node(/Raise.*applied/).waitFor();
  for (const [name, line] of [
    ["one", "return 10 + 1"],
    ["two", "return 2"],
    ["three", "return 3"],
    ["four", "return 4"],
  ]) {
    await hands.open(`${name}.py`);
    await hands.see(".view-line", line);
  }
  await hands.command("View: Close All Editors");
  await hands.page.locator(".monaco-dialog-box .monaco-button", { hasText: "Don't Save" }).click();
}

/** VS Code loses a tick that comes while the view is drawn anew, and shows that it did. */
async function untick(hands, title) {
  const box = hands.node(title).locator('[role="checkbox"]');
  // The label is the extension's own, so it has heard of it.
  const out = hands.node(title).locator(`[role="checkbox"][aria-label="${title}: left out"]`);
  await until(async () => {
    await box.click();
    return out.waitFor({ timeout: 3000 }).then(
      () => true,
      () => false,
    );
  });
}

/** The first unit waits to be looked at, and the rest goes on from its notification. */
export async function pilot(hands) {
  await hands.clear();
  await hands.open("pilot.fanout.md");
  const lens = hands.page.locator(".codelens-decoration a", { hasText: "Run 2 units" }).first();
  await lens.waitFor();
  await lens.click();
  await hands.answer("the pilot is done", "Go On With the Rest");
  await hands.notification("2 of 2 units done").waitFor();
}

/** What was applied to many files is taken back by one undo; and later, by the run. */
export async function undoing(hands) {
  await hands.answer("2 of 2 units done", "Apply");
  await hands.node(/Raise.*applied · 2\/2 done/).waitFor();
  await hands.open("two.py");
  await hands.see(".view-line", "return 10 + 2");
  await hands.page.locator(".view-line", { hasText: "return 10 + 2" }).first().click();
  await hands.press("Control+z");
  await hands.see(".view-line", "return 2");
  await hands.open("three.py");
  await hands.see(".view-line", "return 3");
}

/** All is said in words and has a label, in colours of high contrast, too; and the view is walked through by keys. */
export async function contrast(hands) {
  await hands.press("Control+k", "Control+t");
  await hands.type("Dark High Contrast");
  await hands.rows("Dark High Contrast").first().waitFor();
  await hands.press("Enter");
  await hands.page.locator(".monaco-workbench.hc-black").waitFor();
  await hands.command("Fan Out: Show Runs");
  await hands.page.locator(".pane-body .monaco-list:focus").waitFor();
  await hands.press("End");
  const focused = hands.page.locator('.pane-body [role="treeitem"].focused[aria-label^="Unit src/three.py, done"]');
  await focused.locator('[role="checkbox"][aria-label="src/three.py: to be applied"]').waitFor();
  await hands.open("two.py");
  await hands.picture("high-contrast");
}

/** The server dies, and cannot be started: the view says so above what it still shows, until it is mended. */
export async function crashes(hands, { serverPid, broken }) {
  const message = (text) => hands.page.locator(".tree-explorer-viewlet-tree-view .message", { hasText: text });
  await begin(hands, "src/three.py", "Raise {file}.");
  await hands.notification("1 of 1 unit done").waitFor();
  await hands.command("Fan Out: Show Runs");
  await hands.clear();
  await writeFile(broken, "");
  process.kill(Number(await readFile(serverPid, "utf8")), "SIGKILL");
  await message("The server has ended and is started again.").waitFor();
  await hands.picture("restarting");
  await message("There is no server, so this is as it was.").waitFor();
  // One message, in our own words.
  const messages = hands.page.locator(".notifications-toasts .notification-list-item");
  assert.equal(await messages.count(), 1);
  await hands.picture("no-server");
  await hands.node(/Raise.*ready/).waitFor();
  await hands.answer("has ended six times in three minutes", "Try Again");
  await hands.notification("could not be started: it ended with exit status 3: It is broken.").waitFor();
  assert.equal(await messages.count(), 1);
  await hands.picture("cannot-start");
  await rm(broken);
  await hands.answer("could not be started", "Try Again");
  await message("There is no server").waitFor({ state: "detached" });
  await hands.node(/Raise.*ready/).waitFor();
  await hands.command("Fan Out: Apply");
  await hands.node(/Raise.*applied/).waitFor();
}

/** All that is wrong with a plan stands in Problems; what is said is the first of it. */
export async function wrongPlan(hands) {
  await hands.clear();
  await hands.open("wrong.fanout.md");
  await hands.command("Fan Out: Run Plan");
  const said = /The plan cannot be run as it is: .*\(and 2 more\)/;
  await hands.answer(said, "Show All");
  await hands.see(".monaco-dialog-box", "There is no variable {nosuch}");
  await hands.picture("wrong-plan-all");
  await hands.press("Escape");
  await hands.page.locator(".monaco-dialog-box").waitFor({ state: "detached" });
  await hands.command("Fan Out: Run Plan");
  await hands.answer(said, "Show Problems");
  await hands.see('.panel [role="treeitem"]', "nosuch");
  await hands.picture("wrong-plan");
}

/** What is over can be hidden, which the view says where nothing else is left, with the way back. */
export async function hidingOver(hands) {
  await hands.command("Fan Out: Show Runs");
  await hands.node(/Raise.*applied/).waitFor();
  await hands.page
    .locator('.sidebar [aria-label="Views and More Actions..."], .sidebar [aria-label="More Actions..."]')
    .first()
    .click();
  await hands.follow("Hide Runs That Are Over");
  await hands.see(".pane-body", "All runs are over and hidden.");
  await hands.picture("over-hidden");
  await hands.page.locator(".pane-body .monaco-button", { hasText: "Show Runs That Are Over" }).click();
  await hands.node(/Raise.*applied/).waitFor();
}
