import { commands, type Disposable, window, workspace } from "vscode";
import type { Run } from "../generated/commands.js";
import type { RunStore } from "./run_store.js";
import { filesOf, nameOf, summary } from "./words.js";

type Offer = readonly [title: string, command: string];

const REVIEW: Offer = ["Review Changes", "fanout.openChanges"];
const PREVIEW: Offer = ["Refactor Preview", "fanout.previewApply"];
const APPLY: Offer = ["Apply", "fanout.applyRun"];
const REPORT: Offer = ["Report", "fanout.openReport"];
const RETRY: Offer = ["Retry What Failed", "fanout.retryRun"];

/** Says how a run ended, once, and what can be done now; or opens its changes, as the setting wants it. */
export class RunEnds implements Disposable {
  private readonly subscription: Disposable;

  constructor(store: RunStore) {
    this.subscription = store.onEnd(({ run }) => this.tell(run));
  }

  dispose(): void {
    this.subscription.dispose();
  }

  private tell(run: Run): void {
    const name = nameOf(run);
    const has = filesOf(run).length > 0;
    switch (run.state) {
      case "ready":
        this.ready(run, name, has);
        break;
      case "waiting":
        this.offer("info", `${name}: the pilot is done (${summary(run)}). Look at it before the rest goes on.`, run, [
          REVIEW,
          ["Go On With the Rest", "fanout.acceptPilot"],
          ["Cancel the Rest", "fanout.cancelRun"],
        ]);
        break;
      case "cancelled":
        this.offer("info", `${name}: cancelled. ${summary(run)}.`, run, has ? [REVIEW, APPLY] : []);
        break;
      case "interrupted":
        this.offer("warning", `${name}: interrupted. ${run.message}`, run, [
          ["Resume", "fanout.resumeRun"],
          ["Show Log", "fanout.showLog"],
        ]);
        break;
      case "failed":
        this.offer("error", `${name}: failed. ${run.message}`, run, [RETRY, ...findings(run), REPORT]);
        break;
      default:
        break;
    }
  }

  private ready(run: Run, name: string, has: boolean): void {
    const how = workspace.getConfiguration("fanout").get<string>("results");
    if (has && how === "changesEditor") {
      void commands.executeCommand("fanout.openChanges", run.runId);
    } else if (has && how === "refactorPreview") {
      void commands.executeCommand("fanout.previewApply", run.runId);
    } else if (has) {
      this.offer("info", `${name}: ready. ${summary(run)}.`, run, [REVIEW, PREVIEW, APPLY, ...findings(run)]);
    } else {
      this.offer("info", `${name}: over. ${summary(run)}.`, run, [
        REPORT,
        ...findings(run).filter(([, command]) => command !== REPORT[1]),
      ]);
    }
  }

  private offer(kind: "info" | "warning" | "error", text: string, run: Run, offers: readonly Offer[]): void {
    const show = {
      info: window.showInformationMessage,
      warning: window.showWarningMessage,
      error: window.showErrorMessage,
    }[kind];
    void show(text, ...offers.map(([title]) => title)).then((chosen) => {
      const command = offers.find(([title]) => title === chosen)?.[1];
      if (command !== undefined) void commands.executeCommand(command, run.runId);
    });
  }
}

/** Those of a file stand in Problems, the others in the report alone. */
function findings(run: Run): Offer[] {
  if (run.findings.length === 0) return [];
  const placed = run.findings.some((one) => one.uri !== undefined);
  return [["Show Findings", placed ? "workbench.actions.view.problems" : "fanout.openReport"]];
}
