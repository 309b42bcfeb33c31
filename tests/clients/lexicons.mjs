// The validator of @atproto/lexicon, driven by lines of JSON.
//
// in    {"documents": [...]}, then {"method": NSID, "output": ...}
// out   {} or {"error": "..."}, a line for each
import { createInterface } from 'node:readline'
import process from 'node:process'
import { Lexicons, jsonToLex } from '@atproto/lexicon'

const lexicons = new Lexicons()

function check({ documents, method, output }) {
  if (documents) return documents.forEach((document) => lexicons.add(document))
  lexicons.assertValidXrpcOutput(method, jsonToLex(output))
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer = {}
  try {
    check(JSON.parse(line))
  } catch (error) {
    answer = { error: String(error) }
  }
  process.stdout.write(JSON.stringify(answer) + '\n')
}
