const MOST = 30;
const KEY = "fanout.instructions";

export interface Memory {
  get<T>(key: string): T | undefined;
  update(key: string, value: unknown): PromiseLike<void>;
}

/** Instructions that runs were begun with, the last first, each once. */
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
