// Which other tabs a panel may see, read and show. Called by background. What a panel says of itself counts for nothing.
// A panel inside a web page reaches no other tab: that page could have placed the click. Nothing of private windows is reached.
import { browser } from 'wxt/browser';
import type { OpenTab, PageAnswer, PageCommand } from '../connection/messages.ts';
import type { Context } from '../invitations.ts';
import { orderCommand } from '../opening.ts';
import { siteOf } from '../page/site.ts';

const TABS_MAX = 200;
/** All else that a panel may order is about itself. */
const REACHING: readonly string[] = ['read', 'show', 'clear'] satisfies PageCommand['do'][];

/** The tabs that can be added, those of the page's own window first; null where the panel may not ask or the browser does not say their titles. */
export async function openTabs({ host, tab }: Context): Promise<OpenTab[] | null> {
  if (host === 'page' || !(await browser.permissions.contains({ permissions: ['tabs'] }))) return null;
  const own = await browser.tabs.get(tab).catch(() => null);
  if (!own || own.incognito) return [];
  const tabs = (await browser.tabs.query({})).filter(({ id, incognito }) => id !== undefined && id !== tab && !incognito);
  const ranked = tabs.toSorted((a, b) => Number(b.windowId === own.windowId) - Number(a.windowId === own.windowId) || (b.lastAccessed ?? 0) - (a.lastAccessed ?? 0));
  const known = ranked.flatMap(({ id, title, url }): OpenTab[] => {
    const site = siteOf(url);
    return id !== undefined && site !== null && url !== undefined ? [{ tab: id, title: title ?? '', url, site }] : [];
  });
  return known.slice(0, TABS_MAX);
}

/** Runs a command in another tab, if the panel may reach it; showing a passage brings the tab to the front. */
export async function reach(context: Context, tab: number, command: PageCommand): Promise<PageAnswer> {
  if (!REACHING.includes(command.do) || !(await mayReach(context, tab))) return { error: 'not allowed' };
  if (command.do === 'show' && !command.preview) await bringToFront(tab);
  return orderCommand(tab, command);
}

async function mayReach({ host, tab: own }: Context, tab: number): Promise<boolean> {
  if (host === 'page' || tab === own) return false;
  const [one, other] = await Promise.all([own, tab].map((id) => browser.tabs.get(id).catch(() => null)));
  const site = siteOf(other?.url);
  if (!one || one.incognito || !other || other.incognito || site === null) return false;
  return browser.permissions.contains({ origins: [site] });
}

async function bringToFront(tab: number): Promise<void> {
  const { windowId } = await browser.tabs.update(tab, { active: true }) ?? {};
  if (windowId !== undefined) await browser.windows.update(windowId, { focused: true }).catch(() => undefined);
}

/** Tells what becomes of the tabs that a panel reads, and which site they show now where the browser says it. Ends with `signal`. */
export function watchTabs(tabs: ReadonlySet<number>, tell: (tab: number, now: 'closed' | 'moved', site: string | null) => void, signal: AbortSignal): void {
  const removed = (tab: number): void => void (tabs.has(tab) && tell(tab, 'closed', null));
  const updated = (tab: number, { status, url }: { status?: string; url?: string }, now: { url?: string }): void => {
    if (tabs.has(tab) && (status === 'loading' || url !== undefined)) tell(tab, 'moved', siteOf(now.url));
  };
  browser.tabs.onRemoved.addListener(removed);
  browser.tabs.onUpdated.addListener(updated);
  signal.addEventListener('abort', () => (browser.tabs.onRemoved.removeListener(removed), browser.tabs.onUpdated.removeListener(updated)), { once: true });
}
