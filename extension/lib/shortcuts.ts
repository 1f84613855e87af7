// The extension's keys as the browser has them now, and the browser's own page to change them. Called by background.
import { browser } from 'wxt/browser';
import type { Shortcut } from './connection/messages.ts';

const CHROMIUM_SETTINGS = 'chrome://extensions/shortcuts';

export async function shortcuts(): Promise<Shortcut[]> {
  const commands = await browser.commands.getAll();
  return commands.map(({ name, shortcut }) => ({ command: name ?? '', keys: shortcut ?? '' }));
}

/** No page may link there; the extension may. */
export async function openShortcutSettings(): Promise<void> {
  const commands = browser.commands as typeof browser.commands & { openShortcutSettings?: () => Promise<void> };
  if (commands.openShortcutSettings) await commands.openShortcutSettings();
  else await browser.tabs.create({ url: CHROMIUM_SETTINGS });
}
