// People with accounts on a PDS, driven by lines of JSON.
//
//   node people.mjs PDS_URL ADMIN_PASSWORD [LEXICON_DIR]
//
// in    {"id": 1, "do": "join", "handle": "ann.test"}
//       {"id": 2, "do": "call", "as": "did:plc:…", "method": NSID, "params": {}, "data": {}}
//           as absent: nobody signed in; "admin": true: the host's administrator;
//           service: another host's URL; proxy: "did#service", through the PDS
//       {"id": 3, "do": "upload", "as": "did:plc:…", "base64": "…", "type": "audio/wav"}
// out   {"id": 1, "value": …, "headers": {}} or {"id": 1, "error": {"status", "name", "message"}}
//
// Calls run side by side and are answered as they end. Documents in LEXICON_DIR make our own
// methods known to @atproto/api, which then checks every answer against them.
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import process from 'node:process'
import { AtpAgent, XRPCError, stringifyLex } from '@atproto/api'

const [pdsUrl, adminPassword, lexiconDir] = process.argv.slice(2)
const PASSWORD = 'correct horse battery staple'
const people = new Map()

const documents = lexiconDir
  ? readdirSync(lexiconDir, { recursive: true })
      .filter((name) => name.endsWith('.json'))
      .map((name) => JSON.parse(readFileSync(`${lexiconDir}/${name}`, 'utf8')))
  : []

function taught(agent) {
  for (const document of documents) {
    if (!agent.lex.get(document.id)) agent.lex.add(document)
  }
  return agent
}

function agentFor({ as, service, proxy }) {
  if (as === undefined) return taught(new AtpAgent({ service: service ?? pdsUrl }))
  const agent = people.get(as)
  if (!agent) throw new Error(`nobody here is ${as}`)
  if (proxy === undefined) return agent
  const [did, name] = proxy.split('#')
  return taught(agent.withProxy(name, did))
}

const commands = {
  async join({ handle }) {
    const agent = new AtpAgent({ service: pdsUrl })
    const email = `${randomUUID()}@mail.test` // handles are used again, addresses cannot be
    const { data } = await agent.createAccount({ handle, email, password: PASSWORD })
    people.set(data.did, taught(agent))
    return { data: { did: data.did, handle: data.handle, email, password: PASSWORD } }
  },
  async call({ method, params, data, admin, ...whom }) {
    const basic = Buffer.from(`admin:${adminPassword}`).toString('base64')
    const headers = admin ? { authorization: `Basic ${basic}` } : undefined
    const encoding = data === undefined ? undefined : 'application/json'
    return agentFor(whom).call(method, params, data, { headers, encoding })
  },
  async upload({ as, base64, type }) {
    return agentFor({ as }).uploadBlob(Buffer.from(base64, 'base64'), { encoding: type })
  },
}

function explain(error) {
  if (error instanceof XRPCError) {
    const cause = error.validationError ? `: ${error.validationError.message}` : ''
    return { status: error.status, name: error.error, message: error.message + cause }
  }
  return { status: 0, name: error.name, message: error.message }
}

async function run(line) {
  const { id, do: verb, ...rest } = JSON.parse(line)
  let answer
  try {
    const { data, headers } = await commands[verb](rest)
    answer = { id, value: data ?? null, headers: headers ?? {} }
  } catch (error) {
    answer = { id, error: explain(error) }
  }
  process.stdout.write(stringifyLex(answer) + '\n')
}

createInterface({ input: process.stdin }).on('line', run)
