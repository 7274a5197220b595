import { commands, window } from "vscode";
import { shortened } from "./runs/words.js";

/** Says what went wrong. */
export function tellError(error: unknown): void {
  tell(window.showErrorMessage, error instanceof Error ? error.message : String(error));
}

/** Of a list, which a notification would run together, only the first; all of it stands in Problems. */
export function tell(show: typeof window.showErrorMessage, message: string): void {
  const { text, isList } = shortened(message);
  const problems = "Show Problems";
  void show(text, ...(isList ? [problems] : [])).then((chosen) => {
    if (chosen === problems) void commands.executeCommand("workbench.actions.view.problems");
  });
}
