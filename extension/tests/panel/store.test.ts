// The panel's state: what the user does goes out as frames, what comes in changes the page, the thread and the training.
import { beforeEach, expect, test, vi } from 'vitest';
import type { FromPanel, LinkView, PageAnswer, PageCommand, PageEvent, ToPanel } from '../../lib/connection/messages.ts';
import { type ClientFrame, type CopilotCard, type ServerFrame, TITLE_CHARS_MAX } from '../../lib/connection/protocol.ts';
import { isOutdated } from '../../entrypoints/panel/state/reading.ts';
import { Store } from '../../entrypoints/panel/state/store.ts';
import type { Turn } from '../../entrypoints/panel/state/thread.ts';
import { fakeBrowser } from '../browser.ts';
import { READY } from '../connection/sockets.ts';

const { wire } = vi.hoisted(() => ({
  wire: { sent: [] as FromPanel[], hear: (_message: ToPanel): void => undefined, answer: (_command: PageCommand): PageAnswer => ({ shown: true }), says: (_event: PageEvent): void => undefined },
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

const TEXT = { title: 't'.repeat(TITLE_CHARS_MAX + 1), url: 'https://a.example/x#part', blocks: ['one', 'two'], types: ['Recipe'], blocksLeftOut: 0, frames: { hosts: [], share: 0 }, selection: '' };
const CARD: CopilotCard = { id: 'a/b', name: 'B', category: 'a', category_name: 'A', icon: '', promise: '', starters: [], mode: 'tuned', refused: null, trainable: true, own: false };
const UP: LinkView = { status: 'ready', code: '', message: '', ready: { ...READY, copilots: [{ ...CARD, id: 'generalist', name: 'G' }, CARD] }, fresh: true };
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
const opened = (): ClientFrame[] => frames().filter((frame) => frame.type === 'page.open');
const asked = (): ClientFrame[] => frames().filter((frame) => frame.type === 'ask');
const say = (frame: ServerFrame): void => wire.hear({ kind: 'frame', frame });
const link = (view: Partial<LinkView>): void => wire.hear({ kind: 'link', link: { ...UP, ...view } });

/** A panel with its page open, or still being read by the server. */
async function open({ isRead = true } = {}): Promise<string> {
  link({});
  wire.hear({ kind: 'opened', tab: 5, host: 'page', site: null, isPrivate: false });
  await vi.waitFor(() => expect(store.state.page.id).not.toBeNull());
  const id = store.state.page.id ?? '';
  if (isRead) say({ type: 'page.ready', page: id, tokens: 9, cached_tokens: 0, blocks_read: 2, blocks_total: 2, ms: 1, ordering: [] });
  return id;
}

function done(run: string, answer = 'A'): ServerFrame {
  const usage = { page_tokens: 1, cached_tokens: 1, prompt_tokens: 1, answer_tokens: 1 };
  return { type: 'run.done', run, seq: 1, reason: 'stop', answer, quotes: [], checks: [], usage, timings: { ttft_ms: 1, total_ms: 1 } };
}

test('the page is read once and opened when there is a link, its title cut to what the server takes', async () => {
  const id = await open();
  expect(opened()).toEqual([{ type: 'page.open', page: id, title: TEXT.title.slice(0, TITLE_CHARS_MAX), url: TEXT.url, blocks: TEXT.blocks, types: ['Recipe'] }]);
  expect(store.state.page).toMatchObject({ status: 'ready', blocksRead: 2 });
});

test('no page is opened before the link is ready', async () => {
  wire.hear({ kind: 'opened', tab: 5, host: 'page', site: null, isPrivate: false });
  await vi.waitFor(() => expect(store.state.page.text).not.toBeNull());
  expect(frames()).toEqual([]);
});

test('a question waits for its page and goes out once', async () => {
  const id = await open({ isRead: false });
  store.ask('Why?', false);
  expect(store.state.turns[0]).toMatchObject({ status: 'held', copilotName: 'G' });
  expect(asked()).toEqual([]);
  say({ type: 'page.ready', page: id, tokens: 9, cached_tokens: 0, blocks_read: 2, blocks_total: 2, ms: 1, ordering: [] });
  expect(asked()).toMatchObject([{ type: 'ask', page: id, copilot: 'generalist', question: 'Why?', history: [] }]);
  expect(store.state.turns[0]?.status).toBe('waiting');
});

test('the next question carries the answer before it, and asking again goes to the copilot that was chosen', async () => {
  await open();
  store.ask('One?', false);
  const [first] = store.state.turns;
  if (first) say(done(first.run));
  if (store.state.turns[0]) store.again(store.state.turns[0], 'a/b');
  expect(frames().at(-1)).toMatchObject({ type: 'ask', copilot: 'a/b', question: 'One?', history: [{ question: 'One?', answer: 'A' }] });
  expect(fakeBrowser.storage.local.kept).toMatchObject({ copilot: 'a/b', recent: ['a/b'], favourites: [], shortlist: { current: { id: 'a/b', name: 'B' }, often: [{ id: 'a/b', name: 'B' }] } });
});

test('frames of another page change nothing', async () => {
  await open({ isRead: false });
  say({ type: 'page.reading', page: 'other', tokens_done: 5, tokens_total: 9 });
  say({ type: 'page.ready', page: 'other', tokens: 9, cached_tokens: 0, blocks_read: 1, blocks_total: 9, ms: 1, ordering: [] });
  expect(store.state.page).toMatchObject({ status: 'opening', tokensDone: 0 });
});

test('an error about the page stands with the page, any other is a notice', async () => {
  const id = await open();
  say({ type: 'error', code: 'busy', message: 'Later.', page: null, request: null, field: null, retry_after_ms: null });
  expect(store.state).toMatchObject({ notice: 'Later.', page: { status: 'ready' } });
  say({ type: 'error', code: 'page_too_long', message: 'Too long.', page: id, request: null, field: null, retry_after_ms: null });
  expect(store.state.page).toMatchObject({ status: 'error', message: 'Too long.' });
});

test('a link that knows nothing any more ends what ran and opens the page again', async () => {
  const id = await open();
  store.ask('Why?', false);
  link({ status: 'offline' });
  link({ fresh: true });
  expect(store.state.turns[0]).toMatchObject({ status: 'error', error: { code: 'interrupted' } });
  expect(opened()).toHaveLength(2);
  expect(store.state.page.id).not.toBe(id);
});

test('a panel that opened while the link was away opens its page although the link was resumed', async () => {
  wire.hear({ kind: 'opened', tab: 5, host: 'page', site: null, isPrivate: false });
  await vi.waitFor(() => expect(store.state.page.text).not.toBeNull());
  link({ fresh: false });
  await vi.waitFor(() => expect(opened()).toHaveLength(1));
});

test('a link that was resumed leaves the page and the answer alone', async () => {
  await open();
  store.ask('Why?', false);
  const before = frames().length;
  link({ fresh: false });
  expect(store.state.turns[0]?.status).toBe('waiting');
  expect(frames()).toHaveLength(before);
});

test('the choice is recalled for a page that cannot be read, too', async () => {
  fakeBrowser.storage.local.kept = { copilot: 'a/b', recent: ['a/b'], favourites: ['a/b'] };
  page = { error: 'Cannot access contents of the page' };
  link({});
  wire.hear({ kind: 'opened', host: 'page', site: null, tab: 5, isPrivate: false });
  await vi.waitFor(() => expect(store.current?.id).toBe('a/b'));
  expect(store.state.favourites).toEqual(['a/b']);
});

test('a question that waited when the panel was left comes back and is not sent by itself', async () => {
  await open();
  store.ask('One?', false);
  store.ask('Two?', false);
  store = new Store();
  await open();
  expect(store.state.queue).toMatchObject([{ question: 'Two?', isPaused: true }]);
  expect(frames().filter(({ type }) => type === 'ask')).toHaveLength(1);
});

test('an answer that goes on in a hidden branch is complete when its branch is shown', async () => {
  await open();
  store.ask('One?', false);
  say(done(store.state.turns[0]?.run ?? ''));
  const [first] = store.state.turns;
  if (first) store.asking.regenerate(first);
  const second = store.state.turns[0]?.run ?? '';
  if (first) store.asking.showBranch(first);
  say(done(second, 'B'));
  expect(store.state.hidden).toMatchObject([{ run: second, status: 'done', answer: 'B' }]);
});

test('words from toolbar or menu wait for the page, choose their copilot and fill the box', async () => {
  wire.hear({ kind: 'fill', fill: { words: 'Why?', selection: 'one', copilot: 'a/b', isToChoose: true, isToSend: false } });
  expect(store.state.filling).toBeNull();
  await open();
  expect(store.state).toMatchObject({ copilot: 'a/b', taken: 'one', filling: { words: 'Why?', isToChoose: true } });
  store.dropSelection();
  store.ask('Why?', true);
  expect(frames().at(-1)).toMatchObject({ question: 'Why?' });
});

test('a new thread stops what runs and is put away for this tab', async () => {
  await open();
  store.ask('Why?', false);
  store.clearThread();
  expect(frames().at(-1)).toMatchObject({ type: 'cancel', run: expect.stringMatching(/^r/) as string });
  expect(store.state).toMatchObject({ turns: [], thread: { id: null } });
  expect(fakeBrowser.storage.session.kept).toEqual({ 'chat:5:https://a.example/x': null, 'chat:5:queue:https://a.example/x': [] });
});

test('a question without the page goes on while the page is read again, and begins no new conversation', async () => {
  await open();
  store.ask('One?', false);
  say(done(store.state.turns[0]?.run ?? ''));
  store.setWithoutPage(true);
  store.ask('Two?', false);
  await store.readPage();
  expect(store.state.turns).toMatchObject([{ status: 'done', withoutPage: false }, { status: 'waiting', withoutPage: true, reading: '' }]);
  expect(asked().at(-1)).not.toHaveProperty('page');
  expect(new Set(asked().map((frame) => 'thread' in frame && frame.thread)).size).toBe(1);
});

test('a page without text, or one that may not be read, says so and is not sent', async () => {
  page = { page: { ...TEXT, blocks: [] } };
  link({});
  wire.hear({ kind: 'opened', tab: 5, host: 'page', site: null, isPrivate: false });
  await vi.waitFor(() => expect(store.state.page.status).toBe('empty'));
  page = { error: 'Cannot access contents of the page' };
  await store.readPage();
  expect(store.state.page).toMatchObject({ status: 'unreadable', text: null });
  expect(opened()).toEqual([]);
});

test('a training is told until its report is put away', async () => {
  await open();
  const report: ServerFrame = { type: 'train.report', copilot: 'a/b', activated: false, why: 'Why.', code: 'train_failed', figures: null, report: null, trained: [], heldout: [] };
  store.train('a/b');
  say(report);
  expect(store.state.training).toEqual(report);
  store.endTraining('a/b');
  expect(store.state.training).toBeNull();
  expect(frames().slice(-2)).toEqual([{ type: 'train.start', copilot: 'a/b' }, { type: 'train.cancel', copilot: 'a/b' }]);
});

test('a quote that is gone from the page is marked, and a page that moved on says so', async () => {
  await open();
  await store.show({ block: 1, start: 0, end: 3, text: 'one' }, { run: 'r', at: 0 });
  expect(store.state).toMatchObject({ missing: 'one', lit: null });
  wire.says({ event: 'moved' });
  expect(store.state.page.moved).toBe(true);
});

test('evidence that is shown is lit until the highlight is taken away', async () => {
  await open();
  const commands: PageCommand[] = [];
  wire.answer = (command) => {
    commands.push(command);
    return { shown: true };
  };
  const passage = { block: 1, start: 0, end: 3, text: 'one' };
  await store.show(passage, { run: 'r', at: 7 });
  expect(store.state).toMatchObject({ missing: '', lit: { run: 'r', at: 7 } });
  store.preview(passage);
  store.preview(null);
  store.unlight();
  expect(store.state.lit).toBeNull();
  expect(commands).toEqual([{ do: 'show', passage }, { do: 'show', passage, preview: true }, { do: 'clear', preview: true }, { do: 'clear' }]);
  await store.show(passage, { run: 'r', at: 7 });
  store.ask('And?', false);
  expect(store.state.lit).toBeNull();
});

test('a question on a page that has moved on waits until it is read again', async () => {
  const id = await open();
  store.ask('Before?', false);
  say(done(store.state.turns[0]?.run ?? ''));
  page = { page: { ...TEXT, blocks: ['three'] } };
  wire.says({ event: 'moved' });
  store.ask('After?', false);
  expect(store.state.turns.at(-1)).toMatchObject({ question: 'After?', status: 'held' });
  await vi.waitFor(() => expect(frames().at(-1)).toMatchObject({ type: 'page.open', blocks: ['three'] }));
  const next = store.state.page.id ?? '';
  expect(next).not.toBe(id);
  say({ type: 'page.ready', page: next, tokens: 9, cached_tokens: 0, blocks_read: 1, blocks_total: 1, ms: 1, ordering: [] });
  expect(frames().at(-1)).toMatchObject({ type: 'ask', page: next, question: 'After?' });
  const [before, after] = store.state.turns;
  expect([before?.question, after?.question]).toEqual(['Before?', 'After?']);
  expect(isOutdated(before as Turn, store.state.page)).toBe(true);
  expect(isOutdated(after as Turn, store.state.page)).toBe(false);
});

test('a page that is read again and says the same leaves its answers as they are', async () => {
  await open();
  store.ask('Why?', false);
  say(done(store.state.turns[0]?.run ?? ''));
  await store.readPage();
  expect(store.state.page.reading).not.toBe('');
  expect(isOutdated(store.state.turns[0] as Turn, store.state.page)).toBe(false);
  wire.says({ event: 'moved' });
  expect(isOutdated(store.state.turns[0] as Turn, store.state.page)).toBe(true);
});
