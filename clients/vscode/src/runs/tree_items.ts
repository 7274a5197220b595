import { ThemeColor, ThemeIcon, TreeItem, TreeItemCheckboxState, TreeItemCollapsibleState, Uri } from "vscode";
import type { Finding, Run, Unit } from "../generated/commands.js";
import type { Choice } from "./choice.js";
import { canTake, contextOfFile, contextOfRun, contextOfUnit } from "./contexts.js";
import { groupOf, isGrouped, isOpenAtFirst, titleOf, unitsIn } from "./groups.js";
import { type FileNode, type FindingsNode, type GroupNode, iconOfRun, iconOfUnit } from "./nodes.js";
import { nameOfFile, placeOf } from "./place.js";
import type { RunStore } from "./run_store.js";
import { count, describeRun, describeUnit, detailsOf, headline } from "./words.js";

const FINDING_ICONS: Record<Finding["severity"], ThemeIcon> = {
  error: new ThemeIcon("error", new ThemeColor("list.errorForeground")),
  warning: new ThemeIcon("warning", new ThemeColor("list.warningForeground")),
  information: new ThemeIcon("info"),
  hint: new ThemeIcon("lightbulb"),
};

/** Runs, units, files and findings as the view shows them: each says in words what its icon and its box say. */
export class TreeItems {
  constructor(
    private readonly store: RunStore,
    private readonly choice: Choice,
  ) {}

  ofRun(run: Run, isOpen: boolean): TreeItem {
    const item = new TreeItem(
      // The state is to be seen beside it in a narrow view, too.
      headline(run.instruction, 24) || run.runId,
      isOpen ? TreeItemCollapsibleState.Expanded : TreeItemCollapsibleState.Collapsed,
    );
    item.id = `${run.runId} ${isOpen ? "open" : ""}`;
    item.description = [describeRun(run), ...placeOf(run)].join(" · ");
    item.iconPath = iconOfRun(run);
    item.contextValue = contextOfRun(run);
    item.tooltip = detailsOf(run);
    item.accessibilityInformation = { label: `Run: ${headline(run.instruction)}, ${item.description}` };
    return item;
  }

  ofFindings(run: Run, { run: id }: FindingsNode): TreeItem {
    const item = new TreeItem("Findings", TreeItemCollapsibleState.Collapsed);
    item.id = `${id} findings`;
    item.description = String(run.findings.length);
    item.contextValue = "findings";
    item.accessibilityInformation = { label: count(run.findings.length, "finding") };
    return item;
  }

  ofFinding(run: Run, finding: Finding): TreeItem {
    const item = new TreeItem(finding.message);
    const line = finding.range === undefined || finding.range === null ? "" : `:${finding.range.start.line + 1}`;
    const place = finding.uri ? `${nameOfFile(finding.uri)}${line}` : "";
    item.id = `${run.runId} finding ${finding.id}`;
    item.description = place;
    item.iconPath = FINDING_ICONS[finding.severity];
    item.contextValue = "finding";
    item.tooltip = [finding.message, place, finding.code].filter(Boolean).join("\n\n");
    item.accessibilityInformation = { label: [finding.severity, finding.message, place].filter(Boolean).join(", ") };
    const node = { kind: "finding", run: run.runId, finding: finding.id };
    item.command = { command: "fanout.openFinding", title: "Open Finding", arguments: [node] };
    return item;
  }

  ofGroup(run: Run, { group }: GroupNode): TreeItem {
    const units = unitsIn(run, group).length;
    const open = isOpenAtFirst(group, units);
    const item = new TreeItem(
      titleOf(group),
      open ? TreeItemCollapsibleState.Expanded : TreeItemCollapsibleState.Collapsed,
    );
    item.id = `${run.runId} ${group}`;
    item.description = String(units);
    item.contextValue = "group";
    item.accessibilityInformation = { label: `${titleOf(group)}: ${count(units, "unit")}` };
    return item;
  }

  ofUnit(run: Run, unit: Unit): TreeItem {
    const item = new TreeItem(
      unit.title,
      unit.files.length > 0 ? TreeItemCollapsibleState.Collapsed : TreeItemCollapsibleState.None,
    );
    const boxed = unit.state === "done" && unit.files.some((file) => canTake(run, file));
    item.id = [run.runId, unit.id, ...(isGrouped(run) ? [groupOf(unit)] : [])].join("/");
    item.description = describeUnit(unit, this.seconds(unit), this.store.activity(run.runId, unit.id));
    item.iconPath = iconOfUnit(unit);
    item.contextValue = contextOfUnit(run, unit, boxed);
    item.tooltip = [unit.title, unit.message, unit.kind && `Why: ${unit.kind}`].filter(Boolean).join("\n\n");
    item.accessibilityInformation = { label: `Unit ${unit.title}, ${item.description}` };
    if (boxed) item.checkboxState = box(unit.title, this.choice.has(run, { unit: unit.id }));
    return item;
  }

  ofFile(run: Run, { unit, uri }: FileNode): TreeItem {
    const resource = Uri.parse(uri);
    const name = nameOfFile(uri);
    const item = new TreeItem(resource);
    const boxed = this.store.unit(run.runId, unit)?.state === "done" && canTake(run, uri);
    item.description = name.split("/").slice(0, -1).join("/");
    item.contextValue = contextOfFile(boxed);
    item.command = { command: "vscode.open", title: "Open", arguments: [resource] };
    item.accessibilityInformation = { label: `File ${name}` };
    if (boxed) item.checkboxState = box(name, this.choice.has(run, { unit, file: uri }));
    return item;
  }

  private seconds(unit: Unit): number {
    const goesOn = unit.state === "running" || unit.state === "verifying";
    return unit.seconds + (goesOn ? (Date.now() - this.store.askedAt) / 1000 : 0);
  }
}

function box(name: string, wanted: boolean) {
  const label = `${name}: ${wanted ? "to be applied" : "left out"}`;
  return {
    state: wanted ? TreeItemCheckboxState.Checked : TreeItemCheckboxState.Unchecked,
    tooltip: label,
    accessibilityInformation: { label },
  };
}
