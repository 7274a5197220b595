// What stands in the view, the status bar and messages, of plain values.
import type { Run, Unit } from "../generated/commands.js";

const MOST_FINDINGS = 5;

export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

/** 0:41, 1:02:09. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const rest = String(whole % 60).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${rest}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}

/** As the server's own texts have it: a small amount with as many digits as it takes to see it. */
export function money(dollars: number, estimated = false): string {
  const digits = dollars > 0 && dollars < 0.01 ? 4 : 2;
  return `${estimated ? "~" : ""}$${dollars.toFixed(digits)}`;
}

export function price(low: number, high: number): string {
  if (high === 0) return "no cost";
  return money(low) === money(high) ? money(high) : `${money(low)} to ${money(high)}`;
}

/** The first line, not too long. */
export function headline(text: string, longest = 60): string {
  const line = text.trim().split("\n", 1)[0] ?? "";
  return line.length <= longest ? line : `${line.slice(0, longest - 1).trimEnd()}…`;
}

/** What a run is called where a sentence goes on behind it. */
export function nameOf(run: Run): string {
  return headline(run.instruction, 40).replace(/[.:;,\s]+$/, "") || `Run ${run.runId}`;
}

export function done(run: Run): number {
  return run.units.filter((unit) => unit.state === "done").length;
}

export function ended(run: Run): number {
  return run.units.filter((unit) => ["done", "failed", "cancelled"].includes(unit.state)).length;
}

/** The uris of all files that the run's results have, each once. */
export function filesOf(run: Run): string[] {
  return [...new Set(run.units.flatMap((unit) => (unit.state === "done" ? unit.files : [])))];
}

export function describeRun(run: Run): string {
  const parts: string[] = [run.state];
  const goesOn = run.state === "running" || run.state === "waiting";
  if (goesOn) parts.push(`${ended(run)}/${run.units.length}`);
  else if (run.units.length > 0) parts.push(`${done(run)}/${run.units.length} done`);
  if (run.rest?.length) parts.push(`${count(run.rest.length, "file")} left out`);
  if (run.cost !== undefined && run.cost !== null && run.cost > 0) parts.push(money(run.cost));
  if (run.findings.length > 0) parts.push(count(run.findings.length, "finding"));
  return parts.join(" · ");
}

export function describeUnit(unit: Unit, seconds: number, activity: string | undefined): string {
  const parts: string[] = [unit.state];
  if (seconds > 0) parts.push(duration(seconds));
  if (unit.cost !== undefined && unit.cost !== null && unit.cost > 0) parts.push(money(unit.cost, unit.estimated));
  if (unit.kept) parts.push("kept from an earlier run");
  const said = unit.state === "running" ? activity : unit.message;
  if (said) parts.push(headline(said));
  return parts.join(" · ");
}

/** For a message when a run is over. */
export function summary(run: Run): string {
  const files = filesOf(run).length;
  const parts = [`${done(run)} of ${count(run.units.length, "unit")} done`, `${count(files, "file")} changed`];
  if (run.findings.length > 0) parts.push(count(run.findings.length, "finding"));
  if (run.cost) parts.push(money(run.cost));
  return parts.join(", ");
}

/** For who points at it: all that is known of a run in words. */
export function detailsOf(run: Run): string {
  const findings = run.findings.slice(0, MOST_FINDINGS).map((one) => `${one.severity}: ${one.message}`);
  const more =
    run.findings.length > MOST_FINDINGS ? [`and ${run.findings.length - MOST_FINDINGS} more, see the report`] : [];
  return [run.instruction, run.message, run.check, ...findings, ...more, `Run ${run.runId}`]
    .filter(Boolean)
    .join("\n\n");
}

/** Of a text with a list in it, as the server writes them, the first item, and how many more there are. */
export function shortened(text: string): { text: string; isList: boolean } {
  const [head = "", first, ...others] = text.split("\n- ");
  if (first === undefined) return { text, isList: false };
  // The server's own list may end with what it left out.
  const unsaid = /^and (\d+) more$/.exec(others.at(-1)?.trim() ?? "")?.[1];
  const more = others.length + (unsaid === undefined ? 0 : Number(unsaid) - 1);
  return { text: `${head} ${first}${more > 0 ? ` (and ${more} more)` : ""}`, isList: true };
}
