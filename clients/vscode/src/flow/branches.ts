import { extensions, type QuickPickItem, type Uri, window, workspace } from "vscode";
import { menu } from "../menu.js";
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
  readonly enabled: boolean;
  getAPI(version: 1): { readonly repositories: Repository[] };
}

export interface Since {
  readonly branch: string;
  readonly folder: Uri | undefined;
}

/** The branch that changes are counted from, as VS Code's Git knows them, or what else the user types. */
export async function pickBranch(): Promise<Since | undefined> {
  const repository = await pickRepository();
  if (repository === "none") return undefined;
  const folder = repository?.rootUri ?? workspace.workspaceFolders?.[0]?.uri;
  const current = repository?.state.HEAD?.name;
  let there: readonly QuickPickItem[] = [];
  const known = items(repository, current).then((found) => {
    there = found;
    return found;
  });
  const typed = (text: string): QuickPickItem[] => {
    const own = text.trim();
    const isNew = own !== "" && there.every((one) => one.label !== own);
    return [...there, ...(isNew ? [{ label: own, description: "as typed", alwaysShow: true }] : [])];
  };
  const title = "Fan Out: Over Changes";
  const on = current ? ` (you are on ${headline(current)})` : "";
  const placeholder = `Files that changed since: a branch, a tag or a commit${on}`;
  const answer = await menu({ title, placeholder, items: known, first: true, typed });
  const branch = answer !== undefined && answer !== "back" ? answer.chosen[0]?.label : undefined;
  return branch === undefined ? undefined : { branch, folder };
}

async function items(repository: Repository | undefined, current: string | undefined): Promise<QuickPickItem[]> {
  const refs = (await repository?.getRefs({})) ?? [];
  const names = refs.flatMap((ref) => (ref.name === undefined || ref.name === current ? [] : [ref.name]));
  return [
    ...[...new Set(names)].map((label): QuickPickItem => ({ label })),
    { label: "HEAD", description: "what is not committed" },
  ];
}

/** Undefined where VS Code's Git knows none, or is not there. */
async function pickRepository(): Promise<Repository | "none" | undefined> {
  const git = await extensions.getExtension<GitExtension>("vscode.git")?.activate();
  // One that is switched off, or finds no git, throws when it is asked.
  const repositories = git?.enabled ? git.getAPI(1).repositories : [];
  if (repositories.length < 2) return repositories[0];
  const choices = repositories.map((one) => ({
    label: one.rootUri.path.split("/").at(-1) ?? "",
    description: one.rootUri.fsPath,
    one,
  }));
  return (await window.showQuickPick(choices, { placeHolder: "Which repository?" }))?.one ?? "none";
}
