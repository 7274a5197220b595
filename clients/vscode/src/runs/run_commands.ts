import { commands, type Disposable, Uri, window } from "vscode";
import type { Finding, Run, Unit } from "../generated/commands.js";
import type { Answer, Api, Arguments, CommandName } from "../server/api.js";
import type { ChangesEditor } from "./changes_editor.js";
import type { Choice } from "./choice.js";
import { pickChoice } from "./choice_picker.js";
import { canApply, canRetry, isAppliable } from "./contexts.js";
import { type FileNode, type FindingNode, type Node, rowOf, type UnitNode } from "./nodes.js";
import { asRange, nameOfFile } from "./place.js";
import type { RunPicker } from "./run_picker.js";
import type { RunStore } from "./run_store.js";
import { count, filesOf, nameOf } from "./words.js";

type Given = Node | string | undefined;
type Handler = (...given: never[]) => Promise<unknown>;
type Offer = [title: string, command: string, ...given: unknown[]];
type Show = (text: string, ...titles: string[]) => Thenable<string | undefined>;

const TOLD_MS = 5000;
const MOST_NAMES = 3;
const PROBLEMS: Offer = ["Show Problems", "workbench.actions.view.problems"];
const GOING = new Set(["running", "waiting"]);

/** What can be done with runs, units and files: of the view's nodes, and from the palette. */
export class RunCommands {
  constructor(
    private readonly server: Api,
    private readonly store: RunStore,
    private readonly picker: RunPicker,
    private readonly choice: Choice,
    private readonly changes: ChangesEditor,
    private readonly register: (id: string, handler: Handler) => Disposable,
  ) {}

  registerAll(): Disposable[] {
    const handlers: Record<string, Handler> = {
      applyRun: (node: Given | Uri) => this.apply(node, "now"),
      previewApply: (node: Given) => this.apply(node, "ask"),
      discardRun: (node: Given) => this.discard(node),
      cancelRun: (node: Given) => this.cancel(node),
      revertRun: (node: Given) => this.revert(node),
      resumeRun: (node: Given) => this.resume(node),
      retryRun: (node: Given) => this.retry(node),
      acceptPilot: (node: Given) => this.accept(node),
      openChanges: (node: Given) => this.openChanges(node),
      chooseChanges: (node: Given | Uri) => this.choose(node),
      leaveOutFile: (uri: unknown) => this.turn(uri),
      openReport: (node: Given) => this.openReport(node),
      refreshRuns: () => this.store.refresh(),
      cancelUnit: (node: UnitNode) => this.on("fanout.cancel", { runId: node.run, units: [node.unit] }),
      retryUnit: (node: UnitNode) => this.retryUnit(node),
      sendNote: (node: UnitNode) => this.sendNote(node),
      openUnitChanges: (node: UnitNode) => this.withUnit(node, (run, unit) => this.changes.openUnit(run, unit)),
      openLog: (node: UnitNode) => this.show(node, "log"),
      openPrompt: (node: UnitNode) => this.show(node, "prompt"),
      openWorktree: (node: UnitNode) => this.openWorktree(node),
      openFinding: (node: FindingNode) => this.openFinding(node),
      turnNode: (node: UnitNode | FileNode) => this.turnNode(node),
      openFileChanges: (node: FileNode) =>
        this.withUnit(node, (run) => this.changes.openFile(run, node.unit, node.uri)),
    };
    return Object.entries(handlers).map(([name, handler]) => this.register(`fanout.${name}`, handler));
  }

  private async apply(node: Given | Uri, mode: "now" | "ask"): Promise<void> {
    const run = await this.picker.pick(this.shown(node), isAppliable, "No run has changes that wait to be applied.");
    if (run === undefined) return;
    const wanted = this.choice.of(run);
    if (wanted === undefined) {
      void window.showInformationMessage("Everything of this run is left out: tick what is to be applied.");
      return;
    }
    const told = await this.on("fanout.apply", { runId: run.runId, mode, wait: true, ...wanted });
    this.tellOfApply(run, told);
  }

