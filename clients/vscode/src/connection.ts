// The only module that speaks LSP. It is a bundle of its own, loaded with the server.
import { type ChildProcess, spawn } from "node:child_process";
import { CancellationTokenSource, commands, type LogOutputChannel, window } from "vscode";
import {
  CloseAction,
  ErrorAction,
  ExecuteCommandRequest,
  LanguageClient,
  RevealOutputChannelOn,
  type StaticFeature,
} from "vscode-languageclient/node";
import { tellError } from "./errors.js";
import type { FanoutEvent } from "./generated/events.js";
import { groupByUnit } from "./runs/refactor_preview.js";
import { RunProgress } from "./runs/run_progress.js";
import type { Answer, Arguments, CommandName, Ended, Program } from "./server/api.js";
import { showSetting } from "./server/setting_page.js";

export interface ConnectionOptions {
  readonly program: Program;
  readonly log: LogOutputChannel;
  readonly version: string;
  onEvent(event: FanoutEvent): void;
  /** A run is over for now, and the user is to be told. */
  onEnded(ended: Ended): void;
  /** Milliseconds to wait before the server is started again; undefined: not any more. */
  onCrash(): number | undefined;
  onBack(): void;
}

interface InputBoxQuestion {
  readonly prompt: string;
  readonly placeHolder?: string;
}

type InputBoxAnswer = { value: string } | { cancelled: true };

const NEVER = new CancellationTokenSource().token;

const OWN = new Map([
  ["fanout.apply", "fanout.applyRun"],
  ["fanout.revert", "fanout.revertRun"],
  ["fanout.discard", "fanout.discardRun"],
]);

/** We know the events, have an input box, and tell and ask ourselves when a run has ended. */
const OPTED_IN: StaticFeature = {
  fillClientCapabilities(capabilities) {
    capabilities.experimental = { ...capabilities.experimental, fanout: { review: true } };
  },
  initialize() {},
  getState: () => ({ kind: "static" }),
  clear() {},
};

/** One server, and after a crash the next one. */
export class Connection {
  private child: ChildProcess | undefined;
  private readonly client: LanguageClient;
  private readonly progress = new RunProgress((token) => {
    void this.client.sendNotification("window/workDoneProgress/cancel", { token });
  });
  private started = false;
  private stopping = false;

  private constructor(private readonly options: ConnectionOptions) {
    this.client = new LanguageClient("fanout", "Fan Out", () => this.spawn(), {
      documentSelector: [{ scheme: "file" }, { scheme: "untitled", language: "fanout" }],
      outputChannel: options.log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      initializationOptions: { trusted: true },
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue }),
        closed: () => this.closed(),
      },
      middleware: {
        handleWorkDoneProgress: (token, params) => this.progress.handle(token, params),
        workspace: {
          handleApplyEdit: (params, next) => {
            const annotations = Object.values(params.edit.changeAnnotations ?? {});
            if (annotations.some((one) => one.needsConfirmation)) groupByUnit();
            return next(params, NEVER);
          },
          configuration: async (params, token, next) => {
            const answers = await next(params, token);
            return Array.isArray(answers) ? answers.map(ofServer) : answers;
          },
        },
        executeCommand: (command, args, next) =>
          this.told(Promise.resolve(ownCommand(command, args) ?? next(command, args))),
      },
    });
    this.client.registerFeature(OPTED_IN);
    this.client.onNotification("fanout/event", (event: FanoutEvent) => options.onEvent(event));
    this.client.onNotification("fanout/ended", (ended: Ended) => options.onEnded(ended));
    this.client.onRequest<InputBoxAnswer, void>("fanout/inputBox", (question: InputBoxQuestion) => ask(question));
  }

  static async open(options: ConnectionOptions): Promise<Connection> {
    const made = new Connection(options);
    await made.client.start();
    made.started = true;
    made.compareVersions();
    made.client.onDidChangeState(({ newState }) => {
      // A server that was started anew.
      if (newState === 2) options.onBack();
    });
    return made;
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  async execute<K extends CommandName>(command: K, argument: Arguments<K>): Promise<Answer<K>> {
    return this.client.sendRequest<Answer<K>>(ExecuteCommandRequest.method, { command, arguments: [argument] });
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.progress.endAll();
    // Runs are ended and kept before the server goes.
    await this.client.dispose(10_000);
  }

  private async spawn(): Promise<ChildProcess> {
    const { command, args } = this.options.program;
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", (error) => reject(new Error(`${command} cannot be started: ${error.message}`)));
    });
    this.child = child;
    return child;
  }

  private async closed() {
    this.progress.endAll();
    // One that never was there is told of by who wanted it.
    const wait = this.stopping || !this.started ? undefined : this.options.onCrash();
    if (wait === undefined) {
      return { action: CloseAction.DoNotRestart, handled: true };
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
    return { action: CloseAction.Restart, handled: true };
  }

  /** Of a lens or code action: what went wrong is said in the server's words, and not as a failed command. */
  private async told(result: Promise<unknown>): Promise<unknown> {
    try {
      return await result;
    } catch (error) {
      tellError(error);
      return undefined;
    }
  }

  private compareVersions(): void {
    const theirs = this.client.initializeResult?.serverInfo?.version;
    if (theirs !== undefined && theirs !== this.options.version) {
      const text = `The server is version ${theirs}, the extension ${this.options.version}`;
      this.options.log.warn(text);
      const setting = "Open Setting";
      const advice =
        "Install the matching ones, or clear fanout.server.path to use the server that the extension brings.";
      void window.showWarningMessage(`${text}. ${advice}`, setting).then((chosen) => {
        if (chosen === setting) void showSetting("fanout.server.path");
      });
    }
  }
}

/** Of a lens or code action: what the view's buttons do, too, is done as they do it, with what the user has left out. */
function ownCommand(command: string, args: readonly unknown[]): Thenable<unknown> | undefined {
  const own = OWN.get(command);
  const [given, ...others] = args;
  if (own === undefined || others.length > 0 || typeof given !== "object" || given === null) return undefined;
  const [[key, run] = [], ...more] = Object.entries(given);
  return key === "runId" && more.length === 0 ? commands.executeCommand(own, run) : undefined;
}

/** What of the section is the server's: the rest is the extension's own. */
function ofServer(section: unknown): unknown {
  if (typeof section !== "object" || section === null || !("options" in section)) return section;
  const { options, presets } = section as { options: unknown; presets?: unknown };
  return { options, presets };
}

async function ask(question: InputBoxQuestion): Promise<InputBoxAnswer> {
  const value = await window.showInputBox({
    prompt: question.prompt,
    ignoreFocusOut: true,
    ...(question.placeHolder === undefined ? {} : { placeHolder: question.placeHolder }),
  });
  return value === undefined ? { cancelled: true } : { value };
}
