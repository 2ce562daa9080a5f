// @ts-check
/**
 * The simulated Entra as a program: prints one line of JSON when it is ready, ends on SIGINT and SIGTERM.
 * usage: node main.mjs [--port N] [--host H] [--base-url URL] [--world FILE] [--redirect-uri URI ...] [--no-control]
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { startEntra } from './entra.mjs';
import { defaultWorld } from './world.mjs';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    host: { type: 'string', default: '127.0.0.1' },
    'base-url': { type: 'string' },
    world: { type: 'string' },
    'redirect-uri': { type: 'string', multiple: true, default: [] },
    'no-control': { type: 'boolean', default: false },
  },
});

const entra = await startEntra({
  port: Number(values.port), host: values.host, baseUrl: values['base-url'],
  world: values.world ? JSON.parse(readFileSync(values.world, 'utf8')) : defaultWorld(),
  redirectUris: values['redirect-uri'], withControl: !values['no-control'],
});

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await entra.close();
    process.exit(0);
  });
}

const { control: _, close: __, world, ...addresses } = entra;
process.stdout.write(`${JSON.stringify({
  ...addresses,
  // what a caller needs to configure clients; the secrets live as long as this process
  tenants: world.tenants.map(({ name, id, apps, signIn }) => ({
    name, id, clientId: apps[0].clientId, clientSecret: apps[0].secrets[0]?.value ?? null,
    ...(signIn ? { signIn: { clientId: signIn.clientId, clientSecret: signIn.secret } } : {}),
  })),
  people: world.tenants.flatMap(({ people }) => people.map(({ userPrincipalName, displayName, password, demo }) => ({
    userPrincipalName, displayName, password, demo,
  }))),
})}\n`);
