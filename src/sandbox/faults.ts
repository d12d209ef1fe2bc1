/** Programmed misbehaviour: which requests it hits, and when. What it does to an answer stands in `fault-answers.ts`. */
import { z } from 'zod';
import { compilePattern } from './path-pattern.ts';

const count = z.int().min(1);
const milliseconds = z.int().min(0).max(3_600_000);

/** A fault, as `POST /_sandbox/faults` takes it. Without any effect it hits, is counted, and changes nothing. */
export const faultSchema = z.strictObject({
  method: z.string().optional(),
  /** See `RequestPattern.path`. */
  path: z.string().startsWith('/').optional(),

  // When: all that are given must agree.
  /** Lets this many requests pass before it begins. */
  skip: z.int().min(0).optional(),
  /** Hits every k-th request. */
  every: count.optional(),
  /** Hits this share of the requests, by chance. */
  share: z.number().min(0).max(1).optional(),
  /** Hits this often and then no more. */
  times: count.optional(),

  /**
   * Whether the request takes effect all the same. Default: it does where the answer is only spoiled or late, and
   * does not where the answer is replaced (`status`, `json`, `text`, `redirectTo`), lost (`cut: 'before'`) or never comes (`hang`).
   */
  applied: z.boolean().optional(),
  /** Waits this long before the request takes effect. */
  delayBeforeMs: milliseconds.optional(),
  /** Waits this long after it took effect, before the answer. */
  delayMs: milliseconds.optional(),

  // The answer.
  status: z.int().min(200).max(599).optional(),
  /** A number is sent as seconds, a text as it is: an HTTP date, or garbage. */
  retryAfter: z.union([z.number(), z.string()]).optional(),
  /** `Retry-After` as the HTTP date this far from now. */
  retryAfterDateMs: z.int().optional(),
  headers: z.record(z.string(), z.string()).optional(),
  /** Replaces the body by any JSON. */
  json: z.json().optional(),
  /** Replaces the body by this text; HTML unless `headers` say otherwise. */
  text: z.string().optional(),
  /** Overwrites keys of the real answer: lying counts, another record's id. */
  merge: z.record(z.string(), z.json()).optional(),
  /** Leaves out these keys of the real answer. */
  omit: z.array(z.string()).optional(),
  /** Answers with this `location`; status 307 unless given. */
  redirectTo: z.string().optional(),
  /** Every page has a next page, and repeats its entities for ever. */
  endlessPages: z.boolean().optional(),
  /** Refuses these items of a bulk write (by contactId or externalId), or every k-th item. */
  refuse: z
    .strictObject({
      keys: z.array(z.string()).optional(),
      every: count.optional(),
      code: z.string(),
      message: z.string().optional(),
    })
    .optional(),

  // The way.
  /** Resets the connection: instead of the answer, or in the middle of its body. `early-end` closes it cleanly there. */
  cut: z.enum(['before', 'middle', 'early-end']).optional(),
  /** Half the body, and a Content-Length that agrees with the half. */
  truncate: z.boolean().optional(),
  /** Sends the body byte by byte, this far apart. */
  slowBodyMs: milliseconds.optional(),
  /** Puts this many bytes of blanks before the end of the body. */
  padBytes: z.int().min(1).max(2_000_000_000).optional(),
  /** Compresses the body, told by `Content-Encoding`, asked for or not: with `padBytes`, a bomb. */
  gzip: z.boolean().optional(),
  /** Answers what is not HTTP. */
  garbage: z.boolean().optional(),
  /** Never answers. */
  hang: z.boolean().optional(),
});

export type Fault = z.input<typeof faultSchema>;

export interface ProgrammedFault {
  readonly id: string;
  readonly fault: Fault;
  /** Requests its pattern met. */
  matched: number;
  /** Requests it hit. */
  hits: number;
}

export interface Faults {
  /** @throws ZodError for what is no fault */
  add(fault: Fault): ProgrammedFault;
  remove(id: string): boolean;
  clear(): void;
  list(): readonly ProgrammedFault[];
  /** The first programmed fault whose turn it is with this request. */
  next(method: string, path: string): Fault | undefined;
}

/** Faults a sandbox keeps programmed at most. */
const MAX_FAULTS = 1000;

/** Nothing is programmed at first. `random` draws, between 0 and 1, for the faults with a share. */
export function createFaults({ random }: { random: () => number }): Faults {
  let programmed: { entry: ProgrammedFault; matches: ReturnType<typeof compilePattern> }[] = [];
  let lastId = 0;
  return {
    add: (given) => {
      const fault = faultSchema.parse(given);
      if (programmed.length >= MAX_FAULTS) throw new Error(`More than ${MAX_FAULTS} faults are programmed.`);
      lastId += 1;
      const entry: ProgrammedFault = { id: `fault-${lastId}`, fault, matched: 0, hits: 0 };
      programmed.push({ entry, matches: compilePattern(fault) });
      return entry;
    },
    remove: (id) => {
      const before = programmed.length;
      programmed = programmed.filter(({ entry }) => entry.id !== id);
      return programmed.length < before;
    },
    clear: () => {
      programmed = [];
    },
    list: () => programmed.map(({ entry }) => entry),
    next: (method, path) => {
      for (const { entry, matches } of programmed) {
        if (!matches(method, path)) continue;
        entry.matched += 1;
        if (!isDue(entry, random)) continue;
        entry.hits += 1;
        return entry.fault;
      }
      return undefined;
    },
  };
}

function isDue({ fault, matched, hits }: ProgrammedFault, random: () => number): boolean {
  const { skip = 0, every = 1, share = 1, times = Number.POSITIVE_INFINITY } = fault;
  const turn = matched - skip;
  return turn > 0 && hits < times && turn % every === 0 && (share >= 1 || random() < share);
}

/** Whether the request takes effect although the fault hits it. */
export function isApplied({ applied, status, json, text, redirectTo, cut, hang, garbage }: Fault): boolean {
  if (applied !== undefined) return applied;
  const isReplaced = [status, json, text, redirectTo].some((part) => part !== undefined);
  return !isReplaced && cut !== 'before' && !hang && !garbage;
}

/** Whether a partial failure hits this item of a bulk write. */
export function refusedItem(
  { refuse }: Fault,
  key: string,
  index: number,
): { code: string; message: string } | undefined {
  if (!refuse) return undefined;
  const { keys, every, code, message = 'The item was refused.' } = refuse;
  const isHit = keys?.includes(key) || (every !== undefined && (index + 1) % every === 0);
  return isHit ? { code, message } : undefined;
}
