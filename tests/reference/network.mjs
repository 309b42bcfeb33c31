// A PLC directory and a PDS, both the reference implementations, on free ports of 127.0.0.1.
//
//   node network.mjs DATA_DIR
//
// Prints one line of JSON when both answer, and ends when its standard input closes.
// Mails are not sent: each is a line in DATA_DIR/mail.jsonl.
import { once } from 'node:events'
import { appendFileSync, mkdirSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { join, resolve } from 'node:path'
import { randomBytes } from 'node:crypto'
import process from 'node:process'

process.env.LOG_ENABLED ??= 'false' // read by the loggers while they are imported

const { PDS, envToCfg, envToSecrets } = await import('@atproto/pds')
const { Secp256k1Keypair } = await import('@atproto/crypto')
const { default: plc } = await import('@did-plc/lib')
const { default: directory } = await import('@did-plc/server')

const LOOPBACK = '127.0.0.1'
const MINUTE = 60_000
const BLOB_LIMIT = 110 * 1024 * 1024

async function bound(server) {
  server.listen(0, LOOPBACK)
  await once(server, 'listening')
  return server.address().port
}

// The published server still writes DID documents as in 2023 (uncompressed keys, relative ids, 404
// for a tombstone). This is what the public directory answers now.
function modernDocument({ did, alsoKnownAs, verificationMethods, services }) {
  const contexts = new Set(['https://www.w3.org/ns/did/v1', 'https://w3id.org/security/multikey/v1'])
  const methods = Object.entries(verificationMethods).map(([name, didKey]) => {
    const suite = didKey.startsWith('did:key:zQ3s') ? 'secp256k1-2019' : 'ecdsa-2019'
    contexts.add(`https://w3id.org/security/suites/${suite}/v1`)
    return {
      id: `${did}#${name}`,
      type: 'Multikey',
      controller: did,
      publicKeyMultibase: didKey.slice('did:key:'.length),
    }
  })
  return {
    '@context': [...contexts],
    id: did,
    alsoKnownAs,
    verificationMethod: methods,
    service: Object.entries(services).map(([name, { type, endpoint }]) => ({
      id: `#${name}`,
      type,
      serviceEndpoint: endpoint,
    })),
  }
}

async function describe(database, did) {
  const operations = await database.opsForDid(did)
  if (operations.length === 0) return { status: 404, body: { message: `DID not registered: ${did}` } }
  const state = await plc.validateOperationLog(did, operations)
  if (state === null) return { status: 410, body: { message: `DID not available: ${did}` } }
  return { status: 200, body: modernDocument(state) }
}

async function startDirectory() {
  const database = directory.Database.mock()
  const { app } = directory.PlcServer.create({ db: database })
  const server = http.createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://plc').pathname.slice(1))
    if (request.method !== 'GET' || !/^did:plc:[a-z2-7]+$/.test(path)) return app(request, response)
    const { status, body } = await describe(database, path)
    response.writeHead(status, { 'content-type': 'application/did+ld+json' })
    response.end(JSON.stringify(body))
  })
  const port = await bound(server)
  // By name: the PDS refuses to fetch from an address, even in its development mode.
  return { server, url: `http://localhost:${port}` }
}

async function startPds(plcUrl, dataDir) {
  const reserved = net.createServer()
  const port = await bound(reserved)
  const rotationKey = await Secp256k1Keypair.create({ exportable: true })
  const recoveryKey = await Secp256k1Keypair.create()
  const adminPassword = randomBytes(16).toString('hex')
  const settings = {
    devMode: true,
    disableSsrfProtection: true,
    hostname: 'localhost',
    port,
    serviceName: 'Reference PDS',
    serviceHandleDomains: ['.test'],
    inviteRequired: false,
    dataDirectory: join(dataDir, 'pds'),
    blobstoreDiskLocation: join(dataDir, 'blobs'),
    blobstoreDiskTmpLocation: join(dataDir, 'blobs-unreferenced'),
    blobUploadLimit: BLOB_LIMIT,
    didPlcUrl: plcUrl,
    didCacheStaleTTL: 1_000,
    didCacheMaxTTL: 2_000,
    recoveryDidKey: recoveryKey.did(),
    plcRotationKeyK256PrivateKeyHex: Buffer.from(await rotationKey.export()).toString('hex'),
    jwtSecret: randomBytes(16).toString('hex'),
    adminPassword,
    rateLimitsEnabled: false,
    crawlers: [],
  }
  mkdirSync(settings.dataDirectory, { recursive: true })
  const pds = await PDS.create(envToCfg(settings), envToSecrets(settings))
  const mail = join(dataDir, 'mail.jsonl')
  pds.ctx.mailer.sendAccountDelete = async ({ token }, { to }) =>
    appendFileSync(mail, JSON.stringify({ kind: 'delete-account', to, token }) + '\n')
  // Left to itself it would listen on every interface.
  const listen = pds.app.listen
  pds.app.listen = () => listen.call(pds.app, reserved)
  await pds.start()
  return { pds, port, adminPassword, mail }
}

const [folder] = process.argv.slice(2)
if (!folder) throw new Error('usage: network.mjs DATA_DIR')
const dataDir = resolve(folder)
mkdirSync(dataDir, { recursive: true })
const plcDirectory = await startDirectory()
const { pds, port, adminPassword, mail } = await startPds(plcDirectory.url, dataDir)

let stopping = false
async function stop() {
  if (stopping) return
  stopping = true
  setTimeout(() => process.exit(1), MINUTE / 6).unref()
  await pds.destroy()
  plcDirectory.server.close()
  plcDirectory.server.closeAllConnections()
  process.exit(0)
}
process.once('SIGTERM', stop)
process.once('SIGINT', stop)
process.stdin.once('end', stop).resume()

console.log(
  JSON.stringify({
    plc: plcDirectory.url,
    pds: `http://localhost:${port}`,
    pdsPort: port,
    admin: adminPassword,
    mail,
  }),
)
