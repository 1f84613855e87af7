// Kept conversations in the panel: what is asked of the server, what comes on screen, what other windows change.
import { beforeEach, expect, test, vi } from 'vitest';
import { History, isForeign, isToday } from '../../entrypoints/panel/state/history.ts';
import { FIRST_STATE, type State } from '../../entrypoints/panel/state/state.ts';
import { newTurn } from '../../entrypoints/panel/state/thread.ts';
import type { ClientFrame, KeptTurn, ServerFrame, ThreadCard } from '../../lib/connection/protocol.ts';
import { fakeBrowser } from '../browser.ts';
import { READY } from '../connection/sockets.ts';

vi.mock('wxt/browser', async () => ({ browser: (await import('../browser.ts')).fakeBrowser }));

const ADDRESS = 'https://a.example/x';
const TEXT = { title: 'T', url: `${ADDRESS}#part`, blocks: ['one'], types: [], blocksLeftOut: 0, frames: { hosts: [], share: 0 }, selection: '' };
const CARD: ThreadCard = { id: 't1', name: '', title: 'T', address: ADDRESS, copilot: 'a/b', turns: 1, pinned: false, created_ms: 1, updated_ms: Date.now() };
const QUOTE = { text: 'q', verified: true, at: 0, block: 1, start: 0, end: 1 };
const TURN: KeptTurn = { position: 0, run: 'r', copilot: 'a/b', mode: 'tuned', question: 'Q?', answer: 'A', quotes: [QUOTE], reason: 'stop', code: null, message: null, asked_ms: 1, ended_ms: 2, thumb: null, panel: null };

let state: State;
let history: History;
let sent: ClientFrame[];

beforeEach(() => {
  fakeBrowser.storage.session.kept = {};
  sent = [];
  state = { ...FIRST_STATE, tab: 5, link: { ...FIRST_STATE.link, status: 'ready', ready: READY }, page: { ...FIRST_STATE.page, text: TEXT, address: ADDRESS } };
  history = new History({
    get state() {
      return state;
    },
    nameOf: (copilot) => copilot.toUpperCase(),
    patch: (part) => void (state = { ...state, ...part }),
    transmit: (frame) => void sent.push(frame),
  });
});

const last = (): ClientFrame & { request: string } => sent.at(-1) as ClientFrame & { request: string };
const answer = (frame: Record<string, unknown>): boolean => history.take({ request: last().request, ...frame } as ServerFrame);
const listed = (threads: ThreadCard[]): boolean => answer({ type: 'threads.listed', threads, next: null, total: threads.length, address: ADDRESS, keep_days: 0 });
const changed = (what: string, thread: string | null, kept_run: string | null = null): boolean => history.take({ type: 'threads.changed', what, thread, kept_run } as ServerFrame);
const opened = (turns = [TURN], earlier = 0, thread = CARD): boolean => answer({ type: 'thread.opened', thread, turns, earlier });

async function resume(earlier = 0, thread = CARD): Promise<void> {
  const done = history.resume(thread.id);
  opened([TURN], earlier, thread);
  await done;
}

test('the last conversation of today about this page comes back', async () => {
  const done = history.restore(undefined);
  expect(last()).toMatchObject({ type: 'threads.list', address: TEXT.url });
  listed([CARD]);
  await vi.waitFor(() => expect(last()).toMatchObject({ type: 'thread.open', thread: 't1' }));
  opened();
  await done;
  expect(state.turns).toMatchObject([{ question: 'Q?', answer: 'A', status: 'done', copilotName: 'A/B', quotes: [QUOTE] }]);
  expect(fakeBrowser.storage.session.kept).toEqual({ [`chat:5:${ADDRESS}`]: 't1' });
});

test('a conversation that is asked for twice does not take away what was asked meanwhile', async () => {
  const asked = (at: number): string => (sent[at] as { request: string }).request;
  const came = (at: number): boolean => history.take({ type: 'thread.opened', request: asked(at), thread: CARD, turns: [TURN], earlier: 0 });
  const twice = [history.restore('t1'), history.restore('t1')];
  for (const at of [0, 1]) history.take({ type: 'threads.listed', request: asked(at), threads: [CARD], next: null, total: 1, address: ADDRESS, keep_days: 0 });
  await vi.waitFor(() => expect(sent).toHaveLength(4));
  came(2);
  await twice[0];
  state = { ...state, turns: [...state.turns, newTurn({ run: 'r2', question: 'Meanwhile?', selection: '', copilot: 'a/b', copilotName: 'B', status: 'waiting' })] };
  came(3);
  await twice[1];
  expect(state.turns.map(({ question }) => question)).toEqual(['Q?', 'Meanwhile?']);
});

test.each([
  ['of yesterday', undefined, Date.now() - 86_400_000],
  ['that was put away', null, Date.now()],
])('a conversation %s stays away', async (_, known, updated_ms) => {
  const done = history.restore(known);
  listed([{ ...CARD, updated_ms }]);
  await done;
  expect(sent.map((frame) => frame.type)).toEqual(['threads.list']);
});

test.each([{ isPrivate: true }, { isPrivateWindow: true }])('nothing private is asked for, named or written: %o', async (part) => {
  state = { ...state, ...part };
  await history.restore(undefined);
  expect(sent).toEqual([]);
  expect(history.tagsOf()).toEqual({ private: true });
  state = { ...state, turns: [newTurn({ run: 'r1', question: 'Q', selection: '', copilot: 'a/b', copilotName: 'B', status: 'waiting' })] };
  changed('kept', 't9', 'r1');
  expect(fakeBrowser.storage.session.kept).toEqual({});
});

