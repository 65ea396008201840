// npm `oidc-provider` as a peer to measure against: one worker for each core, PostgreSQL as its store,
// JWT access tokens, refresh tokens that rotate, the same algorithm for both tokens.
//
//   PEER_DATABASE_URL=postgres://… PEER_PORT=… PEER_ALG=ES256|RS256 node provider.mjs
//
// Prints "ready" when every worker listens. Signing in is /interaction/UID, which asks nothing: the
// bench measures the protocol, not a page.
import cluster from 'node:cluster'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { availableParallelism } from 'node:os'

import Provider from 'oidc-provider'

import { PostgresAdapter, createTables, open } from './adapter.mjs'

const { PEER_DATABASE_URL: url, PEER_PORT: port, PEER_ALG: alg = 'ES256' } = process.env
const issuer = `http://localhost:${port}`
const API = 'urn:lanyard:bench'

function key () {
  const { privateKey } = alg === 'RS256'
    ? generateKeyPairSync('rsa', { modulusLength: 2048 })
    : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { ...privateKey.export({ format: 'jwk' }), alg, use: 'sig' }
}

function client (id, grants, more = {}) {
  const codes = grants.includes('authorization_code')
  return {
    client_id: id,
    client_secret: 'bench-secret-that-is-long-enough-for-anybody',
    redirect_uris: codes ? ['https://app.bench.example/signed-in'] : [],
    response_types: codes ? ['code'] : [],
    grant_types: grants,
    id_token_signed_response_alg: alg,
    token_endpoint_auth_method: 'client_secret_post',
    ...more
  }
}

function configuration (jwk, secret) {
  return {
    adapter: PostgresAdapter,
    jwks: { keys: [jwk] },
    cookies: { keys: [secret] },
    clients: [
      client('code', ['authorization_code']),
      client('refresh', ['authorization_code', 'refresh_token']),
      client('service', ['client_credentials'])
    ],
    claims: { openid: ['sub'], email: ['email'], profile: ['given_name', 'family_name'] },
    conformIdTokenClaims: false,
    scopes: ['openid', 'email', 'profile', 'offline_access'],
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256'] },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => API,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: 'api', audience: API, accessTokenTTL: 3600, accessTokenFormat: 'jwt', jwt: { sign: { alg } }
        })
      }
    },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    issueRefreshToken: async (_, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    pkce: { required: () => true },
    // The bench's client says an origin, as a single-page application does.
    clientBasedCORS: () => true,
    findAccount: async (_, id) => ({
      accountId: id,
      claims: async () => ({ sub: id, email: `${id}@bench.example`, given_name: 'Pat', family_name: 'Bench' })
    }),
    ttl: { AccessToken: 3600, AuthorizationCode: 300, IdToken: 3600, RefreshToken: 14 * 86400, Grant: 14 * 86400,
      Session: 86400, Interaction: 600, ClientCredentials: 3600 }
  }
}

// Everybody is who the address says, and agrees to everything.
async function interact (provider, request, response) {
  const details = await provider.interactionDetails(request, response)
  const accountId = 'patient'
  const grant = new provider.Grant({ accountId, clientId: details.params.client_id })
  grant.addOIDCScope('openid email profile offline_access')
  grant.addResourceScope(API, 'api')
  const result = { login: { accountId }, consent: { grantId: await grant.save() } }
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false })
}

async function work () {
  const { jwk, secret } = JSON.parse(process.env.PEER_SHARED)
  const workers = availableParallelism()
  await open(url, Math.max(4, Math.floor(20 / workers)))
  const provider = new Provider(issuer, configuration(jwk, secret))
  const answer = provider.callback()
  createServer((request, response) => {
    if (!request.url.startsWith('/interaction/')) return answer(request, response)
    interact(provider, request, response).catch((error) => {
      response.statusCode = 500
      response.end(String(error))
    })
  }).listen(Number(port), '127.0.0.1', () => process.send('listening'))
}

async function lead () {
  await open(url, 1)
  await createTables()
  const shared = JSON.stringify({ jwk: key(), secret: randomBytes(32).toString('hex') })
  const workers = availableParallelism()
  let waiting = workers
  for (let number = 0; number < workers; number++) {
    const worker = cluster.fork({ PEER_SHARED: shared })
    worker.on('message', () => { if (--waiting === 0) console.log('ready') })
    worker.on('exit', (code) => process.exit(code ?? 1))
  }
}

await (cluster.isPrimary ? lead() : work())
