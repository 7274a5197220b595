import { type Progress, ProgressLocation, window, workspace } from "vscode";

type Token = string | number;

/** What `$/progress` carries, as far as it is shown. */
export interface WorkDone {
  readonly kind: "begin" | "report" | "end";
  readonly title?: string;
  readonly message?: string;
  readonly percentage?: number;
}

interface Shown {
  /** There as soon as VS Code has made it. */
  bar?: Progress<{ message?: string; increment?: number }>;
  last: WorkDone;
  done: number;
  end: () => void;
}

/** The server's progress of each run, as a notification that can be cancelled, or in the status bar. */
export class RunProgress {
  private readonly shown = new Map<Token, Shown>();

  constructor(private readonly cancel: (token: Token) => void) {}

  handle(token: Token, told: WorkDone): void {
    const one = this.shown.get(token);
    if (told.kind === "begin") {
      this.begin(token, told);
    } else if (one !== undefined && told.kind === "end") {
      one.end();
      this.shown.delete(token);
    } else if (one !== undefined) {
      one.last = told;
      report(one);
    }
  }

  endAll(): void {
    for (const one of this.shown.values()) {
      one.end();
    }
    this.shown.clear();
  }

  private begin(token: Token, told: WorkDone): void {
    const inBar = workspace.getConfiguration("fanout").get<string>("progress") === "statusBar";
    const location = inBar ? ProgressLocation.Window : ProgressLocation.Notification;
    const one: Shown = { last: told, done: 0, end: () => {} };
    const over = new Promise<void>((resolve) => {
      one.end = resolve;
    });
    this.shown.set(token, one);
    // VS Code sets a colon behind it.
    const title = told.title?.replace(/[.:;,\s]+$/, "") ?? "Fan Out";
    void window.withProgress({ location, title, cancellable: true }, (bar, cancellation) => {
      cancellation.onCancellationRequested(() => this.cancel(token));
      one.bar = bar;
      report(one);
      return over;
    });
  }
}

function report(one: Shown): void {
  const done = Math.max(one.done, one.last.percentage ?? 0);
  one.bar?.report({
    increment: done - one.done,
    ...(one.last.message === undefined ? {} : { message: one.last.message }),
  });
  one.done = done;
}
