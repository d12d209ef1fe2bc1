/**
 * The doorbell inside a process: whoever waits for news of a channel is told to look again. It carries nothing and
 * promises nothing: all who listen to it also poll.
 */
export interface Doorbell {
  /** @returns ends the subscription; may be called twice */
  on(channel: string, listener: () => void): () => void;
  ring(channel: string): void;
  /** Rings every channel: after a time in which rings may have been lost. */
  ringAll(): void;
}

export function createDoorbell(): Doorbell {
  const listeners = new Map<string, Set<() => void>>();
  const ring = (channel: string) => {
    for (const listener of [...(listeners.get(channel) ?? [])]) listener();
  };
  return {
    on(channel, listener) {
      const own = listeners.get(channel) ?? new Set();
      listeners.set(channel, own);
      // A fresh function per subscription: the same listener may subscribe twice.
      const entry = () => listener();
      own.add(entry);
      return () => {
        own.delete(entry);
        if (own.size === 0 && listeners.get(channel) === own) listeners.delete(channel);
      };
    },
    ring,
    ringAll() {
      for (const channel of [...listeners.keys()]) ring(channel);
    },
  };
}
