// One question to several copilots: what goes out, how their answers come in, which of them is stopped or asked again, what is kept.
import { beforeEach, expect, test } from 'vitest';
import type { Ask, ClientFrame, PanelAsk, ServerFrame } from '../../lib/connection/protocol.ts';
import { Asking } from '../../entrypoints/panel/state/asking.ts';
import { gathered, isComplete, joined } from '../../entrypoints/panel/state/group.ts';
import { FIRST_STATE, type State } from '../../entrypoints/panel/state/state.ts';
import { answersOf, applyFrame, interrupt, isRunning, newTurn, type Turn } from '../../entrypoints/panel/state/thread.ts';

const TEXT = { title: 'T', url: 'https://a.example/', blocks: ['one'], types: [], blocksLeftOut: 0, frames: { hosts: [], share: 0 }, selection: '' };
const SEVERAL = { copilot: 'a/a', several: ['a/b', 'a/c', 'a/d'] };
let state: State;
let sent: ClientFrame[];
let asking: Asking;

beforeEach(() => {
  state = { ...FIRST_STATE, page: { ...FIRST_STATE.page, status: 'ready', id: 'p1', text: TEXT, reading: 'x' } };
  sent = [];
  asking = new Asking({ state: () => state, patch: (part) => (state = { ...state, ...part }), send: (frame) => sent.push(frame), keep: () => undefined, nameOf: (copilot) => copilot.toUpperCase(), aboutToAsk: () => undefined, asked: () => undefined });
});

const ask = (question: string, asked = SEVERAL): void => asking.ask({ question, selection: '', ...asked });
const last = (): Turn => state.turns.at(-1) as Turn;
const panels = (): PanelAsk[] => sent.filter((frame) => frame.type === 'panel.ask');
const asks = (): Ask[] => sent.filter((frame) => frame.type === 'ask');
const hear = (frame: ServerFrame): void => void (state = { ...state, turns: applyFrame(state.turns, frame), hidden: applyFrame(state.hidden, frame) });
const answer = (n: number): Turn => last().members[n] as Turn;

function done(n: number, text = `Says ${n}.`, reason: 'stop' | 'cancelled' = 'stop'): void {
  const usage = { page_tokens: 1, cached_tokens: 1, prompt_tokens: 1, answer_tokens: 1 };
  hear({ type: 'run.done', run: answer(n).run, seq: 1, reason, answer: text, quotes: [], checks: [], usage, timings: { ttft_ms: 1, total_ms: 1 } });
}
const fail = (n: number): void => hear({ type: 'run.error', run: answer(n).run, seq: 1, code: 'busy', message: 'Later.', retry_after_ms: null });

test('several copilots are asked in one frame, and each answer grows by itself', () => {
  ask('Q?');
  expect(sent).toEqual([{ type: 'panel.ask', group: last().group, page: 'p1', question: 'Q?', members: [0, 1, 2].map((n) => ({ run: answer(n).run, copilot: SEVERAL.several[n], history: [] })) }]);
  expect(last()).toMatchObject({ status: 'waiting', copilotName: 'A/B, A/C, A/D' });
  hear({ type: 'run.delta', run: answer(1).run, seq: 0, text: 'Says' });
  expect([last().status, answer(0).answer, answer(1).answer]).toEqual(['streaming', '', 'Says']);
  done(0);
  done(1);
  expect(isRunning(last())).toBe(true);
  done(2);
  expect([last().status, isComplete(last())]).toEqual(['done', true]);
});

test('one that fails leaves the others alone, and all of them failed is a failure', () => {
  ask('Q?');
  fail(0);
  done(1);
  done(2, '', 'cancelled');
  expect([last().status, isComplete(last()), answer(0).error?.code]).toEqual(['done', true, 'busy']);
  ask('Q?');
  [0, 1, 2].forEach(fail);
  expect([last().status, isComplete(last())]).toEqual(['error', false]);
});

test('an answer is stopped alone or with the others, and only what runs', () => {
  ask('Q?');
  done(0);
  asking.stop(answer(1));
  expect(sent.slice(1)).toEqual([{ type: 'cancel', run: answer(1).run }]);
  asking.stopAll();
  expect(sent.slice(2)).toEqual([1, 2].map((n) => ({ type: 'cancel', run: answer(n).run })));
});

test('each sees what it said itself, one that was not there sees the first answer', () => {
  ask('One?');
  [0, 1, 2].forEach((n) => done(n));
  ask('Two?', { copilot: 'a/a', several: ['a/c', 'a/e'] });
  expect(panels()[1]?.members.map(({ history }) => history?.[0]?.answer)).toEqual(['Says 1.', 'Says 0.']);
});

