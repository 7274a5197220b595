import { type Progress, ProgressLocation, window, workspace } from "vscode";

type Token = string | number;

// What is over sooner needs no notification: VS Code shows no more than three in 800 ms, and how the run ended is to be one.
const WAIT_MS = 400;

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
  readonly first: WorkDone;
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
    const one: Shown = { first: told, last: told, done: 0, end: () => {} };
    const over = new Promise<void>((resolve) => {
      one.end = resolve;
    });
    this.shown.set(token, one);
    const timer = setTimeout(() => this.show(token, one, over), WAIT_MS);
    void over.then(() => clearTimeout(timer));
  }

  private show(token: Token, one: Shown, over: Promise<void>): void {
    const inBar = workspace.getConfiguration("fanout").get<string>("progress") === "statusBar";
    const location = inBar ? ProgressLocation.Window : ProgressLocation.Notification;
    // VS Code sets a colon behind it.
    const title = one.first.title?.replace(/[.:;,\s]+$/, "") ?? "Fan Out";
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
