import { EventEmitter } from "vscode";
import type { Run } from "../generated/commands.js";

export interface Wanted {
  readonly units?: string[];
  readonly files?: string[];
}

/** What the user has unticked in the view: units of a run, and files. A file is in or out whoever changed it. */
export class Choice {
  private readonly changes = new EventEmitter<void>();
  private readonly units = new Map<string, Set<string>>();
  private readonly files = new Map<string, Set<string>>();
  readonly onChange = this.changes.event;

  hasUnit(run: string, unit: string): boolean {
    return !this.units.get(run)?.has(unit);
  }

  hasFile(run: string, file: string): boolean {
    return !this.files.get(run)?.has(file);
  }

  setUnit(run: string, unit: string, wanted: boolean): void {
    set(this.units, run, unit, wanted);
    this.changes.fire();
  }

  setFile(run: string, file: string, wanted: boolean): void {
    set(this.files, run, file, wanted);
    this.changes.fire();
  }

  /** For `fanout.apply`; undefined where nothing is left. */
  of(run: Run): Wanted | undefined {
    const done = run.units.filter((unit) => unit.state === "done" && unit.files.length > 0);
    const taken = done.filter((unit) => this.hasUnit(run.runId, unit.id));
    const units = taken.map((unit) => unit.id);
    // The server wants files that these units have.
    const every = [...new Set(taken.flatMap((unit) => unit.files))];
    const files = every.filter((file) => this.hasFile(run.runId, file));
    if (units.length === 0 || files.length === 0) return undefined;
    return {
      ...(units.length < done.length ? { units } : {}),
      ...(files.length < every.length ? { files } : {}),
    };
  }
}

function set(out: Map<string, Set<string>>, run: string, one: string, wanted: boolean): void {
  const found = out.get(run) ?? new Set();
  out.set(run, found);
  if (wanted) found.delete(one);
  else found.add(one);
}
