export interface FileProblems {
  readonly path: string;
  readonly problems: readonly { readonly line: number; readonly message: string }[];
}

const MOST = 20;

/** A list item for each file, as plans have them: its path, and what is wrong in it as its note. */
export function items(files: readonly FileProblems[]): string[] {
  return files.map(({ path, problems }) => {
    const told = problems
      .slice(0, MOST)
      .map(({ line, message }) => `line ${line}: ${message.replace(/\s+/g, " ").trim()}`);
    const more = problems.length > MOST ? `; and ${problems.length - MOST} more` : "";
    return `${path}: ${told.join("; ")}${more}`;
  });
}
