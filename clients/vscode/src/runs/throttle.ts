/** Does something soon after it is asked to, but not again before some time has passed; the last call always counts. */
export class Throttle {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private again = false;
  private busy = false;
  private disposed = false;

  constructor(
    private readonly everyMs: number,
    private readonly work: () => Promise<void>,
  ) {}

  call(): void {
    if (this.disposed) return;
    if (this.timer !== undefined || this.busy) {
      this.again = true;
      return;
    }
    void this.go();
  }

  dispose(): void {
    this.disposed = true;
    clearTimeout(this.timer);
  }

  private async go(): Promise<void> {
    this.again = false;
    this.busy = true;
    try {
      await this.work();
    } finally {
      this.busy = false;
      if (!this.disposed) {
        this.timer = setTimeout(() => {
          this.timer = undefined;
          if (this.again) this.call();
        }, this.everyMs);
      }
    }
  }
}
