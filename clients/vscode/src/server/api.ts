import type { Event } from "vscode";
import type { FanoutCommands, Run } from "../generated/commands.js";
import type { FanoutEvent } from "../generated/events.js";

export type CommandName = keyof FanoutCommands;
export type Arguments<K extends CommandName> = FanoutCommands[K]["arguments"];
export type Answer<K extends CommandName> = FanoutCommands[K]["answer"];

/** A program with its arguments, started without a shell. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
}

/** `cancelled`: the user has ended the making of its environment, so it is begun again only when they say so. */
export type ServerState = "off" | "starting" | "ready" | "restarting" | "noPython" | "cancelled" | "failed";

/** What `fanout/ended` says, as far as it is not asked of the server again. */
export interface Ended {
  readonly runId: string;
  readonly state: Run["state"];
}

/** The server as the rest of the extension sees it: it is there when something is asked of it. */
export interface Api {
  readonly state: ServerState;
  readonly onState: Event<ServerState>;
  readonly onEvent: Event<FanoutEvent>;
  /** A run is over for now, and the user is to be told. */
  readonly onEnded: Event<Ended>;
  execute<K extends CommandName>(command: K, argument: Arguments<K>): Promise<Answer<K>>;
}

/** What somebody has been told about already: it ends a command without another message. */
export class Told extends Error {}

/** LSP's code for a request that was understood and could not be done. */
const REQUEST_FAILED = -32803;

/** Whether it is the server's own answer, and not the want of one. */
export function isRefusal(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === REQUEST_FAILED;
}