  private tellOfApply(run: Run, { applied, files, left, rest = 0 }: Answer<"fanout.apply">): void {
    const did = files.length > 0 ? `Applied ${count(files.length, "file")}.` : "Nothing was applied.";
    if (left.length > 0) {
      this.offer(window.showWarningMessage, `${did} ${aloneOf(left)}`, PROBLEMS);
    } else if (applied && files.length > 0) {
      const more = rest > 0 ? ` ${count(rest, "file")} of the run can still be applied.` : "";
      const undo = files.length > 1 ? "One undo in any of them takes all back" : "One undo takes it back";
      const back = `${undo}; so does Take Back, now or later.`;
      this.offer(window.showInformationMessage, `${did} ${back}${more}`, ["Take Back", "fanout.revertRun", run.runId]);
    } else {
      const why = applied ? "Your files hold these changes already." : "The run is kept as it is.";
      this.offer(window.showInformationMessage, `${did} ${why}`);
    }
  }

  private async discard(node: Given): Promise<void> {
    const fits = (run: Run) => ["ready", "cancelled", "failed", "interrupted"].includes(run.state);
    const run = await this.picker.pick(node, fits, "There is no run to discard.");
    if (run === undefined) return;
    const text = `Discard the results of "${nameOf(run)}"? ${count(filesOf(run).length, "changed file")} will not be kept.`;
    if (filesOf(run).length > 0 && (await window.showWarningMessage(text, { modal: true }, "Discard")) !== "Discard") {
      return;
    }
    await this.on("fanout.discard", { runId: run.runId });
  }

  private async cancel(node: Given): Promise<void> {
    const run = await this.picker.pick(node, (one) => GOING.has(one.state), "No run is going on.");
    if (run !== undefined) await this.on("fanout.cancel", { runId: run.runId });
  }

  private async revert(node: Given): Promise<void> {
    const run = await this.picker.pick(node, (one) => one.state === "applied", "No run is applied.");
    if (run === undefined) return;
    const told = await this.on("fanout.revert", { runId: run.runId, wait: true });
    const did = told.files.length > 0 ? `Took back ${count(told.files.length, "file")}.` : "Nothing was taken back.";
    if (told.left.length > 0) {
      this.offer(window.showWarningMessage, `${did} ${aloneOf(told.left)}`, PROBLEMS);
    } else {
      this.offer(window.showInformationMessage, `${did} What you typed since is kept.`);
    }
  }

  private async resume(node: Given): Promise<void> {
    const run = await this.picker.pick(node, (one) => one.state === "interrupted", "No run was interrupted.");
    if (run !== undefined) await this.on("fanout.resume", { runId: run.runId });
  }

  private async retry(node: Given): Promise<void> {
    const run = await this.picker.pick(node, canRetry, "No run has units that failed.");
    if (run !== undefined) await this.on("fanout.retry", { runId: run.runId });
  }

  private async accept(node: Given): Promise<void> {
    const run = await this.picker.pick(node, (one) => one.state === "waiting", "No run waits for you.");
    if (run !== undefined) await this.on("fanout.accept", { runId: run.runId });
  }

  private async openChanges(node: Given): Promise<void> {
    const run = await this.picker.pick(node, (one) => filesOf(one).length > 0, "No run has changed anything.");
    if (run !== undefined) await this.changes.openRun(run);
  }

  private async choose(node: Given | Uri): Promise<void> {
    const run = await this.picker.pick(this.shown(node), canApply, "No run has changes that wait to be applied.");
    if (run !== undefined) await pickChoice(run, this.choice);
  }

  /** The file that is looked at among a run's changes is left out, or taken in again. */
  private async turn(given: unknown): Promise<void> {
    const uri = given instanceof Uri ? given : window.activeTextEditor?.document.uri;
    const run = this.store.get(this.changes.run ?? "");
    if (run === undefined || uri === undefined) return;
    // Either the file itself or the server's document of it, whose path begins at the checkout's top.
    const paths = [uri.path, `${Uri.parse(run.folder ?? "").path}${uri.path}`];
    const file = filesOf(run).find((one) => paths.includes(Uri.parse(one).path));
    if (file === undefined) return;
    const wanted = this.choice.turnFile(run, file);
    const name = nameOfFile(file);
    window.setStatusBarMessage(`Fan Out: ${name} is ${wanted ? "to be applied" : "left out"}`, TOLD_MS);
  }

