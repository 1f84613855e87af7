// @vitest-environment node
// Panels and one link: who gets which frame, what a lost connection does, and what is cancelled when a panel goes.
import { beforeEach, expect, test } from 'vitest';
import type { FromPanel, ToPanel } from '../../lib/connection/messages.ts';
import { Relay } from '../../lib/connection/relay.ts';
import { FakeSocket, IDENTITY, KEY, ORIGIN, READY, settle, until, URL_ } from './sockets.ts';

const OPEN: Extract<FromPanel, { kind: 'open' }> = { kind: 'open', nonce: null, page: null, seen: {} };
let sockets: FakeSocket[];
let relay: Relay;
let before: string | null;
const done = (): Promise<void> => Promise.resolve();

beforeEach(() => {
  before = null;
  sockets = [];
  const connect = (): FakeSocket => {
    const socket = new FakeSocket();
    sockets.push(socket);
    setTimeout(() => socket.open(), 0);
    return socket;
  };
  relay = new Relay({ origin: ORIGIN, settings: () => Promise.resolve({ url: URL_, key: KEY, session: before, identity: IDENTITY }), keepKey: done, keepSession: done, connect });
});

function panel(): { send: (message: ToPanel) => void; got: ToPanel[]; frames: () => string[] } {
  const got: ToPanel[] = [];
  return { got, send: (message) => got.push(message), frames: () => got.flatMap((message) => (message.kind === 'frame' ? [message.frame.type] : [])) };
}

function seqs(got: ToPanel[]): number[] {
  return got.flatMap((message) => (message.kind === 'frame' && 'seq' in message.frame ? [message.frame.seq] : []));
}

async function becomeReady(index: number, session = 's1'): Promise<FakeSocket> {
  await until(() => (sockets[index]?.sent.length ?? 0) > 0);
  const socket = sockets[index] as FakeSocket;
  await socket.challenge(KEY);
  await until(() => socket.types().includes('proof'));
  socket.say({ ...READY, session });
  await new Promise((resolve) => setTimeout(resolve, 5));
  return socket;
}

const ask = (run: string, page: string): FromPanel => ({ kind: 'frame', frame: { type: 'ask', run, page, copilot: 'generalist', question: 'q' } });
const openPage = (page: string): FromPanel => ({ kind: 'frame', frame: { type: 'page.open', page, title: '', url: '', blocks: ['x'] } });

test('two panels share one socket, and each hears of its own page and runs only', async () => {
  const [a, b] = [panel(), panel()];
  relay.attach(a.send, OPEN);
  relay.attach(b.send, { ...OPEN });
  const socket = await becomeReady(0);
  expect(sockets).toHaveLength(1);
  relay.receive(a.send, openPage('pa'));
  relay.receive(b.send, openPage('pb'));
  relay.receive(a.send, ask('ra', 'pa'));
  socket.say({ type: 'page.ready', page: 'pb', tokens: 1, cached_tokens: 0, blocks_read: 1, blocks_total: 1, ms: 1, ordering: [] });
  socket.say({ type: 'run.start', run: 'ra', seq: 0, copilot: 'generalist', mode: 'base' });
  await until(() => a.frames().length === 1 && b.frames().length === 1);
  expect([a.frames(), b.frames()]).toEqual([['run.start'], ['page.ready']]);
});

test('a frame that was seen before is not passed on twice', async () => {
  const a = panel();
  relay.attach(a.send, OPEN);
  const socket = await becomeReady(0);
  relay.receive(a.send, ask('ra', 'pa'));
  for (const seq of [0, 1, 1, 0, 2]) socket.say({ type: 'run.delta', run: 'ra', seq, text: String(seq) });
  await until(() => a.frames().length === 3);
  await settle();
  expect(seqs(a.got)).toEqual([0, 1, 2]);
});

test('after a short loss the session is resumed from what was seen', async () => {
  const a = panel();
  relay.attach(a.send, OPEN);
  const first = await becomeReady(0);
  relay.receive(a.send, ask('ra', 'pa'));
  first.say({ type: 'run.delta', run: 'ra', seq: 0, text: 'a' });
  first.say({ type: 'run.delta', run: 'ra', seq: 1, text: 'b' });
  await until(() => a.frames().length === 2);
  first.drop();
  const second = await becomeReady(1, 's2');
  expect(second.sent.find((frame) => frame.type === 'resume')).toEqual({ type: 'resume', session: 's1', seen: { ra: 1 } });
  expect(a.got.at(-1)).toMatchObject({ kind: 'link', link: { status: 'ready', fresh: false } });
});

test('a restarted worker resumes from what the panel has seen', async () => {
  before = 's0';
  const a = panel();
  relay.attach(a.send, { ...OPEN, page: 'pa', seen: { ra: 4 } });
  const socket = await becomeReady(0);
  expect(socket.sent.find((frame) => frame.type === 'resume')).toEqual({ type: 'resume', session: 's0', seen: { ra: 4 } });
  socket.say({ type: 'run.delta', run: 'ra', seq: 4, text: 'old' });
  socket.say({ type: 'run.delta', run: 'ra', seq: 5, text: 'new' });
  await settle();
  expect(seqs(a.got)).toEqual([5]);
});

