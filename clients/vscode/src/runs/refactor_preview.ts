import { commands } from "vscode";

// Nothing tells when the preview is there: its context keys cannot be read, no event comes, and the edit's own answer comes
// when it is over. Annotations only say what the groups are. Before it is there the command does nothing, and nothing more
// when it has been done once.
const LOOKS_MS = [100, 300, 600, 1200];

/** Has the Refactor Preview that is about to open show one group for each unit; by file is a click away. */
export function groupByUnit(): void {
  for (const wait of LOOKS_MS) {
    setTimeout(() => void commands.executeCommand("refactorPreview.groupByType"), wait);
  }
}
