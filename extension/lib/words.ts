// The extension's words, from _locales. Called by everything that shows text.
// Knows message names only; a missing one shows its name, which a test refuses.
import { browser } from 'wxt/browser';

export function t(name: string, ...values: (string | number)[]): string {
  return browser.i18n.getMessage(name as never, values.map(String)) || name;
}
