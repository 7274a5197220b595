import { type Disposable, EventEmitter, type LogOutputChannel } from "vscode";
import type { Run, Unit } from "../generated/commands.js";
import type { FanoutEvent } from "../generated/events.js";
import { type Api, isRefusal } from "../server/api.js";
import { type Changes, saysNothingNew, updated } from "./run_news.js";
import { Throttle } from "./throttle.js";

const REFRESH_MS = 300;
/** However long the server takes to answer. */
const LONGEST_REFRESH_MS = 3000;
const ACTIVITY_MS = 500;
/** Of these the state is about to change by itself. */
const ACTIVE = new Set(["running", "waiting"]);
/** Of these there are very many; what any other event says is asked for at once. */
const OF_UNITS = /^(attempt|unit[ER]|finding)/;

export interface RunEnd {
  readonly run: Run;
}

/** The runs of the workspace as the server last told of them, asked for again when an event says that there is news. */
export class RunStore implements Disposable {
  private readonly changes = new EventEmitter<Changes>();
  private readonly ends = new EventEmitter<RunEnd>();
  private readonly known = new Map<string, Run>();
  private readonly units = new WeakMap<Run, Map<string, Unit>>();
  private readonly doing = new Map<string, string>();
  private readonly saying = new Set<string>();
  private readonly dirty = new Set<string>();
  private readonly ended = new Map<string, Run["state"]>();
  /** What went on in a server that is no more: nobody else tells of them. */
  private readonly lost = new Set<string>();
  private readonly asking = new Throttle(REFRESH_MS, () => this.askForDirty(), LONGEST_REFRESH_MS);
  private readonly telling = new Throttle(ACTIVITY_MS, async () => this.tellActivities());
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
        else for (const run of this.active) this.lost.add(run.runId);
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
    const found = this.known.get(run);
    if (found === undefined) return undefined;
    let units = this.units.get(found);
    if (units === undefined) {
      units = new Map(found.units.map((one) => [one.id, one]));
      this.units.set(found, units);
    }
    return units.get(unit);
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
      this.told(new Set(), true);
      // Those that are not interrupted go on elsewhere.
      this.lost.clear();
    } catch (error) {
      this.log.warn(`The runs cannot be asked for: ${error}`);
    }
  }

  /** A run that was just begun, or changed by a command: it is not waited for an event. */
  touch(run: string): void {
    this.dirty.add(run);
    this.asking.now();
  }

  dispose(): void {
    for (const one of [...this.subscriptions, this.changes, this.ends, this.asking, this.telling]) one.dispose();
  }

  private hear(event: FanoutEvent): void {
    if (event.type === "attemptActivity") {
      this.doing.set(`${event.runId}/${event.unit}`, event.text);
      this.saying.add(`${event.runId}/${event.unit}`);
      this.telling.call();
      return;
    }
    if (event.type === "unitEnded") this.doing.delete(`${event.runId}/${event.unit}`);
    if (!OF_UNITS.test(event.type)) {
      this.touch(event.runId);
      return;
    }
    this.dirty.add(event.runId);
    this.asking.call();
  }

  private tellActivities(): void {
    const activities = new Set(this.saying);
    this.saying.clear();
    if (activities.size > 0) this.changes.fire({ listed: false, runs: new Set(), activities });
  }

  private async askForDirty(): Promise<void> {
    const asked = [...this.dirty];
    this.dirty.clear();
    const news = new Set<string>();
    let listed = false;
    for (const id of asked) {
      try {
        // What is new since the last answer is enough: a run may have thousands of units.
        const since = this.known.get(id)?.mark ?? undefined;
        const { runs } = await this.server.execute("fanout.status", { runId: id, ...(since ? { since } : {}) });
        for (const told of runs) {
          const known = this.known.get(told.runId);
          if (told.since && told.since !== known?.mark) {
            // All of it was told meanwhile.
            this.dirty.add(id);
            this.asking.call();
            continue;
          }
          if (told.state === "running" && told.units.length === 0) {
            // It is about to begin. If it cannot, the user is told, but no event comes.
            this.dirty.add(id);
            this.asking.call();
          }
          listed ||= known === undefined;
          if (!saysNothingNew(known, told)) news.add(told.runId);
          this.known.set(told.runId, updated(known, told));
        }
      } catch (error) {
        // One that could not begin is known no more. A server that dies instead of an answer says nothing of it.
        if (isRefusal(error)) listed = this.known.delete(id) || listed;
        this.log.debug(`${id}: ${error}`);
      }
    }
    this.told(news, listed);
  }

  private told(runs: ReadonlySet<string>, listed: boolean): void {
    this.askedAt = Date.now();
    // What is drawn for nothing takes away what the user is about to click on.
    if (runs.size > 0 || listed) this.changes.fire({ listed, runs, activities: new Set() });
    for (const id of [...this.lost]) {
      const run = this.known.get(id);
      if (run?.state === "interrupted") {
        this.lost.delete(id);
        this.ends.fire({ run });
      }
    }
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
