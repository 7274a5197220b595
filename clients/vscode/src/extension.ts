import { commands, type Disposable, type ExtensionContext, window, workspace } from "vscode";
import { tellError } from "./errors.js";
import { Flow } from "./flow/flow.js";
import { FlowCommands } from "./flow/flow_commands.js";
import { History } from "./flow/history.js";
import { PlanCommands } from "./plans/plan_commands.js";
import { Sample } from "./plans/sample.js";
import { ChangesEditor } from "./runs/changes_editor.js";
import { Choice } from "./runs/choice.js";
import { DocumentLanguages } from "./runs/document_languages.js";
import { OriginMarks } from "./runs/origin_marks.js";
import { RunCommands } from "./runs/run_commands.js";
import { RunEnds } from "./runs/run_ends.js";
import { RunPicker } from "./runs/run_picker.js";
import { RunStore } from "./runs/run_store.js";
import { RunsView } from "./runs/runs_view.js";
import { StatusBar } from "./runs/status_bar.js";
import { type ServerState, Told } from "./server/api.js";
import { PrivateEnvironment } from "./server/private_environment.js";
import { ProgramLocator } from "./server/program_locator.js";
import { PythonFinder } from "./server/python_finder.js";
import { pickPython } from "./server/python_picker.js";
import { Server } from "./server/server.js";

type Handler = (...given: never[]) => Promise<unknown>;

/** Whether the last session left runs that somebody will want to see again. */
const OPEN_RUNS = "fanout.openRuns";
const OVER = new Set(["applied", "reverted", "discarded"]);

/** What has gone wrong once is not tried again before somebody says so. */
const NOT_BY_ITSELF = new Set<ServerState>(["noPython", "cancelled", "failed"]);

/** Above what the view still shows while there is no server that could be asked. */
const SAID: Partial<Record<ServerState, string>> = {
  restarting: "The server has ended and is started again.",
  noPython: "There is no server: it needs Python 3.11 or newer. See Fan Out: Choose Python...",
  failed: "There is no server, so this is as it was. See Fan Out: Restart Server, and Fan Out: Show Log.",
};

/** The parts, put together. Nothing is started here: that waits for a command, the view, or a plan document. */
export class Extension {
  readonly log = window.createOutputChannel("Fan Out", { log: true });
  readonly server: Server;
  readonly store: RunStore;
  readonly choice: Choice;
  readonly view: RunsView;
  activationMs = 0;
  /** A setting is changed by a command that starts the server anew itself. */
  private choosing = false;

  constructor(private readonly context: ExtensionContext) {
    const pythons = new PythonFinder(this.log);
    const storage = context.globalStorageUri.fsPath;
    const environment = new PrivateEnvironment(storage, context.asAbsolutePath("server"), this.log);
    this.server = new Server(context, new ProgramLocator(environment, pythons, this.log), this.log);
    this.store = new RunStore(this.server, this.log);
    this.choice = new Choice(context.workspaceState);
    this.view = new RunsView(this.store, this.choice, context.workspaceState, () => this.load());
    const register = (id: string, handler: Handler) => this.register(id, handler);
    const flow = new Flow(this.server, this.store, new History(context.workspaceState));
    const picker = new RunPicker(this.store);
    const changes = new ChangesEditor(this.store, context.workspaceState);
    const runs = new RunCommands(this.server, this.store, picker, this.choice, changes, register);
    context.subscriptions.push(
      this.log,
      this.server,
      this.store,
      this.view,
      changes,
      new StatusBar(this.store),
      new RunEnds(this.store),
      new DocumentLanguages(),
      new OriginMarks(this.server, this.store, this.log),
      ...new FlowCommands(flow, register).registerAll(),
      ...new PlanCommands(this.server, this.store, register).registerAll(),
      ...runs.registerAll(),
      ...this.ownCommands(pythons),
      this.store.onChange(() => this.remember()),
      this.server.onState((state) => this.view.say(SAID[state])),
      workspace.onDidOpenTextDocument((document) => {
        if (document.languageId === "fanout") this.startQuietly();
      }),
      workspace.onDidGrantWorkspaceTrust(() => this.startWhereNeeded()),
      workspace.onDidChangeConfiguration((changed) => {
        const other = ["fanout.server.path", "fanout.python"].some((name) => changed.affectsConfiguration(name));
        if (other && !this.choosing) this.takeOtherServer();
      }),
    );
    this.startWhereNeeded();
  }

