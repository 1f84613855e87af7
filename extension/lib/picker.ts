// Which copilots the picker shows and in which order. Pure: called by the picker, tested without a browser.
import UFuzzy from '@leeoniya/ufuzzy';
import type { CopilotCard } from './connection/protocol.ts';

export interface Section {
  /** 'suggested', 'favourites', 'recent', or a category's id. */
  id: string;
  name: string;
  /** Of a category; empty for the others. */
  icon: string;
  cards: CopilotCard[];
}

const FUZZY = new UFuzzy({
  // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- one slip a word; the package's const enum cannot be imported
  intraMode: 1,
  // Letters of every script, as its manual has it.
  unicode: true,
  interSplit: "[^\\p{L}\\d']+",
  intraSplit: '\\p{Ll}\\p{Lu}',
  intraBound: '\\p{L}\\d|\\d\\p{L}|\\p{Ll}\\p{Lu}',
  intraChars: "[\\p{L}\\d']",
  intraContr: "'\\p{L}{1,2}\\b",
});
const WORDS_IN_ANY_ORDER = 4;

/** Cards that fit the query, best first: those whose name does, then those whose category or promise does. */
export function search(cards: CopilotCard[], query: string): CopilotCard[] {
  const byName = matches(cards, (card) => card.name, query);
  const byAll = matches(cards, (card) => `${card.name} · ${card.category_name} · ${card.promise}`, query);
  return [...new Set([...byName, ...byAll])];
}

function matches(cards: CopilotCard[], textOf: (card: CopilotCard) => string, query: string): CopilotCard[] {
  const [found, info, order] = FUZZY.search(UFuzzy.latinize(cards.map(textOf)), UFuzzy.latinize(query), WORDS_IN_ANY_ORDER);
  const places = order ? order.map((rank) => info.idx[rank]) : found;
  return (places ?? []).flatMap((place) => cards[place ?? -1] ?? []);
}

/** The picker's list without a query: suggested for this page, favourites, recent, then every category. */
export function sections(cards: CopilotCard[], { suggested, favourites, recent }: Record<'suggested' | 'favourites' | 'recent', string[]>): Section[] {
  const byId = new Map(cards.map((card) => [card.id, card]));
  const shown = new Set<string>();
  const known = (ids: string[]): CopilotCard[] => {
    const fresh = ids.filter((id) => !shown.has(id));
    for (const id of fresh) shown.add(id);
    return fresh.flatMap((id) => byId.get(id) ?? []);
  };
  const list: Section[] = [
    { id: 'suggested', name: '', icon: '', cards: known(suggested) },
    { id: 'favourites', name: '', icon: '', cards: known(favourites) },
    { id: 'recent', name: '', icon: '', cards: known(recent) },
  ];
  for (const card of cards) {
    const section = list.find((other) => other.id === card.category);
    if (section) section.cards.push(card);
    else list.push({ id: card.category, name: card.category_name, icon: card.icon, cards: [card] });
  }
  return list.filter((section) => section.cards.length > 0);
}
