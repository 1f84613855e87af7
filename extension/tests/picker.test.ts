// Which copilots the picker shows first.
import { expect, test } from 'vitest';
import { remember, search, sections } from '../lib/picker.ts';
import type { CopilotCard } from '../lib/connection/protocol.ts';

const card = (id: string, name: string, promise = ''): CopilotCard => {
  const [category = ''] = id.split('/');
  return { id, name, category, category_name: category.toUpperCase(), icon: '', promise, starters: [], mode: 'tuned', refused: null, trainable: false };
};

const CARDS = [
  card('general/generalist', 'Generalist'),
  card('legal/contract-review', 'Contract Reviewer'),
  card('legal/privacy', 'Privacy Reader'),
  card('finance/fees', 'Fee Finder', 'Finds costs in a contract'),
];
const ids = (cards: CopilotCard[]): string[] => cards.map(({ id }) => id);

test('search wants every word and puts names before promises', () => {
  expect(ids(search(CARDS, 'contract'))).toEqual(['legal/contract-review', 'finance/fees']);
  expect(ids(search(CARDS, 'legal pri'))).toEqual(['legal/privacy']);
  expect(search(CARDS, 'zebra')).toEqual([]);
});

test('without a query: suggested, recent, then categories, nobody twice above the categories', () => {
  const list = sections(CARDS, ['legal/privacy', 'legal/contract-review', 'gone/away'], [CARDS[1] as CopilotCard]);
  expect(list.map(({ id }) => id)).toEqual(['suggested', 'recent', 'general', 'legal', 'finance']);
  expect(ids(list[1]?.cards ?? [])).toEqual(['legal/privacy']);
});

test('remembers the last five, newest first', () => {
  expect(remember(['a', 'b', 'c', 'd', 'e'], 'c')).toEqual(['c', 'a', 'b', 'd', 'e']);
  expect(remember(['a', 'b', 'c', 'd', 'e'], 'f')).toEqual(['f', 'a', 'b', 'c', 'd']);
});
