/** How an `lru-cache` is bounded by the number of what it holds, where that is large. */

/**
 * At most so many entries, each as good as another. Not `max`, for which the library sets aside the memory of as many
 * entries at once: this takes that of those that are there.
 */
export function entriesAtMost(count: number): { maxSize: number; sizeCalculation: () => number } {
  return { maxSize: count, sizeCalculation: () => 1 };
}
