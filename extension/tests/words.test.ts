// @vitest-environment node
// Words, numbers and dates in the language of the words, whichever the browser's is.
import { beforeEach, expect, test, vi } from 'vitest';
import { counted, date, direction, directionOf, errorWords, number, t } from '../lib/words.ts';

const CATALOGUE: Record<string, Record<string, string>> = {
  en: { language: 'en', blocks_one: '$1 block', blocks_other: '$1 blocks', about: 'About $1.', error_busy: 'Busy.' },
  de: { language: 'de', blocks_one: '$1 Block', blocks_other: '$1 Blöcke' },
  ar: { language: 'ar', blocks_few: '$1 few', blocks_other: '$1 other', about: 'عن $1.' },
};
const browser = vi.hoisted(() => ({ ui: 'en-GB', words: 'en' }));

vi.mock('wxt/browser', () => ({
  browser: {
    i18n: {
      getUILanguage: () => browser.ui,
      getMessage: (name: string, values: string[] = []) => (CATALOGUE[browser.words]?.[name] ?? CATALOGUE['en']?.[name] ?? '').replace('$1', values[0] ?? ''),
    },
  },
}));

const speak = (ui: string, words: string): void => void Object.assign(browser, { ui, words });
beforeEach(() => speak('en-GB', 'en'));

test('a message counts as its language does, and takes the general form where one is missing', () => {
  expect([1, 2, 1_200].map((n) => counted('blocks', n))).toEqual(['1 block', '2 blocks', '1,200 blocks']);
  speak('de', 'de');
  expect([1, 1_200].map((n) => counted('blocks', n))).toEqual(['1 Block', '1.200 Blöcke']);
  speak('ar', 'ar');
  expect([3, 11].map((n) => counted('blocks', n))).toEqual(['3 few', '11 other']);
});

test('numbers and dates have the region of the browser where it speaks the language of the words', () => {
  const day = new Date(2026, 10, 3);
  expect(date(day, { dateStyle: 'short' })).toBe('03/11/2026');
  speak('en-US', 'en');
  expect(date(day, { dateStyle: 'short' })).toBe('11/3/26');
  speak('de-AT', 'en'); // a catalogue that lacks the browser's language
  expect(date(day, { dateStyle: 'short' })).toBe('11/3/26');
  expect(number(0.5, { style: 'percent' })).toBe('50%');
});

test('numbers keep the digits of the citations that they stand beside', () => {
  speak('ar-EG', 'ar');
  expect(number(37)).toBe('37');
});

test('the direction is that of the words, and of a text by its first letter', () => {
  expect(direction()).toBe('ltr');
  speak('ar', 'ar');
  expect(direction()).toBe('rtl');
  expect(['12. The rent', '«الإيجار» is rent', '[1] 900'].map(directionOf)).toEqual(['ltr', 'rtl', 'rtl']);
});

test('a name that runs the other way is isolated from the sentence around it', () => {
  expect(t('about', 'Rent')).toBe('About Rent.');
  expect(t('about', 'الإيجار')).toBe('About \u2068الإيجار\u2069.');
  speak('ar', 'ar');
  expect(t('about', 'Rent')).toBe('عن \u2068Rent\u2069.');
});

test('an error is said in our words by its code, else in those of the server', () => {
  expect(errorWords('busy', 'Too many.')).toBe('Busy.');
  expect(errorWords('new_code', 'Do this.')).toBe('Do this.');
  expect(t('missing')).toBe('missing');
});
