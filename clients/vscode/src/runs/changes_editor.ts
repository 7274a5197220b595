import { commands, type Disposable, type Tab, TabInputTextDiff, Uri, window } from "vscode";
import { openBesidePages } from "../beside.js";
import type { Range as PlainRange, Run, Unit } from "../generated/commands.js";
import type { Memory } from "../memory.js";
import { isAppliable } from "./contexts.js";
import { asRange, nameOfFile } from "./place.js";
import type { RunStore } from "./run_store.js";
import { filesOf, headline } from "./words.js";

/** What menus of the editor look at: changes that can be applied are shown. */
const SHOWN = "fanout.changesShown";
const KEY = "fanout.changesEditors";
const MOST = 30;

/** What an editor shows: all of a run, or one unit of it. VS Code tells nothing of it but its title. */
interface Opened {
  readonly title: string;
  readonly run: string;
  readonly unit?: string;
}

/** What a run changed, or one unit of it, in VS Code's own editor for changes of many files. */
export class ChangesEditor implements Disposable {
  private readonly subscriptions: Disposable[];
  private restored = false;

  constructor(
    private readonly store: RunStore,
    private readonly memory: Memory,
  ) {
    this.subscriptions = [
      window.tabGroups.onDidChangeTabs(() => this.look()),
      store.onChange(() => this.look()),
      store.onChange(() => this.restore()),
      store.onChange(({ listed, runs }) => {
        if (listed || runs.size > 0) void this.closeDiscarded();
      }),
    ];
  }

  /** The run whose changes are shown in the active editor. */
  get run(): string | undefined {
    const tab = window.tabGroups.activeTabGroup.activeTab;
    return tab === undefined ? undefined : this.runIn(tab);
  }

  dispose(): void {
    for (const one of this.subscriptions) one.dispose();
  }

  async openRun(run: Run): Promise<void> {
    const title = this.titleFor(`Fan Out: ${headline(run.instruction, 40)}`, run);
    await this.open({ title, run: run.runId }, run, filesOf(run));
  }

  async openUnit(run: Run, unit: Unit): Promise<void> {
    const title = this.titleFor(`Fan Out: ${unit.title}`, run, unit.id);
    await this.open({ title, run: run.runId, unit: unit.id }, run, unit.files);
  }

  /** As the unit left it, or all of the run. */
  async openFile(run: Run, unit: string | undefined, uri: string, range?: PlainRange): Promise<void> {
    const resource = Uri.parse(uri);
    const [before, after] = sides(run, unit, resource);
    const shown = range === undefined ? {} : { selection: asRange(range) };
    await commands.executeCommand("vscode.diff", before, after, `${nameOfFile(uri)} (Fan Out)`, shown);
    this.look();
  }

  private async open(opened: Opened, run: Run, files: readonly string[]): Promise<void> {
    const resources = files.map((uri) => {
      const resource = Uri.parse(uri);
      return [resource, ...sides(run, opened.unit, resource)];
    });
    // An editor of this kind is such a page, too.
    if (this.run === undefined) await openBesidePages();
    const others = this.known.filter((one) => one.title !== opened.title);
    void this.memory.update(KEY, [opened, ...others].slice(0, MOST));
    await commands.executeCommand("vscode.changes", opened.title, resources);
    this.look();
  }

  /** One that no other run or unit has: by it the editor's buttons know what they are about. */
  private titleFor(wanted: string, run: Run, unit?: string): string {
    const free = (title: string) =>
      this.known.every((one) => one.title !== title || (one.run === run.runId && one.unit === unit));
    const timed = `${wanted} ${new Date(run.started * 1000).toLocaleTimeString()}`;
    return [wanted, timed].find(free) ?? `${wanted} (${run.runId})`;
  }

  private get known(): readonly Opened[] {
    return this.memory.get<readonly Opened[]>(KEY) ?? [];
  }

  private runIn(tab: Tab): string | undefined {
    return tab.input instanceof TabInputTextDiff ? runOfSide(tab.input.modified) : this.openedIn(tab)?.run;
  }

  private openedIn({ label }: Tab): Opened | undefined {
    // VS Code adds the number of files.
    const fits = ({ title }: Opened) => label === title || /^ \(\d[^)]*\)$/.test(label.slice(title.length));
    return this.known.find((one) => label.startsWith(one.title) && fits(one));
  }

  /** What was thrown away is not to be looked at any more, and can no longer be applied. */
  private async closeDiscarded(): Promise<void> {
    const isGone = (tab: Tab) => this.store.get(this.runIn(tab) ?? "")?.state === "discarded";
    const tabs = window.tabGroups.all.flatMap((group) => group.tabs).filter(isGone);
    if (tabs.length > 0) await window.tabGroups.close(tabs, true);
  }

  /** After the window was loaded anew VS Code shows such editors again, but nothing in them. */
  private async restore(): Promise<void> {
    if (this.restored || !this.store.loaded) return;
    this.restored = true;
    for (const tab of window.tabGroups.all.flatMap((group) => group.tabs)) {
      const opened = this.openedIn(tab);
      const run = this.store.get(opened?.run ?? "");
      if (opened === undefined) continue;
      const files = opened.unit === undefined ? run && filesOf(run) : this.store.unit(opened.run, opened.unit)?.files;
      if (run?.state === "discarded") continue;
      await window.tabGroups.close(tab);
      if (run !== undefined && files !== undefined && files.length > 0) await this.open(opened, run, files);
    }
  }

  private look(): void {
    const run = this.store.get(this.run ?? "");
    void commands.executeCommand("setContext", SHOWN, run !== undefined && isAppliable(run));
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

function runOfSide({ scheme, query }: Uri): string | undefined {
  return scheme === "fanout" ? (new URLSearchParams(query).get("run") ?? undefined) : undefined;
}
