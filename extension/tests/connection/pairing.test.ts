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
  expect(await proofOf('server', KEY, SHAKE)).toBe('07d1e99940e161c870e794422d79679a2b0c77452badc5f1d7e9cc7dcc756c22');
  expect(await proofOf('client', KEY, SHAKE)).toBe('5c63a20583c8d4c1c70ad5f02d95f3c8148639d8aa1f6825f67c6fe3ad8d0bd8');
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
