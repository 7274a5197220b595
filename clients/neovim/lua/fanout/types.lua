-- Made of docs/schema by tools/make_types.py ('make neovim-types'); do not edit.

---@class fanout.AcceptArguments
---@field runId string
---@field note? string

---What asking the agent whether it works has used, before the first unit. `estimated` as in `AttemptUsed`.
---@class fanout.AgentProbed
---@field type "agentProbed"
---@field runId string
---@field at number
---@field cost number
---@field tokens? fanout.Tokens
---@field estimated? boolean

---Of the run what all of `units` (ids) and `files` (uris) say that are given.
---`wait`: the answer comes when it is over, also where the user takes their time to confirm it.
---@class fanout.ApplyArguments
---@field runId string
---@field units? string[]
---@field files? string[]
---@field mode? fanout.ApplyMode
---@field wait? boolean

---@alias fanout.ApplyMode "ask"|"now"

---The last line of what the agent printed, cleaned for a terminal; at most a few a second for each unit.
---@class fanout.AttemptActivity
---@field type "attemptActivity"
---@field runId string
---@field at number
---@field unit string
---@field attempt integer
---@field text string

---`retry_in` is the wait before the next try, `None` where this was the last one.
---@class fanout.AttemptFailed
---@field type "attemptFailed"
---@field runId string
---@field at number
---@field unit string
---@field attempt integer
---@field message string
---@field retryIn? number
---@field kind? fanout.FailureKind

---@class fanout.AttemptStarted
---@field type "attemptStarted"
---@field runId string
---@field at number
---@field unit string
---@field attempt integer
---@field worktree string

---What the unit has used so far, in all its attempts. `estimated`: by a price table, not told by the agent.
---@class fanout.AttemptUsed
---@field type "attemptUsed"
---@field runId string
---@field at number
---@field unit string
---@field attempt integer
---@field cost number
---@field tokens? fanout.Tokens
---@field estimated? boolean

---The agent has ended: its worktree is checked, its result collected, `verify` run.
---@class fanout.AttemptVerifying
---@field type "attemptVerifying"
---@field runId string
---@field at number
---@field unit string
---@field attempt integer

---@class fanout.CancelArguments
---@field runId string
---@field units? string[]

---The units that had not ended.
---@class fanout.Cancelled
---@field cancelled string[]

---`files` are the uris of those that are changed now, `rest` is how many of the run nobody asked for yet, or ticked. `pending`: it goes on; how it went comes as a message.
---@class fanout.Changed
---@field applied boolean
---@field files string[]
---@field left fanout.Finding[]
---@field rest? integer
---@field pending? boolean

---`rest` is how many files of the run were not asked for.
---@class fanout.Changes
---@field files fanout.FileChange[]
---@field left fanout.Finding[]
---@field rest? integer

---As `fanout.apply` with the same `units` and `files`; `texts`: with what the files hold.
---@class fanout.ChangesArguments
---@field runId string
---@field units? string[]
---@field files? string[]
---@field texts? boolean

---What came of checking the merged result. `seconds` covers all that was run for it.
---@class fanout.CheckEnded
---@field type "checkEnded"
---@field runId string
---@field at number
---@field verdict fanout.CheckVerdict
---@field message string
---@field seconds number

---What `check` is run on: some units' results merged, all of them, or what all started from.
---@alias fanout.CheckOf "merged"|"base"|"part"

---`check` is run on something: `of` is `merged`, `base`, or `part`, of which `units` are what is in it.
---`number` counts these since the results were merged.
---@class fanout.CheckStarted
---@field type "checkStarted"
---@field runId string
---@field at number
---@field of fanout.CheckOf
---@field number integer
---@field units? string[]

---@alias fanout.CheckVerdict "passed"|"failed"|"parted"|"nothing-new"|"flaky"|"cancelled"

---What becomes of lines that both sides changed: `BOTH` has ours and then theirs.
---`DROP` is for what nobody else changed: a unit's part of a file is taken out again; `DROP_UNIT` does so in all files. `REPLACE` puts what a finding suggests in the place of what it is about.
---@alias fanout.Choice "mine"|"theirs"|"both"|"drop"|"drop-unit"|"replace"

