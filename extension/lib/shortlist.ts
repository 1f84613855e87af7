// Favourites, recent copilots, and the few of them that the page's toolbar and menu offer by name. Pure: written by the panel, read by menu and toolbar.
import type { CopilotCard } from './connection/protocol.ts';

export const SHORTLIST_MAX = 6;
const RECENT_MAX = 5;
const FAVOURITES_MAX = 50;

export type Named = Pick<CopilotCard, 'id' | 'name'>;

export interface Shortlist {
  current: Named | null;
  /** Favourites, then recent ones. */
  often: Named[];
}

export function shortlistOf(cards: CopilotCard[], { copilot, favourites, recent }: { copilot: string; favourites: string[]; recent: string[] }): Shortlist {
  const named = (id: string): Named[] => cards.filter((card) => card.id === id).map(({ name }) => ({ id, name }));
  const often = [...new Set([...favourites, ...recent])].flatMap(named).slice(0, SHORTLIST_MAX);
  return { current: named(copilot)[0] ?? null, often };
}

export function remember(recent: string[], id: string): string[] {
  return [id, ...recent.filter((other) => other !== id)].slice(0, RECENT_MAX);
}

/** With the id, or without it when it is there. */
export function toggle(favourites: string[], id: string): string[] {
  return favourites.includes(id) ? favourites.filter((other) => other !== id) : [...favourites, id].slice(-FAVOURITES_MAX);
}
