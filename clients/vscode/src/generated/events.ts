// Made by scripts/generate.mjs from docs/schema. Not to be edited.


/**
 * One event of a run: the params of a `fanout/event` notification, and a line of what `fanout run --json` prints. A field that has a default is left out where it holds that.
 */
export type FanoutEvent = (RunStarted | RunResumed | UnitsRetried | RepairAdded | PilotAccepted | NoteSent | AttemptStarted | AttemptActivity | AttemptVerifying | AttemptFailed | AgentProbed | AttemptUsed | UnitEnded | UnitReviewed | FindingReported | RunIntegrated | CheckStarted | CheckEnded | ReviewStarted | ReviewUsed | ReviewEnded | RunEnded | RunApplied | RunReverted | RunDiscarded | FindingsSettled | PlanMoved)
export type Severity = ("error" | "warning" | "information" | "hint")
/**
 * Why an attempt failed; it decides what is done about that.
 */
export type FailureKind = ("not-installed" | "not-signed-in" | "rate-limited" | "overloaded" | "budget-reached" | "turn-limit" | "permission-denied" | "stalled" | "timed-out" | "crashed" | "refused" | "bad-answer" | "no-change" | "cancelled" | "verify-failed" | "setup-failed" | "broken")
export type UnitState = ("queued" | "running" | "verifying" | "done" | "failed" | "cancelled")
/**
 * What `check` is run on: some units' results merged, all of them, or what all started from.
 */
export type CheckOf = ("merged" | "base" | "part")
export type CheckVerdict = ("passed" | "failed" | "parted" | "nothing-new" | "flaky" | "cancelled")
export type RunState = ("running" | "waiting" | "ready" | "applied" | "reverted" | "discarded" | "cancelled" | "interrupted" | "failed")

/**
 * The base is made and its ref is set; units follow. `root` is the user's checkout.
 */
export interface RunStarted {
type: "runStarted"
runId: string
at: number
root: string
base: string
plan: Plan
}
/**
 * An instruction, its units and its options. `findings` is what planning had to say: warnings, no errors.
 * 
 * `source` is the plan document, where there is one: its path, absolute where it lies outside of the checkout.
 */
export interface Plan {
instruction: string
units: Unit[]
options?: Options
findings?: Finding[]
source?: string
}
/**
 * One independent work item, ready to run: every template in it is filled in.
 * 
 * `id` is unique in its plan and valid as the last part of a ref and as a folder name. `owns` holds gitignore-style globs anchored at the top folder; `None` means that no limit was set. `after` are the ids of units whose merged results it starts from. `mends` is the finding that a repair is there for. `changes` are those that it is about.
 */
export interface Unit {
id: string
title: string
prompt: string
targets?: Target[]
note?: string
variables?: {
[k: string]: string
}
owns?: string[]
setup?: string[]
verify?: string[]
after?: string[]
mends?: Finding
changes?: Changes
}
/**
 * What a unit works on: a file or folder (`path`), or a part of a file (`range`, `symbol`).
 */
export interface Target {
path: string
range?: Range
symbol?: string
}
export interface Range {
start: Position
end: Position
}
export interface Position {
line: number
character: number
}
/**
 * `replacement` is a text for the range that would mend it.
 */
export interface Finding {
code: string
severity: Severity
message: string
path?: string
range?: Range
units?: string[]
related?: Related[]
replacement?: string
}
/**
 * Another place that a finding speaks of. `path` may be absolute: both sides of a conflict lie in our folder.
 */
export interface Related {
path: string
message: string
range?: Range
}
/**
 * What differs between two commits, or a part of it: `paths`. `until` is `None` for what a run starts from.
 * 
 * `written` is how the user named the two.
 */
export interface Changes {
written: string
since: string
until: (string | null)
paths: string[]
}
/**
 * How a plan is run: the front matter of a plan document, the `options` of a command. Parsed by `settings`.
 */
export interface Options {
agent?: string
model?: string
command?: string[]
output?: CommandOutput
rewrite?: RewriteRule[]
split?: string
jobs?: number
owns?: string[]
copy?: string[]
link?: string[]
setup?: string[]
setupKey?: string[]
verify?: string[]
check?: string[]
attempts?: number
timeout?: number
stall?: number
untrackedLimit?: (number | null)
budget?: number
unitBudget?: number
prices?: {
[k: string]: Price
}
pilot?: number
order?: string
mode?: string
review?: string
conflicts?: string
cache?: string
cacheLimit?: (number | null)
apply?: string
worktrees?: string
env?: {
[k: string]: string
}
envPass?: string[]
allow?: string[]
args?: string[]
}
/**
 * How what a `command` prints is read. `format` is `text`, `json` or `jsonl`.
 * 
 * The others are paths of fields such as `result.usage.total` or `items[-1].text`; `again`, and `success` of a text, are regular expressions. `resume` is added to the command where a session goes on.
 */
export interface CommandOutput {
format?: string
session?: string
text?: string
cost?: string
tokens?: string
error?: string
success?: string
again?: string
resume?: string[]
}
/**
 * One ast-grep rewrite. `language` is ast-grep's name for it; by default the file's ending tells.
 */
export interface RewriteRule {
pattern: string
to: string
language?: string
}
/**
 * Of a model, in dollars for a million tokens. Without `cached` what is read from a cache costs as the rest.
 */
export interface Price {
input: number
output: number
cached?: number
}
/**
 * An interrupted run goes on; units that had not ended start again.
 */
export interface RunResumed {
type: "runResumed"
runId: string
at: number
}
/**
 * These units, which had ended, are to be done again. With a `note` they go on from what they have.
 * 
 * `findings` are those about them, which their agents are told of.
 */
