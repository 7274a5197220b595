// A run of very many units is shown in groups: what failed and what is at work is not to be looked for among thousands.
import type { Run, Unit, UnitState } from "../generated/commands.js";

export type GroupName = "failed" | "atWork" | "queued" | "done" | "cancelled";

/** Where units are shown without groups; as many are looked at without a search. */
export const MOST_UNGROUPED = 200;

const TITLES: Record<GroupName, string> = {
  failed: "Failed",
  atWork: "At Work",
  queued: "Queued",
  done: "Done",
  cancelled: "Cancelled",
};

const GROUPS: Record<UnitState, GroupName> = {
  failed: "failed",
  running: "atWork",
  verifying: "atWork",
  queued: "queued",
  done: "done",
  cancelled: "cancelled",
};

export function isGrouped(run: Run): boolean {
  return run.units.length > MOST_UNGROUPED;
}

export function groupOf(unit: Unit): GroupName {
  return GROUPS[unit.state];
}

export function titleOf(group: GroupName): string {
  return TITLES[group];
}

export function unitsIn(run: Run, group: GroupName): Unit[] {
  return run.units.filter((unit) => groupOf(unit) === group);
}

/** Those that have units, what needs somebody first. */
export function groupsOf(run: Run): GroupName[] {
  const there = new Set(run.units.map(groupOf));
  return (Object.keys(TITLES) as GroupName[]).filter((group) => there.has(group));
}

/** Those that are looked at as long as they are there, and that are few. */
export function isOpenAtFirst(group: GroupName, count: number): boolean {
  return (group === "failed" || group === "atWork") && count <= MOST_UNGROUPED;
}
