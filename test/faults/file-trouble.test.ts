/** faults.md, "Crash points": a file that is locked, a disk that is full. Nothing is begun that could not be written down. */
import { execFileSync } from 'node:child_process';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { startSandbox } from '../../src/sandbox/server.ts';
import type { Data, GraphQLAnswer } from '../support/gateway.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { freshDatabaseUrl } from '../support/postgres.ts';

const CONTACT = '{ contact(id: "gid://cxone/Contact/book-customers/customer-0001") { cxoneId } }';
const WRITES = [
  `mutation { outcome: createAddressBook(input: {name: "Kept"}) { __typename } }`,
  `mutation { outcome: createAddressBook(input: {name: "Kept once", idempotencyKey: "once"}) { __typename } }`,
  `mutation { outcome: addOutboundContact(input: {contactListId: "gid://cxone/ContactList/list-import-trial",
     contact: {externalId: "kept", phone: "+14155550123", doNotCall: false, doNotEmail: false}}) { __typename } }`,
  `mutation { outcome: updateContact(input: {id: "gid://cxone/Contact/book-customers/customer-0001",
     patch: {firstName: "Kept"}}) { __typename } }`,
  `mutation { outcome: startImport(input: {kind: OUTBOUND_CONTACTS, targetId: "gid://cxone/ContactList/list-import-trial",
     rows: [{externalId: "kept", phone: "+14155550123", doNotCall: false, doNotEmail: false}]}) { __typename } }`,
];

/** Limits of a process that runs can be set on Linux, where util-linux is. */
const canLimit = (() => {
  try {
    execFileSync('prlimit', ['--version']);
    return true;
  } catch {
    return false;
  }
})();

interface Trouble {
  begin(): void;
  end(): void;
}

function locked(_gateway: GatewayProcess, file: string): Trouble {
  const other = new DatabaseSync(file);
  return {
    begin: () => other.exec('begin immediate'),
    end: () => {
      other.exec('commit');
      other.close();
    },
  };
}

/** As a full disk does it: what is written beyond the first page fails. */
function full({ child }: GatewayProcess): Trouble {
  const limit = (bytes: string) => execFileSync('prlimit', [`--pid=${child.pid}`, `--fsize=${bytes}:unlimited`]);
  return { begin: () => limit('4096'), end: () => limit('unlimited') };
}

const codeOf = ({ errors }: GraphQLAnswer) => errors?.[0]?.extensions.code;
const readiness = async ({ url }: GatewayProcess): Promise<{ status: number; body: Data }> => {
  const response = await fetch(`${url}/health/ready`);
  return { status: response.status, body: await response.json() };
};

const TROUBLES = [
  { name: 'a database file that somebody keeps locked', isPossible: true, of: locked },
  { name: 'a disk that is full', isPossible: canLimit, of: full },
];

for (const { name, isPossible, of } of TROUBLES) {
  test.skipIf(!isPossible)(
    `${name}: every write is UNAVAILABLE before CXone is asked, not ready, and good again by itself`,
    async () => {
      await using sandbox = await startSandbox();
      await using database = await freshDatabaseUrl('sqlite');
      await using gateway = await startGatewayProcess({ databaseUrl: database.url, cxoneUrl: sandbox.url });
      const trouble = of(gateway, database.url.slice('file:'.length));
      expect(codeOf(await gateway.graphql(CONTACT))).toBeUndefined();

      trouble.begin();
      // What was written in the quarter of a second before is taken for a sign that it works.
      await expect.poll(async () => (await readiness(gateway)).status).toBe(503);
      sandbox.control.resetRequests();
      const answers = await Promise.all(WRITES.map((query) => gateway.graphql(query)));
      expect(answers.map(codeOf)).toEqual(WRITES.map(() => 'UNAVAILABLE'));
      const writes = sandbox.control.requestLog().filter(({ method }) => method !== 'GET');
      expect(writes).toEqual([]);
      expect(await readiness(gateway)).toMatchObject({ status: 503, body: { reason: 'Not ready: store.' } });
      // What needs no store goes on.
      expect(codeOf(await gateway.graphql(CONTACT))).toBeUndefined();

      trouble.end();
      await expect.poll(async () => (await readiness(gateway)).status).toBe(200);
      for (const query of WRITES) {
        const answer = await gateway.graphql(query);
        expect(answer.data?.outcome.__typename, JSON.stringify(answer)).toMatch(/Payload$/);
      }
    },
  );
}
