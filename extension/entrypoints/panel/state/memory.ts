// What the browser keeps for the panel: the thread of a page in a tab for as long as it runs, the copilots for good. Called by store.
import { browser } from 'wxt/browser';
import type { State } from './state.ts';
import type { Turn } from './thread.ts';

const TURNS_KEPT = 40;

export async function recall({ tab, page, copilot, recent }: State): Promise<Pick<State, 'turns' | 'copilot' | 'recent'>> {
  const name = threadName(tab, page);
  const { [name]: turns } = await browser.storage.session.get<Record<string, Turn[]>>(name);
  const kept = await browser.storage.local.get<Partial<Pick<State, 'copilot' | 'recent'>>>(['copilot', 'recent']);
  return { turns: turns ?? [], copilot, recent, ...kept };
}

export function keepThread({ tab, page, turns }: State): void {
  void browser.storage.session.set({ [threadName(tab, page)]: turns.slice(-TURNS_KEPT) });
}

export function keepChoice({ copilot, recent }: State): void {
  void browser.storage.local.set({ copilot, recent });
}

/** background forgets by this name when the tab is closed. */
function threadName(tab: State['tab'], page: State['page']): string {
  return `chat:${tab}:${page.text?.url.split('#')[0] ?? ''}`;
}
