import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { ValidationError } from '../../../src/errors.ts';
import { createRowMapper, type RowMapperOptions } from '../../../src/imports/reading/row-mapper.ts';

const CONTACTS = {
  fieldMapping: [],
  aliases: { phone: 'phoneNumbers.0.number', email: 'emailAddresses.0.address' },
  known: ['firstName', 'lastName', 'phoneNumbers', 'emailAddresses', 'customAttributes'],
  rest: 'customAttributes',
};

function mapCells(columns: Record<string, string>, options: Partial<RowMapperOptions> = {}) {
  return createRowMapper({ ...CONTACTS, header: Object.keys(columns), ...options }).map(Object.values(columns));
}

function mapJson(row: Record<string, unknown>, options: Partial<RowMapperOptions> = {}) {
  return createRowMapper({ ...CONTACTS, header: null, ...options }).map(row);
}

function issuesOf(make: () => unknown): [string, string][] {
  try {
    make();
  } catch (error) {
    if (error instanceof ValidationError) return error.issues.map(({ path, code }) => [path.join('/'), code]);
    throw error;
  }
  return [];
}

afterEach(() => {
  expect(Object.keys(Object.prototype)).toEqual([]);
});

describe('cells', () => {
  it('go where names, aliases, dots and indexes lead, and unknown columns under the rest as they are named', () => {
    expect(
      mapCells({
        firstName: 'Ada',
        'phoneNumbers.1.number': '+12015550102',
        phone: '+12015550101',
        'phoneNumbers.1.type': 'work',
        'customAttributes.tier': 'gold',
        'customAttributes.2024': 'yes',
        segment: 'north',
        'loyalty.since.year': '1999',
        toString: 'a name as any other',
      }),
    ).toEqual({
      firstName: 'Ada',
      phoneNumbers: [{ number: '+12015550101' }, { number: '+12015550102', type: 'work' }],
      customAttributes: {
        tier: 'gold',
        2024: 'yes',
        segment: 'north',
        'loyalty.since.year': '1999',
        toString: 'a name as any other',
      },
    });
  });

  it('that are empty or white space are absent, with the objects and list items that would hold nothing else', () => {
    expect(
      mapCells({ firstName: '', lastName: ' \u00a0\u3000', phone: '', 'phoneNumbers.2.number': '+12015550102', a: '' }),
    ).toEqual({ phoneNumbers: [{ number: '+12015550102' }] });
    expect(mapCells({ firstName: '', 'phoneNumbers.0.type': '' })).toEqual({});
  });

  it('are trimmed of all that Unicode calls white space, at both ends only', () => {
    const white = ' \t\r\n\u00a0\u1680\u2003\u2028\u3000\ufeff\u0085\u0085 ';
    expect(mapCells({ firstName: `${white}Ada${white}B.${white}` })).toEqual({ firstName: `Ada${white}B.` });
  });

  it('are renamed before aliases, dots and the rest apply', () => {
    const fieldMapping = [
      { source: 'Vorname', target: 'firstName' },
      { source: 'Telefon', target: 'phone' },
      { source: 'Stufe', target: 'customAttributes.tier.name' },
      { source: 'firstName', target: 'nickname' },
    ];
    expect(mapCells({ Vorname: 'Ada', Telefon: '+1', Stufe: 'gold', firstName: 'Countess' }, { fieldMapping })).toEqual(
      {
        firstName: 'Ada',
        phoneNumbers: [{ number: '+1' }],
        customAttributes: { tier: { name: 'gold' }, nickname: 'Countess' },
      },
    );
  });

  it('of unknown columns stay under their own name where a kind has no rest', () => {
    expect(mapCells({ contactId: '1', 'x.y': '2' }, { known: ['contactId'], aliases: {}, rest: null })).toEqual({
      contactId: '1',
      'x.y': '2',
    });
  });

  it('come out as they went in, for any names and texts', () => {
    const name = fc.string({ minLength: 1 }).filter((text) => !/^(__proto__|constructor|prototype)$/.test(text));
    const columns = fc.uniqueArray(fc.tuple(name, fc.string()), { selector: ([column]) => column, minLength: 1 });
    fc.assert(
      fc.property(columns, (entries) => {
        const mapper = createRowMapper({
          header: entries.map(([column]) => column),
          fieldMapping: [],
          aliases: {},
          known: ['attributes'],
          rest: 'attributes',
        });
        const expected = entries.map(([column, text]) => [column, text.trim()]).filter(([, text]) => text !== '');
        const { attributes = {} } = mapper.map(entries.map(([, text]) => text));
        expect(attributes).toEqual(Object.fromEntries(expected));
      }),
    );
  });

  it('are mapped as well where Object.prototype is frozen', async () => {
    const { execFileSync } = await import('node:child_process');
    const mapper = new URL('../../../src/imports/reading/row-mapper.ts', import.meta.url).href;
    const script = `
      import { createRowMapper } from '${mapper}';
      Object.freeze(Object.prototype);
      const options = { fieldMapping: [], aliases: {}, known: ['a'], rest: 'a' };
      const cells = createRowMapper({ ...options, header: ['toString', 'a.valueOf'] }).map(['1', '2']);
      const json = createRowMapper({ ...options, header: null }).map({ toString: '1', a: { valueOf: '2' } });
      process.stdout.write(JSON.stringify([cells, json]));`;
    const output = execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' });
    expect(JSON.parse(output)).toEqual(Array(2).fill({ a: JSON.parse('{"toString":"1","valueOf":"2"}') }));
  });
});

