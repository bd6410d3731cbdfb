// An OpenID provider by npm `oidc-provider`: node server.js CLIENTS SCOPES SECONDS [FOLDER]
// CLIENTS is a JSON list of clients in the provider's own form, SCOPES a blank-separated list, SECONDS a token's life.
// With FOLDER it answers by TLS (server.pem, authority.pem) and knows clients by their certificates too.
// A client that names a resource gets a JWT for it (RFC 9068). A line of standard input is a JWKS to sign by from then on.
// Prints "ready PORT", "rotated" after each such line, and one line per question to its token endpoint: "granted CLIENT" or "refused ERROR".
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { createRequire } from 'node:module';
import readline from 'node:readline';
import { pathToFileURL } from 'node:url';

const modules = createRequire(`${process.env.NODE_PATH}/`);
const { default: Provider } = await import(pathToFileURL(modules.resolve('oidc-provider')).href);
const [clients, scopes, seconds, folder] = process.argv.slice(2);
const pem = (name) => fs.readFileSync(`${folder}/${name}.pem`);
const server = folder
  ? https.createServer({ key: pem('server'), cert: pem('server'), ca: pem('authority'), requestCert: true, rejectUnauthorized: false })
  : http.createServer();

const made = (port, jwks) => {
  const provider = new Provider(`${folder ? 'https' : 'http'}://127.0.0.1:${port}`, {
    clients: JSON.parse(clients),
    scopes: scopes.split(' '),
    ttl: { ClientCredentials: Number(seconds) },
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', ...(folder ? ['tls_client_auth'] : [])],
    enabledJWA: { clientAuthSigningAlgValues: ['RS256', 'PS256', 'ES256', 'EdDSA'] },
    ...(jwks ? { jwks, clientDefaults: { id_token_signed_response_alg: jwks.keys[0].alg } } : {}),
    features: {
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (ctx, resource) => ({
          scope: scopes,
          audience: resource,
          accessTokenTTL: Number(seconds),
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: jwks?.keys[0].alg ?? 'RS256' } },
        }),
      },
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      mTLS: {
        enabled: Boolean(folder),
        tlsClientAuth: true,
        getCertificate: (ctx) => ctx.socket.getPeerX509Certificate?.(),
        certificateAuthorized: (ctx) => ctx.socket.authorized,
        certificateSubjectMatches: (ctx, property, expected) =>
          property === 'tls_client_auth_san_dns' &&
          (ctx.socket.getPeerX509Certificate()?.subjectAltName ?? '').split(', ').includes(`DNS:${expected}`),
      },
    },
  });
  provider.on('grant.success', (ctx) => console.log(`granted ${ctx.oidc.client.clientId}`));
  provider.on('grant.error', (ctx, error) => console.log(`refused ${error.error}: ${error.error_detail ?? ''}`));
  return provider.callback();
};

let answer;
server.on('request', (request, response) => answer(request, response));
readline.createInterface({ input: process.stdin }).on('close', () => process.exit(0)).on('line', (line) => {
  answer = made(server.address().port, JSON.parse(line));
  console.log('rotated');
});
server.listen(0, '127.0.0.1', () => {
  answer = made(server.address().port);
  console.log(`ready ${server.address().port}`);
});