---How what a `command` prints is read. `format` is `text`, `json` or `jsonl`.
---The others are paths of fields such as `result.usage.total` or `items[-1].text`; `again`, and `success` of a text, are regular expressions. `resume` is added to the command where a session goes on.
---@class fanout.CommandOutput
---@field format? string
---@field session? string
---@field text? string
---@field cost? string
---@field tokens? string
---@field error? string
---@field success? string
---@field again? string
---@field resume? string[]

---What a run has on the disk now, and the checkout that all runs of its repository share.
---@class fanout.Disk
---@field bytes integer
---@field files integer
---@field pristine fanout.Used
---@field complete? boolean

---`findings` are ids, as the run's status has them; with `fix` they are fixed by that choice.
---@class fanout.DismissArguments
---@field runId string
---@field findings string[]
---@field fix? fanout.Choice

---`pending`: a fix of them is still being made.
---@class fanout.Dismissed
---@field pending? boolean

---`fanout.plan`. `units` as in `fanout.run`.
---@class fanout.DraftArguments
---@field selection fanout.Selection
---@field instruction? string
---@field options? fanout.Options
---@field units? string[]

---The range that the cost of all units should fall into nine times out of ten.
---@class fanout.Estimate
---@field low number
---@field high number
---@field currency "USD"
---@field basis string

---What differs between two commits, or a part of it: `paths`. `until` is `None` for what a run starts from.
---`written` is how the user named the two.
---@class fanout.EventChanges
---@field written string
---@field since string
---@field ['until'] string
---@field paths string[]

---`replacement` is a text for the range that would mend it.
---@class fanout.EventFinding
---@field code string
---@field severity fanout.Severity
---@field message string
---@field path? string
---@field range? fanout.EventRange
---@field units? string[]
---@field related? fanout.EventRelated[]
---@field replacement? string

---@class fanout.EventPosition
---@field line integer
---@field character integer

---@class fanout.EventRange
---@field start fanout.EventPosition
---@field ['end'] fanout.EventPosition

---Another place that a finding speaks of. `path` may be absolute: both sides of a conflict lie in our folder.
---@class fanout.EventRelated
---@field path string
---@field message string
---@field range? fanout.EventRange

---What a unit works on: a file or folder (`path`), or a part of a file (`range`, `symbol`).
---@class fanout.EventTarget
---@field path string
---@field range? fanout.EventRange
---@field symbol? string

---One independent work item, ready to run: every template in it is filled in.
---`id` is unique in its plan and valid as the last part of a ref and as a folder name. `owns` holds gitignore-style globs anchored at the top folder; `None` means that no limit was set. `after` are the ids of units whose merged results it starts from. `mends` is the finding that a repair is there for. `changes` are those that it is about.
---@class fanout.EventUnit
---@field id string
---@field title string
---@field prompt string
---@field targets? fanout.EventTarget[]
---@field note? string
---@field variables? table<string, string>
---@field owns? string[]
---@field setup? string[]
---@field verify? string[]
---@field after? string[]
---@field mends? fanout.EventFinding
---@field changes? fanout.EventChanges

---Why an attempt failed; it decides what is done about that.
---@alias fanout.FailureKind "not-installed"|"not-signed-in"|"rate-limited"|"overloaded"|"budget-reached"|"turn-limit"|"permission-denied"|"stalled"|"timed-out"|"crashed"|"refused"|"bad-answer"|"no-change"|"cancelled"|"verify-failed"|"setup-failed"|"broken"

---One file's change. `before` is what the user has, `after` what they would have; each is left out where there is no such file, where it is no text, and where texts were not asked for. `replace` is of what is no text.
---@class fanout.FileChange
---@field uri string
---@field kind "create"|"modify"|"replace"|"delete"|"rename"
---@field units string[]
---@field renamedFrom? string
---@field before? string
---@field after? string

---A remark. Without a `uri` it is about no file; `units` are the ids of those that it is about.
---@class fanout.Finding
---@field id string
---@field code string
---@field severity fanout.Severity
---@field message string
---@field units string[]
---@field uri? string
---@field range? fanout.Range
---@field related? fanout.Related[]

---@class fanout.FindingReported
---@field type "findingReported"
---@field runId string
---@field at number
---@field finding fanout.EventFinding

---The user is done with these findings: what they are about was mended, or is to stay as it is.
---`dismissed`: they are not to come back, either, when what was merged is looked at again.
---@class fanout.FindingsSettled
---@field type "findingsSettled"
---@field runId string
---@field at number
---@field findings fanout.EventFinding[]
---@field dismissed? boolean