  stop(): Promise<void> {
    return this.server.stop();
  }

  private ownCommands(pythons: PythonFinder): Disposable[] {
    const sample = new Sample(this.context);
    const handlers: Record<string, Handler> = {
      showRuns: async () => commands.executeCommand("fanout.runs.focus"),
      hideOver: () => this.view.hideOver(true),
      showOver: () => this.view.hideOver(false),
      showLog: async () => this.log.show(),
      restartServer: () => this.server.restart(),
      choosePython: () => this.choosePython(pythons),
      tryIt: () => sample.open(),
      openWalkthrough: async () =>
        commands.executeCommand("workbench.action.openWalkthrough", `${this.context.extension.id}#first`),
    };
    return Object.entries(handlers).map(([name, handler]) => this.register(`fanout.${name}`, handler));
  }

  /** What goes wrong in a command is said in its own words; what was said already is not said again. */
  private register(id: string, handler: Handler): Disposable {
    return commands.registerCommand(id, async (...given: never[]) => {
      try {
        return await handler(...given);
      } catch (error) {
        if (!(error instanceof Told)) {
          this.log.error(`${id}: ${error}`);
          tellError(error);
        }
        return undefined;
      }
    });
  }

  private async load(): Promise<void> {
    if (!workspace.isTrusted || this.store.loaded || NOT_BY_ITSELF.has(this.server.state)) return;
    if ((workspace.workspaceFolders ?? []).length === 0 && this.server.state === "off") return;
    await this.server.start().catch((error) => this.log.warn(String(error)));
    if (!this.store.loaded) await this.store.refresh();
  }

  /** Where a plan is open, or the last session left runs: everything else waits until it is asked for. */
  private startWhereNeeded(): void {
    const plan = workspace.textDocuments.some((document) => document.languageId === "fanout");
    if (plan || this.context.workspaceState.get<boolean>(OPEN_RUNS, false)) this.startQuietly();
  }

  private startQuietly(): void {
    if (!workspace.isTrusted) return;
    this.server.start().catch((error) => this.log.warn(String(error)));
  }

  private remember(): void {
    if (!this.store.loaded) return;
    const { runs } = this.store;
    // The walkthrough ticks its steps by it.
    void commands.executeCommand("setContext", "fanout.hasRuns", runs.length > 0);
    const applied = runs.some((run) => run.state === "applied");
    void commands.executeCommand("setContext", "fanout.hasApplied", applied);
    const open = runs.some((run) => !OVER.has(run.state));
    if (open !== this.context.workspaceState.get<boolean>(OPEN_RUNS, false)) {
      void this.context.workspaceState.update(OPEN_RUNS, open);
    }
  }

  /** The settings name another one: where there is none it is started, else whoever works with this one is asked. */
  private takeOtherServer(): void {
    if (NOT_BY_ITSELF.has(this.server.state)) {
      this.server.restart().catch((error) => this.log.warn(String(error)));
    } else if (this.server.state !== "off") {
      const restart = "Restart Server";
      const text = "The settings of Fan Out's server were changed. They count when it is started anew.";
      void window.showInformationMessage(text, restart).then((chosen) => {
        if (chosen === restart) void commands.executeCommand("fanout.restartServer");
      });
    }
  }

  private async choosePython(pythons: PythonFinder): Promise<void> {
    const chosen = await pickPython(pythons);
    if (chosen === undefined) return;
    this.choosing = true;
    try {
      await workspace.getConfiguration("fanout").update("python", chosen, true);
    } finally {
      this.choosing = false;
    }
    await this.server.restart();
  }
}
