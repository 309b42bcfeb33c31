// Writes the documents of com.atproto.repo and com.atproto.label, as @atproto/api has them:
// clients that are generated for records need those of the repository too.
//
//   node published.mjs FOLDER
import { writeFileSync } from 'node:fs'
import process from 'node:process'
import { schemas } from '@atproto/api'

for (const document of schemas) {
  if (/^com\.atproto\.(repo|label)\./.test(document.id)) {
    writeFileSync(`${process.argv[2]}/${document.id}.json`, JSON.stringify(document))
  }
}
