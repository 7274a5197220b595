import { Range, Uri, workspace } from "vscode";
import type { Range as PlainRange, Run } from "../generated/commands.js";

/** The checkout's name, where several folders are open. */
export function placeOf(run: Run): string[] {
  const name = run.folder?.split("/").at(-1);
  return name === undefined || (workspace.workspaceFolders ?? []).length < 2 ? [] : [decodeURIComponent(name)];
}

/** The file as people name it. */
export function nameOfFile(uri: string): string {
  return workspace.asRelativePath(Uri.parse(uri));
}

export function asRange({ start, end }: PlainRange): Range {
  return new Range(start.line, start.character, end.line, end.character);
}
