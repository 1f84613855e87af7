// What the user asks: at once, in a queue, in the place of an earlier question, about the page or about none.
import { beforeEach, expect, test } from 'vitest';
import type { Ask, ClientFrame } from '../../lib/connection/protocol.ts';
import { Asking } from '../../entrypoints/panel/state/asking.ts';
import { aboutOf, FIRST_STATE, type State } from '../../entrypoints/panel/state/state.ts';
import type { Turn } from '../../entrypoints/panel/state/thread.ts';

const TEXT = { title: 'T', url: 'https://a.example/', blocks: ['one'], types: [], blocksLeftOut: 0, frames: { hosts: [], share: 0 }, selection: '' };
const B = { copilot: 'a/b', several: [] };
let state: State;
let sent: ClientFrame[];
let asking: Asking;

beforeEach(() => {
  state = { ...FIRST_STATE, page: { ...FIRST_STATE.page, status: 'ready', id: 'p1', text: TEXT } };
  sent = [];
  asking = new Asking({ state: () => state, patch: (part) => (state = { ...state, ...part }), send: (frame) => sent.push(frame), keep: () => undefined, nameOf: (copilot) => copilot, aboutToAsk: () => undefined, asked: () => undefined });
});

const ask = (question: string): void => asking.ask({ question, selection: '', ...B });
const asks = (): Ask[] => sent.filter((frame) => frame.type === 'ask');
const last = (): Turn => state.turns.at(-1) as Turn;

/** The last answer ends, well or badly; what Store tells when the frame comes. */
function end(status: 'done' | 'error', { answer = 'A.', isComplete = status === 'done' } = {}): void {
  state = { ...state, turns: state.turns.map((turn): Turn => (turn === last() ? { ...turn, status, answer } : turn)) };
  asking.ended(isComplete);
}

test('a question that comes while an answer is under way waits, and goes out when that has ended', () => {
  ask('One?');
  ask('Two?');
  ask('Three?');
  expect(asks()).toHaveLength(1);
  expect(state.queue.map(({ question }) => question)).toEqual(['Two?', 'Three?']);
  end('done');
  expect(asks().at(-1)).toMatchObject({ question: 'Two?', history: [{ question: 'One?', answer: 'A.' }] });
  expect(state.queue.map(({ question }) => question)).toEqual(['Three?']);
});

test.each([['failed', 'error', false], ['was stopped', 'done', false]] as const)('after an answer that %s nothing goes out until the person says so', (_, status, isComplete) => {
  ask('One?');
  ask('Two?');
  ask('Three?');
  end(status, { isComplete });
  expect(asks()).toHaveLength(1);
  ask('Between?');
  end('done');
  expect(asks()).toHaveLength(2);
  const [, three] = state.queue;
  if (three) asking.sendQueued(three);
  expect(asks().at(-1)?.question).toBe('Three?');
  end('done');
  expect(asks().at(-1)?.question).toBe('Two?');
});

test('a waiting question can be edited and removed', () => {
  ask('One?');
  ask('Two?');
  ask('Three?');
  const [two, three] = state.queue;
  if (two) asking.editQueued(two);
  expect(state.filling?.words).toBe('Two?');
  if (three) asking.removeQueued(three);
  expect(state.queue).toEqual([]);
});

test('an edited question takes the place of the old one, and its history ends before it', () => {
  ask('One?');
  end('done');
  ask('Two?');
  end('done');
  asking.edit(last());
  expect(state).toMatchObject({ editing: last().run, filling: { words: 'Two?' } });
  ask('Two, really?');
  expect(state.editing).toBeNull();
  expect(state.turns.map(({ question }) => question)).toEqual(['One?', 'Two, really?']);
  expect(state.hidden.map(({ question }) => question)).toEqual(['Two?']);
  expect(asks().at(-1)?.history).toEqual([{ question: 'One?', answer: 'A.' }]);
});

test('an edit that is given up changes nothing', () => {
  ask('One?');
  end('done');
  asking.edit(last());
  asking.stopEditing();
  ask('Two?');
  expect(state.turns.map(({ question }) => question)).toEqual(['One?', 'Two?']);
});

test('another answer is another attempt, in the place of the first', () => {
  ask('One?');
  end('done');
  asking.regenerate(last());
  expect(asks()[0]).not.toHaveProperty('attempt');
  expect(asks()[1]).toMatchObject({ question: 'One?', copilot: 'a/b', attempt: 1, history: [] });
  end('done');
  asking.regenerate(last());
  expect(asks()[2]?.attempt).toBe(2);
  expect(state.turns).toHaveLength(1);
});

test('a question that failed without a word is asked again as it was, and leaves no branch', () => {
  ask('One?');
  end('error', { answer: '' });
  asking.regenerate(last());
  expect(asks()[1]).not.toHaveProperty('attempt');
  expect(state.hidden).toEqual([]);
});

test('without the page no page is named, and nothing waits for one', () => {
  state = { ...state, withoutPage: true, page: FIRST_STATE.page };
  ask('One?');
  expect(asks()[0]).not.toHaveProperty('page');
  expect(last()).toMatchObject({ status: 'waiting', withoutPage: true });
});

test('a question that waits for its page can be taken back, and what it replaced is back', () => {
  ask('One?');
  end('done');
  state = { ...state, page: { ...state.page, status: 'opening' } };
  asking.regenerate(last());
  expect(last().status).toBe('held');
  expect(asking.stopAll()).toBe(true);
  expect(state.turns.map(({ answer }) => answer)).toEqual(['A.']);
  expect(asking.stopAll()).toBe(false);
});

test('words from the page go into the box with their passage, and with Shift to the copilot', () => {
  const fill = { words: 'Explain this', selection: 'A passage.', copilot: null, isToChoose: false, isToSend: false };
  asking.take(fill, B);
  expect(state).toMatchObject({ taken: 'A passage.', filling: { words: 'Explain this' } });
  expect(asks()).toEqual([]);
  asking.take({ ...fill, isToSend: true }, B);
  expect(asks()[0]?.question).toBe('About this passage of the page: “A passage.”\n\nExplain this');
  expect(state.taken).toBe('');
});

test('words from a page that cannot be asked about are never sent by themselves', () => {
  state = { ...state, page: { ...FIRST_STATE.page, status: 'empty' } };
  asking.take({ words: 'Explain this', selection: '', copilot: null, isToChoose: false, isToSend: true }, B);
  expect(state.filling?.words).toBe('Explain this');
  expect(state.turns).toEqual([]);
});

test('an edited question is about its own passage, not about what is selected meanwhile', () => {
  asking.ask({ question: 'One?', selection: 'Its passage.', ...B });
  end('done');
  ask('Two?');
  end('done');
  state = { ...state, selection: 'Something else.' };
  asking.edit(state.turns[0] as Turn);
  expect(aboutOf(state)).toBe('Its passage.');
  asking.edit(state.turns[1] as Turn);
  expect(aboutOf(state)).toBe('');
});
