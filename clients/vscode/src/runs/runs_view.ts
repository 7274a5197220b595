import {
  type Disposable,
  EventEmitter,
  type TreeDataProvider,
  TreeItem,
  TreeItemCheckboxState,
  TreeItemCollapsibleState,
  type TreeView,
  Uri,
  window,
  workspace,
} from "vscode";
import type { Run, Unit } from "../generated/commands.js";
import type { Choice } from "./choice.js";
import { canApply, contextOfRun, contextOfUnit } from "./contexts.js";
import { iconOfRun, iconOfUnit, type Node } from "./nodes.js";
import type { RunStore } from "./run_store.js";
import { describeRun, describeUnit, detailsOf, headline } from "./words.js";

const TICK_MS = 1000;
const WANT_SOMEBODY = new Set(["ready", "waiting", "interrupted"]);

/** Runs, their units, and the files of those: live, with check boxes for what is to be applied. */
export class RunsView implements TreeDataProvider<Node>, Disposable {
  private readonly changes = new EventEmitter<Node | undefined>();
  private readonly nodes = new Map<string, Node>();
  private readonly view: TreeView<Node>;
  private readonly subscriptions: Disposable[];
  private readonly ticking: ReturnType<typeof setInterval>;
  readonly onDidChangeTreeData = this.changes.event;

  constructor(
    private readonly store: RunStore,
    private readonly choice: Choice,
    /** The view is looked at for the first time. */
    private readonly wanted: () => Promise<void>,
  ) {
    this.view = window.createTreeView("fanout.runs", {
      treeDataProvider: this,
      showCollapseAll: true,
      manageCheckboxStateManually: true,
    });
    this.subscriptions = [
      this.view,
      this.changes,
      store.onChange(() => this.changed()),
      choice.onChange(() => this.changes.fire(undefined)),
      this.view.onDidChangeCheckboxState(({ items }) => {
        for (const [node, state] of items) this.tick(node, state === TreeItemCheckboxState.Checked);
      }),
    ];
    // Seconds go on between two answers of the server.
    this.ticking = setInterval(() => this.count(), TICK_MS);
  }

  async getChildren(parent?: Node): Promise<Node[]> {
    if (parent === undefined) {
      await this.wanted();
      return this.store.runs.map((run) => this.node({ kind: "run", run: run.runId }));
    }
    if (parent.kind === "run") {
      const units = this.store.get(parent.run)?.units ?? [];
      return units.map((unit) => this.node({ kind: "unit", run: parent.run, unit: unit.id }));
    }
    if (parent.kind === "unit") {
      const files = this.store.unit(parent.run, parent.unit)?.files ?? [];
      return files.map((uri) => this.node({ kind: "file", run: parent.run, unit: parent.unit, uri }));
    }
    return [];
  }

  getTreeItem(node: Node): TreeItem {
    const run = this.store.get(node.run);
    if (run === undefined) return new TreeItem(node.run);
    if (node.kind === "run") return this.itemOfRun(run);
    const unit = run.units.find((one) => one.id === node.unit);
    if (unit === undefined) return new TreeItem(node.unit);
    return node.kind === "unit" ? this.itemOfUnit(run, unit) : this.itemOfFile(run, node.uri);
  }

  getParent(node: Node): Node | undefined {
    if (node.kind === "run") return undefined;
    return this.node(
      node.kind === "unit" ? { kind: "run", run: node.run } : { kind: "unit", run: node.run, unit: node.unit },
    );
  }

  async reveal(run: string): Promise<void> {
    await this.view.reveal(this.node({ kind: "run", run }), { expand: true, focus: false, select: true });
  }

  dispose(): void {
    clearInterval(this.ticking);
    for (const one of this.subscriptions) one.dispose();
  }

  /** VS Code knows nodes by identity. */
  private node(node: Node): Node {
    const key = Object.values(node).join("\n");
    const known = this.nodes.get(key);
    if (known !== undefined) return known;
    this.nodes.set(key, node);
    return node;
  }

