// Several pages as one: numbers that stay, headings that say whose text it is, limits, and the way back to a tab.
import { expect, test } from 'vitest';
import { inTab, join, partOf } from '../../lib/tabs/joined.ts';

const PAGE = { title: 'Own', url: 'https://a.example/', blocks: ['one', 'two'], types: [], blocksLeftOut: 0, frames: { hosts: [], share: 0 }, selection: '' };
const SECOND = { tab: 7, title: ' The\n second ', url: 'https://b.example:8080/x', blocks: ['three', 'four'] };
const THIRD = { tab: 9, title: '', url: 'https://c.example/', blocks: ['five'] };
const LIMITS = { blocks: 100, chars: 10_000 };
const words = (block: number, text = 'x'): { block: number; start: number; end: number; text: string } => ({ block, start: 0, end: 1, text });

test('the own page keeps its numbers, each other one follows under its title and host', () => {
  const { text, parts, readings } = join(PAGE, [SECOND, THIRD], LIMITS);
  expect(text).toEqual({ ...PAGE, blocks: ['one', 'two', 'The second (b.example:8080)', 'three', 'four', 'c.example', 'five'] });
  expect(parts).toEqual([{ tab: 7, title: ' The\n second ', heading: 3, last: 5 }, { tab: 9, title: 'c.example', heading: 6, last: 7 }]);
  expect(readings[0]).toEqual(['one', 'two']);
  expect(readings.flat()).toEqual(text.blocks);
  expect(PAGE.blocks).toHaveLength(2);
});

test('a passage finds its tab and its number there', () => {
  const { parts } = join(PAGE, [SECOND, THIRD], LIMITS);
  expect([null, 1, 2, 3, 4, 5, 6, 7, 8].map((block) => partOf(block, parts)?.tab ?? null)).toEqual([null, null, null, 7, 7, 7, 9, 9, null]);
  const [second] = parts;
  if (!second) throw new Error('no part');
  expect(inTab(words(5, 'four'), second)).toEqual(words(2, 'four'));
  expect(inTab(words(3, 'The second'), second)).toEqual({ block: 1, start: null, end: null, text: '' });
});

test.each([
  [{ blocks: 4, chars: 10_000 }, ['one', 'two', 'The second (b.example:8080)', 'three'], 2],
  [{ blocks: 3, chars: 10_000 }, ['one', 'two'], 3],
  [{ blocks: 100, chars: 6 + 27 + 5 }, ['one', 'two', 'The second (b.example:8080)', 'three'], 2],
])('what does not fit is left out and counted: %o', (limits, blocks, blocksLeftOut) => {
  const { text, parts } = join(PAGE, [SECOND, THIRD], limits);
  expect(text).toMatchObject({ blocks, blocksLeftOut });
  expect(parts.map(({ tab }) => tab)).toEqual(blocks.length > 2 ? [7] : []);
});