---The user has something to say to an agent at work.
---@class fanout.NoteSent
---@field type "noteSent"
---@field runId string
---@field at number
---@field unit string
---@field note string

---It is done; there is nothing to say about it.
---@class fanout.Nothing

---`usable`: a run with it would begin; else `problem` says what is missing. `version`: as its program tells.
---`chosen`: it does the work where no command names another. `models`: what it does costs something.
---@class fanout.OfferedAgent
---@field name string
---@field usable boolean
---@field chosen? boolean
---@field models? boolean
---@field version? string
---@field problem? string

---@class fanout.OfferedPreset
---@field title string
---@field instruction string
---@field options fanout.Options

---Not `complete`: not every program has told its version yet; who asks again has all.
---@class fanout.Offers
---@field agents fanout.OfferedAgent[]
---@field presets fanout.OfferedPreset[]
---@field complete? boolean

---`uri` is of a file or folder in the repository that is meant, where several are open.
---@class fanout.OffersArguments
---@field uri? string

---@class fanout.Opened
---@field uri string

---The front matter of a plan document.
---@class fanout.Options
---@field agent? string
---@field model? string
---@field command? string|string[]
---@field output? table
---@field rewrite? table[]
---@field split? "path"|"symbol"|"item"|"folder"|"diagnostic"|"line"
---@field jobs? integer
---@field owns? string|string[]
---@field copy? string|string[]
---@field link? string|string[]
---@field setup? string|string[]
---@field setup_key? string|string[]
---@field verify? string|string[]
---@field check? string|string[]
---@field attempts? integer
---@field timeout? number|string
---@field stall? number|string
---@field untracked_limit? number|string
---@field budget? number|string
---@field unit_budget? number|string
---@field prices? table<string, table>
---@field pilot? integer
---@field order? "plan"|"depends"
---@field mode? "edit"|"review"
---@field review? "checks"|"agent"|"none"
---@field conflicts? "leave"|"agent"
---@field cache? "use"|"renew"|"off"
---@field cache_limit? number|string
---@field apply? "ask"|"now"|"later"
---@field worktrees? "auto"|"overlay"|"copy"|"pool"|"plain"
---@field env? table<string, string>
---@field env_pass? string|string[]
---@field allow? string|string[]
---@field args? string|string[]

---Whole lines of a file, and the units of an applied run that made them. `agent` may be empty: not known.
---@class fanout.Origin
---@field runId string
---@field agent string
---@field range fanout.Range
---@field units fanout.OriginUnit[]

---`estimated`: `cost` is by a price table.
---@class fanout.OriginUnit
---@field id string
---@field title string
---@field cost? number
---@field estimated? boolean

---In the order of the lines.
---@class fanout.Origins
---@field origins fanout.Origin[]

---`uri` is of a file; what the editor shows of it counts.
---@class fanout.OriginsArguments
---@field uri string

---The user has looked at the first units; the rest follow their example, and the `note`.
---@class fanout.PilotAccepted
---@field type "pilotAccepted"
---@field runId string
---@field at number
---@field note? string

---An instruction, its units and its options. `findings` is what planning had to say: warnings, no errors.
---`source` is the plan document, where there is one: its path, absolute where it lies outside of the checkout.
---@class fanout.Plan
---@field instruction string
---@field units fanout.EventUnit[]
---@field options? fanout.Options
---@field findings? fanout.EventFinding[]
---@field source? string

---`fanout.run`: `plan` is the uri of a plan document; else the other keys make a plan.
---`units` are the ids of those that are wanted, as `fanout.preview` told them; without it all are.
---@class fanout.PlanArguments
---@field plan? string
---@field selection? fanout.Selection
---@field instruction? string
---@field options? fanout.Options
---@field units? string[]

---The run's plan document has another name now; `source` is as a `Plan` has it.
---@class fanout.PlanMoved
---@field type "planMoved"
---@field runId string
---@field at number
---@field source string

---`needs` are the units whose files its own files import. `kept` is an earlier run that has done the same: its result is taken.
---@class fanout.PlannedUnit
---@field id string
---@field title string
---@field targets fanout.Target[]
---@field needs? string[]
---@field kept? string

---In the client's units.
---@class fanout.Position
---@field line integer
---@field character integer

