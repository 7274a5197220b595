import { ThemeColor, ThemeIcon } from "vscode";
import type { Run, RunState, Unit, UnitState } from "../generated/commands.js";
import type { GroupName } from "./groups.js";
import type { Row } from "./ticks.js";

export interface RunNode {
  readonly kind: "run";
  readonly run: string;
}

/** Of a run with very many units: those in one state. */
export interface GroupNode {
  readonly kind: "group";
  readonly run: string;
  readonly group: GroupName;
}

/** In another group it is another node: VS Code forgets one that goes where another with its name has just come. */
export interface UnitNode {
  readonly kind: "unit";
  readonly run: string;
  readonly unit: string;
  readonly group?: GroupName;
}

export interface FileNode {
  readonly kind: "file";
  readonly run: string;
  readonly unit: string;
  readonly group?: GroupName;
  readonly uri: string;
}

export interface FindingsNode {
  readonly kind: "findings";
  readonly run: string;
}

export interface FindingNode {
  readonly kind: "finding";
  readonly run: string;
  readonly finding: string;
}

export type Node = RunNode | GroupNode | UnitNode | FileNode | FindingsNode | FindingNode;

/** The row whose box the node has. */
export function rowOf(node: Node): Row | undefined {
  if (node.kind === "unit") return { unit: node.unit };
  return node.kind === "file" ? { unit: node.unit, file: node.uri } : undefined;
}

const RUN_ICONS: Record<RunState, ThemeIcon> = {
  running: new ThemeIcon("sync~spin"),
  waiting: new ThemeIcon("debug-pause"),
  ready: new ThemeIcon("git-pull-request"),
  applied: new ThemeIcon("check-all"),
  reverted: new ThemeIcon("discard"),
  discarded: new ThemeIcon("trash"),
  cancelled: new ThemeIcon("circle-slash"),
  interrupted: new ThemeIcon("debug-disconnect"),
  failed: new ThemeIcon("error", new ThemeColor("list.errorForeground")),
};

const UNIT_ICONS: Record<UnitState, ThemeIcon> = {
  queued: new ThemeIcon("circle-outline"),
  running: new ThemeIcon("sync~spin"),
  verifying: new ThemeIcon("beaker"),
  done: new ThemeIcon("pass"),
  failed: new ThemeIcon("error", new ThemeColor("list.errorForeground")),
  cancelled: new ThemeIcon("circle-slash"),
};

export function iconOfRun(run: Run): ThemeIcon {
  return RUN_ICONS[run.state];
}

export function iconOfUnit(unit: Unit): ThemeIcon {
  return UNIT_ICONS[unit.state];
}
