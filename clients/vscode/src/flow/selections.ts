import { DiagnosticSeverity, languages, Range, type TextEditor, Uri, workspace } from "vscode";
import type { Problem, Selection } from "../generated/commands.js";
import { items } from "./problem_items.js";

/** The text that is selected, with the problems in it; without one the file itself. */
export function ofEditor(editor: TextEditor): Selection {
  const { document, selection } = editor;
  const diagnostics = languages
    .getDiagnostics(document.uri)
    .filter((one) => one.source !== "fanout" && (selection.isEmpty || one.range.intersection(selection) !== undefined))
    .map(
      (one): Problem => ({
        range: plain(one.range),
        message: one.message,
        severity: one.severity + 1,
        code: codeOf(one.code),
        source: one.source ?? "",
      }),
    );
  return {
    uri: document.uri.toString(),
    ...(selection.isEmpty ? {} : { range: plain(new Range(selection.start, selection.end)) }),
    ...(diagnostics.length === 0 ? {} : { diagnostics }),
  };
}

/** Files and folders, as menus give them: uris, or what source control calls resources and groups of them. */
export function ofResources(given: readonly unknown[]): Selection | undefined {
  const uris = given.flat().flatMap(urisOf);
  const unique = [...new Set(uris.map((uri) => uri.toString()))];
  return unique.length === 0 ? undefined : { uris: unique };
}

/** What changed since a branch, up to what the user has now. */
export function ofChanges(since: string, folder: Uri | undefined): Selection {
  return { items: [`changes: ${since}..`], ...(folder === undefined ? {} : { folder: folder.toString() }) };
}

/** Each file with problems in the workspace folder; what is wrong in it goes along. */
export function ofProblems(folder: Uri): Selection | undefined {
  const found = languages
    .getDiagnostics()
    .filter(([uri]) => uri.scheme === "file" && workspace.getWorkspaceFolder(uri)?.uri.path === folder.path)
    .map(([uri, every]) => ({
      path: workspace.asRelativePath(uri, false),
      problems: every
        .filter((one) => one.source !== "fanout" && one.severity <= DiagnosticSeverity.Warning)
        .map((one) => ({ line: one.range.start.line + 1, message: one.message })),
    }))
    .filter((one) => one.problems.length > 0);
  return found.length === 0 ? undefined : { items: items(found), folder: folder.toString() };
}

function urisOf(one: unknown): Uri[] {
  if (one instanceof Uri) return [one];
  if (typeof one !== "object" || one === null) return [];
  if ("resourceUri" in one && one.resourceUri instanceof Uri) return [one.resourceUri];
  if ("resourceStates" in one && Array.isArray(one.resourceStates)) return one.resourceStates.flatMap(urisOf);
  return [];
}

function plain(range: Range) {
  const { start, end } = range;
  return {
    start: { line: start.line, character: start.character },
    end: { line: end.line, character: end.character },
  };
}

function codeOf(code: string | number | { value: string | number } | undefined): string {
  if (code === undefined) return "";
  return String(typeof code === "object" ? code.value : code);
}
