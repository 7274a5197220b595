// Made by scripts/generate.mjs from docs/schema. Not to be edited.


export type Severity = ("error" | "warning" | "information" | "hint")
export type RunState = ("running" | "waiting" | "ready" | "applied" | "reverted" | "discarded" | "cancelled" | "interrupted" | "failed")
export type UnitState = ("queued" | "running" | "verifying" | "done" | "failed" | "cancelled")
/**
 * Why an attempt failed; it decides what is done about that.
 */
export type FailureKind = ("not-installed" | "not-signed-in" | "rate-limited" | "overloaded" | "budget-reached" | "turn-limit" | "permission-denied" | "stalled" | "timed-out" | "crashed" | "refused" | "bad-answer" | "no-change" | "cancelled" | "verify-failed" | "setup-failed" | "broken")
export type ApplyMode = ("ask" | "now")
/**
 * What becomes of lines that both sides changed: `BOTH` has ours and then theirs.
 * 
 * `DROP` is for what nobody else changed: a unit's part of a file is taken out again; `DROP_UNIT` does so in all files. `REPLACE` puts what a finding suggests in the place of what it is about.
 */
export type Choice = ("mine" | "theirs" | "both" | "drop" | "drop-unit" | "replace")
export type Shown = ("diff" | "log" | "report" | "sarif" | "prompt" | "folder")

/**
 * For each command of workspace/executeCommand: `arguments` is the only element of its arguments, `answer` its result. Clients leave alone what they do not know in an answer: later versions may tell more.
 */
export interface FanoutCommands {
"fanout.preview": {
arguments: PreviewArguments
answer: Preview
}
"fanout.plan": {
arguments: DraftArguments
answer: Opened
}
"fanout.run": {
arguments: PlanArguments
answer: Started
}
"fanout.offers": {
arguments: OffersArguments
answer: Offers
}
"fanout.origins": {
arguments: OriginsArguments
answer: Origins
}
"fanout.status": {
arguments: StatusArguments
answer: Status
}
"fanout.cancel": {
arguments: CancelArguments
answer: Cancelled
}
"fanout.resume": {
arguments: RunArguments
answer: Started
}
"fanout.retry": {
arguments: RetryArguments
answer: Started
}
"fanout.repair": {
arguments: RepairArguments
answer: Started
}
"fanout.send": {
arguments: SendArguments
answer: Sent
}
"fanout.accept": {
arguments: AcceptArguments
answer: Nothing
}
"fanout.changes": {
arguments: ChangesArguments
answer: Changes
}
"fanout.apply": {
arguments: ApplyArguments
answer: Changed
}
"fanout.revert": {
arguments: RevertArguments
answer: Changed
}
"fanout.discard": {
arguments: RunArguments
answer: Nothing
}
"fanout.dismiss": {
arguments: DismissArguments
answer: Dismissed
}
"fanout.show": {
arguments: ShowArguments
answer: Opened
}
}
/**
 * `show`: what is previewed is also opened, as a document to read.
 */
export interface PreviewArguments {
plan?: (string | null)
selection?: (Selection | null)
instruction?: (string | null)
options?: (FanoutOptions | null)
units?: (string[] | null)
show?: boolean
}
/**
 * One of: a document, or a range of it, with its problems; files and folders; plain texts, of the repository that `folder` lies in.
 */
export interface Selection {
uri?: (string | null)
range?: (Range | null)
diagnostics?: Problem[]
uris?: (string[] | null)
items?: (string[] | null)
folder?: (string | null)
}
export interface Range {
start: Position
end: Position
}
/**
 * In the client's units.
 */
export interface Position {
line: number
character: number
}
/**
 * What the editor shows as a diagnostic. `severity` as in LSP: 1 is an error, 4 a hint.
 */
export interface Problem {
range: Range
message: string
severity?: number
code?: string
source?: string
}
/**
 * The front matter of a plan document, and the `options` of a command.
 */
