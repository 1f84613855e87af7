// The extension's words, from _locales, and numbers and dates in their language. Called by everything that shows text.
// Knows message names only; a missing one shows its name, which a test refuses.
import { browser } from 'wxt/browser';

type Value = string | number;

const RIGHT_TO_LEFT = new Set(['ar', 'fa', 'he', 'ur']);
const RIGHT_TO_LEFT_LETTERS = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

export function t(name: string, ...values: Value[]): string {
  return browser.i18n.getMessage(name as never, values.map(shown)) || name;
}

/** A message that counts: `name_one`, `name_other` and what else its language distinguishes. */
export function counted(name: string, count: number, ...values: Value[]): string {
  const form = new Intl.PluralRules(locale()).select(count);
  return browser.i18n.getMessage(`${name}_${form}` as never, [count, ...values].map(shown)) || t(`${name}_other`, count, ...values);
}

/** A message whose name is made from what comes in; empty where there is none. */
export function wordsFor(name: string): string {
  return browser.i18n.getMessage(name as never);
}

/** What went wrong, in the extension's own words where it has some for the code; else the server's sentence. */
export function errorWords(code: string, sentence: string): string {
  return wordsFor(`error_${code}`) || sentence;
}

/** Of the words, not of the browser: the two differ where there are no words in the browser's language. */
export function language(): string {
  return t('language');
}

export function direction(): 'ltr' | 'rtl' {
  return RIGHT_TO_LEFT.has(language()) ? 'rtl' : 'ltr';
}

/** Of somebody else's text, by its first letter: that of the panel's words where it has none. */
export function directionOf(text: string): 'ltr' | 'rtl' {
  const [letter] = /\p{L}/u.exec(text) ?? [];
  if (letter === undefined) return direction();
  return RIGHT_TO_LEFT_LETTERS.test(letter) ? 'rtl' : 'ltr';
}

/** For Intl: the browser's region where it speaks the words' language. The digits are those of citations, which stand beside them. */
function locale(): string {
  const browsers = browser.i18n.getUILanguage();
  return `${browsers.split('-')[0] === language() ? browsers : language()}-u-nu-latn`;
}

export function number(value: number, options: Intl.NumberFormatOptions = {}): string {
  return new Intl.NumberFormat(locale(), options).format(value);
}

export function date(value: Date, options: Intl.DateTimeFormatOptions): string {
  return new Intl.DateTimeFormat(locale(), options).format(value);
}

/** A name that runs the other way than the sentence around it must not take the sentence's marks with it. */
function shown(value: Value): string {
  if (typeof value === 'number') return number(value);
  const runsOtherwise = direction() === 'rtl' || RIGHT_TO_LEFT_LETTERS.test(value);
  return runsOtherwise ? `\u2068${value}\u2069` : value;
}
