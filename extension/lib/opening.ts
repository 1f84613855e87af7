// Opens the sidebar for a tab: where the person wants it, else in the page, in the side panel, in a tab of its own. Called by background.
// Knows tabs and permissions; nothing of frames and pages' text.
import { browser } from 'wxt/browser';
import type { PageAnswer, PageCommand, PageOrder } from './connection/messages.ts';
import { openSide, openTab } from './elsewhere.ts';
import type { Host } from './invitations.ts';
import { siteOf } from './page/site.ts';
import { layoutOf } from './sidebar/layout.ts';

const RETRY_MS = [60, 150, 400];
const READING = ['/article.js', '/page.js'] as const;
const SIDEBAR = ['/sidebar.js'] as const;

/** Sites whose grant went stale (a Chromium fault after a process swap): the next click asks for them by name. */
const wanted = new Map<number, string>();

export interface Tab {
  id?: number | undefined;
  url?: string | undefined;
}

/**
 * `place` is where the person wants the sidebar; null while a worker that was just started does not know it yet.
 * `isToStay`: a sidebar that is open gets the focus and is never closed.
 */
export async function openFor(tab: Tab, place: Host | null, { isToStay = false } = {}): Promise<void> {
  if (tab.id === undefined) return;
  const site = siteOf(tab.url);
  if (!site || place === 'side') return openBeside(tab.id, site);
  if (place === 'tab') return openTab({ tab: tab.id, site });
  const isSecondTry = wanted.get(tab.id) === site;
  wanted.delete(tab.id);
  if (isSecondTry) await browser.permissions.request({ origins: [site] }).catch(() => false);
  const answer = await openInPage(tab.id, isToStay);
  if ('shown' in answer) return void browser.action.setBadgeText({ tabId: tab.id, text: '' });
  if ('error' in answer && answer.error === 'sandboxed') return openBeside(tab.id, site);
  await (isSecondTry ? openBeside(tab.id, site) : askForSite(tab.id, site));
}

/** The same panel outside the page: the side panel where the browser still counts the click, else a tab. */
export async function openBeside(tab: number, site: string | null): Promise<void> {
  await openSide({ tab, site }).catch(() => openTab({ tab, site }));
}

/**
 * Runs one order in the page, injecting the script that hears it first. Every failure is an answer, never an exception.
 * The sidebar's script goes alone: its frame loads while those that read the page follow.
 */
export async function order(tabId: number, message: PageOrder): Promise<PageAnswer> {
  try {
    const isToggle = message.kind === 'toggle';
    await inject(tabId, isToggle ? SIDEBAR : READING);
    const answer = browser.tabs.sendMessage<PageOrder, PageAnswer>(tabId, message);
    if (isToggle) void inject(tabId, READING).catch(() => undefined); // the page has gone meanwhile
    return (await answer) ?? { error: 'no answer' };
  } catch (error) {
    return { error: String(error) };
  }
}

async function inject(tabId: number, files: typeof READING | typeof SIDEBAR): Promise<void> {
  await browser.scripting.executeScript({ target: { tabId }, files: [...files] });
}

export function orderCommand(tabId: number, command: PageCommand): Promise<PageAnswer> {
  return order(tabId, { kind: 'command', command });
}

/** Right after a navigation the click's grant can reach the page late (seen in Chromium 156): a few short tries. */
export async function openInPage(tabId: number, isToStay = false): Promise<PageAnswer> {
  const { layout } = await browser.storage.local.get<{ layout?: unknown }>('layout');
  const message: PageOrder = { kind: 'toggle', layout: layoutOf(layout), isToStay };
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
    await openInPage(tabId);
  } catch {
    wanted.set(tabId, site);
    await browser.action.setBadgeText({ tabId, text: '!' });
    await browser.action.setTitle({ tabId, title: browser.i18n.getMessage('clickAgain') });
  }
}
