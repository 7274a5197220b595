import { ThemeColor, ThemeIcon } from "vscode";
import type { Run, RunState, Unit, UnitState } from "../generated/commands.js";
import { filesOf } from "./words.js";

export interface RunNode {
  readonly kind: "run";
  readonly run: string;
}

export interface UnitNode {
  readonly kind: "unit";
  readonly run: string;
  readonly unit: string;
}

export interface FileNode {
  readonly kind: "file";
  readonly run: string;
  readonly unit: string;
  readonly uri: string;
}

export type Node = RunNode | UnitNode | FileNode;

const APPLIABLE: readonly RunState[] = ["ready", "cancelled", "applied"];
const DISCARDABLE: readonly RunState[] = ["ready", "cancelled", "failed", "interrupted"];
const AGAIN: readonly RunState[] = ["ready", "failed", "cancelled", "waiting"];

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

export function canApply(run: Run): boolean {
  return APPLIABLE.includes(run.state) && filesOf(run).length > 0;
}

export function canRetry(run: Run): boolean {
  return AGAIN.includes(run.state) && run.units.some((one) => one.state === "failed" || one.state === "cancelled");
}

/** What can be done with it, in the form that the menus in package.json look at. */
export function contextOfRun(run: Run): string {
  const can = ["run", run.state];
  if (filesOf(run).length > 0) can.push("changed");
  if (canApply(run) && run.state !== "applied") can.push("appliable");
  if (DISCARDABLE.includes(run.state)) can.push("discardable");
  if (canRetry(run)) can.push("retriable");
  return `run:${can.join(":")}:`;
}

export function contextOfUnit(run: Run, unit: Unit): string {
  const can = ["unit", unit.state];
  if (unit.state === "done" && unit.files.length > 0) can.push("changed");
  if (unit.attempts > 0) can.push("started");
  if (AGAIN.includes(run.state) && unit.state !== "queued") can.push("retriable");
  return `unit:${can.join(":")}:`;
}
