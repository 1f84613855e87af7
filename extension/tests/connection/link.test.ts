// @vitest-environment node
// The handshake against a fake socket: who must prove what, and that an impostor never gets a second frame.
import { describe, expect, test } from 'vitest';
import { type Key, Link, type Trouble } from '../../lib/connection/link.ts';
import { type PageOpen, VERSION } from '../../lib/connection/protocol.ts';
import { FakeSocket, IDENTITY, KEY, ORIGIN, READY, settle, until, URL_ } from './sockets.ts';

const PAGE: PageOpen = { type: 'page.open', page: 'p1', title: 'secret', url: 'https://bank.example', blocks: ['secret'] };

function start({ key = KEY, code = null }: { key?: Key | null; code?: string | null } = {}) {
  const socket = new FakeSocket();
  const seen = { troubles: [] as Trouble[], messages: [] as (string | undefined)[], keys: [] as Key[], frames: 0 };
  const link = new Link(
    { url: URL_, origin: ORIGIN, key, code, identity: IDENTITY, connect: () => socket },
    {
      ready: (_frame, newKey) => seen.keys.push(newKey),
      frame: () => (seen.frames += 1),
      closed: (trouble, error) => void (seen.troubles.push(trouble), seen.messages.push(error?.message)),
    },
  );
  socket.open();
  return { socket, link, seen };
}

describe('with the right server', () => {
  test('hello, proof, ready, then frames both ways', async () => {
    const { socket, link, seen } = start();
    expect(socket.sent[0]).toMatchObject({ type: 'hello', version: VERSION, mode: 'proof', ...IDENTITY });
    await socket.challenge(KEY);
    await until(() => socket.types().includes('proof'));
    socket.say(READY);
    await until(() => seen.keys.length === 1);
    expect(link.send(PAGE)).toBe(true);
    socket.say({ type: 'pong' });
    await until(() => seen.frames === 1);
    expect(socket.types()).toEqual(['hello', 'proof', 'page.open']);
    expect(seen.troubles).toEqual([]);
  });

  test('pairing makes the key from the code and hands it out after ready only', async () => {
    const { socket, seen } = start({ key: null, code: 'abcd-efgh' });
    expect(socket.sent[0]).toMatchObject({ mode: 'pair' });
    await socket.challenge(null, 'ABCDEFGH');
    await until(() => socket.types().includes('proof'));
    expect(seen.keys).toEqual([]);
    socket.say(READY);
    await until(() => seen.keys.length === 1);
    expect(seen.keys[0]).toHaveLength(32);
  });
});

describe('with an impostor', () => {
  test('a wrong proof ends the link and nothing is sent after hello', async () => {
    const { socket, link, seen } = start();
    await socket.challenge(null);
    await until(() => seen.troubles.length === 1);
    socket.say(READY);
    socket.say({ type: 'pong' });
    await settle();
    expect(link.send(PAGE)).toBe(false);
    expect(socket.types()).toEqual(['hello']);
    expect(socket.isClosed).toBe(true);
    expect(seen.troubles).toEqual(['impostor']);
    expect(seen.keys).toEqual([]);
  });

  test.each([
    ['ready without a challenge', [READY]],
    ['ready in the same breath as a false challenge', [{ type: 'challenge', version: 1, nonce: 'ef'.repeat(32), mac: '1'.repeat(64) }, READY]],
    ['two challenges', [{ type: 'challenge', version: 1, nonce: 'ef'.repeat(32), mac: '1'.repeat(64) }, { type: 'challenge', version: 1, nonce: 'ef'.repeat(32), mac: '1'.repeat(64) }]],
    ['something that is no JSON', ['HTTP/1.1 200 OK']],
    ['JSON that is no frame', ['[]']],
    ['null', ['null']],
  ])('%s is refused', async (_name, frames) => {
    const { socket, link, seen } = start();
    for (const frame of frames) socket.say(frame);
    await until(() => seen.troubles.length === 1);
    await settle();
    expect(link.send(PAGE)).toBe(false);
    expect(socket.types()).toEqual(['hello']);
    expect(seen.troubles).toEqual(['impostor']);
    expect(seen.keys).toEqual([]);
  });

  test('a wrong code is told apart from an impostor, and nothing more is sent', async () => {
    const { socket, seen } = start({ key: null, code: 'WRONGONE' });
    await socket.challenge(null, 'ABCDEFGH');
    await until(() => seen.troubles.length === 1);
    expect(seen.troubles).toEqual(['wrong_code']);
    expect(socket.types()).toEqual(['hello']);
  });
});

describe('refusals', () => {
  test.each([
    ['not_paired', 'unpaired'],
    ['pairing_expired', 'expired'],
    ['pairing_locked', 'wrong_code'],
    ['busy', 'refused'],
    ['anything_else', 'refused'],
  ])('the error %s is shown as %s with its sentence', async (code, trouble) => {
    const { socket, seen } = start();
    socket.say({ type: 'error', code, message: 'A sentence.', page: null, retry_after_ms: null });
    await until(() => seen.troubles.length === 1);
    expect(seen).toMatchObject({ troubles: [trouble], messages: ['A sentence.'] });
  });

  test('without a key the link ends as unpaired when the server wants a proof', async () => {
    const { socket, seen } = start({ key: null });
    await socket.challenge(KEY);
    await until(() => seen.troubles.length === 1);
    expect(seen.troubles).toEqual(['unpaired']);
    expect(socket.types()).toEqual(['hello']);
  });

  test('a dropped socket is told once', async () => {
    const { socket, link, seen } = start();
    socket.drop();
    link.close();
    expect(seen.troubles).toEqual(['offline']);
  });
});
