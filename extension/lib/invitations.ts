// Which panels the extension itself opened, and for which page. Called by background and opening.
// A panel shows the nonce that it was given; its address and its words decide nothing else. Kept in storage.session only.
import { type Browser, browser } from 'wxt/browser';
import { newNonce } from './connection/pairing.ts';

/** Where a panel can be: a frame in the page, the browser's side panel or sidebar, a tab of its own. */
export type Host = 'page' | 'side' | 'tab';

/** What the background knows of a panel. `site` is the match pattern of the page, null when it may not be asked for. */
export interface Context {
  host: Host;
  tab: number;
  site: string | null;
}

interface Invitation extends Context {
  /** The document or tab that showed the nonce first: nobody else may show it again. */
  holder?: string;
}

type Sender = Browser.runtime.MessageSender;
type Invitations = Record<string, Invitation>;

const INVITATIONS_MAX = 6; // of one tab: a page that reloads the frame without end fills no storage

let last: Promise<unknown> = Promise.resolve();

/** A nonce for a panel that is about to open. It stands at once and is stored meanwhile, so that a click stays a click. */
export function invite(context: Context): string {
  const nonce = `${context.tab}.${newNonce()}`;
  void change(context.tab, (open) => ({ ...open, [nonce]: context }));
  return nonce;
}

/** What the panel behind `sender` was opened for, or null for a panel that somebody else opened. */
export function contextOf(sender: Sender | undefined, nonce: string | null): Promise<Context | null> {
  const tab = Number(nonce?.split('.')[0]);
  if (!sender || nonce === null || !Number.isSafeInteger(tab)) return Promise.resolve(null);
  let context: Context | null = null;
  const check = (open: Invitations): Invitations => {
    const invitation = Object.hasOwn(open, nonce) ? open[nonce] : undefined;
    const holder = invitation && holderOf(sender, invitation);
    if (!invitation || !holder || (invitation.holder ?? holder) !== holder) return open;
    const { host, site } = invitation;
    context = { host, tab, site };
    return { ...open, [nonce]: { ...invitation, holder } };
  };
  return change(tab, check).then(() => context);
}

/** Who shows the nonce, or null when it is not where the panel was to open. */
function holderOf(sender: Sender, { host, tab }: Context): string | null {
  const { tab: own, frameId, documentId } = sender;
  if (host === 'side') return own === undefined ? 'side' : null; // no website gets there
  if (own?.id === undefined) return null;
  if (host === 'tab') return frameId === 0 ? `tab ${own.id}` : null;
  return own.id === tab && frameId !== 0 ? (documentId ?? `frame ${frameId}`) : null;
}

export async function forgetInvitations(tab: number): Promise<void> {
  await change(tab, () => ({}));
  await browser.storage.session.remove([nameOf(tab)]);
}

/** One change after the other: two that read the same state would lose one. */
function change(tab: number, make: (open: Invitations) => Invitations): Promise<void> {
  const name = nameOf(tab);
  const next = last.then(async () => {
    const open = (await browser.storage.session.get<Record<string, Invitations>>(name))[name] ?? {};
    const changed = make(open);
    if (changed !== open) await browser.storage.session.set({ [name]: Object.fromEntries(Object.entries(changed).slice(-INVITATIONS_MAX)) });
  });
  last = next.catch(() => undefined);
  return next;
}

function nameOf(tab: number): string {
  return `panels:${tab}`;
}
