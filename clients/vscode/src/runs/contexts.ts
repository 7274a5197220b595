// What can be done with runs and units, in the form that the menus in package.json look at.
import type { Run, RunState, Unit } from "../generated/commands.js";
import type { Part } from "./ticks.js";
import { filesOf } from "./words.js";

const APPLIABLE: readonly RunState[] = ["ready", "cancelled", "applied"];
const DISCARDABLE: readonly RunState[] = ["ready", "cancelled", "failed", "interrupted"];
const AGAIN: readonly RunState[] = ["ready", "failed", "cancelled", "waiting"];

/** Whether applying the run would bring this file of it. */
export function canTake(run: Run, file: string): boolean {
  return APPLIABLE.includes(run.state) && (run.state !== "applied" || (run.rest ?? []).includes(file));
}

/** What of the run can be applied, or left out: its units with their files. */
export function partsOf(run: Run): Part[] {
  const done = run.units.filter((unit) => unit.state === "done");
  const parts = done.map((unit) => ({ unit: unit.id, files: unit.files.filter((file) => canTake(run, file)) }));
  return parts.filter(({ files }) => files.length > 0);
}

export function canApply(run: Run): boolean {
  return filesOf(run).some((file) => canTake(run, file));
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
  else if (canApply(run)) can.push("rest");
  if (DISCARDABLE.includes(run.state)) can.push("discardable");
  if (canRetry(run)) can.push("retriable");
  return `run:${can.join(":")}:`;
}

/** `boxed`: it has a check box, for it can be left out. */
export function contextOfUnit(run: Run, unit: Unit, boxed = false): string {
  const can = ["unit", unit.state];
  if (unit.files.length > 0) can.push("changed");
  if (boxed) can.push("boxed");
  if (unit.attempts > 0) can.push("started");
  if (AGAIN.includes(run.state) && unit.state !== "queued") can.push("retriable");
  return `unit:${can.join(":")}:`;
}

export function contextOfFile(boxed: boolean): string {
  return boxed ? "file:boxed:" : "file:";
}
