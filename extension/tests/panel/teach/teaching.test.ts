// What the panel does with what is taught: a draft that outlives a reload, checks as one types, the server's refusals in words.
import { beforeEach, expect, test, vi } from 'vitest';
import { hindranceTo, Teaching } from '../../../entrypoints/panel/teach/teaching.ts';
import { FIRST_STATE, type State } from '../../../entrypoints/panel/state/state.ts';
import { newTurn, type Turn, withMembers } from '../../../entrypoints/panel/state/thread.ts';
import type { ClientFrame, ServerFrame } from '../../../lib/connection/protocol.ts';
import { fakeBrowser } from '../../browser.ts';

vi.mock('../../../lib/words.ts', async () => (await import('../../fakes/words.ts')).fakeWords);
vi.mock('wxt/browser', async () => ({ browser: (await import('../../browser.ts')).fakeBrowser }));

const TEXT = { title: 'T', url: 'https://a.example/x', blocks: ['one'], types: [], blocksLeftOut: 0, frames: { hosts: [], share: 0 }, selection: '' };
const QUOTE = { text: 'one', verified: true, at: 0, block: 1, start: 0, end: 3 };
const TURN: Turn = { ...newTurn({ run: 'r', question: 'Q?', selection: '', copilot: 'a/b', copilotName: 'B', status: 'done' }), answer: 'A', quotes: [QUOTE] };
const KEPT = { id: 'c1', copilot: 'a/b', title: 'T', address: '', question: 'Q?', answer: 'A', corrected: 'C', made_ms: 1, changed_ms: 1, used: 'no' as const };

let state: State;
let sent: ClientFrame[];
let takers: Set<(frame: ServerFrame) => boolean>;
let teaching: Teaching;

function make(): Teaching {
  takers = new Set();
  return new Teaching({
    takers, get state() { return state; }, transmit: (frame: ClientFrame) => sent.push(frame),
    patch: (part: Partial<State>) => (state = { ...state, ...part }),
  } as never);
}

beforeEach(() => {
  vi.useFakeTimers();
  fakeBrowser.storage.session.kept = {};
  sent = [];
  state = { ...FIRST_STATE, tab: 7, turns: [TURN], thread: { ...FIRST_STATE.thread, id: 't' }, page: { ...FIRST_STATE.page, id: 'p1', text: TEXT, status: 'ready' } };
  teaching = make();
  return () => vi.useRealTimers();
});

const settle = (): Promise<void> => vi.advanceTimersByTimeAsync(1_000).then(() => undefined);
async function answer(frame: Record<string, unknown>): Promise<boolean> {
  const request = (sent.at(-1) as { request: string }).request;
  const isTaken = [...takers].some((take) => take({ request, ...frame } as unknown as ServerFrame));
  await vi.advanceTimersByTimeAsync(0);
  return isTaken;
}

test('an answer is checked at once and as it is changed, and kept with the page that is open', async () => {
  teaching.correct(TURN);
  expect(teaching.taught.editor).toMatchObject({ corrected: 'A', passages: [{ block: 1, text: 'one' }] });
  await settle();
  expect(sent.at(-1)).toMatchObject({ type: 'correction.check', page: 'p1', corrected: 'A' });
  teaching.type('Better');
  await settle();
  expect(await answer({ type: 'correction.checked', fits: true, quotes: [], checks: [] })).toBe(true);
  expect(teaching.taught.editor?.checked?.fits).toBe(true);
  const saved = teaching.save();
  expect(sent.at(-1)).toMatchObject({ type: 'correction.keep', page: 'p1', question: 'Q?', answer: 'A', corrected: 'Better', although_private: false });
  await answer({ type: 'correction.kept', correction: KEPT });
  expect(await saved).toBe(true);
  expect(teaching.taught.editor).toBeNull();
  expect(fakeBrowser.storage.session.kept).toEqual({});
});

test('a reload brings the words back, but never those of a private conversation', async () => {
  teaching.correct(TURN);
  teaching.type('Half a sen');
  await settle();
  teaching = make();
  await settle();
  expect(teaching.taught.editor).toMatchObject({ corrected: 'Half a sen', question: 'Q?' });
  teaching.correct(TURN);
  expect(teaching.taught.editor?.corrected).toBe('Half a sen');
  teaching.putAway();
  state = { ...state, isPrivate: true };
  teaching.correct(TURN);
  await settle();
  expect(fakeBrowser.storage.session.kept).toEqual({});
  void teaching.save();
  expect(sent.at(-1)).toMatchObject({ type: 'correction.keep', although_private: true });
});

test('a refusal stands where it was written and nothing is lost', async () => {
  teaching.correct(TURN);
  const saved = teaching.save();
  await answer({ type: 'error', code: 'teach_quote', message: 'Not in this page.' });
  expect(await saved).toBe(false);
  expect(teaching.taught.editor).toMatchObject({ corrected: 'A', trouble: 'Not in this page.', isBusy: false });
});

test('on another page the correction waits for its own', async () => {
  teaching.correct(TURN);
  state = { ...state, page: { ...state.page, text: { ...TEXT, url: 'https://b.example/' } } };
  expect(await teaching.save()).toBe(false);
  expect(teaching.taught.editor?.trouble).toBe('correctionNoPage');
});

test('a thumb shows at once, and is taken back when the server refuses', async () => {
  const rated = teaching.rate(TURN, 'up');
  expect(state.turns[0]?.thumb).toBe('up');
  expect(sent.at(-1)).toMatchObject({ type: 'turn.rate', thread: 't', run: 'r', thumb: 'up' });
  await answer({ type: 'error', code: 'thread_unknown', message: 'Gone.' });
  await rated;
  expect([state.turns[0]?.thumb, state.notice]).toEqual([null, 'Gone.']);
});

test('one answer of several is rated alone', async () => {
  const member = (run: string): Turn => ({ ...TURN, run, keptRun: `kept-${run}` });
  state = { ...state, turns: [withMembers({ ...TURN, run: 'g' }, [member('a'), member('b')])] };
  const rated = teaching.rate(member('b'), 'down');
  expect(state.turns[0]?.members.map(({ thumb }) => thumb)).toEqual([null, 'down']);
  expect(sent.at(-1)).toMatchObject({ type: 'turn.rate', run: 'kept-b', thumb: 'down' });
  await answer({ type: 'teach.done' });
  await rated;
  expect(state.turns[0]?.members.map(({ thumb }) => thumb)).toEqual([null, 'down']);
});

test('why an answer cannot be corrected is said', () => {
  expect(hindranceTo(TURN, state)).toBe('');
  expect(hindranceTo({ ...TURN, withoutPage: true }, state)).toBe('correctWithoutPage');
  expect(hindranceTo({ ...TURN, reading: 'x' }, { ...state, page: { ...state.page, reading: 'y' } })).toBe('correctOutdated');
  expect(hindranceTo(TURN, { ...state, page: { ...state.page, id: null } })).toBe('correctElsewhere');
});
