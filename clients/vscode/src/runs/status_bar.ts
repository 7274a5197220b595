import { type Disposable, StatusBarAlignment, type StatusBarItem, window } from "vscode";
import type { RunStore } from "./run_store.js";
import { count, ended } from "./words.js";

/** What goes on, or waits for the user; hidden where nothing does. */
export class StatusBar implements Disposable {
  private readonly item: StatusBarItem;
  private readonly subscription: Disposable;

  constructor(private readonly store: RunStore) {
    this.item = window.createStatusBarItem("fanout.runs", StatusBarAlignment.Left, 10);
    this.item.name = "Fan Out";
    this.item.command = "fanout.showRuns";
    this.subscription = store.onChange(({ runs, listed }) => {
      if (listed || runs.size > 0) this.update();
    });
  }

  dispose(): void {
    this.item.dispose();
    this.subscription.dispose();
  }

  private update(): void {
    const going = this.store.runs.filter((run) => run.state === "running");
    const ready = this.store.runs.filter((run) => run.state === "ready" || run.state === "waiting").length;
    const interrupted = this.store.runs.filter((run) => run.state === "interrupted").length;
    if (going.length > 0) {
      const units = going.reduce((sum, run) => sum + run.units.length, 0);
      const over = going.reduce((sum, run) => sum + ended(run), 0);
      this.show(`$(sync~spin) Fan Out ${over}/${units}`, `Fan Out: ${over} of ${count(units, "unit")} have ended`);
    } else if (interrupted > 0) {
      const text = `${count(interrupted, "run")} interrupted`;
      this.show(`$(debug-disconnect) ${text}`, `Fan Out: ${text}, and can be resumed`);
    } else if (ready > 0) {
      const text = `${count(ready, "run")} ready`;
      this.show(`$(git-pull-request) ${text}`, `Fan Out: ${text}, the results wait for you`);
    } else {
      this.item.hide();
    }
  }

  private show(text: string, tooltip: string): void {
    this.item.text = text;
    this.item.tooltip = tooltip;
    this.item.accessibilityInformation = { label: tooltip };
    this.item.show();
  }
}
