// Opens the sidebar for a tab: in the page, else in the side panel, else in a tab of its own. Called by background.
// Knows tabs and permissions; nothing of frames and pages' text.
import { browser } from 'wxt/browser';
import type { PageAnswer, PageCommand, PageOrder } from './connection/messages.ts';
import { siteOf } from './page/site.ts';
import type { Layout } from './sidebar.ts';

const RETRY_MS = [60, 150, 400];

/** Sites whose grant went stale (a Chromium fault after a process swap): the next click asks for them by name. */
const wanted = new Map<number, string>();

export interface Tab {
  id?: number | undefined;
  url?: string | undefined;
}

export async function openFor(tab: Tab): Promise<void> {
  if (tab.id === undefined) return;
  const site = siteOf(tab.url);
  if (!site) return openBeside(tab.id, null);
  const isSecondTry = wanted.get(tab.id) === site;
  wanted.delete(tab.id);
  if (isSecondTry) await browser.permissions.request({ origins: [site] }).catch(() => false);
  const answer = await toggle(tab.id);
  if ('shown' in answer) return void browser.action.setBadgeText({ tabId: tab.id, text: '' });
  if ('error' in answer && answer.error === 'sandboxed') return openBeside(tab.id, site);
  await (isSecondTry ? openBeside(tab.id, site) : askForSite(tab.id, site));
}

/** The same panel outside the page: the side panel where the browser still counts the click, else a tab. */
export async function openBeside(tabId: number, site: string | null): Promise<void> {
  const address = (host: 'side' | 'tab'): string => `panel.html?host=${host}&tab=${tabId}${site ? `&site=${encodeURIComponent(site)}` : ''}`;
  try {
    void browser.sidePanel.setOptions({ tabId, path: address('side'), enabled: true });
    await browser.sidePanel.open({ tabId });
  } catch {
    await browser.tabs.create({ url: browser.runtime.getURL(`/${address('tab')}` as '/panel.html') });
  }
}

/** Runs one order in the page, injecting the page script first. Every failure is an answer, never an exception. */
export async function order(tabId: number, message: PageOrder): Promise<PageAnswer> {
  try {
    await browser.scripting.executeScript({ target: { tabId }, files: ['/page.js'] });
    return (await browser.tabs.sendMessage<PageOrder, PageAnswer>(tabId, message)) ?? { error: 'no answer' };
  } catch (error) {
    return { error: String(error) };
  }
}

export function orderCommand(tabId: number, command: PageCommand): Promise<PageAnswer> {
  return order(tabId, { kind: 'command', command });
}

/** Right after a navigation the click's grant can reach the page late (seen in Chromium 156): a few short tries. */
async function toggle(tabId: number): Promise<PageAnswer> {
  const { layout } = await browser.storage.local.get<{ layout?: Layout }>('layout');
  const message: PageOrder = { kind: 'toggle', layout: layout ?? { width: 0, side: 'right' } };
  for (const wait_ms of RETRY_MS) {
    const answer = await order(tabId, message);
    if ('shown' in answer || ('error' in answer && answer.error === 'sandboxed')) return answer;
    await new Promise((resolve) => setTimeout(resolve, wait_ms));
  }
  return order(tabId, message);
}

/** The page may not be touched although the user clicked: ask for this one site now, or on the next click. */
async function askForSite(tabId: number, site: string): Promise<void> {
  try {
    if (!(await browser.permissions.request({ origins: [site] }))) return await openBeside(tabId, site);
    await toggle(tabId);
  } catch {
    wanted.set(tabId, site);
    await browser.action.setBadgeText({ tabId, text: '!' });
    await browser.action.setTitle({ tabId, title: browser.i18n.getMessage('clickAgain') });
  }
}
