// @vitest-environment node
// Every language says all that English says, with the same values in it, and fits where there is little room.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

interface Message {
  message: string;
  placeholders?: Record<string, { content: string }>;
}
type Catalogue = Record<string, Message>;

const FOLDER = join(import.meta.dirname, '../public/_locales');
const read = (language: string): Catalogue => JSON.parse(readFileSync(join(FOLDER, language, 'messages.json'), 'utf8')) as Catalogue;
const english = read('en');
const languages = readdirSync(FOLDER).filter((name) => name !== 'en');

const PLURAL = /_(zero|one|two|few|many|other)$/;
const COUNTED = new Set(Object.keys(english).filter((name) => name.endsWith('_one')).map((name) => name.replace(PLURAL, '')));
const isForm = (name: string): boolean => COUNTED.has(name.replace(PLURAL, '')) && PLURAL.test(name);
/** A word that is the same in another language. */
const SAME = new Set(['name', 'training', 'code', 'base', 'blockNumber', 'panel', 'trainingTabTitle']);

/** Letters that fit, for what stands in a small button, a chip or a narrow line. */
const NARROW: Record<string, number> = {
  tuned: 12, general: 12, instructed: 12, base: 8, pageOn: 16, retry: 16, copy: 10, copied: 12, edit: 22, regenerate: 18, pairButton: 12, retryButton: 24,
  tourNext: 12, tourEnd: 10, queueSend: 16, verdict_ok: 14, verdict_unknown: 18, verdict_wrong: 16, stretchCited: 14, historyRename: 14, historyPin: 12,
  historyUnpin: 18, historyDelete: 12, historyUndo: 14, askAnother: 34, selftestAgain: 22, selftestCopy: 20, composerHint: 32, toolbarExplain: 26, toolbarSummarise: 22,
};

test('the languages are those that are promised', () => {
  expect(languages.toSorted()).toEqual(['ar', 'de', 'es']);
});

test.each(languages)('%s has all messages of English and no others', (language) => {
  const plain = (catalogue: Catalogue): string[] => Object.keys(catalogue).filter((name) => !isForm(name)).toSorted();
  expect(plain(read(language))).toEqual(plain(english));
});

test.each(languages)('%s counts in all forms that its plurals have', (language) => {
  const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories.filter((form) => language !== 'es' || form !== 'many'); // from a million on
  const catalogue = read(language);
  for (const name of COUNTED) expect(Object.keys(catalogue).filter((other) => other.replace(PLURAL, '') === name).toSorted()).toEqual(forms.map((form) => `${name}_${form}`).toSorted());
});

test.each(languages)('%s puts the same values into each message', (language) => {
  for (const [name, { message, placeholders = {} }] of Object.entries(read(language))) {
    const model = (english[name] ?? english[name.replace(PLURAL, '_other')])?.placeholders ?? {};
    const used = [...message.matchAll(/\$(\w+)\$/g)].map(([, value]) => value?.toLowerCase() ?? '');
    expect({ name, used: [...new Set(used)].toSorted() }).toEqual({ name, used: Object.keys(placeholders).toSorted() });
    expect({ name, ...model }).toMatchObject({ name, ...placeholders });
    const isWhole = isForm(name) || Object.keys(placeholders).length === Object.keys(model).length; // «two blocks» needs no number
    expect({ name, isWhole }).toEqual({ name, isWhole: true });
  }
});

test.each(languages)('%s leaves nothing in English', (language) => {
  const left = Object.entries(read(language)).filter(([name, { message }]) => message === english[name]?.message && /\p{L}{3}/u.test(message.replaceAll(/\$\w+\$/g, '')));
  expect(left.map(([name]) => name).filter((name) => !SAME.has(name))).toEqual([]);
});

test.each(['en', ...languages])('%s fits where there is little room', (language) => {
  const catalogue = read(language);
  for (const [name, most] of Object.entries(NARROW)) expect({ name, fits: (catalogue[name]?.message ?? '').length <= most }).toEqual({ name, fits: true });
});

test.each(['en', ...languages])('%s has no message that is empty or has blanks around it', (language) => {
  for (const [name, { message }] of Object.entries(read(language))) expect({ name, message: message.trim() }).toEqual({ name, message });
});
