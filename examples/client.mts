// Prints an account's tracks, and the comments on each at their moment of it.
//
//   npm install --no-save @atproto/api
//   node examples/client.mts http://127.0.0.1:8000 mara.demo.test     (of `make demo`; Node 22.18 or newer)
import { AtpAgent, XRPCError } from '@atproto/api'

type Json = Record<string, any>

// The service's own documents make its methods known: @atproto/api checks every answer by them.
async function connect(service: string): Promise<AtpAgent> {
  const agent = new AtpAgent({ service }) // nobody has to sign in
  const { lexicons } = (await (await fetch(`${service}/lexicons/`)).json()) as Json
  for (const id of lexicons) {
    const known = agent.lex.get(id)
    if (!known) agent.lex.add((await (await fetch(`${service}/lexicons/${id}`)).json()) as any)
  }
  return agent
}

// All pages: whatever is asked, an answer without a cursor is the last.
async function* walk(agent: AtpAgent, method: string, items: string, params: Json) {
  for (let cursor: string | undefined; ; ) {
    const page: Json = (await agent.call(`fm.plyr.${method}`, { ...params, cursor })).data
    yield* page[items] as Json[]
    if (!(cursor = page.cursor)) return
  }
}

const [service, actor] = process.argv.slice(2)
if (!actor) {
  console.error('node examples/client.mts http://127.0.0.1:8000 mara.demo.test')
  process.exit(1)
}
const agent = await connect(service)
try {
  const { profile } = (await agent.call('fm.plyr.actor.getProfile', { actor })).data
  console.log(`${profile.displayName ?? profile.handle}: ${profile.trackCount} tracks`)
} catch (error) {
  console.error((error as XRPCError).message)
  process.exit(1)
}
for await (const { track } of walk(agent, 'feed.getActorTracks', 'feed', { actor, limit: 100 })) {
  console.log(`  ${track.title} (${track.likeCount} likes) ${track.webUrl}`)
  for await (const comment of walk(agent, 'feed.getComments', 'comments', { uri: track.uri })) {
    const seconds = Math.floor(comment.timestampMs / 1000)
    const moment = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
    console.log(`    ${moment} ${comment.author.handle}: ${comment.text}`)
  }
}