export interface FanoutOptions {
/**
 * The program that does each unit. Takes `claude`, `codex`, `gemini`, `opencode`, `copilot`, `rewrite`, `command`, or `acp:NAME` for whatever speaks the Agent Client Protocol. Default: the one whose option is set, else the first on PATH of claude, codex, gemini, opencode and copilot.
 */
agent?: ((("claude" | "codex" | "gemini" | "opencode" | "copilot" | "rewrite" | "command") | {
[k: string]: unknown
}) & string)
/**
 * The model that the agent is to use. It also fills `{model}` of `command`. Takes the agent's own name for it. Default: the agent's default.
 */
model?: string
/**
 * The program that agent `command` (or `acp:NAME`) starts for each unit. `{prompt}`, `{prompt_file}`, `{cwd}`, `{model}` and the unit's variables are filled in. Takes a command: a list of words, or one text that is split as a shell would split it; run without a shell.
 */
command?: (string | string[])
/**
 * How what `command` prints is read. Takes a mapping. Default: exit status 0 is success.
 */
output?: {
/**
 * `text`, `json` (one document) or `jsonl` (an object a line)
 */
format?: ("text" | "json" | "jsonl")
/**
 * the field that names the session
 */
session?: string
/**
 * the field with what the agent said last
 */
text?: string
/**
 * the field with dollars
 */
cost?: string
/**
 * the field with a number of tokens
 */
tokens?: string
/**
 * a field: where it is there and neither false nor empty, the attempt failed
 */
error?: string
/**
 * a field that must be there; of a text, a regular expression that must be found
 */
success?: string
/**
 * a regular expression: where it is found, a limit was reached, and it is tried again later
 */
again?: string
/**
 * what is added to the command where a session goes on, with `{session}`
 */
resume?: (string | string[])
}
/**
 * What agent `rewrite` replaces, without any model. Takes a list of rules, in ast-grep's patterns.
 */
rewrite?: {
/**
 * the code to look for; `$NAME` stands for any one part, `$$$NAMES` for several
 */
pattern: string
/**
 * what to put there
 */
to: string
/**
 * ast-grep's name of the language; by default the file's ending tells
 */
language?: string
}[]
/**
 * How the items become units: each file, each folder, each item, each line. Takes one word. Default: the best one.
 */
split?: ("path" | "symbol" | "item" | "folder" | "diagnostic" | "line")
/**
 * How many units are worked on at a time. Takes a whole number from 1 to 256. Default: 4.
 */
jobs?: number
/**
 * What a unit may write. What it writes elsewhere is left out, with a finding. Takes globs of gitignore's kind, anchored at the top folder, with variables. Default: none: everything is taken.
 */
owns?: (string | string[])
/**
 * What git ignores and each worktree gets a copy of. Takes paths or globs below the top folder.
 */
copy?: (string | string[])
/**
 * What git ignores and each worktree gets a symbolic link to. Takes paths or globs below the top folder.
 */
link?: (string | string[])
/**
 * A program that is run in a worktree before the agent, with variables. Takes a command: a list of words, or one text that is split as a shell would split it; run without a shell.
 */
setup?: (string | string[])
/**
 * Tracked files, such as lock files: while they are the same, later runs use again what `setup` left. Takes paths or globs below the top folder. Default: none: once per run.
 */
setup_key?: (string | string[])
/**
 * A program that is run after the agent, with variables; exit status 0 is good. If it fails, what it printed goes back to the agent. Takes a command: a list of words, or one text that is split as a shell would split it; run without a shell.
 */
verify?: (string | string[])
/**
 * A program that is run on the merged result; exit status 0 is good. Where it fails, the culprits are left out. Takes a command: a list of words, or one text that is split as a shell would split it; run without a shell.
 */
check?: (string | string[])
/**
 * How often each unit is tried. Takes a whole number from 1 to 20. Default: 2.
 */
attempts?: number
/**
 * How long each program may take. Takes a duration like `30m`, `90s` or `1h30m`, or seconds. Default: 30m.
 */
timeout?: (number | string)
/**
 * How long an agent may be silent. Takes a duration like `30m`, `90s` or `1h30m`, or seconds. Default: 5m.
 */
stall?: (number | string)
/**
 * How large an untracked file may be that goes along into the worktrees. Takes `50MB`, `1GB`, bytes, or `none`. Default: 50MB.
 */
untracked_limit?: (number | string)
/**
 * What the whole run may cost. At it, what runs is ended and what is done is kept. Takes an amount of money, like `$3.00`. Default: none.
 */
budget?: (number | string)
/**
 * What each unit may cost. Takes an amount of money, like `$3.00`. Default: none.
 */
unit_budget?: (number | string)
/**
 * Prices of models, for agents that tell tokens and no cost. Takes a mapping from globs of model names to `{input, cached, output}`, dollars for a million tokens. Default: list prices that fanout knows, as an estimate.
 */
prices?: {
[k: string]: {
/**
 * dollars for a million tokens that go in
 */
input: (number | string)
/**
 * dollars for a million tokens that come out
 */
output: (number | string)
/**
 * dollars for a million tokens that are read from a cache
 */
cached?: (number | string)
}
}
/**
 * How many units run first and wait for you to accept them. Their diffs become the example for the rest. Takes a whole number. Default: 0.
 */
pilot?: number
/**
 * `depends`: units whose files import those of other units start when these are done, from their merged results. Units that import each other start together. Takes one word. Default: plan.
 */
order?: ("plan" | "depends")
/**
 * Whether units change files, or only say what they find: `review`. Then `owns`, `verify`, `check`, `review` and `apply` have no effect, and what an agent changes nevertheless is thrown away. Takes one word. Default: edit.
 */
mode?: ("edit" | "review")
/**
 * Who looks at the merged result: checks of fanout's own, or these and then the agent of the run, which is given what changed and whose remarks become findings; its cost counts in `budget`. Takes one word. Default: checks.
 */
review?: ("checks" | "agent" | "none")
/**
 * What becomes of changes of two units that do not fit together: the later one is left out, or first the agent of the run is asked, once for each, to bring both together. What it makes of them is looked at as any result; its cost counts in `budget`. Takes one word. Default: leave.
 */
conflicts?: ("leave" | "agent")
/**
 * Whether results of earlier runs are taken where all that they were made of is the same: what the unit is told, what its targets hold, the agent, its model and its options. `renew`: all is done again, and kept instead; `off`: nothing is taken or kept. Takes one word. Default: use.
 */
cache?: ("use" | "renew" | "off")
/**
 * How much is kept of results in all, for all repositories. What was used longest ago goes first. Takes `250MB`, `1GB`, bytes, or `none`. Default: 250MB.
 */
cache_limit?: (number | string)
/**
 * What happens when the results are ready: you are asked, they are applied at once, or they wait. Takes one word. Default: ask.
 */
apply?: ("ask" | "now" | "later")
/**
 * How worktrees are made; `fanout doctor` shows which ways work here. Takes one word; `auto` is the fastest that works. Default: auto.
 */
worktrees?: ("auto" | "overlay" | "copy" | "pool" | "plain")
/**
 * Variables added to the environment of agents. Takes a mapping `NAME: value`. Default: none.
 */
env?: {
[k: string]: string
}
/**
 * The only variables that agents get of yours. Takes names, or globs of names. Default: all but the editor's own.
 */
env_pass?: (string | string[])
/**
 * What the agent may do without asking, in the agent's own words, such as `Bash(npm test)` for claude. Takes a list of texts. Default: edits in the worktree.
 */
allow?: (string | string[])
/**
 * More arguments for the agent's program. Takes a command: a list of words, or one text that is split as a shell would split it; run without a shell.
 */
args?: (string | string[])
}
/**
 * `splits` has the best way first; of a plan document there are none.
 * 
 * Not `complete`: the look at imports and history was not over yet. It goes on; who asks again has it.
 */
