const FIRST_MS = 500;
const LONGEST_MS = 10_000;
const MOST = 5;
const FORGOTTEN_MS = 180_000;

/** How long to wait before the next start of what has crashed; undefined where it has crashed too often lately. */
export class Backoff {
  private crashes: number[] = [];

  next(now: number): number | undefined {
    this.crashes = [...this.crashes.filter((at) => at > now - FORGOTTEN_MS), now];
    if (this.crashes.length > MOST) {
      return undefined;
    }
    return Math.min(LONGEST_MS, FIRST_MS * 2 ** (this.crashes.length - 1));
  }

  reset(): void {
    this.crashes = [];
  }
}
