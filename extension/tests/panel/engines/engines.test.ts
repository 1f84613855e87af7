// Engines and bases as the view sees them: what comes in, what is asked, which address is another machine's.
import { expect, test, vi } from 'vitest';
import { foreignHost } from '../../../entrypoints/panel/engines/address.ts';
import { Engines } from '../../../entrypoints/panel/engines/engines.ts';
import type { Store } from '../../../entrypoints/panel/state/store.ts';
import type { ClientFrame, EngineState, ServerFrame } from '../../../lib/connection/protocol.ts';
import { Requests } from '../../../lib/connection/requests.ts';
import { READY } from '../../connection/sockets.ts';

vi.mock('wxt/browser', async () => ({ browser: (await import('../../browser.ts')).fakeBrowser }));

const STATE: EngineState = {
  type: 'engine.state', request: null, base: READY.base, engine: READY.engine, here: true, local_base: 'b', url: '', model: '', has_key: false, pinned: false,
  memory: { process: 1, weights: null, weight_bits: null, pages: null, pages_max: null, adapters: null, threads: null }, bases: [], suggestions: [], switching: null, trouble: null,
  pulled: { repo: 'a/b', revision: 'r', name: 'b', licence: 'mit', source: 'hub', phase: 'downloading', bytes_done: 0, bytes_total: 9, code: null, message: null },
};

function made() {
  const sent: ClientFrame[] = [];
  const takers = new Set<(frame: ServerFrame) => boolean>();
  const requests = new Requests((frame) => void sent.push(frame));
  const engines = new Engines({ takers, requests } as unknown as Store);
  const hear = (frame: ServerFrame): boolean => [...takers].some((take) => take(frame));
  const answer = (frame: object): boolean => hear({ ...frame, request: (sent.at(-1) as { request: string }).request } as ServerFrame);
  return { engines, sent, hear, answer };
}

test.each([
  ['http://127.0.0.1:11434/v1', ''], ['http://localhost', ''], ['http://[::1]:9/v1', ''], ['http://127.8.8.8', ''], ['', ''], ['nonsense', ''], ['file:///etc', ''],
  ['https://models.example/v1', 'models.example'], ['http://192.168.1.4:8000', '192.168.1.4:8000'], ['https://127.0.0.1.evil.example', '127.0.0.1.evil.example'], ['https://localhost.evil.example', 'localhost.evil.example'],
])('%s: another machine is %s', (address, host) => {
  expect(foreignHost(address)).toBe(host);
});

test('what the server says is shown, and how far a download is', () => {
  const { engines, hear } = made();
  expect(hear({ type: 'base.pulling', phase: 'downloading', bytes_done: 5, bytes_total: 9 })).toBe(true); // before any state: nothing to show it on
  hear(STATE);
  hear({ type: 'base.pulling', phase: 'converting', bytes_done: 7, bytes_total: 9 });
  expect(engines.view.state?.pulled).toMatchObject({ phase: 'converting', bytes_done: 7 });
});

test('an offer stands until it is agreed to, for exactly that revision', async () => {
  const { engines, sent, answer } = made();
  const looking = engines.lookUp(' a/b ');
  expect(sent.at(-1)).toMatchObject({ type: 'base.offer', repo: 'a/b' });
  answer({ type: 'base.offered', repo: 'a/b', revision: 'r1', name: 'b', licence: 'mit', source: 'hub', bytes: 5 });
  await looking;
  expect(engines.view).toMatchObject({ lookingUp: null, offer: { revision: 'r1' } });
  const pulling = engines.pull(engines.view.offer ?? { repo: '', revision: '' });
  expect(sent.at(-1)).toMatchObject({ type: 'base.pull', repo: 'a/b', revision: 'r1' });
  answer({ type: 'engine.done' });
  await pulling;
  expect(engines.view.offer).toBeNull();
});

test('a refusal stands where it was asked, and an empty key is none', async () => {
  const { engines, sent, answer } = made();
  const testing = engines.test({ url: 'http://x', model: '', key: '', mayLeave: false });
  expect(sent.at(-1)).toMatchObject({ type: 'engine.test', url: 'http://x', key: null });
  answer({ type: 'error', code: 'engine_url_insecure', message: 'https, please' });
  await testing;
  expect(engines.view).toMatchObject({ isTesting: false, tested: null, trouble: { part: 'elsewhere', words: 'https, please' } });
});