export interface Preview {
units: PlannedUnit[]
splits: Split[]
warnings: Finding[]
estimate: Estimate
complete?: boolean
}
/**
 * `needs` are the units whose files its own files import. `kept` is an earlier run that has done the same: its result is taken.
 */
export interface PlannedUnit {
id: string
title: string
targets: Target[]
needs?: string[]
kept?: string
}
/**
 * A file or folder; with `range` a part of the file.
 */
export interface Target {
uri: string
range?: Range
}
/**
 * A way to split the selection, into `count` units.
 */
export interface Split {
kind: string
count: number
label: string
}
/**
 * A remark. Without a `uri` it is about no file; `units` are the ids of those that it is about.
 */
export interface Finding {
id: string
code: string
severity: Severity
message: string
units: string[]
uri?: string
range?: Range
related?: Related[]
}
export interface Related {
uri: string
range: Range
message: string
}
/**
 * The range that the cost of all units should fall into nine times out of ten.
 */
export interface Estimate {
low: number
high: number
currency: "USD"
basis: string
}
/**
 * `fanout.plan`. `units` as in `fanout.run`.
 */
export interface DraftArguments {
selection: Selection
instruction?: (string | null)
options?: (FanoutOptions | null)
units?: (string[] | null)
}
export interface Opened {
uri: string
}
/**
 * `fanout.run`: `plan` is the uri of a plan document; else the other keys make a plan.
 * 
 * `units` are the ids of those that are wanted, as `fanout.preview` told them; without it all are.
 */
