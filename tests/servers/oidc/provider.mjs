// A real OpenID provider on a loopback port, for the demo and the live tests.
//
//   node provider.mjs NODE_MODULES SETTINGS.json
//
// SETTINGS.json:
//   port            0 or absent: a free one
//   client_id, client_secret, redirect_uris
//   users           {"alice": {"email": "alice@example.com", "groups": ["platform"]}}: claims by login name; any
//                   password opens
// Prints `up ISSUER` once it answers. It ends with the process; nothing is kept.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [modules, file] = process.argv.slice(2);
const settings = JSON.parse(readFileSync(file, 'utf8'));
const entry = path.join(path.resolve(modules), 'oidc-provider', 'lib', 'index.js');
const { default: Provider } = await import(pathToFileURL(entry));

const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const users = settings.users ?? {};
const claims = new Set(Object.values(users).flatMap(Object.keys));

// The issuer is known once the port is.
const server = http.createServer();
await new Promise((resolve, reject) => {
  server.once('error', reject);
  server.listen(settings.port ?? 0, '127.0.0.1', resolve);
});
const issuer = `http://127.0.0.1:${server.address().port}`;

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const provider = new Provider(issuer, {
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' }] },
  cookies: { keys: [randomBytes(16).toString('hex')] },
  clients: [
    {
      client_id: settings.client_id,
      client_secret: settings.client_secret,
      redirect_uris: settings.redirect_uris,
      grant_types: ['authorization_code', DEVICE],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
      application_type: 'native',
    },
  ],
  // Claims of the scopes go into the id_token itself, as the large providers do it.
  conformIdTokenClaims: false,
  claims: { openid: ['sub', ...claims], email: [], groups: [], profile: [] },
  features: { devInteractions: { enabled: true }, deviceFlow: { enabled: true } },
  pkce: { required: () => true },
  ttl: { AccessToken: 600, AuthorizationCode: 60, DeviceCode: 600, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
  async findAccount(_context, id) {
    return users[id] && { accountId: id, claims: async () => ({ sub: id, ...users[id] }) };
  },
});
server.on('request', provider.callback());
console.log(`up ${issuer}`);
