import { commands, env } from "vscode";

/** Shows the setting. A machine's own ones stand on a page of their own where the window is remote. */
export async function showSetting(name: string): Promise<void> {
  const page = env.remoteName === undefined ? "openSettings" : "openRemoteSettings";
  await commands.executeCommand(`workbench.action.${page}`, { query: name });
}
