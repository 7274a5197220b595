/** What the extension keeps of a workspace from one window to the next; VS Code's `workspaceState` is one. */
export interface Memory {
  get<T>(key: string): T | undefined;
  update(key: string, value: unknown): PromiseLike<void>;
}
