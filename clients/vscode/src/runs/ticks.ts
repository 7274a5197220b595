// Check boxes of units and their files that go together, as rows: a unit's, and one for each of its files.

export interface Part {
  readonly unit: string;
  readonly files: readonly string[];
}

export interface Row {
  readonly unit: string;
  /** The unit's own row has none. */
  readonly file?: string;
}

/** The rows that are ticked, by `keyOf`. */
export type Ticks = ReadonlySet<string>;

export function keyOf({ unit, file }: Row): string {
  return file === undefined ? unit : `${unit}\n${file}`;
}

/** What is ticked when nothing but these units and files is left out. */
export function ticksOf(
  parts: readonly Part[],
  units: (unit: string) => boolean,
  files: (file: string) => boolean,
): Ticks {
  const rows = parts
    .filter(({ unit }) => units(unit))
    .flatMap(({ unit, files: own }) => [{ unit }, ...own.filter(files).map((file) => ({ unit, file }))]);
  return settled(parts, new Set(rows.map(keyOf)));
}

/** After the user has turned boxes: a unit brings its files along, a file is in or out wherever it stands. */
export function followed(parts: readonly Part[], before: Ticks, now: Ticks): Ticks {
  const ticks = new Set(now);
  const isTurned = (row: Row) => before.has(keyOf(row)) !== now.has(keyOf(row));
  for (const { unit, files } of parts) {
    if (isTurned({ unit })) {
      for (const file of files) set(ticks, { unit, file }, now.has(unit));
    }
    for (const file of files.filter((one) => isTurned({ unit, file: one }))) {
      const wanted = now.has(keyOf({ unit, file }));
      if (wanted) ticks.add(unit);
      for (const other of parts.filter((part) => part.files.includes(file))) {
        if (!wanted || ticks.has(other.unit)) set(ticks, { unit: other.unit, file }, wanted);
      }
    }
  }
  return settled(parts, ticks);
}

/** Units that are out, and files that are out of a unit that is in. */
export function leftOut(parts: readonly Part[], ticks: Ticks): { units: Set<string>; files: Set<string> } {
  const taken = parts.filter(({ unit }) => ticks.has(unit));
  const files = taken.flatMap(({ unit, files: own }) => own.filter((file) => !ticks.has(keyOf({ unit, file }))));
  return {
    units: new Set(parts.flatMap(({ unit }) => (ticks.has(unit) ? [] : [unit]))),
    files: new Set(files),
  };
}

/** A unit of which no file is in is out. */
function settled(parts: readonly Part[], ticks: Set<string>): Ticks {
  for (const { unit, files } of parts) {
    if (!files.some((file) => ticks.has(keyOf({ unit, file })))) ticks.delete(unit);
  }
  return ticks;
}

function set(ticks: Set<string>, row: Row, wanted: boolean): void {
  if (wanted) ticks.add(keyOf(row));
  else ticks.delete(keyOf(row));
}
