// Who may speak to the background: the page script of a top frame, our own pages, and the one frame that a page script opened.
import { beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { FromPanel } from '../lib/connection/messages.ts';
import { invite } from '../lib/invitations.ts';
import { FakePort, fakeBrowser } from './browser.ts';

const { relay, opened } = vi.hoisted(() => ({
  relay: { options: {} as { settings: () => Promise<unknown> }, attach: vi.fn(), receive: vi.fn(), detach: vi.fn() },
  opened: { openFor: vi.fn(), openBeside: vi.fn(), openInPage: vi.fn(), orderCommand: vi.fn(() => Promise.resolve({ shown: true })) },
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
const OPEN: Extract<FromPanel, { kind: 'open' }> = { kind: 'open', nonce: 'n1', page: null, seen: {} };
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
    const [isAwaited] = fakeBrowser.runtime.onMessage.fire(message, sender, resolve);
    if (isAwaited !== true) resolve(null); // unless it was answered at once
  });
}

async function connect(sender: Record<string, unknown> | undefined, { name = 'panel', open = OPEN } = {}): Promise<FakePort> {
  const port = new FakePort(name, sender);
  fakeBrowser.runtime.onConnect.fire(port);
  port.onMessage.fire(open);
  await new Promise((resolve) => setTimeout(resolve, 5));
  return port;
}

const PAGE = 'https://a.example/x';
const SITE = 'https://a.example/*';
const script = (tab: number, frameId = 0): Record<string, unknown> => ({ origin: 'https://a.example', url: PAGE, tab: { id: tab }, frameId });
const inviteFrame = async (tab: number): Promise<string> => String(await say({ kind: 'invite' }, script(tab)));

test('the key is out of reach of page scripts', () => {
  expect(local.accessLevel).toBe('TRUSTED_CONTEXTS');
});

test('a frame with the nonce of its own tab is let in and heard', async () => {
  const nonce = await inviteFrame(3);
  const port = await connect(frameIn(3), { open: { ...OPEN, nonce } });
  port.onMessage.fire({ kind: 'keepalive' });
  expect(port.got).toEqual([{ kind: 'opened', host: 'page', tab: 3, site: SITE, isPrivate: false }]);
  expect(relay.attach).toHaveBeenCalledOnce();
  expect(relay.receive).toHaveBeenCalledOnce();
});

test.each([
  ['another nonce', frameIn(3), (nonce: string) => `${nonce.slice(0, -1)}x`],
  ['no nonce', frameIn(3), () => null],
  ['the nonce of another tab', frameIn(4), (nonce: string) => nonce],
  ['a nonce that names a tab and nothing else', frameIn(3), () => '3'],
  ['the name of something that every object has', frameIn(3), () => '3.constructor'],
])('a frame with %s is a stranger and is not heard', async (_name, sender, shown) => {
  const nonce = shown(await inviteFrame(3));
  const port = await connect(sender, { open: { ...OPEN, nonce } });
  for (const message of [{ kind: 'pair', code: 'ABCDEFGH' }, { kind: 'command', id: 1, command: { do: 'read' } }, { kind: 'shortcuts' }]) port.onMessage.fire(message);
  expect(port.got).toEqual([{ kind: 'untrusted' }]);
  expect(relay.attach).not.toHaveBeenCalled();
  expect(relay.receive).not.toHaveBeenCalled();
  expect(opened.orderCommand).not.toHaveBeenCalled();
});

test.each([
  ['a private window', () => Promise.resolve({ incognito: true })],
  ['a tab of which the browser says nothing', () => Promise.reject(new Error('no tab'))],
])('%s is private: nothing of it is kept', async (_, get) => {
  fakeBrowser.tabs.get.mockImplementationOnce(get);
  const nonce = await inviteFrame(3);
  expect((await connect(frameIn(3), { open: { ...OPEN, nonce } })).got).toMatchObject([{ kind: 'opened', tab: 3, isPrivate: true }]);
});

test('a nonce belongs to the first document that shows it', async () => {
  const open = { ...OPEN, nonce: await inviteFrame(3) };
  await connect(frameIn(3, 'd1'), { open });
  expect((await connect(frameIn(3, 'd2'), { open })).got).toEqual([{ kind: 'untrusted' }]);
  expect((await connect(frameIn(3, 'd1'), { open })).got).toMatchObject([{ kind: 'opened', tab: 3 }]);
});

test('a frame that is loaded without end fills no storage', async () => {
  for (let i = 0; i < 50; i += 1) await inviteFrame(3);
  await vi.waitFor(() => expect(Object.keys(session.kept['panels:3'] as object)).toHaveLength(6));
});

test("our own page in a tab of its own reads what it was opened for, and no other tab takes its place", async () => {
  const nonce = invite({ host: 'tab', tab: 9, site: null });
  const open = { ...OPEN, nonce };
  const port = await connect({ origin: location.origin, tab: { id: 20 }, frameId: 0 }, { open });
  port.onMessage.fire({ kind: 'command', id: 1, command: { do: 'read' } });
  await vi.waitFor(() => expect(port.got).toEqual([{ kind: 'opened', host: 'tab', tab: 9, site: null, isPrivate: false }, { kind: 'answer', id: 1, answer: { shown: true } }]));
  expect(opened.orderCommand).toHaveBeenCalledWith(9, { do: 'read' });
  expect((await connect({ origin: location.origin, tab: { id: 21 }, frameId: 0 }, { open })).got).toEqual([{ kind: 'untrusted' }]);
});

test.each([
  ['a tab', { origin: location.origin, tab: { id: 20 }, frameId: 0 }],
  ['the side panel', { origin: location.origin }],
])('a panel that somebody opened in %s by its address alone does nothing', async (_name, sender) => {
  const port = await connect(sender, { open: { ...OPEN, nonce: null } });
  port.onMessage.fire({ kind: 'command', id: 1, command: { do: 'read' } });
  expect(port.got).toEqual([{ kind: 'untrusted' }]);
  expect(opened.orderCommand).not.toHaveBeenCalled();
});

test.each([
  ['the side panel', 'side', { origin: location.origin, tab: { id: 20 }, frameId: 0 }],
  ['a tab', 'tab', frameIn(9)],
  ['the page', 'page', { origin: location.origin }],
] as const)('a nonce for %s opens nothing elsewhere', async (_name, host, sender) => {
  const port = await connect(sender, { open: { ...OPEN, nonce: invite({ host, tab: 9, site: null }) } });
  expect(port.got).toEqual([{ kind: 'untrusted' }]);
});

test('the side panel shows the keys as the browser has them', async () => {
  const port = await connect(ownPage, { open: { ...OPEN, nonce: invite({ host: 'side', tab: 9, site: SITE }) } });
  port.onMessage.fire({ kind: 'shortcuts' });
  await vi.waitFor(() => expect(port.got.at(-1)).toEqual({ kind: 'shortcuts', shortcuts: [{ command: '_execute_action', keys: 'Alt+Shift+K' }] }));
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

test('a frame below the page may not be invited, change the layout or say that it is blocked', async () => {
  const fill = { kind: 'fill', fill: { words: 'x', selection: '', copilot: null, isToChoose: false, isToSend: true } };
  for (const message of [{ kind: 'invite' }, { kind: 'layout', layout: {} }, { kind: 'blocked' }, fill, { kind: 'toolbar' }, { kind: 'toolbarOff', where: 'everywhere' }]) {
    for (const sender of [script(3, 2), { frameId: 0 }]) expect(await say(message, sender)).toBeNull();
  }
  expect([local.kept, session.kept]).toEqual([{}, {}]);
  expect(opened.openBeside).not.toHaveBeenCalled();
  expect(opened.openFor).not.toHaveBeenCalled();
});

test('words of the selection toolbar reach the panel of the tab, and its switch is kept', async () => {
  const nonce = await inviteFrame(3);
  const port = await connect(frameIn(3), { open: { ...OPEN, nonce } });
  const page = script(3);
  const fill = { words: 'x', selection: 'y', copilot: null, isToChoose: false, isToSend: false };
  await say({ kind: 'fill', fill }, page);
  expect(port.got).toMatchObject([{ kind: 'opened', tab: 3 }, { kind: 'fill', fill }]);
  expect(opened.openFor).toHaveBeenCalledWith({ id: 3, url: PAGE }, 'page', { isToStay: true });
  expect(fakeBrowser.scripting.executeScript).toHaveBeenCalledWith({ target: { tabId: 3 }, files: ['/selection.js'] });
  expect(await say({ kind: 'toolbar' }, page)).toEqual({ copilot: 'name' });
  await say({ kind: 'toolbarOff', where: 'site' }, page);
  await vi.waitFor(() => expect(local.kept).toMatchObject({ toolbar: { sitesOff: ['https://a.example/*'] } }));
  expect(await say({ kind: 'toolbar' }, page)).toBeNull();
});

test('a layout from a page script is kept within its bounds', async () => {
  await say({ kind: 'layout', layout: { width_px: 1e9, side: 'middle', more: 'x'.repeat(1e5) } }, script(3));
  expect(local.kept).toEqual({ layout: { width_px: 720, side: 'right', floats: false, height: 0.6, x: 1, y: 0.5 } });
});

test("a panel's move opens the side panel within its click, and the next click opens it there", async () => {
  const nonce = await inviteFrame(3);
  const moved = say({ kind: 'move', to: 'side', nonce }, frameIn(3));
  expect(fakeBrowser.sidePanel.open).toHaveBeenCalledWith({ tabId: 3 });
  expect(await moved).toBe(true);
  expect(opened.orderCommand).toHaveBeenCalledWith(3, { do: 'close' });
  expect(local.kept).toEqual({ place: 'side' });
  fakeBrowser.action.onClicked.fire({ id: 4 });
  expect(opened.openFor).toHaveBeenCalledWith({ id: 4 }, 'side');
});

test.each([['nowhere', 'n1'], ['tab', 'n1'], [null, '3.constructor']])('a stranger moves nothing: to %s with %s', async (to, nonce) => {
  await say({ kind: 'move', to, nonce }, frameIn(3));
  expect(local.kept).toEqual({});
  expect(fakeBrowser.tabs.create).not.toHaveBeenCalled();
});

test('a closed tab takes its nonce and threads with it, and no other tab of like name', async () => {
  session.kept = { 'panels:1': {}, 'panels:12': {}, 'chat:1:a': [], 'chat:12:a': [], session: 's' };
  fakeBrowser.tabs.onRemoved.fire(1);
  await vi.waitFor(() => expect(Object.keys(session.kept)).toEqual(['panels:12', 'chat:12:a', 'session']));
});

test("what a panel keeps while the browser runs is its own: it reads and writes nothing else", async () => {
  session.kept = { session: 's', 'panels:1': {} };
  await say({ kind: 'keep', values: { 'chat:1:a': 't', session: 'other' } }, frameIn(1));
  expect(await say({ kind: 'recall', names: ['chat:1:a', 'session', 'panels:1'] }, frameIn(1))).toEqual({ 'chat:1:a': 't' });
  expect(session.kept).toEqual({ session: 's', 'panels:1': {}, 'chat:1:a': 't' });
});

const IDENTITY = { client: expect.stringMatching(/^[0-9a-f-]{36}$/) as string, name: expect.stringMatching(/^[A-Za-z]+ on linux$/) as string };

test('an address elsewhere and a key that is none are not taken from storage', async () => {
  local.kept = { server: 'ws://evil.example/ws', key: 'zz' };
  expect(await relay.options.settings()).toEqual({ url: 'ws://127.0.0.1:8377/ws', key: null, session: null, identity: IDENTITY });
  local.kept = { server: 'ws://127.0.0.1:9000/ws', key: '07'.repeat(32) };
  session.kept = { session: 's1' };
  expect(await relay.options.settings()).toEqual({ url: 'ws://127.0.0.1:9000/ws', key: new Uint8Array(32).fill(7), session: 's1', identity: IDENTITY });
});

test('the profile makes its id once and keeps it', async () => {
  local.kept = {};
  const first = (await relay.options.settings()) as { identity: { client: string } };
  expect(await relay.options.settings()).toMatchObject({ identity: first.identity });
  expect(local.kept.client).toBe(first.identity.client);
});
