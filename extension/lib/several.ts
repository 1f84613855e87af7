// Which copilots are asked together: those that a person checks, and the panels that the categories propose. Pure: called by the picker.
import { type CopilotCard, PANEL_MAX, type PanelPreset } from './connection/protocol.ts';

const PRESET = 'panel:';

/** The panels as cards of a list, those of the categories of the suggested copilots first. A copilot's id has no colon. */
export function presetCards(panels: PanelPreset[], cards: CopilotCard[], suggested: string[]): CopilotCard[] {
  const names = new Map(cards.map((card) => [card.id, card.name]));
  const fitting = [...new Set(suggested.flatMap((id) => cards.find((card) => card.id === id)?.category ?? []))];
  const rank = ({ category }: PanelPreset): number => (fitting.includes(category) ? fitting.indexOf(category) : fitting.length);
  return panels.toSorted((a, b) => rank(a) - rank(b)).map(({ category, category_name, icon, copilots }) => ({
    id: `${PRESET}${category}`, name: category_name, category, category_name, icon, mode: 'base', refused: null, starters: [], trainable: false, own: false,
    promise: copilots.map((id) => names.get(id) ?? id).join(', '),
  }));
}

export function isPreset({ id }: CopilotCard): boolean {
  return id.startsWith(PRESET);
}

/** The copilots of a card that stands for a panel; null for a copilot's own. */
export function membersOf(card: CopilotCard, panels: PanelPreset[]): string[] | null {
  return isPreset(card) ? (panels.find(({ category }) => category === card.category)?.copilots ?? []) : null;
}

/** With the copilot, or without it when it is there; no more than a panel can have. */
export function toggled(chosen: string[], id: string): string[] {
  if (chosen.includes(id)) return chosen.filter((other) => other !== id);
  return chosen.length < PANEL_MAX ? [...chosen, id] : chosen;
}

export function isSame(chosen: string[], members: string[]): boolean {
  return chosen.length === members.length && members.every((id) => chosen.includes(id));
}
