// A long notebook by three people, as a stream file: signed by Node's own cryptography, which is quick.
import { createPrivateKey, randomBytes, sign } from "node:crypto";
import * as S from "streams-core";

const TYPE = "example.org/notebook";
/** What stands before the secret of an Ed25519 key in PKCS #8. */
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");

function person() {
  const secret = randomBytes(32);
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, secret]), format: "der", type: "pkcs8" });
  return { key, signing: S.SigningKey.fromBytes(secret), previous: undefined };
}

/** Puts a signature in the place of the empty one, behind the block. */
function signed(parts, key) {
  const block = parts[1] === 0x59 ? 4 + ((parts[2] << 8) | parts[3]) : 3 + parts[2];
  const id = S.blockId(parts.subarray(parts[1] === 0x59 ? 4 : 3, block));
  const signature = sign(null, S.preimage("object", S.idBytes(id)), key);
  return { id, bytes: Buffer.concat([parts.subarray(0, block), Buffer.from([0x58, 0x40]), signature, parts.subarray(block + 1)]) };
}

/** So many objects: two write beside each other, a third joins what they wrote, and so on in turn. */
export async function many(count) {
  await S.init();
  const people = [person(), person(), person()];
  const root = S.root(people[0].signing, { type: TYPE, data: { title: "A long list" }, policies: [S.Rule.openToAll()] });
  const file = [Buffer.from(root.parts)];
  let last = { id: root.id, generation: 0 };
  people[0].previous = root.id;
  const write = (who, parents) => {
    const generation = 1 + Math.max(...parents.map((parent) => parent.generation));
    const values = {
      "author:s": who.signing.author,
      "data:m": { "text:s": `Note ${file.length}` },
      "generation:u": generation,
      "parents:ar": parents.map(({ id }) => id).sort((one, other) => Buffer.compare(S.idBytes(one), S.idBytes(other))),
      ...(who.previous && { "previous:r": who.previous }),
      "stream:r": root.id,
      "type:s": `${TYPE}.Note`,
    };
    const { id, bytes } = signed(S.encode(values), who.key);
    file.push(bytes);
    who.previous = id;
    return { id, generation };
  };
  for (let turn = 0; file.length < count; turn++) {
    const [one, other, third] = [0, 1, 2].map((at) => people[(turn + at) % 3]);
    let [a, b] = [last, last];
    for (let left = 1 + (turn % 3); left > 0; left--) a = write(one, [a]);
    for (let left = 1 + (turn % 2); left > 0; left--) b = write(other, [b]);
    last = write(third, [a, b]);
  }
  return { stream: root.id, objects: file.length, file: Buffer.concat(file) };
}
