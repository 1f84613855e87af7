// The person moves the sidebar to another place; the next click on the toolbar opens it there. Called by background.
import { type Browser, browser } from 'wxt/browser';
import { closeSide, openSide, openTab } from './elsewhere.ts';
import { type Context, contextOf, type Host } from './invitations.ts';
import { openInPage, orderCommand } from './opening.ts';
import { siteOf } from './page/site.ts';

type Sender = Browser.runtime.MessageSender;

const HOSTS: readonly string[] = ['page', 'side', 'tab'] satisfies Host[];

/** Where the person wants it; null until storage has told. Read without waiting: only so does a click open the side panel. */
let place: Host | null = null;

export function preferredPlace(): Host | null {
  return place;
}

export async function recallPlace(): Promise<void> {
  const { place: kept } = await browser.storage.local.get<{ place?: unknown }>('place');
  place ??= isHost(kept) ? kept : 'page';
}

/** Opens the panel of `sender` in another place and closes it where it was. False when the browser does not let it open there now. */
export async function moveTo(to: unknown, sender: Sender, nonce: string): Promise<boolean> {
  if (!isHost(to)) return false;
  // Before anything is awaited: a side panel opens in a click only. It shows what the check below has not yet seen, and only to the person.
  const side = to === 'side' && sender.tab?.id !== undefined ? opened(openSide({ tab: sender.tab.id, site: siteOf(sender.tab.url) })) : null;
  const context = await contextOf(sender, nonce);
  if (!context || context.host === to) return false;
  place = to;
  await browser.storage.local.set({ place });
  const isThere = await (side ?? (to === 'tab' ? opened(openTab(context)) : openInPageOf(context)));
  if (isThere) await closeOld(context, sender);
  return isThere;
}

async function openInPageOf({ tab }: Context): Promise<boolean> {
  await browser.tabs.update(tab, { active: true }).catch(() => undefined);
  return 'shown' in (await openInPage(tab));
}

async function closeOld({ host, tab }: Context, sender: Sender): Promise<void> {
  if (host === 'page') await orderCommand(tab, { do: 'close' });
  if (host === 'side') await closeSide(tab);
  if (host === 'tab' && sender.tab?.id !== undefined) await browser.tabs.remove(sender.tab.id);
}

function opened(opening: Promise<void>): Promise<boolean> {
  return opening.then(
    () => true,
    () => false,
  );
}

function isHost(value: unknown): value is Host {
  return typeof value === 'string' && HOSTS.includes(value);
}
