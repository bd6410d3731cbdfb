// An OpenID provider by npm `oidc-provider`: node server.js CLIENTS SCOPES SECONDS [FOLDER]
// CLIENTS is a JSON list of clients in the provider's own form, SCOPES a blank-separated list, SECONDS a token's life.
// With FOLDER it answers by TLS (server.pem, authority.pem) and knows clients by their certificates too.
// Prints "ready PORT", and one line per question to its token endpoint: "granted CLIENT" or "refused ERROR".
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const modules = createRequire(`${process.env.NODE_PATH}/`);
const { default: Provider } = await import(pathToFileURL(modules.resolve('oidc-provider')).href);
const [clients, scopes, seconds, folder] = process.argv.slice(2);
const pem = (name) => fs.readFileSync(`${folder}/${name}.pem`);
const server = folder
  ? https.createServer({ key: pem('server'), cert: pem('server'), ca: pem('authority'), requestCert: true, rejectUnauthorized: false })
  : http.createServer();

process.stdin.resume().on('end', () => process.exit(0));
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  const provider = new Provider(`${folder ? 'https' : 'http'}://127.0.0.1:${port}`, {
    clients: JSON.parse(clients),
    scopes: scopes.split(' '),
    ttl: { ClientCredentials: Number(seconds) },
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', ...(folder ? ['tls_client_auth'] : [])],
    enabledJWA: { clientAuthSigningAlgValues: ['RS256', 'PS256', 'ES256', 'EdDSA'] },
    features: {
      devInteractions: { enabled: false },
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
  server.on('request', provider.callback());
  console.log(`ready ${port}`);
});
