import {
  commands,
  type Disposable,
  EventEmitter,
  type TreeDataProvider,
  TreeItem,
  TreeItemCheckboxState,
  type TreeView,
  window,
} from "vscode";
import type { Run, Unit } from "../generated/commands.js";
import type { Memory } from "../memory.js";
import type { Choice } from "./choice.js";
import { canApply } from "./contexts.js";
import { groupOf, groupsOf, isGrouped, unitsIn } from "./groups.js";
import { type Node, rowOf, type UnitNode } from "./nodes.js";
import type { Changes } from "./run_news.js";
import type { RunStore } from "./run_store.js";
import { TreeItems } from "./tree_items.js";

const TICK_MS = 1000;
/** How long nothing is drawn anew for each item that was asked for the last time: the user may have opened very many. */
const REST_MS = 1;
const SHORTEST_REST_MS = 100;
const LONGEST_REST_MS = 5000;
const HIDDEN = "fanout.overHidden";
const OVER = new Set(["applied", "reverted"]);
const WANT_SOMEBODY = new Set(["ready", "waiting", "interrupted"]);

/** Runs, their units, and the files of those: live, with check boxes for what is to be applied. */
export class RunsView implements TreeDataProvider<Node>, Disposable {
  private readonly changes = new EventEmitter<Node | Node[] | undefined>();
  private readonly nodes = new Map<string, Node>();
  private readonly view: TreeView<Node>;
  private readonly subscriptions: Disposable[];
  private readonly ticking: ReturnType<typeof setInterval>;
  private readonly stale = new Map<string, Node>();
  private drawing: ReturnType<typeof setTimeout> | undefined;
  private asked = 0;
  private readonly open = new Map<string, boolean>();
  private readonly items: TreeItems;
  readonly onDidChangeTreeData = this.changes.event;

  constructor(
    private readonly store: RunStore,
    private readonly choice: Choice,
    private readonly memory: Memory,
    /** The view is looked at for the first time. */
    private readonly wanted: () => Promise<void>,
  ) {
    this.items = new TreeItems(store, choice);
    this.view = window.createTreeView("fanout.runs", {
      treeDataProvider: this,
      showCollapseAll: true,
      manageCheckboxStateManually: true,
    });
    this.subscriptions = [
      this.view,
      this.changes,
      store.onChange((changes) => this.changed(changes)),
      choice.onChange((run) => this.changes.fire(this.node({ kind: "run", run }))),
      this.view.onDidChangeCheckboxState(({ items }) => {
        for (const [node, state] of items) this.tick(node, state === TreeItemCheckboxState.Checked);
      }),
    ];
    this.tellHidden();
    this.ticking = setInterval(() => this.tickOn(), TICK_MS);
  }

  async getChildren(parent?: Node): Promise<Node[]> {
    if (parent === undefined) {
      await this.wanted();
      // Who has thrown one away does not want to see it any more.
      const runs = this.store.runs.filter((run) => run.state !== "discarded" && !this.isHidden(run));
      return runs.map((run) => this.node({ kind: "run", run: run.runId }));
    }
    const run = this.store.get(parent.run);
    if (run === undefined) return [];
    if (parent.kind === "run") return [...this.findingsNodes(run), ...this.partsOf(run)];
    if (parent.kind === "findings") {
      return run.findings.map(({ id }) => this.node({ kind: "finding", run: run.runId, finding: id }));
    }
    if (parent.kind === "group") return unitsIn(run, parent.group).map((unit) => this.unitNode(run, unit));
    if (parent.kind === "unit") {
      const files = this.store.unit(parent.run, parent.unit)?.files ?? [];
      return files.map((uri) => this.node({ ...parent, kind: "file", uri }));
    }
    return [];
  }

  getTreeItem(node: Node): TreeItem {
    this.asked++;
    const run = this.store.get(node.run);
    if (run === undefined) return new TreeItem(node.run);
    switch (node.kind) {
      case "run":
        this.open.set(run.runId, isOpen(run));
        return this.items.ofRun(run, isOpen(run));
      case "group":
        return this.items.ofGroup(run, node);
      case "findings":
        return this.items.ofFindings(run, node);
      case "finding": {
        const finding = run.findings.find((one) => one.id === node.finding);
        return finding === undefined ? new TreeItem("") : this.items.ofFinding(run, finding);
      }
      case "unit": {
        const unit = this.store.unit(run.runId, node.unit);
        return unit === undefined ? new TreeItem(node.unit) : this.items.ofUnit(run, unit);
      }
      case "file":
        return this.items.ofFile(run, node);
    }
  }

  getParent(node: Node): Node | undefined {
    if (node.kind === "run") return undefined;
    const { run } = node;
    if (node.kind === "file") {
      const { uri, ...unit } = node;
      return this.node({ ...unit, kind: "unit" });
    }
    if (node.kind === "finding") return this.node({ kind: "findings", run });
    if (node.kind === "unit" && node.group !== undefined) return this.node({ kind: "group", run, group: node.group });
    return this.node({ kind: "run", run });
  }

