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
    const sizes = sizesOfFolders(folder.uri, files);
    const more = files.length === MOST ? " or more" : "";
    const folders = [...sizes].map(([name, size]): Item => {
      const uri = Uri.parse(name);
      const label = uri.path === folder.uri.path ? folder.name : workspace.asRelativePath(uri);
      return { label: `${label}/`, description: `all files in it: ${size}${more}`, uri };
    });
    folders.sort((a, b) => (a.label < b.label ? -1 : 1));
    found.push(...folders, ...paths.map(({ uri, path }) => ({ label: path, uri })));
  }
  return found;
}

/** How many of the files lie in each folder, at any depth, from the top one down. */
function sizesOfFolders(top: Uri, files: readonly Uri[]): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const file of files) {
    for (let folder = Uri.joinPath(file, ".."); ; folder = Uri.joinPath(folder, "..")) {
      const name = folder.toString();
      sizes.set(name, (sizes.get(name) ?? 0) + 1);
      if (folder.path.length <= top.path.length) break;
    }
  }
  return sizes;
}
