// What a large run costs, for bench/vscode.py: its figures go to the results.
import type { ChildProcess } from "node:child_process";
import { appendFile, readFile } from "node:fs/promises";
import { commands, Uri } from "vscode";
import { extension, given, test, until } from "./harness.js";

const BEAT_MS = 5;
const TICKS_PER_SECOND = 100;
/** What the view costs is what is used more than where nobody looks. */
const UNSEEN = process.env.FANOUT_UNSEEN !== undefined;

test(
  "a large run",
  async () => {
    const asked = Date.now();
    await commands.executeCommand("fanout.showRuns");
    await until("the runs are there", () => extension().store.loaded);
    const loadedMs = Date.now() - asked;
    const { store, server } = extension();
    if (UNSEEN) store.dispose();
    const pid = await server.pid();
    const counted = countCalls();
    const loop = watchLoop();
    const before = { host: process.cpuUsage(), server: await cpuOf(pid), bytes: await bytesRead() };
    const began = Date.now();
    const over = new Promise<void>((resolve) => server.onEnded(() => resolve()));
    const id = await commands.executeCommand<string>("fanout.overFiles", Uri.file(`${given().root}/src`), {
      instruction: "Change {file}.",
      run: true,
    });
    await over;
    const seconds = (Date.now() - began) / 1000;
    const used = process.cpuUsage(before.host);
    const figures = {
      seconds,
      loadedMs,
      hostCpu: (used.user + used.system) / 1e6,
      serverCpu: (await cpuOf(pid)) - before.server,
      bytes: (await bytesRead()) - before.bytes,
      ...loop(),
      hostMb: process.memoryUsage().rss / 1e6,
      serverMb: await memoryOf(pid),
      ...counted,
    };
    await appendFile(given().results, `${JSON.stringify({ figures })}\n`);
    if (!UNSEEN) await compare(id);
  },
  "scale",
);

/** What is shown at the end is what the server has. */
async function compare(id: string): Promise<void> {
  const { store, server } = extension();
  const shown = await until("its end is shown", () => {
    const run = store.get(id);
    return run !== undefined && run.state !== "running" ? run : undefined;
  });
  const [told] = (await server.execute("fanout.status", { runId: id })).runs;
  const wrong = shown.units.filter((unit, at) => JSON.stringify(unit) !== JSON.stringify(told?.units[at]));
  if (shown.state !== "ready" || shown.units.length !== told?.units.length || wrong.length > 0) {
    throw new Error(`The run is shown as ${shown.state}, and ${wrong.length} units are shown wrong.`);
  }
}

/** Counts from now on what the view is asked for and what the server is. */
function countCalls() {
  const { server, view } = extension();
  const counted = { refreshes: 0, items: 0, statuses: 0, slowestStatusMs: 0, events: 0 };
  view.onDidChangeTreeData(() => counted.refreshes++);
  server.onEvent(() => counted.events++);
  const { getTreeItem } = view;
  view.getTreeItem = (node) => {
    counted.items++;
    return getTreeItem.call(view, node);
  };
  const execute = server.execute.bind(server);
  server.execute = async (command, argument) => {
    const asked = performance.now();
    const answer = await execute(command, argument);
    if (command === "fanout.status") {
      counted.statuses++;
      counted.slowestStatusMs = Math.max(counted.slowestStatusMs, performance.now() - asked);
    }
    return answer;
  };
  return counted;
}

/**
 * Until it is asked: how long the loop stood still at most, and for how much work. On a busy machine it stands still where
 * it has nothing to do, too.
 */
function watchLoop() {
  let last = performance.now();
  let cpu = process.cpuUsage();
  const longest = { blockMs: 0, gapMs: 0 };
  const timer = setInterval(() => {
    const now = performance.now();
    const used = process.cpuUsage(cpu);
    longest.gapMs = Math.max(longest.gapMs, now - last);
    longest.blockMs = Math.max(longest.blockMs, Math.min(now - last, (used.user + used.system) / 1000));
    last = now;
    cpu = process.cpuUsage();
  }, BEAT_MS);
  return () => {
    clearInterval(timer);
    return longest;
  };
}

async function cpuOf(pid: number | undefined): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, "utf8")).replace(/^.*\) /, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

async function memoryOf(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1000;
}

/** What the server has said so far. */
async function bytesRead(): Promise<number> {
  const inner = extension().server as unknown as { connection: Promise<{ child: ChildProcess }> };
  const out = (await inner.connection).child.stdout as unknown as { bytesRead: number };
  return out.bytesRead;
}
