/** Listening to a subscription until it ends or the person at the terminal has had enough. */

/** Calls `onEvent` with each event in turn. @throws what the subscription throws */
export async function followEvents<Event>(
  events: AsyncIterable<Event>,
  signal: AbortSignal,
  onEvent: (event: Event) => void,
): Promise<'ended' | 'interrupted'> {
  const iterator = events[Symbol.asyncIterator]();
  const interrupted = new Promise<'interrupted'>((resolve) => {
    if (signal.aborted) resolve('interrupted');
    signal.addEventListener('abort', () => resolve('interrupted'), { once: true });
  });
  for (;;) {
    const next = await Promise.race([iterator.next(), interrupted]);
    if (next === 'interrupted') return next;
    if (next.done) return 'ended';
    onEvent(next.value);
  }
}
