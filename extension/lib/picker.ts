// Which copilots the picker shows and in which order. Pure: called by the picker, tested without a browser.
import type { CopilotCard } from './connection/protocol.ts';

const RECENT_MAX = 5;

export interface Section {
  /** 'recent', 'suggested', or a category's id. */
  id: string;
  name: string;
  /** Of a category; empty for the others. */
  icon: string;
  cards: CopilotCard[];
}

/** Cards whose name, category or promise hold every word of the query; names that start with it come first. */
export function search(cards: CopilotCard[], query: string): CopilotCard[] {
  const parts = query.toLowerCase().split(/\s+/).filter(Boolean);
  const rank = (card: CopilotCard): number => {
    const name = card.name.toLowerCase();
    const all = `${name} ${card.category_name} ${card.id} ${card.promise}`.toLowerCase();
    if (!parts.every((part) => all.includes(part))) return 0;
    if (name.startsWith(parts[0] ?? '')) return 4;
    if (parts.every((part) => name.includes(part))) return 3;
    return card.category_name.toLowerCase().startsWith(parts[0] ?? '') ? 2 : 1;
  };
  const ranked = cards.map((card) => ({ card, score: rank(card) })).filter(({ score }) => score > 0);
  return ranked.toSorted((a, b) => b.score - a.score || a.card.name.localeCompare(b.card.name)).map(({ card }) => card);
}

/** The picker's list without a query: suggested for this page, recent, then every category. */
export function sections(cards: CopilotCard[], recent: string[], suggested: CopilotCard[]): Section[] {
  const byId = new Map(cards.map((card) => [card.id, card]));
  const shown = new Set(suggested.map((card) => card.id));
  const recentCards = recent.flatMap((id) => (shown.has(id) ? [] : (byId.get(id) ?? [])));
  const list: Section[] = [
    { id: 'suggested', name: '', icon: '', cards: suggested },
    { id: 'recent', name: '', icon: '', cards: recentCards },
  ];
  for (const card of cards) {
    const section = list.find((other) => other.id === card.category);
    if (section) section.cards.push(card);
    else list.push({ id: card.category, name: card.category_name, icon: card.icon, cards: [card] });
  }
  return list.filter((section) => section.cards.length > 0);
}

export function remember(recent: string[], id: string): string[] {
  return [id, ...recent.filter((other) => other !== id)].slice(0, RECENT_MAX);
}