---`splits` has the best way first; of a plan document there are none.
---Not `complete`: the look at imports and history was not over yet. It goes on; who asks again has it.
---@class fanout.Preview
---@field units fanout.PlannedUnit[]
---@field splits fanout.Split[]
---@field warnings fanout.Finding[]
---@field estimate fanout.Estimate
---@field complete? boolean

---`show`: what is previewed is also opened, as a document to read.
---@class fanout.PreviewArguments
---@field plan? string
---@field selection? fanout.Selection
---@field instruction? string
---@field options? fanout.Options
---@field units? string[]
---@field show? boolean

---Of a model, in dollars for a million tokens. Without `cached` what is read from a cache costs as the rest.
---@class fanout.Price
---@field input number
---@field output number
---@field cached? number

---What the editor shows as a diagnostic. `severity` as in LSP: 1 is an error, 4 a hint.
---@class fanout.Problem
---@field range fanout.Range
---@field message string
---@field severity? integer
---@field code? string
---@field source? string

---@class fanout.Range
---@field start fanout.Position
---@field ['end'] fanout.Position

---@class fanout.Related
---@field uri string
---@field range fanout.Range
---@field message string

---The run has one more unit: an agent is to mend what no unit could alone, on top of what was merged.
---@class fanout.RepairAdded
---@field type "repairAdded"
---@field runId string
---@field at number
---@field work fanout.EventUnit

---`finding` is an id, as the run's status has it.
---@class fanout.RepairArguments
---@field runId string
---@field finding string

