// The only module that speaks LSP. It is a bundle of its own, loaded with the server.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { CancellationTokenSource, commands, type LogOutputChannel, window } from "vscode";
import {
  CloseAction,
  ErrorAction,
  ExecuteCommandRequest,
  LanguageClient,
  MessageType,
  RevealOutputChannelOn,
  ShowMessageNotification,
  type ShowMessageParams,
  type StaticFeature,
} from "vscode-languageclient/node";
import { tell, tellError } from "./errors.js";
import type { FanoutEvent } from "./generated/events.js";
import { groupByUnit } from "./runs/refactor_preview.js";
import { RunProgress } from "./runs/run_progress.js";
import type { Answer, Arguments, CommandName, Ended, Program } from "./server/api.js";

export interface ConnectionOptions {
  readonly program: Program;
  readonly log: LogOutputChannel;
  onEvent(event: FanoutEvent): void;
  /** A run is over for now, and the user is to be told. */
  onEnded(ended: Ended): void;
  /** It was there, and has ended though nobody wanted it to. */
  onCrash(): void;
}

interface InputBoxQuestion {
  readonly prompt: string;
  readonly placeHolder?: string;
}

type InputBoxAnswer = { value: string } | { cancelled: true };

const END_MS = 1000;
const LONGEST_COMPLAINT = 2000;

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

/** What it would say of itself goes into the log: who wanted a server tells why there is none. */
class QuietClient extends LanguageClient {
  override error(message: string, data?: unknown): void {
    super.error(message, data, false);
  }
}

/** One process of the server, from its start to its end. */
export class Connection {
  private child: ChildProcess | undefined;
  private complaint = "";
  private readonly client: LanguageClient;
  private readonly progress = new RunProgress((token) => {
    void this.client.sendNotification("window/workDoneProgress/cancel", { token });
  });
  private started = false;
  private stopping = false;

  private constructor(private readonly options: ConnectionOptions) {
    this.client = new QuietClient("fanout", "Fan Out", () => this.spawn(), {
      documentSelector: [{ scheme: "file" }, { scheme: "untitled", language: "fanout" }],
      outputChannel: options.log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      initializationOptions: { trusted: true },
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue, handled: true }),
        closed: () => this.closed(),
      },
      initializationFailedHandler: () => false,
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
    this.client.onNotification(ShowMessageNotification.type, (said) => this.pass(said));
    this.client.onNotification("fanout/event", (event: FanoutEvent) => options.onEvent(event));
    this.client.onNotification("fanout/ended", (ended: Ended) => options.onEnded(ended));
    this.client.onRequest<InputBoxAnswer, void>("fanout/inputBox", (question: InputBoxQuestion) => ask(question));
  }

  static async open(options: ConnectionOptions): Promise<Connection> {
    const made = new Connection(options);
    try {
      await made.client.start();
    } catch (error) {
      throw (await made.whyItEnded()) ?? error;
    }
    made.started = true;
    return made;
  }

  get version(): string | undefined {
    return this.client.initializeResult?.serverInfo?.version;
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
    child.stderr.on("data", (data) => {
      this.complaint = `${this.complaint}${data}`.slice(-LONGEST_COMPLAINT);
    });
    return child;
  }

  /** Of a process that ends at once, by its own last words. */
  private async whyItEnded(): Promise<Error | undefined> {
    const { child } = this;
    if (child === undefined) return undefined;
    if (child.exitCode === null && child.signalCode === null) {
      await once(child, "exit", { signal: AbortSignal.timeout(END_MS) }).catch(() => undefined);
    }
    const how = child.signalCode ?? (child.exitCode === null ? undefined : `exit status ${child.exitCode}`);
    const said = this.complaint.trim().split("\n").at(-1);
    return how === undefined ? undefined : new Error(`it ended with ${how}${said ? `: ${said}` : "."}`);
  }

  private closed() {
    this.progress.endAll();
    // One that never was there is told of by who wanted it.
    if (this.started && !this.stopping) this.options.onCrash();
    // The next one is another connection: of itself the client tries only once, and tells of it in its own words.
    return { action: CloseAction.DoNotRestart, handled: true };
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

  /** The server's word to the user. */
  private pass({ type, message }: ShowMessageParams): void {
    if (type === MessageType.Error) tell(window.showErrorMessage, message);
    else if (type === MessageType.Warning) tell(window.showWarningMessage, message);
    else tell(window.showInformationMessage, message);
    this.options.log.info(message);
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
