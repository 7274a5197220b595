import { commands, window } from "vscode";
import { shortened } from "./runs/words.js";

/** Says what went wrong. Of a list, which a notification would run together, the first; all of it stands in Problems. */
export function tellError(error: unknown): void {
  const { text, isList } = shortened(error instanceof Error ? error.message : String(error));
  const problems = "Show Problems";
  void window.showErrorMessage(text, ...(isList ? [problems] : [])).then((chosen) => {
    if (chosen === problems) void commands.executeCommand("workbench.actions.view.problems");
  });
}