  /** Of the view: left out, or taken in again. */
  private async turnNode(node: UnitNode | FileNode): Promise<void> {
    const run = this.store.get(node.run);
    const row = rowOf(node);
    if (run !== undefined && row !== undefined) this.choice.turn(run, row);
  }

  /** Where it is: in what the run made of the file as long as that is not applied, else in the file itself. */
  private async openFinding(node: FindingNode): Promise<void> {
    const run = this.store.get(node.run);
    const finding = run?.findings.find((one) => one.id === node.finding);
    if (run === undefined || finding === undefined) return;
    const { uri, range } = finding;
    if (!uri) {
      await this.openReport(node.run);
    } else if (isAppliable(run) && filesOf(run).includes(uri)) {
      await this.changes.openFile(run, undefined, uri, range ?? undefined);
    } else {
      await window.showTextDocument(Uri.parse(uri), range ? { selection: asRange(range) } : {});
    }
  }

  /** What a button of the editor that shows a run's changes is about. */
  private shown(node: Given | Uri): Given {
    return node instanceof Uri || node === undefined ? this.changes.run : node;
  }

  private async openReport(node: Given): Promise<void> {
    const run = await this.picker.pick(node, () => true, "There are no runs yet.");
    if (run !== undefined) await this.on("fanout.show", { runId: run.runId, what: "report" });
  }

  private async retryUnit(node: UnitNode): Promise<void> {
    const prompt = "What is to be other than before? Without a note the unit begins anew.";
    const note = await window.showInputBox({ title: `Fan Out: ${this.titleOf(node)}`, prompt, ignoreFocusOut: true });
    if (note === undefined) return;
    await this.on("fanout.retry", { runId: node.run, units: [node.unit], note });
  }

  private async sendNote(node: UnitNode): Promise<void> {
    const prompt = "What is the agent to know? It goes on with its work.";
    const note = await window.showInputBox({ title: `Fan Out: ${this.titleOf(node)}`, prompt, ignoreFocusOut: true });
    if (!note) return;
    const { delivered } = await this.on("fanout.send", { runId: node.run, unit: node.unit, note });
    const when = delivered === "now" ? "The agent was told." : "The agent is told when it comes to its end.";
    void window.showInformationMessage(when);
  }

  private async openWorktree(node: UnitNode): Promise<void> {
    const { uri } = await this.on("fanout.show", { runId: node.run, unit: node.unit, what: "folder" });
    await commands.executeCommand("vscode.openFolder", Uri.parse(uri), { forceNewWindow: true });
  }

  private async show(node: UnitNode, what: "log" | "prompt"): Promise<void> {
    await this.on("fanout.show", { runId: node.run, unit: node.unit, what });
  }

  private async withUnit(node: UnitNode | FileNode, work: (run: Run, unit: Unit) => Promise<void>): Promise<void> {
    const run = this.store.get(node.run);
    const unit = this.store.unit(node.run, node.unit);
    if (run !== undefined && unit !== undefined) await work(run, unit);
  }

  private titleOf(node: UnitNode): string {
    return this.store.unit(node.run, node.unit)?.title ?? node.unit;
  }

  private async on<K extends CommandName>(command: K, argument: Arguments<K> & { runId: string }) {
    const answer = await this.server.execute(command, argument);
    this.store.touch(argument.runId);
    return answer;
  }

  private offer(show: Show, text: string, ...offers: Offer[]): void {
    void show(text, ...offers.map(([title]) => title)).then((chosen) => {
      const [, command, ...given] = offers.find(([title]) => title === chosen) ?? [];
      if (command !== undefined) void commands.executeCommand(command, ...given);
    });
  }
}

function aloneOf(left: readonly Finding[]): string {
  const names = [...new Set(left.flatMap((one) => one.uri ?? []))].map(nameOfFile);
  const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : "";
  return `Left alone as you have it: ${names.slice(0, MOST_NAMES).join(", ")}${more}. Problems says why, with ways on.`;
}
