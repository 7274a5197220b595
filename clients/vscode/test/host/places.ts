import { strict as assert } from "node:assert";
import { Uri, workspace } from "vscode";
import { begin, extension, given, runIs, test } from "./harness.js";

test("each folder of the workspace has its own repository and runs", async () => {
  assert.equal(workspace.workspaceFolders?.length, 2);
  const other = Uri.joinPath(Uri.file(given().other), "there.py");
  const id = await begin([other]);
  const run = await runIs(id, "ready");
  assert.equal(Uri.parse(run.folder ?? "").path, given().other);
  const folders = new Set(extension().store.runs.map((one) => one.folder));
  assert.equal(folders.size, 2);
  const { label, description } = extension().view.getTreeItem({ kind: "run", run: id });
  assert.equal(`${label} ${description}`, "Change {file}. ready · 1/1 done · $0.12 · elsewhere");
  await extension().server.execute("fanout.discard", { runId: id });
});
