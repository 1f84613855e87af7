// What the browser keeps for the panel: which conversation a tab shows for a page and which questions wait in it while it
// runs, the copilots for good. The conversations themselves are the server's. Called by store and history. Nothing is
// written for private windows.
import { browser } from 'wxt/browser';
import { keepSession, recallSession } from '../../../lib/session.ts';
import type { Shortlist } from '../../../lib/shortlist.ts';
import { pause, type Queued } from './queue.ts';
import type { State } from './state.ts';
import { addressOf } from './reading.ts';

type Choice = Pick<State, 'copilot' | 'several' | 'recent' | 'favourites'>;
type Recalled = Choice & { isNew: boolean; thread: string | null | undefined; queue: Queued[] };

/** `thread`: null when the last one was put away, undefined when nothing is known. `queue`: what waited is paused, its answer is over. */
export async function recall({ tab, page, copilot, several, recent, favourites }: State): Promise<Recalled> {
  const [name, queueName] = [threadName(tab, page), queueNameOf(tab, page)];
  const kept = await recallSession([name, queueName]);
  const choice = await browser.storage.local.get<Partial<Choice>>(['copilot', 'several', 'recent', 'favourites']);
  const { tour } = await browser.storage.local.get<{ tour?: 'new' | 'done' }>('tour');
  const queue = pause((kept[queueName] as Queued[] | undefined) ?? []);
  return { thread: kept[name] as string | null | undefined, queue, isNew: tour !== 'done', copilot, several, recent, favourites, ...choice };
}

export function keepThread({ tab, page, thread, isPrivate, isPrivateWindow }: State): void {
  if (!isPrivate && !isPrivateWindow) void keepSession({ [threadName(tab, page)]: thread.id });
}

export function keepQueue({ tab, page, queue, isPrivate, isPrivateWindow }: State): void {
  if (!isPrivate && !isPrivateWindow) void keepSession({ [queueNameOf(tab, page)]: queue });
}

export function keepChoice({ copilot, several, recent, favourites, isPrivateWindow }: State): void {
  if (!isPrivateWindow) void browser.storage.local.set({ copilot, several, recent, favourites });
}

/** The tour is never offered again; `isNew` takes that back. */
export function keepTour({ isNew, isPrivateWindow }: State): void {
  if (!isPrivateWindow) void browser.storage.local.set({ tour: isNew ? 'new' : 'done' });
}

/** For the page's toolbar and menu, which know no other copilots. */
export function keepShortlist(shortlist: Shortlist, { isPrivateWindow }: State): void {
  if (!isPrivateWindow) void browser.storage.local.set({ shortlist });
}

/** background forgets by these names when the tab is closed. */
function threadName(tab: State['tab'], page: State['page']): string {
  return `chat:${tab}:${addressOf(page.text?.url) ?? ''}`;
}

function queueNameOf(tab: State['tab'], page: State['page']): string {
  return `chat:${tab}:queue:${addressOf(page.text?.url) ?? ''}`;
}
