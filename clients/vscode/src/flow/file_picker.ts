import { type QuickPickItem, RelativePattern, Uri, window, workspace } from "vscode";

const MOST = 5_000;

type Item = QuickPickItem & { uri: Uri };

/** Files and folders of the workspace to choose from, where no menu has said which. */
export async function pickFiles(): Promise<Uri[] | undefined> {
  const title = "Fan Out: Over Files";
  const placeHolder = "Files and folders, as many as you like";
  const chosen = await window.showQuickPick(items(), {
    title,
    placeHolder,
    canPickMany: true,
    matchOnDescription: true,
  });
  return chosen?.map((one) => one.uri);
}

async function items(): Promise<Item[]> {
  const found: Item[] = [];
  for (const folder of workspace.workspaceFolders ?? []) {
    const files = await workspace.findFiles(new RelativePattern(folder, "**/*"), undefined, MOST);
    const paths = files
      .map((uri) => ({ uri, path: workspace.asRelativePath(uri) }))
      .sort((a, b) => (a.path < b.path ? -1 : 1));
    found.push(...foldersOf(paths), ...paths.map(({ uri, path }) => ({ label: path, uri })));
  }
  return found;
}

function foldersOf(files: readonly { uri: Uri; path: string }[]): Item[] {
  const folders = new Map<string, Uri>();
  for (const { uri, path } of files) {
    const name = path.split("/").slice(0, -1).join("/");
    if (name !== "") folders.set(name, Uri.joinPath(uri, ".."));
  }
  return [...folders].map(([label, uri]) => ({ label: `${label}/`, description: "all files in it", uri }));
}
