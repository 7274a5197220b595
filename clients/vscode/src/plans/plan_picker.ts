import { commands, type Uri, window, workspace } from "vscode";

const MOST = 200;

/** The plan document that is looked at. */
export function shownPlan(): Uri | undefined {
  const shown = [window.activeTextEditor, ...window.visibleTextEditors];
  return shown.find((editor) => editor?.document.languageId === "fanout")?.document.uri;
}

/** The only one that is open, behind other editors; or one that the user picks of all that there are. */
export async function pickPlan(): Promise<Uri | undefined> {
  const open = workspace.textDocuments.filter((one) => one.languageId === "fanout" && !one.isClosed);
  if (open.length === 1) return open[0]?.uri;
  const found = await workspace.findFiles("**/*.fanout.md", undefined, MOST);
  const plans = new Map([...open.map((one) => one.uri), ...found].map((uri) => [uri.toString(), uri]));
  if (plans.size === 0) {
    const create = "New Plan";
    const chosen = await window.showInformationMessage("There is no plan document (*.fanout.md) here yet.", create);
    if (chosen === create) await commands.executeCommand("fanout.newPlan");
    return undefined;
  }
  const items = [...plans.values()].map((uri) => ({ label: workspace.asRelativePath(uri), uri }));
  const picked = await window.showQuickPick(items, { title: "Fan Out: Run Plan", placeHolder: "Which plan?" });
  return picked?.uri;
}
