import { EventEmitter } from "vscode";
import type { Run } from "../generated/commands.js";
import type { Memory } from "../memory.js";

export interface Wanted {
  readonly units?: string[];
  readonly files?: string[];
}

/** What of a run is unticked, as it is kept. */
interface Kept {
  readonly run: string;
  readonly units: readonly string[];
  readonly files: readonly string[];
}

interface Out {
  readonly units: ReadonlySet<string>;
  readonly files: ReadonlySet<string>;
}

const KEY = "fanout.leftOut";
const MOST = 30;
const NOTHING: Out = { units: new Set(), files: new Set() };

/**
 * What the user has unticked in the view: units of a run, and files. A file is in or out whoever changed it.
 *
 * It is kept: a window is loaded anew for many reasons, and what was left out is not to come back by itself.
 */
export class Choice {
  private readonly changes = new EventEmitter<string>();
  private readonly out: Map<string, Out>;
  /** Of which run something is left out, or taken in again. */
  readonly onChange = this.changes.event;

  constructor(private readonly memory: Memory) {
    const kept = memory.get<readonly Kept[]>(KEY) ?? [];
    this.out = new Map(kept.map(({ run, units, files }) => [run, { units: new Set(units), files: new Set(files) }]));
  }

  hasUnit(run: string, unit: string): boolean {
    return !this.outOf(run).units.has(unit);
  }

  hasFile(run: string, file: string): boolean {
    return !this.outOf(run).files.has(file);
  }

  setUnit(run: string, unit: string, wanted: boolean): void {
    const { units, files } = this.outOf(run);
    this.leaveOut(run, turned(units, unit, wanted), files);
  }

  setFile(run: string, file: string, wanted: boolean): void {
    const { units, files } = this.outOf(run);
    this.leaveOut(run, units, turned(files, file, wanted));
  }

  /** These and no others. */
  leaveOut(run: string, units: ReadonlySet<string>, files: ReadonlySet<string>): void {
    // The one that was changed last is the last to be forgotten.
    this.out.delete(run);
    if (units.size > 0 || files.size > 0) this.out.set(run, { units, files });
    const kept = [...this.out]
      .slice(-MOST)
      .map(([id, out]): Kept => ({ run: id, units: [...out.units], files: [...out.files] }));
    void this.memory.update(KEY, kept);
    this.changes.fire(run);
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

  private outOf(run: string): Out {
    return this.out.get(run) ?? NOTHING;
  }
}

function turned(out: ReadonlySet<string>, one: string, wanted: boolean): ReadonlySet<string> {
  const others = [...out].filter((other) => other !== one);
  return new Set(wanted ? others : [...others, one]);
}
