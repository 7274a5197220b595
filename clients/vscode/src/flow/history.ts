import type { Memory } from "../memory.js";

const MOST = 30;
const KEY = "fanout.instructions";

/** Instructions that were given, the last first, each once. */
export class History {
  constructor(private readonly memory: Memory) {}

  get all(): readonly string[] {
    return this.memory.get<string[]>(KEY) ?? [];
  }

  async add(instruction: string): Promise<void> {
    const text = instruction.trim();
    if (text === "") return;
    await this.memory.update(KEY, [text, ...this.all.filter((one) => one !== text)].slice(0, MOST));
  }
}
