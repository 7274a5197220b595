import { commands, type Disposable, Uri, window, workspace } from "vscode";
import type { Run, Unit } from "../generated/commands.js";
import { filesOf, headline } from "./words.js";

/** What menus of the editor look at. */
const SHOWN = "fanout.changesShown";

/** What a run changed, or one unit of it, in VS Code's own editor for changes of many files. */
export class ChangesEditor implements Disposable {
  private readonly opened = new Map<string, string>();
  private readonly subscription = window.tabGroups.onDidChangeTabs(() => this.look());

  /** The run whose changes are shown in the active editor. */
  get run(): string | undefined {
    // VS Code tells nothing of such an editor but its title, to which it adds the number of files.
    const label = window.tabGroups.activeTabGroup.activeTab?.label ?? "";
    const title = [...this.opened.keys()].find((one) => label === one || label.startsWith(`${one} (`));
    return title === undefined ? undefined : this.opened.get(title);
  }

  dispose(): void {
    this.subscription.dispose();
  }

  async openRun(run: Run): Promise<void> {
    await this.open(`Fan Out: ${headline(run.instruction, 40)}`, run, undefined, filesOf(run));
  }

  async openUnit(run: Run, unit: Unit): Promise<void> {
    await this.open(`Fan Out: ${unit.title}`, run, unit.id, unit.files);
  }

  async openFile(run: Run, unit: string, uri: string): Promise<void> {
    const resource = Uri.parse(uri);
    const [before, after] = sides(run, unit, resource);
    const title = `${workspace.asRelativePath(resource)} (Fan Out)`;
    this.opened.set(title, run.runId);
    await commands.executeCommand("vscode.diff", before, after, title);
    this.look();
  }

  private async open(title: string, run: Run, unit: string | undefined, files: readonly string[]): Promise<void> {
    const resources = files.map((uri) => {
      const resource = Uri.parse(uri);
      return [resource, ...sides(run, unit, resource)];
    });
    this.opened.set(title, run.runId);
    await commands.executeCommand("vscode.changes", title, resources);
    this.look();
  }

  private look(): void {
    void commands.executeCommand("setContext", SHOWN, this.run !== undefined);
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