describe('a mapping that cannot be followed is refused at once, under its number', () => {
  const header = ['a', 'b', 'firstName', 'phoneNumbers.0.type'];
  it.each<[string, [string, string][], string, string]>([
    ['an unknown column', [['c', 'lastName']], 'options/fieldMapping/0/source', 'UNKNOWN_COLUMN'],
    [
      'one column renamed twice',
      [
        ['a', 'lastName'],
        ['a', 'x'],
      ],
      'options/fieldMapping/1/source',
      'DUPLICATE_SOURCE',
    ],
    [
      'two columns for one place',
      [
        ['a', 'lastName'],
        ['b', 'lastName'],
      ],
      'options/fieldMapping/1/target',
      'MAPPING_CONFLICT',
    ],
    [
      'a place another column has by its name',
      [['a', 'firstName']],
      'options/fieldMapping/0/target',
      'MAPPING_CONFLICT',
    ],
    ['a path through a value', [['a', 'firstName.x']], 'options/fieldMapping/0/target', 'MAPPING_CONFLICT'],
    ['a value where others lie deeper', [['a', 'phoneNumbers']], 'options/fieldMapping/0/target', 'MAPPING_CONFLICT'],
    [
      'a key where there is a list',
      [['a', 'phoneNumbers.number']],
      'options/fieldMapping/0/target',
      'MAPPING_CONFLICT',
    ],
    ['a hostile key', [['a', 'customAttributes.__proto__.x']], 'options/fieldMapping/0/target', 'HOSTILE_KEY'],
    ['a hostile top', [['a', 'constructor.prototype.x']], 'options/fieldMapping/0/target', 'HOSTILE_KEY'],
    ['an index over 99', [['a', 'phoneNumbers.100.number']], 'options/fieldMapping/0/target', 'INVALID_PATH'],
    ['nine levels', [['a', 'customAttributes.1.2.3.4.5.6.7.8']], 'options/fieldMapping/0/target', 'INVALID_PATH'],
    ['an empty part', [['a', 'customAttributes..x']], 'options/fieldMapping/0/target', 'INVALID_PATH'],
    ['an empty target', [['a', '']], 'options/fieldMapping/0/target', 'INVALID_PATH'],
  ])('%s', (_, pairs, path, code) => {
    const fieldMapping = pairs.map(([source, target]) => ({ source, target }));
    expect(issuesOf(() => createRowMapper({ ...CONTACTS, header, fieldMapping }))).toEqual([[path, code]]);
  });

  it('an unknown field, where a kind has no rest', () => {
    const fieldMapping = [{ source: 'a', target: 'nonsense' }];
    for (const columns of [['a'], null]) {
      expect(issuesOf(() => createRowMapper({ ...CONTACTS, rest: null, header: columns, fieldMapping }))).toEqual([
        ['options/fieldMapping/0/target', 'UNKNOWN_TARGET'],
      ]);
    }
  });

  it('several, each by its own issue', () => {
    const fieldMapping = [
      { source: 'x', target: 'lastName' },
      { source: 'a', target: 'lastName' },
      { source: 'b', target: 'phoneNumbers.999' },
    ];
    expect(issuesOf(() => createRowMapper({ ...CONTACTS, header, fieldMapping }))).toEqual([
      ['options/fieldMapping/0/source', 'UNKNOWN_COLUMN'],
      ['options/fieldMapping/2/target', 'INVALID_PATH'],
    ]);
  });

  it('without a header too, as far as it can be told', () => {
    const fieldMapping = [
      { source: 'a', target: 'firstName' },
      { source: 'b', target: 'firstName' },
    ];
    expect(issuesOf(() => createRowMapper({ ...CONTACTS, header: null, fieldMapping }))).toEqual([
      ['options/fieldMapping/1/target', 'MAPPING_CONFLICT'],
    ]);
  });

  it.each([
    [
      'two columns of the file for one place',
      ['phone', 'phoneNumbers.0.number'],
      'header/phoneNumbers.0.number',
      'MAPPING_CONFLICT',
    ],
    ['a column whose path is none', ['customAttributes.'], 'header/customAttributes.', 'INVALID_PATH'],
    ['a hostile column', ['__proto__'], 'header/__proto__', 'HOSTILE_KEY'],
  ])('(%s, under its column)', (_, columns, path, code) => {
    expect(issuesOf(() => createRowMapper({ ...CONTACTS, header: columns }))).toEqual([[path, code]]);
  });
});

