/** Wakes one who waits for something to happen. */
export interface Bell {
  ring(): void;
  /** Resolves at the next ring, or after `timeoutMs`. */
  wait(timeoutMs: number): Promise<void>;
}

/** Wakes who waits for something new. */
export function createBell(): Bell {
  let ring = () => {};
  return {
    ring: () => ring(),
    wait: (timeoutMs) =>
      new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        ring = () => {
          clearTimeout(timer);
          resolve();
        };
      }),
  };
}
