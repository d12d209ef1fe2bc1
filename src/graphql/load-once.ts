/**
 * What one operation reads: each thing is asked for once, however often the document names it, until one of the
 * document's mutations may have changed it.
 */
import type { GraphQLContext, RequestLoaders } from './context.ts';

type OperationContext = Pick<GraphQLContext, 'loaders'>;

function answersOf(loaders: RequestLoaders): Map<string, Promise<unknown>> {
  return loaders.loader('graphql.loadOnce', () => new Map());
}

/**
 * The answer to a question, which is put by the first who has it; a failure is everybody's.
 *
 * @param question JSON-able. Begins with a name that no other kind of question has; equal questions get one answer
 */
export function loadOnce<T>(
  { loaders }: OperationContext,
  question: readonly [string, ...unknown[]],
  ask: () => Promise<T>,
): Promise<T> {
  const answers = answersOf(loaders);
  const key = JSON.stringify(question);
  const answer = answers.get(key) ?? ask();
  answers.set(key, answer);
  return answer as Promise<T>; // What is kept for a question was asked by that question's own `ask`.
}

/** To be called before anything is written: what the operation has read is outdated then. */
export function forgetLoaded({ loaders }: OperationContext): void {
  answersOf(loaders).clear();
}