export interface PlanArguments {
plan?: (string | null)
selection?: (Selection | null)
instruction?: (string | null)
options?: (FanoutOptions | null)
units?: (string[] | null)
}
export interface Started {
runId: string
}
/**
 * `uri` is of a file or folder in the repository that is meant, where several are open.
 */
export interface OffersArguments {
uri?: (string | null)
}
/**
 * Not `complete`: not every program has told its version yet; who asks again has all.
 */
export interface Offers {
agents: OfferedAgent[]
presets: OfferedPreset[]
complete?: boolean
}
/**
 * `usable`: a run with it would begin; else `problem` says what is missing. `version`: as its program tells.
 * 
 * `chosen`: it does the work where no command names another. `models`: what it does costs something.
 */
export interface OfferedAgent {
name: string
usable: boolean
chosen?: boolean
models?: boolean
version?: string
problem?: string
}
export interface OfferedPreset {
title: string
instruction: string
options: FanoutOptions
}
/**
 * `uri` is of a file; what the editor shows of it counts.
 */
export interface OriginsArguments {
uri: string
}
/**
 * In the order of the lines.
 */
export interface Origins {
origins: Origin[]
}
/**
 * Whole lines of a file, and the units of an applied run that made them. `agent` may be empty: not known.
 */
export interface Origin {
runId: string
agent: string
range: Range
units: OriginUnit[]
}
/**
 * `estimated`: `cost` is by a price table.
 */
export interface OriginUnit {
id: string
title: string
cost?: number
estimated?: boolean
}
/**
 * `since` is the `mark` with which the run was told of before.
 */
export interface StatusArguments {
runId?: (string | null)
since?: (string | null)
}
/**
 * Newest first.
 */
export interface Status {
runs: Run[]
}
/**
 * Times are seconds since the epoch. `estimate` is there while it goes on, `disk` once it is counted.
 * 
 * `check` is what checking the merged result came to, or what is checked now. `folder` is the uri of the checkout's top folder, once the run has begun. `rest` are the uris of files that it would still bring, of an applied run.
 * 
 * `mark` is there while it goes on. Where it was given as `since`, `units` and `findings` are only those that are new or other than they were then, and `gone` the ids of findings that are there no more.
 */
