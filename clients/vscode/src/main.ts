import type { ExtensionContext } from "vscode";
import { Extension } from "./extension.js";

let extension: Extension | undefined;

export function activate(context: ExtensionContext): Extension {
  const began = performance.now();
  extension = new Extension(context);
  extension.activationMs = performance.now() - began;
  return extension;
}

export async function deactivate(): Promise<void> {
  await extension?.stop();
}