---With `findings` (ids, as the run's status has them) their units go on from what they have, told of these.
---@class fanout.RetryArguments
---@field runId string
---@field units? string[]
---@field note? string
---@field findings? string[]

---`wait`: the answer comes when it is over, however long that takes.
---@class fanout.RevertArguments
---@field runId string
---@field wait? boolean

---What it found was told before. `seconds` covers all parts.
---@class fanout.ReviewEnded
---@field type "reviewEnded"
---@field runId string
---@field at number
---@field message string
---@field seconds number

---An agent looks at what was merged, in so many parts.
---@class fanout.ReviewStarted
---@field type "reviewStarted"
---@field runId string
---@field at number
---@field parts integer

---What that has cost since it was told the last time, in dollars. `estimated` as in `AttemptUsed`.
---@class fanout.ReviewUsed
---@field type "reviewUsed"
---@field runId string
---@field at number
---@field cost number
---@field estimated? boolean

---One ast-grep rewrite. `language` is ast-grep's name for it; by default the file's ending tells.
---@class fanout.RewriteRule
---@field pattern string
---@field to string
---@field language? string

---Times are seconds since the epoch. `estimate` is there while it goes on, `disk` once it is counted.
---`check` is what checking the merged result came to, or what is checked now. `folder` is the uri of the checkout's top folder, once the run has begun. `rest` are the uris of files that it would still bring, of an applied run.
---`mark` is there while it goes on. Where it was given as `since`, `units` and `findings` are only those that are new or other than they were then, and `gone` the ids of findings that are there no more.
---@class fanout.Run
---@field runId string
---@field state fanout.RunState
---@field instruction string
---@field started number
---@field message string
---@field units fanout.Unit[]
---@field findings fanout.Finding[]
---@field ended? number
---@field cost? number
---@field estimate? fanout.Estimate
---@field disk? fanout.Disk
---@field check? string
---@field folder? string
---@field rest? string[]
---@field mark? string
---@field since? string
---@field gone? string[]

---`after` is a commit holding what was delivered byte for byte, its parent what stood there before.
---`merged` is the change set that was delivered, or the part of it that some units made; `unchanged` are the files of it that the user had already, `rest` those that were not asked for, and not before either.
---@class fanout.RunApplied
---@field type "runApplied"
---@field runId string
---@field at number
---@field after string
---@field files string[]
---@field left? fanout.EventFinding[]
---@field merged? string
---@field unchanged? string[]
---@field rest? string[]

---@class fanout.RunArguments
---@field runId string

---@class fanout.RunDiscarded
---@field type "runDiscarded"
---@field runId string
---@field at number

---The engine's work on the run is over; `state` is ready, waiting, cancelled, failed or interrupted.
---@class fanout.RunEnded
---@field type "runEnded"
---@field runId string
---@field at number
---@field state fanout.RunState
---@field message string

---The results are merged: `merged` is a commit on the base. `owners` says which units made each file.
---@class fanout.RunIntegrated
---@field type "runIntegrated"
---@field runId string
---@field at number
---@field merged string
---@field owners table<string, string[]>

---An interrupted run goes on; units that had not ended start again.
---@class fanout.RunResumed
---@field type "runResumed"
---@field runId string
---@field at number

---@class fanout.RunReverted
---@field type "runReverted"
---@field runId string
---@field at number
---@field files string[]
---@field left? fanout.EventFinding[]

---The base is made and its ref is set; units follow. `root` is the user's checkout.
---@class fanout.RunStarted
---@field type "runStarted"
---@field runId string
---@field at number
---@field root string
---@field base string
---@field plan fanout.Plan

---@alias fanout.RunState "running"|"waiting"|"ready"|"applied"|"reverted"|"discarded"|"cancelled"|"interrupted"|"failed"

---One of: a document, or a range of it, with its problems; files and folders; plain texts, of the repository that `folder` lies in.
---@class fanout.Selection
---@field uri? string
---@field range? fanout.Range
---@field diagnostics? fanout.Problem[]
---@field uris? string[]
---@field items? string[]
---@field folder? string

---@class fanout.SendArguments
---@field runId string
---@field unit string
---@field note string

---@class fanout.Sent
---@field delivered "now"|"next-turn"

---@alias fanout.Severity "error"|"warning"|"information"|"hint"

---@class fanout.ShowArguments
---@field runId string
---@field what fanout.Shown
---@field unit? string

---@alias fanout.Shown "diff"|"log"|"report"|"sarif"|"prompt"|"folder"

---A way to split the selection, into `count` units.
---@class fanout.Split
---@field kind string
---@field count integer
---@field label string

---@class fanout.Started
---@field runId string

---Newest first.
---@class fanout.Status
---@field runs fanout.Run[]

---`since` is the `mark` with which the run was told of before.
---@class fanout.StatusArguments
---@field runId? string
---@field since? string

---A file or folder; with `range` a part of the file.
---@class fanout.Target
---@field uri string
---@field range? fanout.Range

---What models were given and what they made. `cached` is the part of `input` that was read from a cache.
---@class fanout.Tokens
---@field input? integer
---@field cached? integer
---@field output? integer

---`kind` is why it failed, `estimated` says that `cost` is by a price table and was not told by the agent.
---`kept` is the earlier run that its result was taken from; `summary` what one that reviews thinks of it all.
---@class fanout.Unit
---@field id string
---@field title string
---@field state fanout.UnitState
---@field attempts integer
---@field seconds number
---@field files string[]
---@field cost? number
---@field message? string
---@field kind? fanout.FailureKind
---@field estimated? boolean
---@field tokens? fanout.Tokens
---@field kept? string
---@field summary? string

---`result` is the commit that the unit's ref points to, where it left one; `seconds` covers all attempts.
---`session` is the agent's own name for what it remembers of its last attempt, empty where it cannot be resumed; `session_cost` and `session_tokens` are what it has told of the session as a whole. `kept` is the earlier run that made the result, where it was taken instead of being made again; `key` is the one under which it is kept.
---@class fanout.UnitEnded
---@field type "unitEnded"
---@field runId string
---@field at number
---@field unit string
---@field state fanout.UnitState
---@field message string
---@field seconds number
---@field result? string
---@field files? string[]
---@field cost? number
---@field kind? fanout.FailureKind
---@field session? string
---@field tokens? fanout.Tokens
---@field estimated? boolean
---@field sessionCost? number
---@field sessionTokens? fanout.Tokens
---@field kept? string
---@field key? string

---What a unit that reviews has found. It takes the place of what it found before; that of other units stays.
---What several units say of the same lines is one finding of the run.
---@class fanout.UnitReviewed
---@field type "unitReviewed"
---@field runId string
---@field at number
---@field unit string
---@field attempt integer
---@field summary string
---@field findings? fanout.EventFinding[]

---@alias fanout.UnitState "queued"|"running"|"verifying"|"done"|"failed"|"cancelled"

---These units, which had ended, are to be done again. With a `note` they go on from what they have.
---`findings` are those about them, which their agents are told of.
---@class fanout.UnitsRetried
---@field type "unitsRetried"
---@field runId string
---@field at number
---@field units string[]
---@field note? string
---@field findings? fanout.EventFinding[]

---`files` counts inodes, folders too. Not `complete`: there is more than that.
---@class fanout.Used
---@field bytes integer
---@field files integer
---@field complete? boolean

---@alias fanout.Event fanout.RunStarted|fanout.RunResumed|fanout.UnitsRetried|fanout.RepairAdded|fanout.PilotAccepted|fanout.NoteSent|fanout.AttemptStarted|fanout.AttemptActivity|fanout.AttemptVerifying|fanout.AttemptFailed|fanout.AgentProbed|fanout.AttemptUsed|fanout.UnitEnded|fanout.UnitReviewed|fanout.FindingReported|fanout.RunIntegrated|fanout.CheckStarted|fanout.CheckEnded|fanout.ReviewStarted|fanout.ReviewUsed|fanout.ReviewEnded|fanout.RunEnded|fanout.RunApplied|fanout.RunReverted|fanout.RunDiscarded|fanout.FindingsSettled|fanout.PlanMoved

---The server's commands as functions.
---@class fanout.Api
---@field preview fun(argument: fanout.PreviewArguments, done?: fun(problem?: string, answer?: fanout.Preview))
---@field plan fun(argument: fanout.DraftArguments, done?: fun(problem?: string, answer?: fanout.Opened))
---@field run fun(argument: fanout.PlanArguments, done?: fun(problem?: string, answer?: fanout.Started))
---@field offers fun(argument: fanout.OffersArguments, done?: fun(problem?: string, answer?: fanout.Offers))
---@field origins fun(argument: fanout.OriginsArguments, done?: fun(problem?: string, answer?: fanout.Origins))
---@field status fun(argument: fanout.StatusArguments, done?: fun(problem?: string, answer?: fanout.Status))
---@field cancel fun(argument: fanout.CancelArguments, done?: fun(problem?: string, answer?: fanout.Cancelled))
---@field resume fun(argument: fanout.RunArguments, done?: fun(problem?: string, answer?: fanout.Started))
---@field retry fun(argument: fanout.RetryArguments, done?: fun(problem?: string, answer?: fanout.Started))
---@field repair fun(argument: fanout.RepairArguments, done?: fun(problem?: string, answer?: fanout.Started))
---@field send fun(argument: fanout.SendArguments, done?: fun(problem?: string, answer?: fanout.Sent))
---@field accept fun(argument: fanout.AcceptArguments, done?: fun(problem?: string, answer?: fanout.Nothing))
---@field changes fun(argument: fanout.ChangesArguments, done?: fun(problem?: string, answer?: fanout.Changes))
---@field apply fun(argument: fanout.ApplyArguments, done?: fun(problem?: string, answer?: fanout.Changed))
---@field revert fun(argument: fanout.RevertArguments, done?: fun(problem?: string, answer?: fanout.Changed))
---@field discard fun(argument: fanout.RunArguments, done?: fun(problem?: string, answer?: fanout.Nothing))
---@field dismiss fun(argument: fanout.DismissArguments, done?: fun(problem?: string, answer?: fanout.Dismissed))
---@field show fun(argument: fanout.ShowArguments, done?: fun(problem?: string, answer?: fanout.Opened))

local M = {}

---Words that an option can have; empty where it takes anything.
M.OPTION_VALUES = {
  agent = { "claude", "codex", "gemini", "opencode", "copilot", "rewrite", "command" },
  model = {},
  command = {},
  output = {},
  rewrite = {},
  split = { "path", "symbol", "item", "folder", "diagnostic", "line" },
  jobs = {},
  owns = {},
  copy = {},
  link = {},
  setup = {},
  setup_key = {},
  verify = {},
  check = {},
  attempts = {},
  timeout = {},
  stall = {},
  untracked_limit = {},
  budget = {},
  unit_budget = {},
  prices = {},
  pilot = {},
  order = { "plan", "depends" },
  mode = { "edit", "review" },
  review = { "checks", "agent", "none" },
  conflicts = { "leave", "agent" },
  cache = { "use", "renew", "off" },
  cache_limit = {},
  apply = { "ask", "now", "later" },
  worktrees = { "auto", "overlay", "copy", "pool", "plain" },
  env = {},
  env_pass = {},
  allow = {},
  args = {},
}

return M