test('all wait for the page, and go out together once it is read', () => {
  state = { ...state, page: { ...state.page, status: 'opening' } };
  ask('Q?');
  expect([sent, last().status]).toEqual([[], 'held']);
  state = { ...state, page: { ...state.page, status: 'ready', reading: 'y' } };
  asking.release();
  expect([panels().length, answer(2).status, answer(2).reading]).toEqual([1, 'waiting', 'y']);
});

test('what is still held is taken back whole', () => {
  state = { ...state, page: { ...state.page, status: 'opening' } };
  ask('Q?');
  asking.stopAll();
  expect([state.turns, sent]).toEqual([[], []]);
});

test('one copilot answers once more beside the others, and the earlier answers are a branch', () => {
  ask('Q?');
  [0, 1, 2].forEach((n) => done(n));
  const before = last();
  asking.regenerateOne(before, answer(1));
  const { group } = before;
  expect(asks()).toEqual([{ type: 'ask', run: answer(1).run, page: 'p1', copilot: 'a/c', question: 'Q?', history: [], attempt: 1, panel: { group, place: 1 } }]);
  expect(last().members.map((member) => member.answer)).toEqual(['Says 0.', '', 'Says 2.']);
  expect(last().status).toBe('waiting');
  done(1, 'Better.');
  expect(state.hidden).toEqual([before]);
  asking.showBranch(before);
  expect(answer(1).answer).toBe('Says 1.');
  asking.regenerateOne(last(), answer(1));
  expect(asks()[1]?.attempt).toBe(2);
});

test('an answer that failed without a word makes way for the next try', () => {
  ask('Q?');
  fail(0);
  done(1);
  done(2);
  asking.regenerateOne(last(), answer(0));
  expect([state.turns.length, state.hidden, asks()[0]?.attempt]).toEqual([1, [], undefined]);
});

test('a question in the queue goes to those whom it was meant for', () => {
  ask('One?');
  ask('Two?');
  ask('Three?', { copilot: 'a/a', several: [] });
  [0, 1, 2].forEach((n) => done(n));
  asking.ended(true);
  expect(panels()[1]?.question).toBe('Two?');
  [0, 1, 2].forEach((n) => done(n));
  asking.ended(true);
  expect(asks()[0]).toMatchObject({ question: 'Three?', copilot: 'a/a' });
});

test('without a page none is named', () => {
  state = { ...state, withoutPage: true };
  ask('Q?');
  expect(panels()[0]).not.toHaveProperty('page');
});

test('a lost connection ends those that ran', () => {
  ask('Q?');
  done(0);
  const [turn] = interrupt(state.turns, 'Lost.');
  expect(turn?.members.map(({ status }) => status)).toEqual(['done', 'error', 'error']);
  expect(turn?.status).toBe('done');
});

// --- as the server keeps them

function kept(run: string, part: Partial<Turn> = {}): Turn {
  const turn = newTurn({ run, question: 'Q?', selection: '', copilot: 'a/b', copilotName: run, status: 'done' });
  return { ...turn, answer: `From ${run}.`, reason: 'stop', ...part };
}

test('kept answers of a panel come back as one turn, in their places, the latest of each', () => {
  const [one, panel, two, ...rest] = gathered([kept('k1'), kept('k2', { group: 'g', place: 1 }), kept('k3', { group: 'g', place: 0 }), kept('k4'), kept('k5', { group: 'g', place: 1 })]);
  expect([one?.run, two?.run, rest]).toEqual(['k1', 'k4', []]);
  expect(panel).toMatchObject({ run: 'gk2', answer: '', status: 'done', copilotName: 'k3, k5', question: 'Q?' });
  expect(panel && answersOf(panel).map(({ run }) => run)).toEqual(['k3', 'k5']);
});

test('a panel that stands on both sides of a page of the history is put together', () => {
  const [older] = [gathered([kept('k1'), kept('k2', { group: 'g', place: 0 })])];
  const shown = gathered([kept('k3', { group: 'g', place: 1 }), kept('k4')]);
  const [left, whole] = joined(older, shown);
  expect(left.map(({ run }) => run)).toEqual(['k1']);
  expect(whole.map(({ run, members }) => [run, members.map((member) => member.run)])).toEqual([['gk3', ['k2', 'k3']], ['k4', []]]);
});
