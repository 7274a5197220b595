import type { ExtensionContext } from "vscode";
import { Extension } from "./extension.js";

/** When the bundle began to be loaded; scripts/bundle.mjs puts it at the top. */
declare const fanoutLoading: number;

let extension: Extension | undefined;

export function activate(context: ExtensionContext): Extension {
  extension = new Extension(context);
  extension.activationMs = performance.now() - fanoutLoading;
  return extension;
}

export async function deactivate(): Promise<void> {
  await extension?.stop();
}