test('a first question makes a thread up, the next one goes on with it, and the server has the last word', () => {
  const { thread } = history.tagsOf();
  expect(thread).toMatch(/^t[0-9a-f]{15}$/);
  expect(history.tagsOf()).toEqual({ thread });
  state = { ...state, turns: [newTurn({ run: 'r1', question: 'Q', selection: '', copilot: 'a/b', copilotName: 'B', status: 'waiting' })] };
  changed('kept', 'other', 'r1');
  expect(history.tagsOf()).toEqual({ thread: 'other' });
});

test('earlier turns are put before those that are here', async () => {
  await resume(50);
  const done = history.earlier();
  expect(last()).toMatchObject({ type: 'thread.open', thread: 't1', before: 50 });
  opened([{ ...TURN, question: 'Before?' }], 49);
  await done;
  expect(state.turns.map((turn) => turn.question)).toEqual(['Before?', 'Q?']);
  expect(state.thread.earlier).toBe(49);
});

test('a conversation about another page is foreign, and its quotes are looked for by their words', async () => {
  await resume(0, { ...CARD, address: 'https://b.example/' });
  expect(isForeign(state)).toBe(true);
  expect(state.turns[0]?.quotes).toEqual([{ ...QUOTE, block: null, start: null, end: null }]);
  expect(fakeBrowser.storage.session.kept).toEqual({});
});

test('a selection that was asked about is a selection again', async () => {
  const done = history.resume('t1');
  opened([{ ...TURN, question: 'About this passage of the page: “one ”\n\n two”\n\nWhy?' }]);
  await done;
  expect(state.turns[0]).toMatchObject({ question: 'Why?', selection: 'one ”\n\n two' });
});

test("another window's answer comes on screen, but not over one that runs", async () => {
  await resume();
  changed('kept', 't1', 'elsewhere');
  expect(last()).toMatchObject({ type: 'thread.open', thread: 't1' });
  sent = [];
  state = { ...state, turns: [newTurn({ run: 'r1', question: 'Q', selection: '', copilot: 'a/b', copilotName: 'B', status: 'streaming' })] };
  changed('kept', 't1', 'elsewhere');
  expect(sent).toEqual([]);
});

test('what is deleted leaves the screen and comes back with an undo', async () => {
  await resume();
  changed('deleted', 'other');
  expect(state.turns).toHaveLength(1);
  changed('deleted', 't1');
  expect(state).toMatchObject({ turns: [], thread: { id: null } });
  changed('restored', 't1');
  expect(last()).toMatchObject({ type: 'thread.open', thread: 't1' });
});

test('a deletion can be undone for its seconds', async () => {
  vi.useFakeTimers();
  const done = history.remove(CARD, 8_000);
  answer({ type: 'thread.done' });
  await done;
  expect(state.history.deleted).toEqual(CARD);
  history.bringBack();
  expect(last()).toMatchObject({ type: 'thread.restore', thread: 't1' });
  expect(state.history.deleted).toBeNull();
  const again = history.remove(CARD, 8_000);
  answer({ type: 'thread.done' });
  await again;
  vi.advanceTimersByTime(8_000);
  expect(state.history.deleted).toBeNull();
  vi.useRealTimers();
});

test('the list comes in pages, and late answers to an old search are dropped', async () => {
  history.open();
  answer({ type: 'threads.listed', threads: [CARD], next: 1, total: 2, address: null, keep_days: 7 });
  await vi.waitFor(() => expect(state.history).toMatchObject({ threads: [CARD], total: 2, keepDays: 7 }));
  const more = history.more();
  listed([{ ...CARD, id: 't2' }]);
  await more;
  expect(state.history.threads.map(({ id }) => id)).toEqual(['t1', 't2']);
  const first = history.search('on');
  const { request } = last();
  const second = history.search('one');
  history.take({ type: 'threads.found', request, found: [] });
  await first;
  expect(state.history.found).toBeNull();
  answer({ type: 'threads.found', found: [{ thread: CARD, position: 0, excerpt: ['a', 'b'] }] });
  await second;
  expect(state.history.found).toHaveLength(1);
});

test("a refusal is said, and another panel's answers are left alone", async () => {
  const done = history.resume('gone');
  expect(history.take({ type: 'thread.done', request: 'other' })).toBe(true);
  answer({ type: 'error', code: 'thread_unknown', message: 'Gone.', page: null, retry_after_ms: null });
  expect(await done).toBe(false);
  expect(state.notice).toBe('Gone.');
  expect(history.take({ type: 'error', code: 'x', message: 'X.', page: null, request: null, field: null, retry_after_ms: null })).toBe(false);
});

test('a server that does not answer is given up', async () => {
  vi.useFakeTimers();
  const done = history.resume('t1');
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await done).toBe(false);
  vi.useRealTimers();
});

test('a slow server brings back the conversation of a page all the same', async () => {
  vi.useFakeTimers();
  const done = history.restore('t1');
  await vi.advanceTimersByTimeAsync(30_000);
  listed([CARD]);
  await vi.advanceTimersByTimeAsync(30_000);
  opened();
  await done;
  vi.useRealTimers();
  expect(state.turns).toHaveLength(1);
});

test('today ends at midnight', () => {
  const now = new Date(2026, 10, 29, 0, 5);
  expect([isToday(now.getTime() - 60_000, now), isToday(now.getTime() - 600_000, now)]).toEqual([true, false]);
});
