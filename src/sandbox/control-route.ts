/** What a route under `/_sandbox` is. */
import { Refusal } from './refusal.ts';

export interface ControlRequest {
  params: readonly string[];
  query: URLSearchParams;
  body: unknown;
}

export interface ControlRoute {
  method: string;
  /** Below `/_sandbox`; each `*` is a parameter. */
  path: string;
  /** For the list of routes that `GET /_sandbox` shows. */
  does: string;
  /** @returns the body of the answer; undefined answers 204 */
  run: (request: ControlRequest) => unknown;
}

/** @throws Refusal 400 for a query parameter that is no whole number */
export function wholeNumber(query: URLSearchParams, name: string, fallback: number): number {
  const text = query.get(name);
  if (text === null) return fallback;
  if (!/^\d{1,9}$/.test(text)) throw new Refusal(400, 'BadRequest', `${name} must be a whole number.`);
  return Number(text);
}
