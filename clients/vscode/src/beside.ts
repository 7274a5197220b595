import { commands, window } from "vscode";

/**
 * Has what is opened next open beside a page of VS Code's own, such as a walkthrough: opened over it, it would take away what
 * the user follows. VS Code tells nothing of such a page but that it has no document.
 */
export async function openBesidePages(): Promise<void> {
  const tab = window.tabGroups.activeTabGroup.activeTab;
  if (tab === undefined || tab.input !== undefined) return;
  const only = window.tabGroups.all.length === 1;
  await commands.executeCommand(only ? "workbench.action.newGroupRight" : "workbench.action.focusNextGroup");
}
