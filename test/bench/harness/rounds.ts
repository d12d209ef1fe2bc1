/** Alternating rounds: what a shared machine does to one contender it does to the next one as well. */

export interface Round {
  /** What each contender's measurement gave, by its name. */
  readonly [contender: string]: Readonly<Record<string, number>>;
}

/**
 * Measures every contender once a round, each round in another order.
 * @param endsAt no further round is begun after this, milliseconds of `performance.now()`; the first one always is
 * @returns the rounds, to be read with `medianOf` and `medianRatio`
 */
export async function alternate<Contender extends { readonly name: string }>(
  contenders: readonly Contender[],
  rounds: number,
  measure: (contender: Contender) => Promise<Readonly<Record<string, number>>>,
  endsAt = Number.POSITIVE_INFINITY,
): Promise<Round[]> {
  const results: Round[] = [];
  for (let round = 0; round < rounds && (round === 0 || performance.now() < endsAt); round++) {
    const order = [...contenders.slice(round % contenders.length), ...contenders.slice(0, round % contenders.length)];
    const result: Record<string, Readonly<Record<string, number>>> = {};
    for (const contender of round % 2 === 0 ? order : order.reverse())
      result[contender.name] = await measure(contender);
    results.push(result);
  }
  return results;
}

export function median(values: readonly number[]): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

export function medianOf(rounds: readonly Round[], contender: string, figure: string): number {
  return median(rounds.map((round) => round[contender]?.[figure] ?? Number.NaN));
}

/** The median over rounds of one contender's figure divided by another's in the same round. */
export function medianRatio(rounds: readonly Round[], contender: string, baseline: string, figure: string): number {
  return median(
    rounds.map((round) => (round[contender]?.[figure] ?? Number.NaN) / (round[baseline]?.[figure] ?? Number.NaN)),
  );
}
