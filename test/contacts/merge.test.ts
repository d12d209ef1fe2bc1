import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyPatch, type ContactPatch, changedAttributes, toPutBody } from '../../src/contacts/merge.ts';
import type { WireContact } from '../../src/contacts/model.ts';
import { anyCodePoint } from '../support/any-text.ts';

const text = fc.string({ unit: anyCodePoint, maxLength: 8 });
const scalar = fc.oneof(text, fc.integer(), fc.boolean());
const key = fc.oneof(fc.constantFrom('tier', 'vip', 'constructor', 'toString'), text).filter((k) => k !== '__proto__');
const patchedPhone = fc.record({
  number: fc.constantFrom('+14155550100', '+4930123456'),
  type: text,
  primary: fc.boolean(),
});
const patchedEmail = fc.record({ address: fc.constantFrom('a@b.ch', 'c@d.ch'), type: text, primary: fc.boolean() });
const extra = fc.dictionary(fc.constantFrom('x-note', 'score', 'links'), fc.jsonValue(), { maxKeys: 2 });

/** Whatever CXone may send: fields the gateway does not know at every level, and missing ones. */
const baseline: fc.Arbitrary<WireContact> = fc
  .tuple(
    extra,
    fc.record(
      {
        firstName: fc.option(text),
        lastName: fc.option(text),
        phoneNumbers: fc.option(
          fc.array(
            fc.tuple(patchedPhone, extra).map(([phone, more]) => ({ ...more, ...phone })),
            { maxLength: 3 },
          ),
        ),
        emailAddresses: fc.array(
          fc.record({ address: fc.constant('a@b.ch'), type: fc.option(text), primary: fc.option(fc.boolean()) }),
          { maxLength: 3 },
        ),
        customAttributes: fc.option(fc.dictionary(key, fc.oneof(scalar, fc.jsonValue()), { maxKeys: 5 })),
      },
      { requiredKeys: [] },
    ),
  )
  .map(([more, known]) => ({ ...more, ...known, id: 'contact-1' }));

const patch: fc.Arbitrary<ContactPatch> = fc.record(
  {
    firstName: fc.option(text),
    lastName: fc.option(text),
    phoneNumbers: fc.option(fc.array(patchedPhone, { maxLength: 3 })),
    emailAddresses: fc.option(fc.array(patchedEmail, { maxLength: 3 })),
    customAttributes: fc.option(fc.dictionary(key, fc.option(scalar), { maxKeys: 5 })),
  },
  { requiredKeys: [] },
);

describe('for all contacts and patches', () => {
  test('what the patch does not name is unchanged', () => {
    fc.assert(
      fc.property(baseline, patch, (before, change) => {
        const after = applyPatch(before, change);
        for (const field of Object.keys(before)) {
          if (!Object.hasOwn(change, field)) expect(after[field]).toEqual(before[field]);
        }
        if (change.customAttributes === null) return;
        const named = change.customAttributes ?? {};
        for (const [name, value] of Object.entries(before.customAttributes ?? {})) {
          if (!Object.hasOwn(named, name))
            expect(Object.entries(after.customAttributes ?? {})).toContainEqual([name, value]);
        }
      }),
    );
  });

  test('what the patch names is there afterwards, and what it clears is gone', () => {
    fc.assert(
      fc.property(baseline, patch, (before, change) => {
        const after = applyPatch(before, change);
        if (change.firstName !== undefined) expect(after.firstName ?? null).toBe(change.firstName);
        if (change.phoneNumbers !== undefined) expect(after.phoneNumbers).toMatchObject(change.phoneNumbers ?? []);
        if (change.phoneNumbers !== undefined)
          expect(after.phoneNumbers).toHaveLength(change.phoneNumbers?.length ?? 0);
        if (change.customAttributes === null) expect(after.customAttributes).toEqual({});
        for (const [name, value] of Object.entries(change.customAttributes ?? {})) {
          expect(Object.hasOwn(after.customAttributes ?? {}, name)).toBe(value !== null);
          if (value !== null) expect(Object.entries(after.customAttributes ?? {})).toContainEqual([name, value]);
        }
      }),
    );
  });

  test('applying twice is applying once', () => {
    fc.assert(
      fc.property(baseline, patch, (before, change) => {
        const once = applyPatch(before, change);
        expect(applyPatch(once, change)).toEqual(once);
        expect(changedAttributes(once, applyPatch(once, change))).toEqual([]);
      }),
    );
  });

  test('neither the contact nor the patch is altered by it', () => {
    fc.assert(
      fc.property(baseline, patch, (before, change) => {
        const copies = structuredClone([before, change]);
        applyPatch(before, change);
        expect([before, change]).toEqual(copies);
      }),
    );
  });

  test('a change is told exactly where there is one, by the names of the patch alone', () => {
    fc.assert(
      fc.property(baseline, patch, (before, change) => {
        const changed = changedAttributes(before, applyPatch(before, change));
        for (const name of changed) expect(Object.keys(change)).toContain(name.split('.')[0]);
        expect(changedAttributes(before, structuredClone(before)).filter((name) => !name.startsWith('custom'))).toEqual(
          [],
        );
      }),
    );
  });

  test('a PUT leaves no phone and no address without a type and a mark, and loses nothing else', () => {
    fc.assert(
      fc.property(baseline, (before) => {
        const body = toPutBody(before);
        const lists = { phoneNumbers: null, emailAddresses: null };
        expect({ ...body, ...lists }).toEqual({ ...before, ...lists });
        for (const list of ['phoneNumbers', 'emailAddresses'] as const) {
          for (const [index, entry] of (before[list] ?? []).entries()) {
            const { type, primary } = entry;
            expect(body[list]?.[index]).toEqual({
              ...entry,
              type: type || expect.any(String),
              primary: primary ?? expect.any(Boolean),
            });
          }
        }
        for (const entry of [...(body.phoneNumbers ?? []), ...(body.emailAddresses ?? [])]) {
          expect(entry.type).toEqual(expect.stringMatching(/./s));
          expect(entry.primary).toEqual(expect.any(Boolean));
        }
      }),
    );
  });
});

test('a phone that stays in a replaced list keeps what CXone added to it', () => {
  const kept = { number: '+14155550100', type: 'work', primary: true, verifiedAt: '2026-01-01' };
  const after = applyPatch(
    { id: 'c', phoneNumbers: [kept, { number: '+14155550101', type: 'home', primary: false }] },
    { phoneNumbers: [{ number: '+14155550100', type: 'work', primary: true }] },
  );
  expect(after.phoneNumbers).toEqual([kept]);
});

test('a key named like a prototype member is an attribute and nothing more', () => {
  const hostile = JSON.parse('{"__proto__": {"polluted": true}, "constructor": "x"}');
  const after = applyPatch({ id: 'c' }, { customAttributes: hostile });
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  expect(Object.getPrototypeOf(after.customAttributes)).toBe(Object.prototype);
  expect(Object.keys(after.customAttributes ?? {})).toEqual(['__proto__', 'constructor']);
});
