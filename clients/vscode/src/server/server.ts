import { setTimeout } from "node:timers/promises";
import {
  commands,
  type Disposable,
  EventEmitter,
  type ExtensionContext,
  type LogOutputChannel,
  window,
  workspace,
} from "vscode";
import type { Connection } from "../connection.js";
import type { FanoutEvent } from "../generated/events.js";
import { type Answer, type Api, type Arguments, type CommandName, type Ended, type ServerState, Told } from "./api.js";
import { Backoff } from "./backoff.js";
import { Cancelled } from "./processes.js";
import { NoPython, type ProgramLocator, WrongPath } from "./program_locator.js";
import { showSetting } from "./setting_page.js";
import { compareVersions } from "./versions.js";

/** There is nothing that could be started, and the user is asked to do something about it. */
const NO_PROGRAM = [NoPython, WrongPath, Cancelled];

/** The server's process, started when something is first asked of it, and again when it has crashed. */
export class Server implements Api, Disposable {
  private readonly states = new EventEmitter<ServerState>();
  private readonly events = new EventEmitter<FanoutEvent>();
  private readonly ends = new EventEmitter<Ended>();
  private readonly backoff = new Backoff();
  private connection: Promise<Connection> | undefined;
  private ending = new AbortController();
  private now: ServerState = "off";
  readonly onState = this.states.event;
  readonly onEvent = this.events.event;
  readonly onEnded = this.ends.event;

  constructor(
    private readonly context: ExtensionContext,
    private readonly programs: ProgramLocator,
    private readonly log: LogOutputChannel,
  ) {}

  private get version(): string {
    return String(this.context.extension.packageJSON.version);
  }

  get state(): ServerState {
    return this.now;
  }

  async execute<K extends CommandName>(command: K, argument: Arguments<K>): Promise<Answer<K>> {
    return (await this.start()).execute(command, argument);
  }

  /** Rejects with `Told` where the user was told why there is none. */
  start(): Promise<Connection> {
    return this.connection ?? this.keep(this.begin());
  }

  async stop(): Promise<void> {
    const running = this.connection;
    this.connection = undefined;
    this.ending.abort();
    this.ending = new AbortController();
    this.become("off");
    await running?.then((one) => one.stop()).catch((error) => this.log.warn(`At the end: ${error}`));
  }

  async restart(): Promise<void> {
    await this.stop();
    this.backoff.reset();
    await this.start();
  }

  /** The process of the server, while there is one. */
  async pid(): Promise<number | undefined> {
    return (await this.connection?.catch(() => undefined))?.pid;
  }

  dispose(): void {
    this.states.dispose();
    this.events.dispose();
    this.ends.dispose();
  }

  private async begin(): Promise<Connection> {
    if (!workspace.isTrusted) {
      await this.tellOfTrust();
      throw new Told("The workspace is not trusted.");
    }
    this.become("starting");
    try {
      const made = await this.open();
      compareVersions(made.version, this.version, this.log);
      this.become("ready");
      return made;
    } catch (error) {
      await this.tellOfFailure(error);
      throw new Told(String(error));
    }
  }

  private async open(): Promise<Connection> {
    const program = await this.programs.locate();
    const { Connection } = await import("../connection.js");
    return Connection.open({
      program,
      log: this.log,
      onEvent: (event) => this.events.fire(event),
      onEnded: (ended) => this.ends.fire(ended),
      onCrash: () => void this.keep(this.comeBack(this.ending.signal)),
    });
  }

  /** Whoever asks for the server gets this one, until it turns out that there is none. */
  private keep(begun: Promise<Connection>): Promise<Connection> {
    this.connection = begun;
    begun.catch(() => {
      if (this.connection === begun) this.connection = undefined;
    });
    return begun;
  }

  /** After a crash. A server that cannot be started has crashed once more. */
  private async comeBack(stopped: AbortSignal): Promise<Connection> {
    for (;;) {
      const wait = this.backoff.next(Date.now());
      if (wait === undefined) {
        this.become("failed");
        const text = "The server of Fan Out has ended six times in three minutes, and is not started again by itself.";
        this.offer(text);
        throw new Told(text);
      }
      this.log.warn(`The server has ended. It is started again in ${wait} ms.`);
      this.become("restarting");
      await setTimeout(wait, undefined, { signal: stopped }).catch(() => {
        throw new Told("The server was stopped.");
      });
      try {
        const made = await this.open();
        if (!stopped.aborted) this.become("ready");
        return made;
      } catch (error) {
        if (stopped.aborted) throw new Told("The server was stopped.");
        if (NO_PROGRAM.some((kind) => error instanceof kind)) {
          await this.tellOfFailure(error);
          throw new Told(String(error));
        }
        this.log.error(String(error));
      }
    }
  }

  private become(state: ServerState): void {
    this.now = state;
    void commands.executeCommand("setContext", "fanout.server", state);
    this.states.fire(state);
  }

  private async tellOfTrust(): Promise<void> {
    const manage = "Manage Workspace Trust";
    const text = "Fan Out starts agents and other programs, so it does nothing in a workspace that you do not trust.";
    void window.showWarningMessage(text, manage).then((chosen) => {
      if (chosen === manage) void commands.executeCommand("workbench.trust.manage");
    });
  }

  private async tellOfFailure(error: unknown): Promise<void> {
    const text = error instanceof Error ? error.message : String(error);
    this.log.error(text);
    if (error instanceof Cancelled) {
      // Nobody need be told what they did themselves.
      this.become("cancelled");
    } else if (error instanceof NoPython) {
      this.become("noPython");
      this.offer(text, ["Choose Python...", () => commands.executeCommand("fanout.choosePython")]);
    } else if (error instanceof WrongPath) {
      this.become("failed");
      this.offer(text, ["Open Setting", () => showSetting("fanout.server.path")]);
    } else {
      this.become("failed");
      this.offer(`The server of Fan Out could not be started: ${text}`);
    }
  }

  private offer(text: string, ...more: [string, () => Thenable<unknown>][]): void {
    const choices = new Map<string, () => Thenable<unknown>>([
      ...more,
      ["Try Again", () => commands.executeCommand("fanout.restartServer")],
      ["Show Log", () => commands.executeCommand("fanout.showLog")],
    ]);
    void window.showErrorMessage(text, ...choices.keys()).then((chosen) => choices.get(chosen ?? "")?.());
  }
}
