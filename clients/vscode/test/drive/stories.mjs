// What a person does, from beginning to end. What is looked for is what they see.
import { strict as assert } from "node:assert";
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as firstSteps from "./first_steps.mjs";
import * as steering from "./steering.mjs";
import { begin, until } from "./steps.mjs";
import { twoWindows } from "./windows.mjs";

const LONG_MS = 40_000;
const INSTRUCTION = "Add ten to what {file} returns, carefully.";

/** Each step of the flow with the keyboard, and the run as it goes. */
async function wholeFlow(hands, { root, gate }) {
  await hands.command("Fan Out: Show Runs");
  await hands.see(".pane-body", "There are no runs yet");
  await hands.open("one.py");
  await hands.page.locator(".editor-instance .view-lines").first().click();
  await hands.press("Control+Home", "Control+Shift+End");
  await hands.see(".statusbar-item", "selected");
  await hands.press("Control+Alt+u");
  await hands.menu("Fan Out: Split");
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
  await hands.type(INSTRUCTION);
  await hands.rows("as typed").first().waitFor();
  await hands.press("Enter");
  await hands.menu("Fan Out: Agent");
  await hands.rows("as set").first().waitFor();
  await hands.press("Enter");
  await hands.menu("4 units, $0.60 to $1.20");
  // The price is of what is ticked.
  const box = hands.rows("src/four.py").first().locator('[role="checkbox"], .quick-input-list-checkbox').first();
  await box.click();
  await hands.menu("3 of 4 units, $0.45 to $0.90");
  await box.click();
  await hands.menu("4 units, $0.60 to $1.20");
  await hands.picture("preview");
  await hands.page.locator(".quick-input-widget .monaco-button", { hasText: "OK" }).click();
  await hands.node(/one\.py.*running/).waitFor();
  await hands.notification("0/4 done").waitFor();
  await hands.picture("running");
  await writeFile(gate, "");
  await hands.notification("4 of 4 units done").waitFor();
  assert.match(await readFile(join(root, "src/two.py"), "utf8"), /return 2/);
}

/** The changes editor, and the Refactor Preview with some of it unticked. */
async function results(hands, { root }) {
  await hands.answer("4 of 4 units done", "Review Changes");
  await hands.see(".view-line", "return 10 +");
  await hands.picture("changes");
  await hands.command("Fan Out: Apply With Preview...");
  const list = '.monaco-list[aria-label="Bulk Edit"] .monaco-list-row';
  // One group for each unit, by its title.
  const group = hands.page.locator(`${list}[aria-level="1"]`, { hasText: "src/four.py" });
  await group.waitFor();
  assert.equal(await group.getAttribute("aria-setsize"), "4");
  for (const name of ["src/four.py", "src/one.py"]) {
    await hands.page.locator(`${list}[aria-level="2"][aria-label^="${name}"] .edit-checkbox`).click();
  }
  await hands.picture("refactor-preview");
  await hands.page.locator(".panel .monaco-button", { hasText: "Apply" }).first().click();
  await hands.node("applied").waitFor();
  await hands.command("File: Save All Files");
  const has = async (name) => (await readFile(join(root, `src/${name}.py`), "utf8")).includes("return 10 +");
  await until(async () => (await has("four")) && (await has("one")));
  assert.ok(!(await has("two")), "what was not ticked is left alone");
}

/** The mark beside a line that a run made says which unit, agent and run it came from. */
async function origins(hands) {
  await hands.open("four.py");
  await hands.page.locator(".view-line", { hasText: "return 10 + 4" }).first().click();
  // Marks come as soon as the server has said whose the lines are.
  await until(async () => {
    await hands.press("Escape", "Control+k", "Control+i");
    const hover = hands.page.locator(".monaco-hover", { hasText: "unit src/four.py, by command, $0.12" }).first();
    return hover.waitFor({ timeout: 2000 }).then(
      () => true,
      () => false,
    );
  });
  await hands.picture("origin");
  await hands.press("Escape");
}

/** A plan document: its lens runs it, and behind its items stands how their units are. */
async function planDocument(hands) {
  await hands.clear();
  await hands.open("add-ten.fanout.md");
  const lens = hands.page.locator(".codelens-decoration a", { hasText: "Run 2 units" }).first();
  await lens.waitFor();
  await lens.click();
  await hands.notification("2 of 2 units done").waitFor();
  await hands.see(".view-line", "done");
  await hands.see(".codelens-decoration a", "Apply 2 files");
  await hands.picture("plan");
  await hands.command("View: Close All Editors");
}

/** The progress notification cancels its run. */
async function cancel(hands, { gate }) {
  await rm(gate, { force: true });
  await begin(hands, "src/three.py", "Add a hundred, carefully.");
  await hands.answer("0/1 done", "Cancel");
  await hands.node(/hundred.*cancelled/).waitFor();
}

/** The page is loaded anew while a unit is at work: the run is shown as interrupted, is resumed, and comes to its end. */
async function reload(hands, { gate }) {
  await rm(gate, { force: true });
  await begin(hands, "src/three.py", "Add a thousand, carefully.");
  await hands.node(/three\.py.*running/).waitFor();
  await hands.page.reload();
  await hands.ready();
  await hands.node(/thousand.*interrupted/).waitFor({ timeout: LONG_MS });
  await writeFile(gate, "");
  await hands.command("Fan Out: Resume");
  await hands.notification("1 of 1 unit done").waitFor();
  await hands.node(/thousand.*ready/).waitFor();
}

/** A workspace that is not trusted: nothing is started, and the view says why. */
async function untrusted(hands, { began }) {
  await hands.command("Fan Out: Show Runs");
  await hands.see(".pane-body", "starts nothing in a workspace that you do not trust");
  assert.ok(!existsSync(began), "a server was started");
}

export const stories = new Map(
  Object.entries({
    wholeFlow,
    results,
    origins,
    planDocument,
    cancel,
    reload,
    untrusted,
    twoWindows,
    ...steering,
    ...firstSteps,
  }),
);
