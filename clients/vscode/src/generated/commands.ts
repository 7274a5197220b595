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
arguments: RunArguments
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
agent?: ((("claude" | "codex" | "gemini" | "opencode" | "copilot" | "rewrite" | "command") | {
[k: string]: unknown
}) & string)
model?: string
command?: (string | string[])
output?: {
format?: ("text" | "json" | "jsonl")
session?: string
text?: string
cost?: string
tokens?: string
error?: string
success?: string
again?: string
resume?: (string | string[])
}
rewrite?: {
pattern: string
to: string
language?: string
}[]
split?: ("path" | "symbol" | "item" | "folder" | "diagnostic" | "line")
jobs?: number
owns?: (string | string[])
copy?: (string | string[])
link?: (string | string[])
setup?: (string | string[])
setup_key?: (string | string[])
verify?: (string | string[])
check?: (string | string[])
attempts?: number
timeout?: (number | string)
stall?: (number | string)
untracked_limit?: (number | string)
budget?: (number | string)
unit_budget?: (number | string)
prices?: {
[k: string]: {
input: (number | string)
output: (number | string)
cached?: (number | string)
}
}
pilot?: number
order?: ("plan" | "depends")
mode?: ("edit" | "review")
review?: ("checks" | "agent" | "none")
conflicts?: ("leave" | "agent")
cache?: ("use" | "renew" | "off")
cache_limit?: (number | string)
apply?: ("ask" | "now" | "later")
worktrees?: ("auto" | "overlay" | "copy" | "pool" | "plain")
env?: {
[k: string]: string
}
env_pass?: (string | string[])
allow?: (string | string[])
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
 * `check` is what checking the merged result came to, or what is checked now. `folder` is the uri of the checkout's top folder, once the run has begun.
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
 */
export interface ApplyArguments {
runId: string
units?: (string[] | null)
files?: (string[] | null)
mode?: ApplyMode
}
/**
 * `files` are the uris of those that are changed now. `pending`: it goes on; how it went comes as a message.
 */
export interface Changed {
applied: boolean
files: string[]
left: Finding[]
pending?: boolean
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
