import {
  type DecorationOptions,
  type Disposable,
  type LogOutputChannel,
  MarkdownString,
  OverviewRulerLane,
  Range,
  type TextEditor,
  ThemeColor,
  window,
  workspace,
} from "vscode";
import type { Origin } from "../generated/commands.js";
import type { Api } from "../server/api.js";
import type { RunStore } from "./run_store.js";
import { Throttle } from "./throttle.js";
import { money } from "./words.js";

const EVERY_MS = 1000;

/** A mark beside lines that came from an applied run; the hover says from which unit, by which agent, for how much. */
export class OriginMarks implements Disposable {
  private readonly mark = window.createTextEditorDecorationType({
    isWholeLine: true,
    borderWidth: "0 0 0 2px",
    borderStyle: "dotted",
    borderColor: new ThemeColor("fanout.originBorder"),
    overviewRulerColor: new ThemeColor("fanout.originBorder"),
    overviewRulerLane: OverviewRulerLane.Left,
  });
  private readonly asking = new Throttle(EVERY_MS, () => this.markAll());
  private readonly subscriptions: Disposable[];
  private applied = "";

  constructor(
    private readonly server: Api,
    private readonly store: RunStore,
    private readonly log: LogOutputChannel,
  ) {
    this.subscriptions = [
      store.onChange(() => this.runsChanged()),
      window.onDidChangeVisibleTextEditors(() => this.asking.call()),
      workspace.onDidChangeTextDocument(() => this.asking.call()),
      workspace.onDidChangeConfiguration((changed) => {
        if (changed.affectsConfiguration("fanout.origins")) this.asking.call();
      }),
    ];
  }

  dispose(): void {
    for (const one of [...this.subscriptions, this.asking, this.mark]) one.dispose();
  }

  /** A run that goes on changes no marks. */
  private runsChanged(): void {
    const applied = this.store.runs.filter((run) => run.state === "applied").map((run) => run.runId);
    if (applied.join() === this.applied) return;
    this.applied = applied.join();
    this.asking.call();
  }

  private async markAll(): Promise<void> {
    // Nothing is asked of a server that is not there for another reason, nor where no run was ever applied.
    const wanted = workspace.getConfiguration("fanout").get<boolean>("origins", true);
    const any = wanted && this.server.state === "ready" && this.store.runs.some((run) => run.state === "applied");
    for (const editor of window.visibleTextEditors) {
      if (editor.document.uri.scheme === "file") {
        editor.setDecorations(this.mark, any ? await this.marksOf(editor) : []);
      }
    }
  }

  private async marksOf(editor: TextEditor): Promise<DecorationOptions[]> {
    const { uri, version } = editor.document;
    try {
      const { origins } = await this.server.execute("fanout.origins", { uri: uri.toString() });
      return editor.document.version === version ? origins.map(markOf) : [];
    } catch (error) {
      // It lies in no repository.
      this.log.debug(`${uri.path}: ${error}`);
      return [];
    }
  }
}

function markOf(origin: Origin): DecorationOptions {
  const hover = new MarkdownString();
  for (const unit of origin.units) {
    const cost = unit.cost ? `, ${money(unit.cost, unit.estimated)}` : "";
    hover.appendMarkdown("**Fan Out** ");
    hover.appendText(`unit ${unit.title}${origin.agent ? `, by ${origin.agent}` : ""}${cost}, run ${origin.runId}`);
    hover.appendMarkdown("\n\n");
  }
  const last = Math.max(origin.range.start.line, origin.range.end.line - 1);
  return { range: new Range(origin.range.start.line, 0, last, 0), hoverMessage: hover };
}
