// oidc-provider's models in PostgreSQL: one table, the payload as JSON, the columns that are searched
// by beside it. Each change is one statement, which commits by itself.
import pg from 'pg'

const TYPES = ['AccessToken', 'AuthorizationCode', 'RefreshToken', 'ClientCredentials', 'Client', 'Grant', 'Session',
  'Interaction', 'ReplayDetection', 'InitialAccessToken', 'RegistrationAccessToken', 'DeviceCode',
  'PushedAuthorizationRequest', 'BackchannelAuthenticationRequest']
// These are revoked with the grant that they belong to.
const GRANTABLE = new Set(['AccessToken', 'AuthorizationCode', 'RefreshToken', 'DeviceCode',
  'BackchannelAuthenticationRequest'])

let pool

/** Opens `connections` connections to the database at `url`. */
export async function open (url, connections) {
  pool = new pg.Pool({ connectionString: url, max: connections, options: '-c synchronous_commit=on' })
}

/** Makes the table. */
export async function createTables () {
  await pool.query(`CREATE TABLE IF NOT EXISTS models (
      type SMALLINT NOT NULL, id TEXT NOT NULL, payload JSONB NOT NULL,
      grant_id TEXT, user_code TEXT, uid TEXT, expires_at TIMESTAMPTZ, consumed_at TIMESTAMPTZ,
      PRIMARY KEY (type, id));
    CREATE INDEX IF NOT EXISTS models_by_grant ON models (grant_id) WHERE grant_id IS NOT NULL;
    CREATE INDEX IF NOT EXISTS models_by_user_code ON models (user_code) WHERE user_code IS NOT NULL;
    CREATE INDEX IF NOT EXISTS models_by_uid ON models (uid) WHERE uid IS NOT NULL`)
}

// Named statements are prepared once for each connection.
async function query (name, text, values) {
  return pool.query({ name, text, values })
}

function model (row) {
  if (row === undefined) return undefined
  return row.consumed ? { ...row.payload, consumed: Number(row.consumed) } : row.payload
}

const COLUMNS = 'payload, EXTRACT(EPOCH FROM consumed_at)::BIGINT AS consumed'
const LIVE = '(expires_at IS NULL OR expires_at > now())'

export class PostgresAdapter {
  constructor (name) {
    this.type = TYPES.indexOf(name)
    this.grantable = GRANTABLE.has(name)
  }

  async upsert (id, payload, expiresIn) {
    await query('upsert', `INSERT INTO models (type, id, payload, grant_id, user_code, uid, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, now() + $7 * INTERVAL '1 second')
        ON CONFLICT (type, id) DO UPDATE SET payload = excluded.payload, grant_id = excluded.grant_id,
          user_code = excluded.user_code, uid = excluded.uid, expires_at = excluded.expires_at`,
    [this.type, id, payload, (this.grantable && payload.grantId) || null, payload.userCode ?? null,
      payload.uid ?? null, expiresIn ?? null])
  }

  async find (id) {
    const { rows } = await query('find', `SELECT ${COLUMNS} FROM models WHERE type = $1 AND id = $2 AND ${LIVE}`,
      [this.type, id])
    return model(rows[0])
  }

  async findByUid (uid) {
    const { rows } = await query('find-uid', `SELECT ${COLUMNS} FROM models WHERE type = $1 AND uid = $2 AND ${LIVE}`,
      [this.type, uid])
    return model(rows[0])
  }

  async findByUserCode (code) {
    const { rows } = await query('find-code',
      `SELECT ${COLUMNS} FROM models WHERE type = $1 AND user_code = $2 AND ${LIVE}`, [this.type, code])
    return model(rows[0])
  }

  async consume (id) {
    await query('consume', 'UPDATE models SET consumed_at = now() WHERE type = $1 AND id = $2', [this.type, id])
  }

  async destroy (id) {
    await query('destroy', 'DELETE FROM models WHERE type = $1 AND id = $2', [this.type, id])
  }

  async revokeByGrantId (grantId) {
    await query('revoke', 'DELETE FROM models WHERE grant_id = $1', [grantId])
  }
}
