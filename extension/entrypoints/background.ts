// The service worker: menus and clicks open the sidebar, panels connect here, and the one socket lives in the relay.
// Keeps nothing in memory that a restart may not lose.
import { type Browser, browser } from 'wxt/browser';
import { defineBackground } from 'wxt/utils/define-background';
import { DEFAULT_SERVER, type Identity, isServerAddress, readIdentity, samplePage } from '../lib/connection/identity.ts';
import type { FromPanel, PageMessage, PanelMessage, ToPanel } from '../lib/connection/messages.ts';
import { Fills } from '../lib/fills.ts';
import { fromHex, toHex } from '../lib/connection/pairing.ts';
import { placed } from '../lib/connection/placed.ts';
import { Relay } from '../lib/connection/relay.ts';
import { type Context, contextOf, forgetInvitations, invite } from '../lib/invitations.ts';
import { moveTo, preferredPlace, recallPlace } from '../lib/moving.ts';
import { openBeside, openFor, orderCommand } from '../lib/opening.ts';
import { siteOf } from '../lib/page/site.ts';
import { startMenu } from '../lib/menu.ts';
import { offerToolbar, switchOff, toolbarFor } from '../lib/selection/settings.ts';
import { obeySession } from '../lib/session.ts';
import { openShortcutSettings, shortcuts } from '../lib/shortcuts.ts';
import { layoutOf } from '../lib/sidebar/layout.ts';
import { openTabs, reach, watchTabs } from '../lib/tabs/reach.ts';

type Port = Browser.runtime.Port;
type Sender = Browser.runtime.MessageSender;
type Respond = (answer: unknown) => void;

export default defineBackground(() => {
  const relay = new Relay({ origin: location.origin, settings: readSettings, keepKey, keepSession });
  const fills = new Fills((tab) => openFor(tab, preferredPlace(), { isToStay: true }));
  void browser.storage.local.setAccessLevel?.({ accessLevel: 'TRUSTED_CONTEXTS' }); // the key is out of reach of page scripts
  void recallPlace();
  browser.action.onClicked.addListener((tab) => void openFor(tab, preferredPlace()));
  startMenu(fills);
  browser.runtime.onConnect.addListener((port) => admit(port, relay, fills));
  browser.runtime.onMessage.addListener((message: PageMessage | PanelMessage, sender, respond: Respond) => {
    if (sender.origin === location.origin) return hearPanel(message as PanelMessage, sender, respond);
    return hearPage(message as PageMessage, sender, { respond, fills });
  });
  browser.tabs.onRemoved.addListener((tabId) => void forgetTab(tabId));
});

/** Only the scripts of a top frame: its tab and its address are the browser's word, not its own. */
function hearPage(message: PageMessage, { tab, frameId, url }: Sender, { respond, fills }: { respond: Respond; fills: Fills }): boolean {
  if (tab?.id === undefined || frameId !== 0) return false;
  if (message.kind === 'blocked') void openBeside(tab.id, siteOf(url));
  if (message.kind === 'layout') void browser.storage.local.set({ layout: layoutOf(message.layout) });
  if (message.kind === 'invite') respond(invite({ host: 'page', tab: tab.id, site: siteOf(url) }));
  if (message.kind === 'fill') fills.put({ id: tab.id, url }, message.fill);
  if (message.kind === 'toolbarOff') void switchOff(message.where, url);
  if (message.kind === 'toolbar') void toolbarFor(url).then(respond);
  return message.kind === 'toolbar';
}

function hearPanel(message: PanelMessage, sender: Sender, respond: Respond): boolean {
  if (message.kind === 'remap') void openShortcutSettings();
  if (message.kind === 'sample') void readSettings().then(({ url }) => browser.tabs.create({ url: samplePage(url) }));
  if (message.kind === 'remap' || message.kind === 'sample') return false;
  void (message.kind === 'move' ? moveTo(message.to, sender, message.nonce) : obeySession(message)).then(respond);
  return true;
}

async function readSettings(): Promise<{ url: string; key: Uint8Array<ArrayBuffer> | null; session: string | null; identity: Identity }> {
  const { server, key } = await browser.storage.local.get<{ server?: string; key?: string }>(['server', 'key']);
  const url = typeof server === 'string' && isServerAddress(server) ? server : DEFAULT_SERVER;
  const { session } = await browser.storage.session.get<{ session?: string }>('session');
  const identity = await readIdentity(browser.storage.local, (await browser.runtime.getPlatformInfo()).os);
  return { url, identity, key: typeof key === 'string' && /^[0-9a-f]{64}$/.test(key) ? fromHex(key) : null, session: session ?? null };
}

async function keepKey(key: Uint8Array): Promise<void> {
  await browser.storage.local.set({ key: toHex(key) });
}

async function keepSession(session: string): Promise<void> {
  await browser.storage.session.set({ session });
}

/** A port is heard only after its panel has shown the nonce that it was opened with. */
function admit(port: Port, relay: Relay, fills: Fills): void {
  if (port.name !== 'panel' || port.sender?.origin !== location.origin) return port.disconnect();
  const send = (message: ToPanel): void => {
    try {
      port.postMessage(message);
    } catch {
      relay.detach(send); // the panel closed a moment ago
    }
  };
  let context: Context | null = null;
  const others = new Set<number>();
  const closed = new AbortController();
  watchTabs(others, (tab, now, site) => send({ kind: 'tab', tab, now, site }), closed.signal);
  port.onMessage.addListener((message: FromPanel) => {
    if (message.kind === 'open') {
      void contextOf(port.sender, message.nonce).then(async (found) => {
        const keepsNothing = found !== null && (await isPrivate(found.tab));
        context = found;
        send(found ? { kind: 'opened', ...found, isPrivate: keepsNothing } : { kind: 'untrusted' });
        if (!found) return;
        relay.attach(send, message);
        fills.attach(send, found.tab, { isInPage: found.host === 'page' });
        void offerToolbar(found.tab);
      });
      return;
    }
    if (!context) return;
    if (message.kind === 'command') return void obey(send, context, others, message);
    if (message.kind === 'tabs') return void openTabs(context).then((tabs) => send({ kind: 'tabs', tabs }));
    if (message.kind === 'shortcuts') return void shortcuts().then((list) => send({ kind: 'shortcuts', shortcuts: list }));
    const passed = placed(message, context.host);
    if (passed) relay.receive(send, passed);
  });
  port.onDisconnect.addListener(() => (relay.detach(send), fills.detach(send), closed.abort()));
}

/** In the panel's own tab, or in another one that it may reach; those are `others` from then on. */
async function obey(send: (message: ToPanel) => void, context: Context, others: Set<number>, { id, command, tab }: Extract<FromPanel, { kind: 'command' }>): Promise<void> {
  const answer = tab === undefined ? await orderCommand(context.tab, command) : await reach(context, tab, command);
  if (tab !== undefined && 'page' in answer) others.add(tab);
  send({ kind: 'answer', id, answer });
  if (tab === undefined && command.do === 'read') void offerToolbar(context.tab); // beside a page that may be a new one
}

/** Of a private window nothing is kept; so, too, where the browser does not say. */
async function isPrivate(tabId: number): Promise<boolean> {
  return browser.tabs.get(tabId).then((tab) => tab.incognito, () => true);
}

async function forgetTab(tabId: number): Promise<void> {
  await forgetInvitations(tabId);
  const names = Object.keys(await browser.storage.session.get(null));
  await browser.storage.session.remove(names.filter((name) => name.startsWith(`chat:${tabId}:`)));
}
