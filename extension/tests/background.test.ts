// Who may speak to the background: the page script of a top frame, our own pages, and the one frame that a page script opened.
import { beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { FromPanel } from '../lib/connection/messages.ts';
import { FakePort, fakeBrowser } from './browser.ts';

const { relay, opened } = vi.hoisted(() => ({
  relay: { options: {} as { settings: () => Promise<unknown> }, attach: vi.fn(), receive: vi.fn(), detach: vi.fn() },
  opened: { openFor: vi.fn(), openBeside: vi.fn(), orderCommand: vi.fn(() => Promise.resolve({ shown: true })) },
}));
vi.mock('wxt/browser', async () => ({ browser: (await import('./browser.ts')).fakeBrowser }));
vi.mock('../lib/opening.ts', () => opened);
vi.mock('../lib/connection/relay.ts', () => ({
  Relay: class {
    constructor(options: typeof relay.options) {
      relay.options = options;
    }
    attach = relay.attach;
    receive = relay.receive;
    detach = relay.detach;
  },
}));

const { local, session } = fakeBrowser.storage;
const OPEN: Extract<FromPanel, { kind: 'open' }> = { kind: 'open', nonce: 'n1', tab: null, page: null, seen: {} };
const frameIn = (tab: number, document = 'd1'): Record<string, unknown> => ({ origin: location.origin, tab: { id: tab }, frameId: 7, documentId: document });
const ownPage = { origin: location.origin };

beforeAll(async () => {
  const background = (await import('../entrypoints/background.ts')).default;
  background.main();
});

beforeEach(() => {
  [local.kept, session.kept] = [{}, {}];
  vi.clearAllMocks();
});

/** A message of a page script; what the background answers, or null when it does not. */
async function say(message: unknown, sender: unknown): Promise<unknown> {
  return new Promise((resolve) => {
    const [isAnswered] = fakeBrowser.runtime.onMessage.fire(message, sender, resolve);
    if (isAnswered !== true) resolve(null);
  });
}

async function connect(sender: Record<string, unknown> | undefined, { name = 'panel', open = OPEN } = {}): Promise<FakePort> {
  const port = new FakePort(name, sender);
  fakeBrowser.runtime.onConnect.fire(port);
  port.onMessage.fire(open);
  await new Promise((resolve) => setTimeout(resolve, 5));
  return port;
}

const register = (tab: number, nonce: string): Promise<unknown> => say({ kind: 'register', nonce }, { tab: { id: tab }, frameId: 0 });

test('the key is out of reach of page scripts', () => {
  expect(local.accessLevel).toBe('TRUSTED_CONTEXTS');
});

test('a frame with the nonce of its own tab is let in and heard', async () => {
  expect(await register(3, 'n1')).toBe(true);
  const port = await connect(frameIn(3));
  port.onMessage.fire({ kind: 'keepalive' });
  expect(port.got).toEqual([{ kind: 'opened', tab: 3 }]);
  expect(relay.attach).toHaveBeenCalledOnce();
  expect(relay.receive).toHaveBeenCalledOnce();
});

test.each([
  ['another nonce', frameIn(3), { ...OPEN, nonce: 'n2' }],
  ['no nonce', frameIn(3), { ...OPEN, nonce: null }],
  ['the nonce of another tab', frameIn(4), OPEN],
  ['a tab that it names itself', frameIn(4), { ...OPEN, nonce: null, tab: 3 }],
])('a frame with %s is a stranger and is not heard', async (_name, sender, open) => {
  await register(3, 'n1');
  const port = await connect(sender, { open });
  port.onMessage.fire({ kind: 'pair', code: 'ABCDEFGH' });
  port.onMessage.fire({ kind: 'command', id: 1, command: { do: 'read' } });
  expect(port.got).toEqual([{ kind: 'untrusted' }]);
  expect(relay.attach).not.toHaveBeenCalled();
  expect(relay.receive).not.toHaveBeenCalled();
  expect(opened.orderCommand).not.toHaveBeenCalled();
});

test('a nonce belongs to the first document that shows it', async () => {
  await register(3, 'n1');
  await connect(frameIn(3, 'd1'));
  expect((await connect(frameIn(3, 'd2'))).got).toEqual([{ kind: 'untrusted' }]);
  expect((await connect(frameIn(3, 'd1'))).got).toEqual([{ kind: 'opened', tab: 3 }]);
});

test.each([
  ['another origin', { origin: 'https://evil.example' }, 'panel'],
  ['no sender', undefined, 'panel'],
  ['another name', ownPage, 'other'],
])('a port of %s is closed at once', async (_name, sender, name) => {
  const port = await connect(sender, { name });
  expect(port.disconnect).toHaveBeenCalledOnce();
  expect(port.got).toEqual([]);
});

test('our own page reads the tab that it was opened for, by commands through the background', async () => {
  const port = await connect(ownPage, { open: { ...OPEN, nonce: null, tab: 9 } });
  port.onMessage.fire({ kind: 'command', id: 1, command: { do: 'read' } });
  await vi.waitFor(() => expect(port.got).toEqual([{ kind: 'opened', tab: 9 }, { kind: 'answer', id: 1, answer: { shown: true } }]));
  expect(opened.orderCommand).toHaveBeenCalledWith(9, { do: 'read' });
});

test('a frame below the page may not register a nonce, change the layout or say that it is blocked', async () => {
  for (const message of [{ kind: 'register', nonce: 'n1' }, { kind: 'layout', layout: {} }, { kind: 'blocked' }]) {
    for (const sender of [{ tab: { id: 3 }, frameId: 2 }, { frameId: 0 }]) expect(await say(message, sender)).toBeNull();
  }
  expect([local.kept, session.kept]).toEqual([{}, {}]);
  expect(opened.openBeside).not.toHaveBeenCalled();
});

test('a closed tab takes its nonce and threads with it, and no other tab of like name', async () => {
  session.kept = { 'nonce:1': {}, 'nonce:12': {}, 'chat:1:a': [], 'chat:12:a': [], session: 's' };
  fakeBrowser.tabs.onRemoved.fire(1);
  await vi.waitFor(() => expect(Object.keys(session.kept)).toEqual(['nonce:12', 'chat:12:a', 'session']));
});

test('an address elsewhere and a key that is none are not taken from storage', async () => {
  local.kept = { server: 'ws://evil.example/ws', key: 'zz' };
  expect(await relay.options.settings()).toEqual({ url: 'ws://127.0.0.1:8377/ws', key: null, session: null });
  local.kept = { server: 'ws://127.0.0.1:9000/ws', key: '07'.repeat(32) };
  session.kept = { session: 's1' };
  expect(await relay.options.settings()).toEqual({ url: 'ws://127.0.0.1:9000/ws', key: new Uint8Array(32).fill(7), session: 's1' });
});
