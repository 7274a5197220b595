import { commands, Uri, workspace } from "vscode";
import type { Run, Unit } from "../generated/commands.js";
import { filesOf, headline } from "./words.js";

/** What a run changed, or one unit of it, in VS Code's own editor for changes of many files. */
export class ChangesEditor {
  async openRun(run: Run): Promise<void> {
    await this.open(`Fan Out: ${headline(run.instruction, 40)}`, run, undefined, filesOf(run));
  }

  async openUnit(run: Run, unit: Unit): Promise<void> {
    await this.open(`Fan Out: ${unit.title}`, run, unit.id, unit.files);
  }

  async openFile(run: Run, unit: string, uri: string): Promise<void> {
    const resource = Uri.parse(uri);
    const [before, after] = sides(run, unit, resource);
    await commands.executeCommand("vscode.diff", before, after, `${workspace.asRelativePath(resource)} (Fan Out)`);
  }

  private async open(title: string, run: Run, unit: string | undefined, files: readonly string[]): Promise<void> {
    const resources = files.map((uri) => {
      const resource = Uri.parse(uri);
      return [resource, ...sides(run, unit, resource)];
    });
    await commands.executeCommand("vscode.changes", title, resources);
  }
}

/** The server's documents of a file as it was, and as the run or unit made it. */
function sides(run: Run, unit: string | undefined, resource: Uri): [Uri, Uri] {
  const root = Uri.parse(run.folder ?? "").path;
  const path = resource.path.startsWith(`${root}/`) ? resource.path.slice(root.length + 1) : resource.path;
  const of = unit === undefined ? `run=${run.runId}` : `run=${run.runId}&unit=${unit}`;
  const side = (which: string) => Uri.from({ scheme: "fanout", path: `/${path}`, query: `${of}&side=${which}` });
  return [side("before"), side("after")];
}
