import { describe, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { startGateway } from '../support/gateway.ts';
import { finished, outboundRow, startImport } from '../support/imports.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { runCli, startCli } from './run-cli.ts';

const OUTBOUND_WRITES = { method: 'POST', path: '/api/v2/outbound/contactlists/*/contacts' };

describe('cxone-gateway watch', () => {
  test('goes on behind the last event over a broken connection, telling each once', async () => {
    await using gateway = await startGateway();
    const { hostname, port } = new URL(gateway.url);
    await using proxy = await startTcpProxy({ host: hostname, port: Number(port) });
    const hold = gateway.sandbox.control.hold(OUTBOUND_WRITES);
    const id = await startImport(gateway, [outboundRow(1)]);

    await using cli = startCli(['watch', id, '--json'], { GATEWAY_URL: `http://127.0.0.1:${proxy.port}` });
    await cli.line(/"type":"STARTED"/);
    await proxy.cut();
    await cli.line(/^Connection lost/);
    hold.release();
    await finished(gateway, id);
    await proxy.mend();
    await cli.line(/^Connected again/);
    expect(await cli.exit).toBe(0);
    const events = cli.printed.filter((line) => line.includes('"cursor"')).map((line) => JSON.parse(line));
    expect(events.map(({ type }) => type).at(-1)).toBe('FINISHED');
    expect(new Set(events.map(({ cursor }) => cursor)).size).toBe(events.length);
    expect(cli.printed.filter((line) => line.startsWith('Connection lost')).length).toBe(1);
  });

  test('takes the id as CXone has it, and ends with 4 for an import that was cancelled', async () => {
    await using gateway = await startGateway();
    const hold = gateway.sandbox.control.hold(OUTBOUND_WRITES);
    const id = await startImport(gateway, [outboundRow(1)]);
    await using cli = startCli(['watch', id.slice(id.lastIndexOf('/') + 1)], { GATEWAY_URL: gateway.url });
    await cli.line(/STARTED/);
    await gateway.data(`mutation ($id: ID!) { cancelImport(input: { id: $id }) { __typename } }`, { id });
    await cli.line(/^Cancelled$/);
    hold.release();
    expect(await cli.exit).toBe(4);
  });

  test('Ctrl-C ends the watch and leaves the import alone', async () => {
    await using gateway = await startGateway();
    const hold = gateway.sandbox.control.hold(OUTBOUND_WRITES);
    const id = await startImport(gateway, [outboundRow(1)]);
    await using cli = startCli(['watch', id], { GATEWAY_URL: gateway.url });
    await cli.line(/STARTED/);
    cli.child.kill('SIGINT');
    await cli.line(/The import goes on without this watch/);
    expect(await cli.exit).toBe(130);
    hold.release();
    expect((await finished(gateway, id)).state).toBe('COMPLETED');
  });

  test('an import that nobody knows is an error, not a wait', async () => {
    await using gateway = await startGateway();
    const { stderr, code } = await runCli(['watch', 'nothing'], { GATEWAY_URL: gateway.url });
    expect(stderr).toMatch(/no such import/i);
    expect(code).toBe(1);
  });
});

describe('cxone-gateway status and events', () => {
  test('status tells how the gateway is doing, for people and for programs', async () => {
    await using gateway = await startGateway();
    const people = await runCli(['status', '--url', gateway.url]);
    expect(people.stdout).toMatch(/^Gateway \d+\.\d+\.\d+ on SQLite, 1 replica/);
    expect(people.stdout).toMatch(/^outbound +closed/m);
    const programs = await runCli(['status', '--url', gateway.url, '--json']);
    expect(JSON.parse(programs.stdout)).toMatchObject({ store: 'SQLITE', replicas: 1 });
    expect([people.code, programs.code]).toEqual([0, 0]);
  });

  test('events lists what was, and follows what comes: imports and enrichments', async () => {
    await using gateway = await startGateway();
    const env = { GATEWAY_URL: gateway.url };
    const first = await startImport(gateway, [outboundRow(1)]);
    await finished(gateway, first);
    const listed = await runCli(['events'], env);
    expect(listed.stdout).toContain(`${first}  OUTBOUND_CONTACTS  COMPLETED  1 row\n`);

    await using cli = startCli(['events', '--follow'], env);
    await cli.line(/COMPLETED/);
    // Nobody tells when a subscription has begun; what happens often enough happens after that.
    let heard = false;
    const hearing = Promise.all([cli.line(/FINISHED/), cli.line(/CONTACT_ENRICHED {2}customer-0001 {2}tier/)]).then(
      () => {
        heard = true;
      },
    );
    for (let index = 2; !heard; index += 1) {
      await startImport(gateway, [outboundRow(index)]);
      await gateway.sandbox.control.deliver(
        {
          type: 'contact.enriched',
          contactListId: 'list-winback',
          contactId: 'customer-0001',
          attributes: { tier: 'x' },
        },
        { to: `${gateway.url}/webhooks/cxone` },
      );
    }
    await hearing;
    cli.child.kill('SIGINT');
    expect(await cli.exit).toBe(130);
  });

  test('events --follow --after replays what was missed', async () => {
    await using gateway = await startGateway();
    const env = { GATEWAY_URL: gateway.url };
    const id = await startImport(gateway, [outboundRow(1)]);
    await finished(gateway, id);
    const { stdout } = await runCli(['watch', id, '--json'], env);
    const { cursor } = JSON.parse(stdout.split('\n')[0] ?? '');
    await startImport(gateway, [outboundRow(2)]);
    await using cli = startCli(['events', '--follow', '--after', cursor], env);
    await cli.line(/CREATED|RECEIVED/);
    await cli.line(/FINISHED/);
  });

  test('a key is wanted where the gateway wants one, and a wrong one is told from none', async () => {
    const env = { GATEWAY_AUTH: '', GATEWAY_API_KEYS: 'eve:reader:key-of-eve-1234' };
    await using gateway = await startGateway({ env });
    const none = await runCli(['status', '--url', gateway.url]);
    expect(none.stderr).toMatch(/sign|key|credential/i);
    expect(none.code).toBe(1);
    for (const command of [['status'], ['watch', 'some-import'], ['events', '--follow']]) {
      const wrong = await runCli(command, { GATEWAY_URL: gateway.url, GATEWAY_API_KEY: 'not-a-known-key' });
      expect(wrong.stderr).toMatch(/^The API key or token is not valid\./);
      expect(wrong.code).toBe(1);
    }
    const right = await runCli(['status', '--url', gateway.url], { GATEWAY_API_KEY: 'key-of-eve-1234' });
    expect(right.code).toBe(0);
    await using followed = startCli(['events', '--follow', '--api-key', 'not-a-known-key'], {
      GATEWAY_URL: gateway.url,
    });
    expect(await followed.exit).toBe(1);
  });

  test('a gateway that is not there is said so, with what to do', async () => {
    for (const command of [['status'], ['watch', 'some-import'], ['events', '--follow']]) {
      const { stderr, code } = await runCli(command, { GATEWAY_URL: 'http://127.0.0.1:9' });
      expect(stderr).toMatch(/127\.0\.0\.1:9\/graphql cannot be reached.*Is it running\?/);
      expect(code).toBe(1);
    }
  });

  test('what answers and is no gateway is said so', async () => {
    await using gateway = await startGateway();
    const { stderr, code } = await runCli(['status'], { GATEWAY_URL: `${gateway.url}/elsewhere`, GATEWAY_API_KEY: '' });
    expect(stderr).toMatch(/What answers at .*\/elsewhere\/graphql \(status 404\) is not a gateway/);
    expect(code).toBe(1);
  });

  test('help is help, and a word too little is wrong usage', async () => {
    const help = await runCli(['--help']);
    expect(help.stdout).toMatch(/serve[\s\S]*sandbox[\s\S]*import FILE[\s\S]*Exit codes/);
    expect(help.code).toBe(0);
    const version = await runCli(['--version']);
    expect(version).toMatchObject({ stdout: `${packageJson.version}\n`, code: 0 });
    const nothing = await runCli([]);
    expect(nothing.stderr).toContain('Usage:');
    expect(nothing.code).toBe(2);
  });
});