  /** Those that are applied or taken back, in this window and the next. */
  async hideOver(hide: boolean): Promise<void> {
    await this.memory.update(HIDDEN, hide);
    this.tellHidden();
    this.changes.fire(undefined);
  }

  dispose(): void {
    clearInterval(this.ticking);
    clearTimeout(this.drawing);
    for (const one of this.subscriptions) one.dispose();
  }

  /** Above the runs, where there are some: the server's welcome is shown where there are none. */
  say(text: string | undefined): void {
    this.view.message = this.store.runs.length > 0 ? text : undefined;
  }

  private get hidesOver(): boolean {
    return this.memory.get<boolean>(HIDDEN) ?? false;
  }

  private tellHidden(): void {
    void commands.executeCommand("setContext", HIDDEN, this.hidesOver);
  }

  private isHidden(run: Run): boolean {
    // What is applied in part still has something to be applied.
    return this.hidesOver && OVER.has(run.state) && !canApply(run);
  }

  /** VS Code knows nodes by identity. */
  private node(node: Node): Node {
    const key = Object.values(node).join("\n");
    const known = this.nodes.get(key);
    if (known !== undefined) return known;
    this.nodes.set(key, node);
    return node;
  }

  private findingsNodes({ runId, findings }: Run): Node[] {
    return findings.length > 0 ? [this.node({ kind: "findings", run: runId })] : [];
  }

  private partsOf(run: Run): Node[] {
    if (!isGrouped(run)) return run.units.map((unit) => this.unitNode(run, unit));
    return groupsOf(run).map((group) => this.node({ kind: "group", run: run.runId, group }));
  }

  private unitNode(run: Run, unit: Unit): Node {
    const node: UnitNode = { kind: "unit", run: run.runId, unit: unit.id };
    return this.node(isGrouped(run) ? { ...node, group: groupOf(unit) } : node);
  }

  private tick(node: Node, wanted: boolean): void {
    const run = this.store.get(node.run);
    const row = rowOf(node);
    if (run !== undefined && row !== undefined && this.choice.has(run, row) !== wanted) this.choice.turn(run, row);
  }

  private changed({ listed, runs, activities }: Changes): void {
    if (listed || runs.size > 0) this.count();
    if (listed || [...runs].some((run) => this.isRenamed(run))) {
      this.stale.clear();
      this.draw();
      this.changes.fire(undefined);
      return;
    }
    for (const run of runs) this.stale.set(run, this.node({ kind: "run", run }));
    for (const one of activities) {
      const [id = "", name = ""] = one.split("/");
      const run = this.store.get(id);
      const unit = this.store.unit(id, name);
      if (run !== undefined && unit !== undefined) this.stale.set(one, this.unitNode(run, unit));
    }
    // What somebody waits for is shown at once.
    const over = [...runs].some((run) => this.store.get(run)?.state !== "running");
    if (over) this.draw();
    else this.drawSoon();
  }

  /** VS Code opens, closes or takes away only what its parent tells anew. */
  private isRenamed(id: string): boolean {
    const run = this.store.get(id);
    if (run === undefined || !this.open.has(id)) return false;
    return this.open.get(id) !== isOpen(run) || run.state === "discarded" || this.isHidden(run);
  }

  /** On the view's badge. */
  private count(): void {
    const waiting = this.store.runs.filter((run) => WANT_SOMEBODY.has(run.state)).length;
    const going = this.store.runs.filter((run) => run.state === "running").length;
    const tooltip = [
      ...(going > 0 ? [`${going} at work`] : []),
      ...(waiting > 0 ? [`${waiting} waiting for you`] : []),
    ].join(", ");
    if (this.view.badge?.tooltip === tooltip || (this.view.badge === undefined && tooltip === "")) return;
    this.view.badge = going + waiting > 0 ? { value: going + waiting, tooltip } : undefined;
  }

  /** Not before what was drawn the last time has been paid for. */
  private drawSoon(): void {
    if (this.drawing !== undefined || this.stale.size === 0) return;
    const rest = Math.min(LONGEST_REST_MS, Math.max(SHORTEST_REST_MS, this.asked * REST_MS));
    this.drawing = setTimeout(() => this.draw(), rest);
  }

  /** A run's node brings those below it. */
  private draw(): void {
    clearTimeout(this.drawing);
    this.drawing = undefined;
    this.asked = 0;
    const nodes = [...this.stale.values()].filter((node) => node.kind === "run" || !this.stale.has(node.run));
    this.stale.clear();
    if (nodes.length > 0) this.changes.fire(nodes);
  }

  /** Seconds go on between two answers of the server. */
  private tickOn(): void {
    if (!this.view.visible) return;
    for (const run of this.store.active) {
      for (const unit of run.units) {
        if (groupOf(unit) !== "atWork") continue;
        this.stale.set(`${run.runId}/${unit.id}`, this.unitNode(run, unit));
      }
    }
    this.drawSoon();
  }
}

function isOpen({ state }: Run): boolean {
  return state === "running" || state === "waiting" || state === "ready";
}
