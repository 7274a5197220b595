import { commands } from "vscode";

// VS Code does not tell when the preview is there. Before that the command does nothing, after it nothing more.
const LOOKS_MS = [100, 300, 600, 1200];

/** Has the Refactor Preview that is about to open show one group for each unit; by file is a click away. */
export function groupByUnit(): void {
  for (const wait of LOOKS_MS) {
    setTimeout(() => void commands.executeCommand("refactorPreview.groupByType"), wait);
  }
}