export interface UnitsRetried {
type: "unitsRetried"
runId: string
at: number
units: string[]
note?: string
findings?: Finding[]
}
/**
 * The run has one more unit: an agent is to mend what no unit could alone, on top of what was merged.
 */
export interface RepairAdded {
type: "repairAdded"
runId: string
at: number
work: Unit
}
/**
 * The user has looked at the first units; the rest follow their example, and the `note`.
 */
export interface PilotAccepted {
type: "pilotAccepted"
runId: string
at: number
note?: string
}
/**
 * The user has something to say to an agent at work.
 */
export interface NoteSent {
type: "noteSent"
runId: string
at: number
unit: string
note: string
}
export interface AttemptStarted {
type: "attemptStarted"
runId: string
at: number
unit: string
attempt: number
worktree: string
}
/**
 * The last line of what the agent printed, cleaned for a terminal; at most a few a second for each unit.
 */
export interface AttemptActivity {
type: "attemptActivity"
runId: string
at: number
unit: string
attempt: number
text: string
}
/**
 * The agent has ended: its worktree is checked, its result collected, `verify` run.
 */
export interface AttemptVerifying {
type: "attemptVerifying"
runId: string
at: number
unit: string
attempt: number
}
/**
 * `retry_in` is the wait before the next try, `None` where this was the last one.
 */
export interface AttemptFailed {
type: "attemptFailed"
runId: string
at: number
unit: string
attempt: number
message: string
retryIn?: number
kind?: FailureKind
}
/**
 * What asking the agent whether it works has used, before the first unit. `estimated` as in `AttemptUsed`.
 */
export interface AgentProbed {
type: "agentProbed"
runId: string
at: number
cost: (number | null)
tokens?: Tokens
estimated?: boolean
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
 * What the unit has used so far, in all its attempts. `estimated`: by a price table, not told by the agent.
 */
export interface AttemptUsed {
type: "attemptUsed"
runId: string
at: number
unit: string
attempt: number
cost: (number | null)
tokens?: Tokens
estimated?: boolean
}
/**
 * `result` is the commit that the unit's ref points to, where it left one; `seconds` covers all attempts.
 * 
 * `session` is the agent's own name for what it remembers of its last attempt, empty where it cannot be resumed; `session_cost` and `session_tokens` are what it has told of the session as a whole. `kept` is the earlier run that made the result, where it was taken instead of being made again; `key` is the one under which it is kept.
 */
export interface UnitEnded {
type: "unitEnded"
runId: string
at: number
unit: string
state: UnitState
message: string
seconds: number
result?: string
files?: string[]
cost?: number
kind?: FailureKind
session?: string
tokens?: Tokens
estimated?: boolean
sessionCost?: number
sessionTokens?: Tokens
kept?: string
key?: string
}
/**
 * What a unit that reviews has found. It takes the place of what it found before; that of other units stays.
 * 
 * What several units say of the same lines is one finding of the run.
 */
export interface UnitReviewed {
type: "unitReviewed"
runId: string
at: number
unit: string
attempt: number
summary: string
findings?: Finding[]
}
export interface FindingReported {
type: "findingReported"
runId: string
at: number
finding: Finding
}
/**
 * The results are merged: `merged` is a commit on the base. `owners` says which units made each file.
 */
export interface RunIntegrated {
type: "runIntegrated"
runId: string
at: number
merged: string
owners: {
[k: string]: string[]
}
}
/**
 * `check` is run on something: `of` is `merged`, `base`, or `part`, of which `units` are what is in it.
 * 
 * `number` counts these since the results were merged.
 */
export interface CheckStarted {
type: "checkStarted"
runId: string
at: number
of: CheckOf
number: number
units?: string[]
}
/**
 * What came of checking the merged result. `seconds` covers all that was run for it.
 */
export interface CheckEnded {
type: "checkEnded"
runId: string
at: number
verdict: CheckVerdict
message: string
seconds: number
}
/**
 * An agent looks at what was merged, in so many parts.
 */
export interface ReviewStarted {
type: "reviewStarted"
runId: string
at: number
parts: number
}
/**
 * What that has cost since it was told the last time, in dollars. `estimated` as in `AttemptUsed`.
 */
export interface ReviewUsed {
type: "reviewUsed"
runId: string
at: number
cost: number
estimated?: boolean
}
/**
 * What it found was told before. `seconds` covers all parts.
 */
export interface ReviewEnded {
type: "reviewEnded"
runId: string
at: number
message: string
seconds: number
}
/**
 * The engine's work on the run is over; `state` is ready, waiting, cancelled, failed or interrupted.
 */
export interface RunEnded {
type: "runEnded"
runId: string
at: number
state: RunState
message: string
}
/**
 * `after` is a commit holding what was delivered byte for byte, its parent what stood there before.
 * 
 * `merged` is the change set that was delivered, or the part of it that some units made; `unchanged` are the files of it that the user had already, `rest` those that were not asked for, and not before either.
 */
export interface RunApplied {
type: "runApplied"
runId: string
at: number
after: string
files: string[]
left?: Finding[]
merged?: string
unchanged?: string[]
rest?: string[]
}
export interface RunReverted {
type: "runReverted"
runId: string
at: number
files: string[]
left?: Finding[]
}
export interface RunDiscarded {
type: "runDiscarded"
runId: string
at: number
}
/**
 * The user is done with these findings: what they are about was mended, or is to stay as it is.
 * 
 * `dismissed`: they are not to come back, either, when what was merged is looked at again.
 */
export interface FindingsSettled {
type: "findingsSettled"
runId: string
at: number
findings: Finding[]
dismissed?: boolean
}
/**
 * The run's plan document has another name now; `source` is as a `Plan` has it.
 */
export interface PlanMoved {
type: "planMoved"
runId: string
at: number
source: string
}
