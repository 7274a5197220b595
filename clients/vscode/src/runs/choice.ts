import { EventEmitter } from "vscode";
import type { Run } from "../generated/commands.js";
import type { Memory } from "../memory.js";
import { partsOf } from "./contexts.js";
import { followed, keyOf, leftOut, type Row, type Ticks, ticksOf } from "./ticks.js";

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
 * What the user has unticked: units of a run, and files.
 *
 * It is kept: a window is loaded anew for many reasons, and what was left out is not to come back by itself.
 */
export class Choice {
  private readonly changes = new EventEmitter<string>();
  private readonly out: Map<string, Out>;
  private known = new WeakMap<Run, Ticks>();
  /** Of which run something is left out, or taken in again. */
  readonly onChange = this.changes.event;

  constructor(private readonly memory: Memory) {
    const kept = memory.get<readonly Kept[]>(KEY) ?? [];
    this.out = new Map(kept.map(({ run, units, files }) => [run, { units: new Set(units), files: new Set(files) }]));
  }

  /** The rows that are ticked, of what can be applied. */
  ticks(run: Run): Ticks {
    const known = this.known.get(run);
    if (known !== undefined) return known;
    const out = this.out.get(run.runId) ?? NOTHING;
    const ticks = ticksOf(
      partsOf(run),
      (unit) => !out.units.has(unit),
      (file) => !out.files.has(file),
    );
    this.known.set(run, ticks);
    return ticks;
  }

  has(run: Run, row: Row): boolean {
    return this.ticks(run).has(keyOf(row));
  }

  turn(run: Run, row: Row): void {
    const before = this.ticks(run);
    const now = new Set(before);
    if (!now.delete(keyOf(row))) now.add(keyOf(row));
    this.take(run, followed(partsOf(run), before, now));
  }

  /** Out of the run, or into it, whoever changed it. Whether it is in now. */
  turnFile(run: Run, file: string): boolean {
    const rows = partsOf(run).flatMap(({ unit, files }) => (files.includes(file) ? [{ unit, file }] : []));
    const wanted = !rows.some((row) => this.has(run, row));
    for (const row of rows) if (this.has(run, row) !== wanted) this.turn(run, row);
    return wanted;
  }

  /** These, and nothing else. */
  take(run: Run, ticks: Ticks): void {
    const out = leftOut(partsOf(run), ticks);
    // The one that was changed last is the last to be forgotten.
    this.out.delete(run.runId);
    if (out.units.size > 0 || out.files.size > 0) this.out.set(run.runId, out);
    const kept = [...this.out]
      .slice(-MOST)
      .map(([id, { units, files }]): Kept => ({ run: id, units: [...units], files: [...files] }));
    void this.memory.update(KEY, kept);
    this.known = new WeakMap();
    this.changes.fire(run.runId);
  }

  /** For `fanout.apply`; undefined where nothing is left. */
  of(run: Run): Wanted | undefined {
    const parts = partsOf(run);
    // Another window may have applied it: the server says how it is.
    if (parts.length === 0) return {};
    const ticks = this.ticks(run);
    const taken = parts.filter(({ unit }) => ticks.has(unit));
    // The server wants files that these units have.
    const every = new Set(taken.flatMap(({ files }) => files));
    const { files: out } = leftOut(parts, ticks);
    if (taken.length === 0) return undefined;
    return {
      ...(taken.length < parts.length ? { units: taken.map(({ unit }) => unit) } : {}),
      ...(out.size > 0 ? { files: [...every].filter((file) => !out.has(file)) } : {}),
    };
  }
}
