import { type Disposable, EventEmitter, type LogOutputChannel } from "vscode";
import type { Run, Unit } from "../generated/commands.js";
import type { FanoutEvent } from "../generated/events.js";
import type { Api } from "../server/api.js";
import { Throttle } from "./throttle.js";

const REFRESH_MS = 300;
const ACTIVITY_MS = 500;
/** Of these the state is about to change by itself. */
const ACTIVE = new Set(["running", "waiting"]);

export interface RunEnd {
  readonly run: Run;
}

/** The runs of the workspace as the server last told of them, asked for again when an event says that there is news. */
export class RunStore implements Disposable {
  private readonly changes = new EventEmitter<void>();
  private readonly ends = new EventEmitter<RunEnd>();
  private readonly known = new Map<string, Run>();
  private readonly doing = new Map<string, string>();
  private readonly dirty = new Set<string>();
  private readonly ended = new Map<string, Run["state"]>();
  private readonly asking = new Throttle(REFRESH_MS, () => this.askForDirty());
  private readonly telling = new Throttle(ACTIVITY_MS, async () => this.changes.fire());
  private readonly subscriptions: Disposable[];
  /** When the last answer came, to go on counting the seconds of units at work. */
  askedAt = 0;
  /** Whether the runs were asked for since the server is there. */
  loaded = false;
  readonly onChange = this.changes.event;
  readonly onEnd = this.ends.event;

  constructor(
    private readonly server: Api,
    private readonly log: LogOutputChannel,
  ) {
    this.subscriptions = [
      server.onEvent((event) => this.hear(event)),
      server.onEnded(({ runId, state }) => {
        this.ended.set(runId, state);
        this.touch(runId);
      }),
      server.onState((state) => {
        if (state === "ready") void this.refresh();
      }),
    ];
  }

  /** Newest first. */
  get runs(): Run[] {
    return [...this.known.values()].sort((one, other) => other.started - one.started);
  }

  get(run: string): Run | undefined {
    return this.known.get(run);
  }

  unit(run: string, unit: string): Unit | undefined {
    return this.known.get(run)?.units.find((one) => one.id === unit);
  }

  /** What the unit's agent does right now, in a line. */
  activity(run: string, unit: string): string | undefined {
    return this.doing.get(`${run}/${unit}`);
  }

  get active(): Run[] {
    return this.runs.filter((run) => ACTIVE.has(run.state));
  }

  async refresh(): Promise<void> {
    try {
      const { runs } = await this.server.execute("fanout.status", {});
      this.known.clear();
      for (const run of runs) this.known.set(run.runId, run);
      this.loaded = true;
      this.told();
    } catch (error) {
      this.log.warn(`The runs cannot be asked for: ${error}`);
    }
  }

  /** A run that was just begun, or changed by a command: it is not waited for an event. */
  touch(run: string): void {
    this.dirty.add(run);
    this.asking.call();
  }

  dispose(): void {
    for (const one of [...this.subscriptions, this.changes, this.ends, this.asking, this.telling]) one.dispose();
  }

  private hear(event: FanoutEvent): void {
    if (event.type === "attemptActivity") {
      this.doing.set(`${event.runId}/${event.unit}`, event.text);
      this.telling.call();
      return;
    }
    if (event.type === "unitEnded") this.doing.delete(`${event.runId}/${event.unit}`);
    this.touch(event.runId);
  }

  private async askForDirty(): Promise<void> {
    const asked = [...this.dirty];
    this.dirty.clear();
    let news = false;
    for (const id of asked) {
      try {
        const { runs } = await this.server.execute("fanout.status", { runId: id });
        for (const run of runs) {
          news ||= JSON.stringify(run) !== JSON.stringify(this.known.get(run.runId));
          this.known.set(run.runId, run);
        }
      } catch (error) {
        // One that could not begin is known no more.
        news = this.known.delete(id) || news;
        this.log.debug(`${id}: ${error}`);
      }
    }
    this.told(news);
  }

  private told(news = true): void {
    this.askedAt = Date.now();
    // What is drawn for nothing takes away what the user is about to click on.
    if (news) this.changes.fire();
    for (const [id, state] of [...this.ended]) {
      const run = this.known.get(id);
      // An answer that was on its way may be of before.
      if (run !== undefined && (run.state === state || !ACTIVE.has(run.state))) {
        this.ended.delete(id);
        this.ends.fire({ run });
      }
    }
  }
}
