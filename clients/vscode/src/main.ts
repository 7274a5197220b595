import type { ExtensionContext } from "vscode";
import { Extension } from "./extension.js";

/** When the bundle began to be loaded; scripts/bundle.mjs puts it at the top. */
declare const fanoutLoading: number;

let extension: Extension | undefined;

export function activate(context: ExtensionContext): Extension {
  const began = performance.now();
  extension = new Extension(context);
  // What VS Code does between loading and activating is not ours.
  extension.activationMs = LOADED_MS + performance.now() - began;
  return extension;
}

export async function deactivate(): Promise<void> {
  await extension?.stop();
}

const LOADED_MS = performance.now() - fanoutLoading;