export interface Run {
runId: string
state: RunState
instruction: string
started: number
message: string
units: Unit[]
findings: Finding[]
ended?: number
cost?: number
estimate?: Estimate
disk?: Disk
check?: string
folder?: string
rest?: string[]
mark?: string
since?: string
gone?: string[]
}
/**
 * `kind` is why it failed, `estimated` says that `cost` is by a price table and was not told by the agent.
 * 
 * `kept` is the earlier run that its result was taken from; `summary` what one that reviews thinks of it all.
 */
export interface Unit {
id: string
title: string
state: UnitState
attempts: number
seconds: number
files: string[]
cost?: number
message?: string
kind?: FailureKind
estimated?: boolean
tokens?: Tokens
kept?: string
summary?: string
}
/**
 * What models were given and what they made. `cached` is the part of `input` that was read from a cache.
 */
export interface Tokens {
input?: number
cached?: number
output?: number
}
/**
 * What a run has on the disk now, and the checkout that all runs of its repository share.
 */
export interface Disk {
bytes: number
files: number
pristine: Used
complete?: boolean
}
/**
 * `files` counts inodes, folders too. Not `complete`: there is more than that.
 */
export interface Used {
bytes: number
files: number
complete?: boolean
}
export interface CancelArguments {
runId: string
units?: (string[] | null)
}
/**
 * The units that had not ended.
 */
export interface Cancelled {
cancelled: string[]
}
export interface RunArguments {
runId: string
}
/**
 * With `findings` (ids, as the run's status has them) their units go on from what they have, told of these.
 */
export interface RetryArguments {
runId: string
units?: (string[] | null)
note?: string
findings?: (string[] | null)
}
/**
 * `finding` is an id, as the run's status has it.
 */
export interface RepairArguments {
runId: string
finding: string
}
export interface SendArguments {
runId: string
unit: string
note: string
}
export interface Sent {
delivered: ("now" | "next-turn")
}
export interface AcceptArguments {
runId: string
note?: string
}
/**
 * It is done; there is nothing to say about it.
 */
export interface Nothing {

}
/**
 * As `fanout.apply` with the same `units` and `files`; `texts`: with what the files hold.
 */
export interface ChangesArguments {
runId: string
units?: (string[] | null)
files?: (string[] | null)
texts?: boolean
}
/**
 * `rest` is how many files of the run were not asked for.
 */
export interface Changes {
files: FileChange[]
left: Finding[]
rest?: number
}
/**
 * One file's change. `before` is what the user has, `after` what they would have; each is left out where there is no such file, where it is no text, and where texts were not asked for. `replace` is of what is no text.
 */
export interface FileChange {
uri: string
kind: ("create" | "modify" | "replace" | "delete" | "rename")
units: string[]
renamedFrom?: string
before?: string
after?: string
}
/**
 * Of the run what all of `units` (ids) and `files` (uris) say that are given.
 * 
 * `wait`: the answer comes when it is over, also where the user takes their time to confirm it.
 */
export interface ApplyArguments {
runId: string
units?: (string[] | null)
files?: (string[] | null)
mode?: ApplyMode
wait?: boolean
}
/**
 * `files` are the uris of those that are changed now, `rest` is how many of the run nobody asked for yet, or ticked. `pending`: it goes on; how it went comes as a message.
 */
export interface Changed {
applied: boolean
files: string[]
left: Finding[]
rest?: number
pending?: boolean
}
/**
 * `wait`: the answer comes when it is over, however long that takes.
 */
export interface RevertArguments {
runId: string
wait?: boolean
}
/**
 * `findings` are ids, as the run's status has them; with `fix` they are fixed by that choice.
 */
export interface DismissArguments {
runId: string
findings: string[]
fix?: (Choice | null)
}
/**
 * `pending`: a fix of them is still being made.
 */
export interface Dismissed {
pending?: boolean
}
export interface ShowArguments {
runId: string
what: Shown
unit?: (string | null)
}
