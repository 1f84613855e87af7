// @vitest-environment node
// The same numbers that Python's hmac and hashlib give (server/transport/pairing.py): the two sides must never drift apart.
import { expect, test } from 'vitest';
import { fromHex, keyFromCode, newNonce, normaliseCode, proofOf, sameProof, toHex } from '../../lib/connection/pairing.ts';

const SHAKE = {
  nonceClient: '11'.repeat(32),
  nonceServer: 'ab'.repeat(32),
  origin: 'chrome-extension://blogkbmmpnemlllefjjcboblekpiblgh',
  port: 8377,
};
const KEY = Uint8Array.from({ length: 32 }, (_unused, i) => i);

test('the proofs equal those of the server', async () => {
  expect(await proofOf('server', KEY, SHAKE)).toBe('326212dfed02e9115011188242b3e5559fc40a6359a7cb1a1580024cbf65873d');
  expect(await proofOf('client', KEY, SHAKE)).toBe('d70cbc33c8f6ec752e2b456527402daffe65900f443171ea0bcc88c508f7fcf3');
});

test.each(['ABCDEFGH', 'abcd-efgh', ' abcd efgh '])('the key from the code %j equals that of the server', async (code) => {
  const key = await keyFromCode(code, SHAKE.nonceClient, SHAKE.nonceServer);
  expect(toHex(key)).toBe('ebd2f625e9efce9c918baac685005bc8ec375d61da12326225774dd042901e38');
});

test('another port, origin or nonce gives another proof', async () => {
  const proof = await proofOf('server', KEY, SHAKE);
  for (const change of [{ port: 8378 }, { origin: 'chrome-extension://x' }, { nonceClient: '12'.repeat(32) }]) {
    expect(await proofOf('server', KEY, { ...SHAKE, ...change })).not.toBe(proof);
  }
});

test('hex goes there and back, nonces are 64 new digits, comparison is exact', () => {
  expect(toHex(fromHex('00ff10'))).toBe('00ff10');
  expect(newNonce()).toMatch(/^[0-9a-f]{64}$/);
  expect(newNonce()).not.toBe(newNonce());
  expect(normaliseCode(' ab-cd ef-gh ')).toBe('ABCDEFGH');
  expect(sameProof('aa', 'aa')).toBe(true);
  expect(sameProof('aa', 'ab')).toBe(false);
  expect(sameProof('aa', 'aaa')).toBe(false);
});
