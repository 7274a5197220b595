// What an answer of the server makes of a run that is known, and what is other than before.
import type { Run } from "../generated/commands.js";

/** What is other than it was. `listed`: runs came or went. */
export interface Changes {
  readonly listed: boolean;
  readonly runs: ReadonlySet<string>;
  /** Units that say something new of themselves in runs that are otherwise as they were, as `run/unit`. */
  readonly activities: ReadonlySet<string>;
}

/** The run as it is now. An answer that tells only what is new is of the mark that it was asked for with. */
export function updated(known: Run | undefined, told: Run): Run {
  if (told.since === undefined || told.since === null || known === undefined) return told;
  const places = new Map(known.units.map((unit, at) => [unit.id, at]));
  const units = [...known.units];
  for (const unit of told.units) {
    const at = places.get(unit.id);
    if (at === undefined) units.push(unit);
    else units[at] = unit;
  }
  const other = new Set([...(told.gone ?? []), ...told.findings.map((finding) => finding.id)]);
  const findings = [...known.findings.filter((finding) => !other.has(finding.id)), ...told.findings];
  return { ...told, units, findings };
}

/** Whether an answer says what is known already: what is drawn for nothing takes away what the user is to click on. */
export function saysNothingNew(known: Run | undefined, told: Run): boolean {
  if (known === undefined) return false;
  const isPart = told.since !== undefined && told.since !== null;
  if (isPart && (told.units.length > 0 || told.findings.length > 0 || (told.gone ?? []).length > 0)) return false;
  const rest = isPart ? { units: [], findings: [] } : {};
  return plain({ ...known, ...rest }) === plain({ ...told, ...rest });
}

/** Without what is there for the next question alone. */
function plain(run: Run): string {
  const { mark, since, gone, disk, estimate, ...shown } = run;
  return JSON.stringify(shown);
}