  private itemOfRun(run: Run): TreeItem {
    const open = run.state === "running" || run.state === "waiting" || run.state === "ready";
    const item = new TreeItem(
      // The state is to be seen beside it in a narrow view, too.
      headline(run.instruction, 24) || run.runId,
      open ? TreeItemCollapsibleState.Expanded : TreeItemCollapsibleState.Collapsed,
    );
    item.id = `${run.runId} ${open ? "open" : ""}`;
    item.description = [describeRun(run), ...placeOf(run)].join(" · ");
    item.iconPath = iconOfRun(run);
    item.contextValue = contextOfRun(run);
    item.tooltip = detailsOf(run);
    item.accessibilityInformation = { label: `Run: ${headline(run.instruction)}, ${item.description}` };
    return item;
  }

  private itemOfUnit(run: Run, unit: Unit): TreeItem {
    const item = new TreeItem(
      unit.title,
      unit.files.length > 0 ? TreeItemCollapsibleState.Collapsed : TreeItemCollapsibleState.None,
    );
    item.id = `${run.runId}/${unit.id}`;
    item.description = describeUnit(unit, this.seconds(unit), this.store.activity(run.runId, unit.id));
    item.iconPath = iconOfUnit(unit);
    item.contextValue = contextOfUnit(run, unit);
    item.tooltip = [unit.title, unit.message, unit.kind && `Why: ${unit.kind}`].filter(Boolean).join("\n\n");
    item.accessibilityInformation = { label: `Unit ${unit.title}, ${item.description}` };
    if (canApply(run) && unit.state === "done" && unit.files.length > 0) {
      const wanted = this.choice.hasUnit(run.runId, unit.id);
      item.checkboxState = box(wanted, `${unit.title}: ${wanted ? "to be applied" : "left out"}`);
    }
    return item;
  }

  private itemOfFile(run: Run, uri: string): TreeItem {
    const resource = Uri.parse(uri);
    const item = new TreeItem(resource);
    item.description = workspace.asRelativePath(resource).split("/").slice(0, -1).join("/");
    item.contextValue = "file";
    item.command = { command: "vscode.open", title: "Open", arguments: [resource] };
    if (canApply(run)) {
      const wanted = this.choice.hasFile(run.runId, uri);
      item.checkboxState = box(
        wanted,
        `${workspace.asRelativePath(resource)}: ${wanted ? "to be applied" : "left out"}`,
      );
    }
    return item;
  }

  private seconds(unit: Unit): number {
    const goesOn = unit.state === "running" || unit.state === "verifying";
    return unit.seconds + (goesOn ? (Date.now() - this.store.askedAt) / 1000 : 0);
  }

  private tick(node: Node, wanted: boolean): void {
    if (node.kind === "unit") this.choice.setUnit(node.run, node.unit, wanted);
    if (node.kind === "file") this.choice.setFile(node.run, node.uri, wanted);
  }

  private changed(): void {
    const waiting = this.store.runs.filter((run) => WANT_SOMEBODY.has(run.state)).length;
    const going = this.store.runs.filter((run) => run.state === "running").length;
    const tooltip = [
      ...(going > 0 ? [`${going} at work`] : []),
      ...(waiting > 0 ? [`${waiting} waiting for you`] : []),
    ].join(", ");
    this.view.badge = going + waiting > 0 ? { value: going + waiting, tooltip } : undefined;
    this.changes.fire(undefined);
  }

  private count(): void {
    if (!this.view.visible) return;
    for (const run of this.store.active) {
      for (const unit of run.units.filter((one) => one.state === "running" || one.state === "verifying")) {
        this.changes.fire(this.node({ kind: "unit", run: run.runId, unit: unit.id }));
      }
    }
  }
}

/** The checkout's name, where several folders are open. */
function placeOf(run: Run): string[] {
  const name = run.folder?.split("/").at(-1);
  return name === undefined || (workspace.workspaceFolders ?? []).length < 2 ? [] : [decodeURIComponent(name)];
}

function box(wanted: boolean, label: string) {
  return {
    state: wanted ? TreeItemCheckboxState.Checked : TreeItemCheckboxState.Unchecked,
    tooltip: label,
    accessibilityInformation: { label },
  };
}