test('when the server no longer knows the session, panels are told to open their pages again', async () => {
  const a = panel();
  relay.attach(a.send, { ...OPEN, page: 'pa' });
  (await becomeReady(0)).drop();
  const second = await becomeReady(1, 's2');
  second.say({ type: 'error', code: 'resume_unknown', message: 'gone', page: null, retry_after_ms: null });
  await settle();
  expect(a.got.at(-1)).toMatchObject({ kind: 'link', link: { fresh: true } });
});

test('a panel that goes takes its runs and its page with it', async () => {
  const [a, b] = [panel(), panel()];
  relay.attach(a.send, OPEN);
  relay.attach(b.send, OPEN);
  const socket = await becomeReady(0);
  relay.receive(a.send, openPage('pa'));
  relay.receive(a.send, ask('ra', 'pa'));
  relay.receive(b.send, openPage('pb'));
  relay.detach(a.send);
  expect(socket.types().slice(-2).toSorted()).toEqual(['cancel', 'page.close']);
  expect(socket.sent.some((frame) => frame.type === 'page.close' && frame.page === 'pb')).toBe(false);
});

test('keepalive pings, and nothing is sent before ready', async () => {
  const a = panel();
  relay.attach(a.send, OPEN);
  relay.receive(a.send, openPage('pa'));
  const socket = await becomeReady(0);
  relay.receive(a.send, { kind: 'keepalive' });
  expect(socket.types()).toEqual(['hello', 'proof', 'ping']);
});

const PROGRESS = { type: 'train.progress', copilot: 'a/b', phase: 'training', percent: 1, remaining_s: null };
const REPORT = { type: 'train.report', copilot: 'a/b', activated: true, why: '', code: null, figures: null };
const putAway: FromPanel = { kind: 'frame', frame: { type: 'train.cancel', copilot: 'a/b' } };

test('every panel hears of a training, and one that opens later hears the latest', async () => {
  const [a, b, c] = [panel(), panel(), panel()];
  relay.attach(a.send, OPEN);
  relay.attach(b.send, OPEN);
  const socket = await becomeReady(0);
  socket.say(PROGRESS);
  socket.say(REPORT);
  await until(() => a.frames().length === 2 && b.frames().length === 2);
  relay.attach(c.send, OPEN);
  expect(c.frames()).toEqual(['train.report']);
});

test('a report that was put away, or belongs to a lost connection, is not told again', async () => {
  const [a, b, c] = [panel(), panel(), panel()];
  relay.attach(a.send, OPEN);
  const first = await becomeReady(0);
  first.say(REPORT);
  await until(() => a.frames().length === 1);
  relay.receive(a.send, putAway);
  relay.attach(b.send, OPEN);
  expect(b.frames()).toEqual([]);
  expect(first.types().at(-1)).toBe('train.cancel');
  first.say(PROGRESS);
  await until(() => b.frames().length === 1);
  first.drop();
  await becomeReady(1, 's2');
  relay.attach(c.send, OPEN);
  expect(c.frames()).toEqual([]);
});

test('a new list of copilots reaches the panels that are open and those that open later', async () => {
  const [a, b] = [panel(), panel()];
  relay.attach(a.send, OPEN);
  const socket = await becomeReady(0);
  const copilots = [{ id: 'a/b', mode: 'tuned' }];
  socket.say({ type: 'copilots', copilots });
  await until(() => a.frames().length === 1);
  relay.attach(b.send, OPEN);
  expect(b.got[0]).toMatchObject({ kind: 'link', link: { status: 'ready', ready: { copilots } } });
});

test('another engine reaches the panels that are open and those that open later', async () => {
  const [a, b] = [panel(), panel()];
  relay.attach(a.send, OPEN);
  const socket = await becomeReady(0);
  const base = { name: 'other', parameters: 2, context_tokens: 2 };
  socket.say({ type: 'engine.changed', base, engine: READY.engine });
  await until(() => a.frames().length === 1);
  relay.attach(b.send, OPEN);
  expect(b.got[0]).toMatchObject({ kind: 'link', link: { status: 'ready', ready: { type: 'ready', base } } });
});

test('a panel of copilots is one frame, and each answer finds its way back', async () => {
  const [a, b] = [panel(), panel()];
  relay.attach(a.send, OPEN);
  relay.attach(b.send, OPEN);
  const socket = await becomeReady(0);
  const members = ['r0', 'r1'].map((run) => ({ run, copilot: 'generalist' }));
  relay.receive(a.send, { kind: 'frame', frame: { type: 'panel.ask', group: 'g', members, question: 'q' } });
  for (const { run } of members) socket.say({ type: 'run.start', run, seq: 0, copilot: 'generalist', mode: 'base' });
  await until(() => a.frames().length === 2);
  expect(b.frames()).toEqual([]);
  relay.detach(a.send);
  expect(socket.sent.slice(-2)).toEqual(members.map(({ run }) => ({ type: 'cancel', run })));
});