describe('JSON rows', () => {
  it('keep their shape, trimmed, with unknown keys under the rest', () => {
    const row = {
      firstName: ' Ada ',
      lastName: '',
      phoneNumbers: [{ number: ' +1', primary: true }, ['\u00a0x\u00a0']],
      customAttributes: { a: null, n: 1.5 },
      segment: ' north ',
      'x.y': 0,
    };
    const before = structuredClone(row);
    expect(mapJson(row)).toEqual({
      firstName: 'Ada',
      lastName: '',
      phoneNumbers: [{ number: '+1', primary: true }, ['x']],
      customAttributes: { a: null, n: 1.5, segment: 'north', 'x.y': 0 },
    });
    expect(row).toEqual(before);
  });

  it('are not touched by the aliases that are for columns', () => {
    expect(mapJson({ phone: '+1' }, { rest: null })).toEqual({ phone: '+1' });
  });

  it('are renamed by key or by path, into objects and lists', () => {
    const fieldMapping = [
      { source: 'name.first', target: 'firstName' },
      { source: 'name.last', target: 'lastName' },
      { source: 'tels.0', target: 'phone' },
      { source: 'tels.2', target: 'phoneNumbers.3.number' },
      { source: 'a.b', target: 'customAttributes.ab' },
      { source: 'absent', target: 'customAttributes.absent' },
    ];
    expect(
      mapJson(
        { name: { first: 'Ada', last: 'L', title: 'Countess' }, tels: ['+1', '+2', '+3'], 'a.b': 7 },
        { fieldMapping },
      ),
    ).toEqual({
      firstName: 'Ada',
      lastName: 'L',
      phoneNumbers: [{ number: '+1' }, { number: '+3' }],
      customAttributes: { ab: 7, name: { title: 'Countess' }, tels: ['+2'] },
    });
  });

  it('let two fields change places', () => {
    const fieldMapping = [
      { source: 'firstName', target: 'lastName' },
      { source: 'lastName', target: 'firstName' },
    ];
    expect(mapJson({ firstName: 'A', lastName: 'B' }, { fieldMapping })).toEqual({ firstName: 'B', lastName: 'A' });
  });

  it.each<[string, Record<string, unknown>, [string, string][], string]>([
    ['the target is taken', { a: '1', firstName: '2' }, [['a', 'firstName']], 'MAPPING_CONFLICT'],
    [
      'the path leads through a text',
      { a: '1', customAttributes: 'x' },
      [['a', 'customAttributes.b']],
      'MAPPING_CONFLICT',
    ],
    [
      'the path leads into a list as if it were an object',
      { a: '1', customAttributes: [] },
      [['a', 'customAttributes.b']],
      'MAPPING_CONFLICT',
    ],
    ['an unknown key is under the rest already', { a: '1', customAttributes: { a: '2' } }, [], 'MAPPING_CONFLICT'],
    ['a key is hostile', JSON.parse('{"firstName":{"__proto__":{"polluted":1}}}'), [], 'HOSTILE_KEY'],
    ['a key is hostile at the top', JSON.parse('{"__proto__":{"polluted":1}}'), [], 'HOSTILE_KEY'],
    ['it is too deep', JSON.parse(`${'{"a":'.repeat(21)}1${'}'.repeat(21)}`), [], 'TOO_DEEP'],
  ])('are refused one by one where %s', (_, row, pairs, code) => {
    const mapper = createRowMapper({
      ...CONTACTS,
      header: null,
      fieldMapping: pairs.map(([source, target]) => ({ source, target })),
    });
    expect(issuesOf(() => mapper.map(row))).toEqual([[expect.any(String), code]]);
    expect(mapper.map({ lastName: 'sound' })).toEqual({ lastName: 'sound' });
  });
});
