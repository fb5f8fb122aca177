// SPDX-License-Identifier: Apache-2.0
//
// check.mjs RESULTS: what check.py cannot verify, verified by noble-post-quantum and noble-curves: SLH-DSA, ML-KEM-512, and the
// forms of EdDSA with a context or a hash. NODE_PATH does not count for modules, so this file is run from the folder that has them.
import { readFileSync } from 'node:fs';
import { ed25519, ed25519ctx, ed25519ph } from '@noble/curves/ed25519.js';
import { ed448, ed448ph } from '@noble/curves/ed448.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { ml_kem512 } from '@noble/post-quantum/ml-kem.js';
import * as slh from '@noble/post-quantum/slh-dsa.js';

const same = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)) === 0;

const slhSets = {
  1: slh.slh_dsa_sha2_128s, 2: slh.slh_dsa_shake_128s, 3: slh.slh_dsa_sha2_128f, 4: slh.slh_dsa_shake_128f,
  5: slh.slh_dsa_sha2_192s, 6: slh.slh_dsa_shake_192s, 7: slh.slh_dsa_sha2_192f, 8: slh.slh_dsa_shake_192f,
  9: slh.slh_dsa_sha2_256s, 10: slh.slh_dsa_shake_256s, 11: slh.slh_dsa_sha2_256f, 12: slh.slh_dsa_shake_256f,
};

const checks = {
  slh_dsa_signatures(s) {
    const scheme = s.hash ? slhSets[s.set].prehash(sha256) : slhSets[s.set];
    return scheme.verify(s.signature, s.message, s.public, { context: s.ctx }) && `${s.scheme} signatures`;
  },
  encapsulation_with_every_ml_kem(s) {
    if (s.set !== '1') return 'left';
    const pair = ml_kem512.keygen(s.seed);
    return same(pair.publicKey, s.public) && same(ml_kem512.decapsulate(s.ciphertext, pair.secretKey), s.secret) && 'ML-KEM-512 key pairs and secrets';
  },
  eddsa_variants(s) {
    const pub = s.public.subarray(2); // out of the OCTET STRING
    const kind = s.set === '448' ? { '': ed448, ctx: ed448, ph: ed448ph } : { '': ed25519, ctx: ed25519ctx, ph: ed25519ph };
    return kind[s.hash].verify(s.signature, s.message, pub, { context: s.ctx }) && 'signatures of the EdDSA family';
  },
};

const counts = {};
let set = {};
for (const line of readFileSync(process.argv[2], 'utf8').split('\n').filter(Boolean)) {
  const [test, ...rest] = line.split(' ');
  if (rest[0] !== '.') {
    const value = rest.pop();
    set[rest.join(' ')] = value.startsWith('=') ? value.slice(1) : new Uint8Array(Buffer.from(value, 'hex'));
    continue;
  }
  const kind = checks[test] ? checks[test](set) : 'left';
  if (!kind) {
    console.error(`${test}: ${set.scheme} ${set.set} ${set.hash}: refused`);
    process.exit(1);
  }
  if (kind !== 'left') counts[kind] = (counts[kind] ?? 0) + 1;
  set = {};
}
for (const kind of Object.keys(counts).sort()) console.log(counts[kind], kind);
