// The panel's state: what the user does goes out as frames, what comes in changes the page, the thread and the training.
import { beforeEach, expect, test, vi } from 'vitest';
import type { FromPanel, LinkView, PageAnswer, PageCommand, ToPanel } from '../../lib/connection/messages.ts';
import { type ClientFrame, type CopilotCard, type ServerFrame, TITLE_CHARS_MAX } from '../../lib/connection/protocol.ts';
import { Store } from '../../entrypoints/panel/state/store.ts';
import { fakeBrowser } from '../browser.ts';
import { READY } from '../connection/sockets.ts';

const { wire } = vi.hoisted(() => ({
  wire: { sent: [] as FromPanel[], hear: (_message: ToPanel): void => undefined, answer: (_command: PageCommand): PageAnswer => ({ shown: true }), says: (_event: 'moved' | 'focus'): void => undefined },
}));
vi.mock('wxt/browser', async () => ({ browser: (await import('../browser.ts')).fakeBrowser }));
vi.mock('../../entrypoints/panel/state/wire.ts', () => ({
  Wire: class {
    constructor(hear: typeof wire.hear, says: typeof wire.says) {
      Object.assign(wire, { hear, says });
    }
    start = (): Promise<void> => Promise.resolve();
    send = (message: FromPanel): void => void wire.sent.push(message);
    call = (command: PageCommand): Promise<PageAnswer> => Promise.resolve(wire.answer(command));
  },
}));

const TEXT = { title: 't'.repeat(TITLE_CHARS_MAX + 1), url: 'https://a.example/x#part', blocks: ['one', 'two'], types: ['Recipe'], blocksLeftOut: 0, selection: '' };
const CARD: CopilotCard = { id: 'a/b', name: 'B', category: 'a', category_name: 'A', icon: '', promise: '', starters: [], mode: 'tuned', refused: null, trainable: true };
const UP: LinkView = { status: 'ready', message: '', ready: { ...READY, copilots: [{ ...CARD, id: 'generalist', name: 'G' }, CARD] }, fresh: true };
let store: Store;
let page: PageAnswer;

beforeEach(() => {
  fakeBrowser.storage.session.kept = {};
  fakeBrowser.storage.local.kept = {};
  page = { page: TEXT };
  Object.assign(wire, { sent: [], answer: (command: PageCommand): PageAnswer => (command.do === 'read' ? page : { shown: false }) });
  store = new Store();
});

const frames = (): ClientFrame[] => wire.sent.flatMap((message) => (message.kind === 'frame' ? [message.frame] : []));
const say = (frame: ServerFrame): void => wire.hear({ kind: 'frame', frame });
const link = (view: Partial<LinkView>): void => wire.hear({ kind: 'link', link: { ...UP, ...view } });

/** A panel with its page open, or still being read by the server. */
async function open({ isRead = true } = {}): Promise<string> {
  link({});
  wire.hear({ kind: 'opened', tab: 5 });
  await vi.waitFor(() => expect(store.state.page.id).not.toBeNull());
  const id = store.state.page.id ?? '';
  if (isRead) say({ type: 'page.ready', page: id, tokens: 9, cached_tokens: 0, blocks_read: 2, blocks_total: 2, ms: 1 });
  return id;
}

function done(run: string, answer = 'A'): ServerFrame {
  const usage = { page_tokens: 1, cached_tokens: 1, prompt_tokens: 1, answer_tokens: 1 };
  return { type: 'run.done', run, seq: 1, reason: 'stop', answer, quotes: [], checks: [], usage, timings: { ttft_ms: 1, total_ms: 1 } };
}

test('the page is read once and opened when there is a link, its title cut to what the server takes', async () => {
  const id = await open();
  expect(frames()).toEqual([{ type: 'page.open', page: id, title: TEXT.title.slice(0, TITLE_CHARS_MAX), url: TEXT.url, blocks: TEXT.blocks, types: ['Recipe'] }]);
  expect(store.state.page).toMatchObject({ status: 'ready', blocksRead: 2 });
});

test('no page is opened before the link is ready', async () => {
  wire.hear({ kind: 'opened', tab: 5 });
  await vi.waitFor(() => expect(store.state.page.text).not.toBeNull());
  expect(frames()).toEqual([]);
});

test('a question waits for its page and goes out once', async () => {
  const id = await open({ isRead: false });
  store.ask('Why?', false);
  expect(store.state.turns[0]).toMatchObject({ status: 'held', copilotName: 'G' });
  expect(frames()).toHaveLength(1);
  say({ type: 'page.ready', page: id, tokens: 9, cached_tokens: 0, blocks_read: 2, blocks_total: 2, ms: 1 });
  expect(frames().slice(1)).toMatchObject([{ type: 'ask', page: id, copilot: 'generalist', question: 'Why?', history: [] }]);
  expect(store.state.turns[0]?.status).toBe('waiting');
});

