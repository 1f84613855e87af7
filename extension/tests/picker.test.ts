// Which copilots the picker shows first.
import { expect, test } from 'vitest';
import { remember, search, sections, suggest } from '../lib/picker.ts';
import type { CopilotCard } from '../lib/connection/protocol.ts';

const card = (id: string, name: string, hints: string[] = [], promise = ''): CopilotCard => {
  const [category = ''] = id.split('/');
  return { id, name, category, category_name: category.toUpperCase(), icon: '', promise, starters: [], hints, mode: 'tuned', refused: null, trainable: false };
};

const CARDS = [
  card('general/generalist', 'Generalist'),
  card('legal/contract-review', 'Contract Reviewer', ['agreement', 'party', 'late fee']),
  card('legal/privacy', 'Privacy Reader', ['cookies', 'data']),
  card('finance/fees', 'Fee Finder', ['fee', 'price'], 'Finds costs in a contract'),
];
const ids = (cards: CopilotCard[]): string[] => cards.map(({ id }) => id);

test('suggests the copilots whose hints stand on the page, best first', () => {
  const text = 'This agreement binds each party. A late fee is due.';
  expect(ids(suggest(CARDS, 'Agreement of hire', text))).toEqual(['legal/contract-review']);
  expect(ids(suggest(CARDS, 'Fees', 'The fee and the price of it, data and cookies'))).toEqual(['finance/fees', 'legal/privacy']);
});

test('one stray hint word suggests nobody', () => {
  expect(suggest(CARDS, 'A walk', 'The party went home.')).toEqual([]);
});

test('a hint counts as whole words only', () => {
  expect(suggest(CARDS, '', 'coffee feel database')).toEqual([]);
});

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
