// The conversation: frames in, turns out.
import { expect, test } from 'vitest';
import { applyFrame, earlierTurns, interrupt, newTurn, OWN_WORDS_MAX, wordsOf } from '../../entrypoints/panel/state/thread.ts';
import { QUESTION_CHARS_MAX } from '../../lib/connection/protocol.ts';

const turn = newTurn({ run: 'r1', question: 'Q', selection: '', copilot: 'a/b', copilotName: 'B', status: 'waiting' });
const quote = { text: 'x', verified: true, at: 0, block: 1, start: 0, end: 1 };
const DONE = {
  type: 'run.done' as const, run: 'r1', seq: 3, reason: 'stop' as const, answer: '"x" [1].', quotes: [quote], checks: [],
  usage: { page_tokens: 1, cached_tokens: 1, prompt_tokens: 1, answer_tokens: 1 }, timings: { ttft_ms: 1, total_ms: 2 },
};

test('an answer grows by deltas and ends with what the server says', () => {
  let turns = applyFrame([turn], { type: 'run.start', run: 'r1', seq: 0, copilot: 'a/b', mode: 'tuned' });
  turns = applyFrame(turns, { type: 'run.delta', run: 'r1', seq: 1, text: '"x"' });
  turns = applyFrame(turns, { type: 'run.quote', run: 'r1', seq: 2, quote });
  expect(turns[0]).toMatchObject({ status: 'streaming', mode: 'tuned', answer: '"x"', quotes: [quote] });
  expect(applyFrame(turns, DONE)[0]).toMatchObject({ status: 'done', answer: '"x" [1].', reason: 'stop' });
});

test('a doubled frame, a frame after the end and a frame of another run change nothing', () => {
  const once = applyFrame([turn], { type: 'run.delta', run: 'r1', seq: 1, text: 'a' });
  expect(applyFrame(once, { type: 'run.delta', run: 'r1', seq: 1, text: 'a' })[0]?.answer).toBe('a');
  expect(applyFrame(once, { type: 'run.delta', run: 'r2', seq: 2, text: 'a' })[0]?.answer).toBe('a');
  const done = applyFrame(once, DONE);
  expect(applyFrame(done, { type: 'run.delta', run: 'r1', seq: 4, text: 'z' })).toEqual(done);
});

test('an error and a lost connection both end a turn with a sentence', () => {
  const failed = applyFrame([turn], { type: 'run.error', run: 'r1', seq: 0, code: 'busy', message: 'Later.', retry_after_ms: null });
  expect(failed[0]).toMatchObject({ status: 'error', error: { code: 'busy', message: 'Later.' } });
  expect(interrupt([turn], 'Lost.')[0]).toMatchObject({ status: 'error', error: { message: 'Lost.' } });
});

test('only complete answers become history, four at most', () => {
  const done = applyFrame([turn], DONE)[0] ?? turn;
  expect(earlierTurns([done, turn, done, done, done, done], 'a/b')).toHaveLength(4);
});

test('a selected passage stands before the question', () => {
  expect(wordsOf('Why?', '')).toBe('Why?');
  expect(wordsOf('Why?', 'Because.')).toBe('About this passage of the page: “Because.”\n\nWhy?');
});

test('the longest question and the longest passage are together what the server takes', () => {
  expect(wordsOf('q'.repeat(OWN_WORDS_MAX), 's'.repeat(9_000))).toHaveLength(QUESTION_CHARS_MAX);
});
