/** Puts the changes that wait for a contact onto its baseline, in their order, as far as one PUT can carry them. */
import { opaqueTag } from './client.ts';
import { applyPatch, type ContactPatch, changedAttributes } from './merge.ts';
import type { Contact, WireContact } from './model.ts';

/** What a fold needs to know of a change. */
export interface Foldable {
  readonly patch: ContactPatch;
  /** The ETag the caller has seen: the change is refused where the contact has another one. */
  readonly ifVersion: string | undefined;
  /** What must hold of the contact for the change to be meant for it. */
  readonly guard: ((wire: WireContact) => boolean) | undefined;
  /** Carried by no other's PUT: CXone refused one it shared. */
  readonly alone: boolean;
  /** What PUTs that may have taken effect would have changed by it. */
  readonly carried: readonly string[];
  /** An earlier run of the same call may have made it. */
  readonly mayBeDone?: boolean | undefined;
}

export interface Fold<C extends Foldable> {
  /** The contact with every included change on it. */
  readonly after: WireContact;
  /** In their order, each with the names of what it changes; none where it changes nothing. */
  readonly included: readonly { readonly change: C; readonly attributes: readonly string[] }[];
  readonly outdated: readonly C[];
  readonly unfit: readonly C[];
  /** The baseline is too old to judge a change: it has to be read again first. */
  readonly undecided: boolean;
}

/** A PUT carries at most this many changes, so that one answer decides about a bounded number of callers. */
const MAX_CHANGES = 100;

/**
 * Changes are taken from the front until one has to wait for the next PUT: one with `ifVersion` behind a change that
 * gives the contact another version, one that goes alone.
 *
 * @param isCurrent whether the baseline was read after the change had come, so that it can be held against it
 */
export function fold<C extends Foldable>(
  baseline: Contact,
  waiting: readonly C[],
  isCurrent: (change: C) => boolean,
): Fold<C> {
  const included: { change: C; attributes: readonly string[] }[] = [];
  const [outdated, unfit]: [C[], C[]] = [[], []];
  let after = baseline.wire;
  let changed = false;
  let undecided = false;
  for (const change of waiting) {
    const wire = applyPatch(after, change.patch);
    const attributes = changedAttributes(after, wire);
    // After a PUT without an answer its own effect looks like somebody else's: then the contact is as was asked for.
    const isDone = attributes.length === 0 && (change.carried.length > 0 || change.mayBeDone === true);
    const fault = isDone ? undefined : change.guard?.(after) === false ? unfit : undefined;
    const isOutdated = !isDone && change.ifVersion !== undefined && !sameVersion(baseline.etag, change.ifVersion);
    if (included.length > 0 && (change.alone || included.length >= MAX_CHANGES)) break;
    if (change.ifVersion !== undefined && changed) break;
    if (fault || isOutdated) {
      undecided = !isCurrent(change);
      if (undecided) break;
      (fault ?? outdated).push(change);
      continue;
    }
    included.push({ change, attributes });
    after = wire;
    changed ||= attributes.length > 0;
    if (change.alone) break;
  }
  return { after, included, outdated, unfit, undecided };
}

function sameVersion(etag: string | null | undefined, ifVersion: string): boolean {
  return typeof etag === 'string' && opaqueTag(etag) === opaqueTag(ifVersion);
}
