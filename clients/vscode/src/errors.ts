import { commands, window } from "vscode";
import { shortened } from "./runs/words.js";

/** Says what went wrong. */
export function tellError(error: unknown): void {
  tell(window.showErrorMessage, error instanceof Error ? error.message : String(error));
}

/** Of a list, which a notification would run together, only the first. All of it stands in Problems if it has a place. */
export function tell(show: typeof window.showErrorMessage, message: string): void {
  const { text, isList } = shortened(message);
  const problems = "Show Problems";
  const all = "Show All";
  void show(text, ...(isList ? [problems, all] : [])).then((chosen) => {
    if (chosen === problems) void commands.executeCommand("workbench.actions.view.problems");
    if (chosen === all) showWhole(show, message);
  });
}

function showWhole(show: typeof window.showErrorMessage, message: string): void {
  const [head = "", ...items] = message.split("\n");
  void show(head, { modal: true, detail: items.join("\n") });
}
