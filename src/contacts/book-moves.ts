/**
 * Points groups at the copies of contacts. Each move is noted before it is sent and once it is made: of one that a stop
 * left unanswered, the groups themselves tell what became of it.
 */
import { z } from 'zod';
import type { AddressBookClient } from '../address-books/client.ts';
import type { Group } from '../address-books/model.ts';
import type { Caller } from '../bulk/audited.ts';
import type { CallContext } from '../cxone/call-context.ts';
import { OutcomeUnknownError, UpstreamError } from '../errors.ts';
import type { DeletionNotes } from './deletion-notes.ts';

export interface Reassignment {
  readonly groupId: string;
  /** Global ids. */
  readonly from: string;
  readonly to: string;
}

const groupMoves = z.object({
  groupId: z.string(),
  moves: z.array(z.object({ from: z.string(), to: z.string() })),
  /** The book that `to` is in. */
  fallback: z.string(),
});

/** Moves of one group, by CXone's ids. */
export type GroupMoves = z.infer<typeof groupMoves>;

export interface BookMoves {
  /** Sends the moves. Some may be left undone, which the next look at the groups brings up again. */
  make(bookId: string, moves: GroupMoves, caller: Caller): Promise<void>;
  /** Notes what earlier calls had sent and the groups show as made. */
  settle(bookId: string, caller: Caller): Promise<void>;
  /** All that was noted as made. */
  made(bookId: string): Promise<Reassignment[]>;
}

const PLAN_ACTION = 'addressBook.planReassignment';
const MOVE_ACTION = 'addressBook.reassignGroup';
/** Moves in one call to CXone, which states no limit (A). */
const MAX_MOVES = 250;

export function createBookMoves(deps: {
  client: AddressBookClient;
  notes: DeletionNotes;
  contactGid: (bookId: string, contactId: string) => string;
}): BookMoves {
  const { client, notes, contactGid } = deps;

  /** Each move that was noted under the action, by group and origin; of several the newest. */
  async function noted(bookId: string, action: string): Promise<Map<string, GroupMoves>> {
    const known = new Map<string, GroupMoves>();
    for await (const detail of notes.read(bookId, action)) {
      const read = groupMoves.safeParse(detail).data;
      for (const move of read?.moves ?? []) {
        const key = JSON.stringify([read?.groupId, move.from]);
        if (read && !known.has(key)) known.set(key, { ...read, moves: [move] });
      }
    }
    return known;
  }

  /** None where the book has gone. */
  async function groupsOf(bookId: string, call: CallContext): Promise<Map<string, Group>> {
    const groups = await client.groups(bookId, call).catch((error: unknown) => {
      if (error instanceof UpstreamError && error.status === 404) return [];
      throw error;
    });
    return new Map(groups.map((group) => [group.id, group]));
  }

  return {
    async make(bookId, { groupId, moves, fallback }, caller) {
      for (let start = 0; start < moves.length; start += MAX_MOVES) {
        const part = { groupId, moves: moves.slice(start, start + MAX_MOVES), fallback };
        await notes.write(bookId, caller, PLAN_ACTION, part);
        try {
          // A group that has gone refers to nobody.
          if ((await client.reassign(groupId, part.moves, caller.call)) === null) return;
        } catch (error) {
          if (!(error instanceof OutcomeUnknownError)) throw error;
          const group = (await groupsOf(bookId, caller.call)).get(groupId);
          if (part.moves.some(({ from }) => group?.contactIds.includes(from))) continue;
        }
        await notes.write(bookId, caller, MOVE_ACTION, part);
      }
    },

    async settle(bookId, caller) {
      const planned = await noted(bookId, PLAN_ACTION);
      const made = await noted(bookId, MOVE_ACTION);
      const open = [...planned].filter(([key]) => !made.has(key)).map(([, move]) => move);
      if (open.length === 0) return;
      const before = await groupsOf(bookId, caller.call);
      for (const [fallback, moves] of Map.groupBy(open, (move) => move.fallback)) {
        const after = await groupsOf(fallback, caller.call);
        const isMade = ({ groupId, moves: [move] }: GroupMoves) =>
          move !== undefined &&
          !before.get(groupId)?.contactIds.includes(move.from) &&
          after.get(groupId)?.contactIds.includes(move.to) === true;
        for (const [groupId, done] of Map.groupBy(moves.filter(isMade), (move) => move.groupId)) {
          await notes.write(bookId, caller, MOVE_ACTION, {
            groupId,
            moves: done.flatMap((move) => move.moves),
            fallback,
          });
        }
      }
    },

    async made(bookId) {
      const made = await noted(bookId, MOVE_ACTION);
      return [...made.values()].flatMap(({ groupId, moves, fallback }) =>
        moves.map(({ from, to }) => ({
          groupId,
          from: contactGid(bookId, from),
          to: contactGid(fallback, to),
        })),
      );
    },
  };
}
