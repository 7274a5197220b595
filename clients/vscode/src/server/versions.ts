import { type LogOutputChannel, window } from "vscode";
import { showSetting } from "./setting_page.js";

/** They are made for each other: of others it is said, and they are tried all the same. */
export function compareVersions(server: string | undefined, own: string, log: LogOutputChannel): void {
  if (server === undefined || server === own) return;
  const text = `The server is version ${server}, the extension ${own}`;
  log.warn(text);
  const setting = "Open Setting";
  const advice = "Install the matching ones, or clear fanout.server.path to use the server that the extension brings.";
  void window.showWarningMessage(`${text}. ${advice}`, setting).then((chosen) => {
    if (chosen === setting) void showSetting("fanout.server.path");
  });
}
