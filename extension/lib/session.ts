// What the browser keeps for the panel while it runs. The panel calls the first two, background the last.
// In Firefox a frame in a page has no session storage: there the background keeps it for the panel.
import { browser } from 'wxt/browser';
import type { PanelMessage } from './connection/messages.ts';

type Values = Record<string, unknown>;
type Order = Extract<PanelMessage, { kind: 'recall' | 'keep' }>;

/** All names begin so: background forgets them when the tab is closed, and gives a panel nothing else. */
const PREFIX = 'chat:';

export async function recallSession(names: string[]): Promise<Values> {
  if (hasSession()) return browser.storage.session.get<Values>(names);
  return (await browser.runtime.sendMessage<PanelMessage, Values>({ kind: 'recall', names })) ?? {};
}

export async function keepSession(values: Values): Promise<void> {
  if (hasSession()) return browser.storage.session.set(values);
  await browser.runtime.sendMessage<PanelMessage>({ kind: 'keep', values });
}

export async function obeySession(order: Order): Promise<Values> {
  if (order.kind === 'recall') return browser.storage.session.get<Values>(order.names.filter(isOfPanel));
  await browser.storage.session.set(Object.fromEntries(Object.entries(order.values).filter(([name]) => isOfPanel(name))));
  return {};
}

function hasSession(): boolean {
  return (browser.storage as { session?: unknown }).session !== undefined;
}

function isOfPanel(name: string): boolean {
  return name.startsWith(PREFIX);
}
