// What an answer rests on, in the order of its text; what else the finder took for likely; the page as a bar.
import { describe, expect, test } from 'vitest';
import { citedBlocks, stretchesOf } from '../../../entrypoints/panel/answer/coverage.ts';
import { alsoConsidered, evidenceOf, litIn, stepOf } from '../../../entrypoints/panel/answer/evidence.ts';
import type { Quote } from '../../../lib/connection/protocol.ts';

const quoteIn = (answer: string, text: string, block: number | null): Quote => ({
  text, verified: block !== null, at: answer.indexOf(`"${text}"`), block, start: block === null ? null : 0, end: block === null ? null : text.length,
});

describe('the evidence of an answer', () => {
  const answer = 'One [3]. "Two." [4] "Three."[5] and "gone" [6] [7], [99].';
  const quotes = [quoteIn(answer, 'Three.', 5), quoteIn(answer, 'Two.', 4), quoteIn(answer, 'gone', null)];

  test('is its verified quotes and its citations, a quote with its own citation once', () => {
    expect(evidenceOf({ answer, quotes }, 20).map(({ passage }) => [passage.block, passage.text])).toEqual([[3, ''], [4, 'Two.'], [5, 'Three.'], [7, '']]);
  });

  test('is walked round in both directions', () => {
    const evidence = evidenceOf({ answer, quotes }, 20);
    const [first, second] = evidence;
    expect(stepOf(evidence, null, 1)).toBe(first);
    expect(stepOf(evidence, first?.at ?? 0, 1)).toBe(second);
    expect(stepOf(evidence, first?.at ?? 0, -1)).toBe(evidence.at(-1));
    expect(stepOf(evidence, evidence.at(-1)?.at ?? 0, 1)).toBe(first);
    expect(stepOf(evidence, null, -1)).toBe(evidence.at(-1));
    expect(stepOf([], null, 1)).toBeUndefined();
  });

  test('is lit in its own answer only', () => {
    expect(litIn('a', { run: 'a', at: 4 })).toBe(4);
    expect(litIn('b', { run: 'a', at: 4 })).toBeNull();
    expect(litIn('a', null)).toBeNull();
  });
});

test('what was quoted is not among what was also considered, and eight are enough', () => {
  const card = (block: number, text: string) => ({ block, text, score: 0.5 });
  const passages = [card(1, 'One.'), card(2, 'Two.')];
  const considered = Array.from({ length: 9 }, (_, i) => card(10 + i, `More ${i}.`));
  const found = alsoConsidered({ passages, considered, quotes: [quoteIn('"One."', 'One.', 1)] });
  expect(found.map(({ block }) => block)).toEqual([2, 10, 11, 12, 13, 14, 15, 16]);
});

describe('the page as a bar', () => {
  test('has a stretch for each block of a short page', () => {
    const stretches = stretchesOf({ read: 2, sent: 3, unsent: 1 }, new Set([2]));
    expect(stretches).toEqual([
      { first: 1, last: 1, reach: 'read', isCited: false },
      { first: 2, last: 2, reach: 'read', isCited: true },
      { first: 3, last: 3, reach: 'searched', isCited: false },
      { first: 4, last: 4, reach: 'unsent', isCited: false },
    ]);
  });

  test.each([[57, 0, 0], [58, 0, 0], [59, 0, 0], [1, 1, 1], [300, 700, 0], [119, 1, 1], [5_000, 12_000, 3_000]])('merges %i read, %i searched, %i left out into 60 at most, without a gap', (read, searched, unsent) => {
    const stretches = stretchesOf({ read, sent: read + searched, unsent }, new Set());
    expect(stretches.length).toBeLessThanOrEqual(60);
    expect(stretches.map(({ first }) => first)).toEqual([1, ...stretches.slice(0, -1).map(({ last }) => last + 1)]);
    expect(stretches.at(-1)?.last).toBe(read + searched + unsent);
  });

  test('is empty while nothing is read', () => {
    expect(stretchesOf({ read: 0, sent: 0, unsent: 0 }, new Set())).toEqual([]);
  });

  test('knows each cited block once, in order', () => {
    const at = (block: number | null) => ({ passage: { block } });
    expect([...citedBlocks([at(9), at(2), at(9), at(null)])]).toEqual([2, 9]);
  });
});
