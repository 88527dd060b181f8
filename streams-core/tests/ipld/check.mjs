// Reads archives with the packages of IPLD, which know nothing of streams: every block hashes to its CID, every link to a
// parent and to a nested map leads to a block, and every block is written again byte for byte.
//
//     node check.mjs FILE...      archives, or files of vectors, of which those that are whole are read
//
// JavaScript has one kind of number, so a float that is whole is written as an integer: of a block that is written
// otherwise, exactly those must be the difference.

import { readFileSync } from 'node:fs'
import { CarReader } from '@ipld/car'
import * as dagCbor from '@ipld/dag-cbor'
import { blake3 as digest } from '@noble/hashes/blake3.js'
import { CID } from 'multiformats/cid'
import { from } from 'multiformats/hashes/hasher'

const blake3 = from({ name: 'blake3', code: 0x1e, encode: (bytes) => digest(bytes) })

const same = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)) === 0

function ensure(holds, what) {
  if (!holds) throw new Error(what)
}

/** The links under a hint, as `m` or `r`, in lists too. */
function* links(map, kind) {
  for (const [key, value] of Object.entries(map)) {
    const hint = key.slice(key.lastIndexOf(':') + 1)
    if (hint.endsWith(kind)) yield* [value].flat(Infinity)
  }
}

/** How many floats of a map are whole. */
function wholeFloats(map) {
  let count = 0
  const visit = (value) => (Array.isArray(value) ? value.forEach(visit) : Number.isInteger(value) && count++)
  for (const [key, value] of Object.entries(map)) {
    if (key.slice(key.lastIndexOf(':') + 1).endsWith('f')) visit(value)
  }
  return count
}

async function check(name, file) {
  const car = await CarReader.fromBytes(file)
  ensure(car.version === 1, 'the header says another version')
  const [root, ...others] = await car.getRoots()
  ensure(others.length === 0, 'there is more than one root')

  const blocks = new Map()
  let [floats, otherwise] = [0, 0]
  for await (const { cid, bytes } of car.blocks()) {
    ensure(CID.createV1(dagCbor.code, await blake3.digest(bytes)).equals(cid), `${cid} is not the CID of its block`)
    const value = dagCbor.decode(bytes)
    const whole = wholeFloats(value)
    if (whole === 0) {
      ensure(same(dagCbor.encode(value), bytes), `${cid} is written otherwise`)
    } else {
      // Each is nine bytes there, and as an integer one to nine here.
      ensure(dagCbor.encode(value).length < bytes.length, `${cid} has whole floats, and is not shorter`)
      floats += whole
      otherwise++
    }
    blocks.set(cid.toString(), value)
  }

  const manifest = blocks.get(root.toString())
  ensure(manifest['format:s'] === 'streams.archive.v1', 'the root is no manifest')
  const isFirst = manifest['previous:r'] === undefined
  const seals = [...blocks.values()].filter((block) => block['_signatures:d'] !== undefined)
  const count = seals.flatMap((seal) => seal['blocks:au']).length
  ensure(BigInt(count) === BigInt(manifest['count:u']), 'the seals tell of another number of objects')

  // From the leaves back to the root of the stream: what no object cites is where to begin.
  const objects = new Map([...blocks].filter(([, block]) => block['stream:r'] && block['parents:ar']))
  const cited = new Set([...objects.values()].flatMap((object) => [...object['parents:ar'], object['previous:r']]).map(String))
  const toVisit = [...objects.keys()].filter((id) => !cited.has(id))
  const met = new Set()
  let [redacted, elsewhere] = [0, 0]
  while (toVisit.length > 0) {
    const id = toVisit.pop()
    if (met.has(id)) continue
    met.add(id)
    const object = blocks.get(id)
    if (object === undefined) {
      ensure(!isFirst, `${id} is cited, and is not here`)
      elsewhere++
      continue
    }
    for (const parent of [...(object['parents:ar'] ?? []), object['previous:r']]) {
      if (parent !== undefined) toVisit.push(parent.toString())
    }
    const maps = [...links(object, 'm')]
    while (maps.length > 0) {
      const map = blocks.get(maps.pop().toString())
      if (map === undefined) redacted++
      else maps.push(...links(map, 'm'))
    }
  }
  if (objects.size > 0 && isFirst) ensure(met.has(manifest['stream:r'].toString()), 'the walk does not end at the root')
  return { blocks: blocks.size - otherwise, walked: met.size - elsewhere, redacted, floats }
}

const text = (value) =>
  typeof value === 'string' ? value : value.map((piece) => (typeof piece === 'string' ? piece : piece.repeat.repeat(piece.times))).join('')

let [archives, blocks, walked, redacted, floats] = [0, 0, 0, 0, 0]
for (const path of process.argv.slice(2)) {
  const file = readFileSync(path)
  const cases = path.endsWith('.json')
    ? JSON.parse(file).archive.filter((one) => one.expected).map((one) => [one.name, Buffer.from(text(one.archive), 'hex')])
    : [[path, file]]
  for (const [name, bytes] of cases) {
    try {
      const read = await check(name, bytes)
      archives++
      blocks += read.blocks
      walked += read.walked
      redacted += read.redacted
      floats += read.floats
    } catch (error) {
      console.error(`${name}: ${error.message}`)
      process.exitCode = 1
    }
  }
}
ensure(archives > 0, 'no archive was read')
console.log(`${archives} archives, ${blocks} blocks written again byte for byte, ${walked} objects walked; ${redacted} redacted maps, ${floats} whole floats`)