test('the next question carries the answer before it, and asking again goes to the copilot that was chosen', async () => {
  await open();
  store.ask('One?', false);
  const [first] = store.state.turns;
  if (first) say(done(first.run));
  if (store.state.turns[0]) store.again(store.state.turns[0], 'a/b');
  expect(frames().at(-1)).toMatchObject({ type: 'ask', copilot: 'a/b', question: 'One?', history: [{ question: 'One?', answer: 'A' }] });
  expect(fakeBrowser.storage.local.kept).toEqual({ copilot: 'a/b', recent: ['a/b'] });
});

test('frames of another page change nothing', async () => {
  await open({ isRead: false });
  say({ type: 'page.reading', page: 'other', tokens_done: 5, tokens_total: 9 });
  say({ type: 'page.ready', page: 'other', tokens: 9, cached_tokens: 0, blocks_read: 1, blocks_total: 9, ms: 1 });
  expect(store.state.page).toMatchObject({ status: 'opening', tokensDone: 0 });
});

test('an error about the page stands with the page, any other is a notice', async () => {
  const id = await open();
  say({ type: 'error', code: 'busy', message: 'Later.', page: null, retry_after_ms: null });
  expect(store.state).toMatchObject({ notice: 'Later.', page: { status: 'ready' } });
  say({ type: 'error', code: 'page_too_long', message: 'Too long.', page: id, retry_after_ms: null });
  expect(store.state.page).toMatchObject({ status: 'error', message: 'Too long.' });
});

test('a link that knows nothing any more ends what ran and opens the page again', async () => {
  const id = await open();
  store.ask('Why?', false);
  link({ status: 'offline' });
  link({ fresh: true });
  expect(store.state.turns[0]).toMatchObject({ status: 'error', error: { code: 'interrupted' } });
  expect(frames().at(-1)).toMatchObject({ type: 'page.open' });
  expect(store.state.page.id).not.toBe(id);
});

test('a link that was resumed leaves the page and the answer alone', async () => {
  await open();
  store.ask('Why?', false);
  const before = frames().length;
  link({ fresh: false });
  expect(store.state.turns[0]?.status).toBe('waiting');
  expect(frames()).toHaveLength(before);
});

test('a thread is kept for its page in its tab, and what ran when it was left is ended', async () => {
  await open();
  store.ask('One?', false);
  say(done(store.state.turns[0]?.run ?? ''));
  store.ask('Two?', false);
  say({ type: 'run.error', run: store.state.turns[1]?.run ?? '', seq: 0, code: 'busy', message: 'Later.', retry_after_ms: null });
  expect(Object.keys(fakeBrowser.storage.session.kept)).toEqual(['chat:5:https://a.example/x']);
  store = new Store();
  await open();
  expect(store.state.turns.map(({ question, status }) => [question, status])).toEqual([['One?', 'done'], ['Two?', 'error']]);
});

test('a new thread stops what runs and forgets the old one', async () => {
  await open();
  store.ask('Why?', false);
  store.clearThread();
  expect(frames().at(-1)).toMatchObject({ type: 'cancel', run: expect.stringMatching(/^r/) as string });
  expect(store.state.turns).toEqual([]);
  expect(Object.values(fakeBrowser.storage.session.kept)).toEqual([[]]);
});

test('a page without text, or one that may not be read, says so and is not sent', async () => {
  page = { page: { ...TEXT, blocks: [] } };
  link({});
  wire.hear({ kind: 'opened', tab: 5 });
  await vi.waitFor(() => expect(store.state.page.status).toBe('empty'));
  page = { error: 'Cannot access contents of the page' };
  await store.readPage();
  expect(store.state.page).toMatchObject({ status: 'unreadable', text: null });
  expect(frames()).toEqual([]);
});

test('a training is told until its report is put away', async () => {
  await open();
  const report: ServerFrame = { type: 'train.report', copilot: 'a/b', activated: false, why: 'Why.', code: 'train_failed', figures: null };
  store.train('a/b');
  say(report);
  expect(store.state.training).toEqual(report);
  store.endTraining('a/b');
  expect(store.state.training).toBeNull();
  expect(frames().slice(-2)).toEqual([{ type: 'train.start', copilot: 'a/b' }, { type: 'train.cancel', copilot: 'a/b' }]);
});

test('a quote that is gone from the page is marked, and a page that moved on says so', async () => {
  await open();
  await store.show({ block: 1, start: 0, end: 3, text: 'one' });
  expect(store.state.missing).toBe('one');
  wire.says('moved');
  expect(store.state.page.moved).toBe(true);
});
