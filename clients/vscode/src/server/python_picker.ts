import { type QuickPickItem, QuickPickItemKind, window } from "vscode";
import type { Python, PythonFinder } from "./python_finder.js";

type Item = QuickPickItem & { python?: Python; browse?: boolean };

/** Has the user choose a Python for the server: of those that are there, or any other. Its path; undefined: none. */
export async function pickPython(pythons: PythonFinder): Promise<string | undefined> {
  const title = "Fan Out: Python for the Server";
  const placeHolder = "Python 3.11 or newer";
  const chosen = await window.showQuickPick(items(pythons), { title, placeHolder, matchOnDescription: true });
  const python = chosen?.browse ? await browse(pythons) : chosen?.python;
  if (python?.why !== undefined) {
    void window.showErrorMessage(`${python.path} ${python.why}. The server needs Python 3.11 or newer, with venv.`);
    return undefined;
  }
  return python?.path;
}

async function items(pythons: PythonFinder): Promise<Item[]> {
  const found = await pythons.all();
  const [fit, unfit] = [found.filter((one) => one.why === undefined), found.filter((one) => one.why !== undefined)];
  return [
    ...fit.map((python): Item => ({ label: nameOf(python), description: python.path, python })),
    ...(unfit.length > 0 ? [{ label: "these will not do", kind: QuickPickItemKind.Separator }] : []),
    ...unfit.map(
      (python): Item => ({
        label: `$(circle-slash) ${python.name}`,
        description: `${python.why}`,
        detail: python.path,
        python,
      }),
    ),
    { label: "", kind: QuickPickItemKind.Separator },
    { label: "$(folder-opened) Another One...", browse: true, alwaysShow: true },
  ];
}

async function browse(pythons: PythonFinder): Promise<Python | undefined> {
  const [chosen] = (await window.showOpenDialog({ title: "Python 3.11 or newer", openLabel: "Choose" })) ?? [];
  if (chosen === undefined) return undefined;
  const found = await pythons.look(chosen.fsPath);
  return found === undefined ? undefined : { ...found, path: chosen.fsPath };
}

function nameOf({ version, name }: Python): string {
  return version === undefined ? name : `Python ${version.major}.${version.minor}`;
}
