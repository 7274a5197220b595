import { extensions, type QuickPickItem, type Uri, window, workspace } from "vscode";
import { headline } from "../runs/words.js";

interface Ref {
  readonly name?: string;
  readonly commit?: string;
}

interface Repository {
  readonly rootUri: Uri;
  readonly state: { readonly HEAD?: { readonly name?: string; readonly upstream?: { remote: string; name: string } } };
  getRefs(query: Record<string, never>): Promise<Ref[]>;
}

interface GitExtension {
  getAPI(version: 1): { readonly repositories: Repository[] };
}

export interface Since {
  readonly branch: string;
  readonly folder: Uri | undefined;
}

/** The branch that changes are counted from, as VS Code's Git knows them, or as the user types it. */
export async function pickBranch(): Promise<Since | undefined> {
  const repository = await pickRepository();
  const folder = repository?.rootUri ?? workspace.workspaceFolders?.[0]?.uri;
  const refs = (await repository?.getRefs({})) ?? [];
  const current = repository?.state.HEAD?.name;
  const names = refs.flatMap((ref) => (ref.name === undefined || ref.name === current ? [] : [ref.name]));
  const items: QuickPickItem[] = [
    ...names.map((label): QuickPickItem => ({ label })),
    { label: "HEAD", description: "what is not committed" },
  ];
  const title = "Fan Out: Over Changes";
  const placeHolder = `Files that changed since${current ? ` (you are on ${headline(current)})` : ""}`;
  const chosen = await window.showQuickPick(items, { title, placeHolder });
  return chosen === undefined ? undefined : { branch: chosen.label, folder };
}

async function pickRepository(): Promise<Repository | undefined> {
  const extension = extensions.getExtension<GitExtension>("vscode.git");
  const repositories = (await extension?.activate())?.getAPI(1).repositories ?? [];
  if (repositories.length < 2) return repositories[0];
  const items = repositories.map((one) => ({ label: workspace.asRelativePath(one.rootUri), one }));
  return (await window.showQuickPick(items, { placeHolder: "Which repository?" }))?.one;
}
