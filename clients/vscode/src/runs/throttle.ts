/** How long nothing is done after something was, in times of what that took. */
const REST = 4;

/**
 * Does something soon after it is asked to, but not again before some time has passed; the last call always counts.
 * What takes long is done less often, up to `longestMs` apart.
 */
export class Throttle {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private again = false;
  private urgent = false;
  private busy = false;
  private disposed = false;

  constructor(
    private readonly everyMs: number,
    private readonly work: () => Promise<void>,
    private readonly longestMs = everyMs,
  ) {}

  call(): void {
    if (this.disposed) return;
    if (this.timer !== undefined || this.busy) {
      this.again = true;
      return;
    }
    void this.go();
  }

  /** Does it at once, or as soon as what is being done is over. */
  now(): void {
    if (this.disposed) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.urgent = this.busy;
    this.call();
  }

  dispose(): void {
    this.disposed = true;
    clearTimeout(this.timer);
  }

  private async go(): Promise<void> {
    this.again = false;
    this.urgent = false;
    this.busy = true;
    const began = performance.now();
    try {
      await this.work();
    } finally {
      this.busy = false;
      if (!this.disposed) this.rest(performance.now() - began);
    }
  }

  private rest(tookMs: number): void {
    const restMs = this.urgent ? 0 : Math.min(this.longestMs, Math.max(this.everyMs, REST * tookMs));
    this.timer = setTimeout(() => {
      this.timer = undefined;
      if (this.again) this.call();
    }, restMs);
  }
}
