// What can be done with runs and units, in the form that the menus in package.json look at.
import type { Run, RunState, Unit } from "../generated/commands.js";
import { filesOf } from "./words.js";

const APPLIABLE: readonly RunState[] = ["ready", "cancelled", "applied"];
const DISCARDABLE: readonly RunState[] = ["ready", "cancelled", "failed", "interrupted"];
const AGAIN: readonly RunState[] = ["ready", "failed", "cancelled", "waiting"];

export function canApply(run: Run): boolean {
  return APPLIABLE.includes(run.state) && filesOf(run).length > 0;
}

/** Whether its results wait to be applied. */
export function isAppliable(run: Run): boolean {
  return canApply(run) && run.state !== "applied";
}

export function canRetry(run: Run): boolean {
  return AGAIN.includes(run.state) && run.units.some((one) => one.state === "failed" || one.state === "cancelled");
}

export function contextOfRun(run: Run): string {
  const can = ["run", run.state];
  if (filesOf(run).length > 0) can.push("changed");
  if (isAppliable(run)) can.push("appliable");
  if (DISCARDABLE.includes(run.state)) can.push("discardable");
  if (canRetry(run)) can.push("retriable");
  return `run:${can.join(":")}:`;
}

export function contextOfUnit(run: Run, unit: Unit): string {
  const can = ["unit", unit.state];
  if (unit.files.length > 0) can.push("changed");
  if (unit.attempts > 0) can.push("started");
  if (AGAIN.includes(run.state) && unit.state !== "queued") can.push("retriable");
  return `unit:${can.join(":")}:`;
}
