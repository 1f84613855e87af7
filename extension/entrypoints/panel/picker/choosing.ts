// Choosing several copilots in the picker: whether it is on, and who is checked so far. Called by Picker.
import { useState } from 'preact/hooks';
import { type CopilotCard, PANEL_MAX, PANEL_MIN } from '../../../lib/connection/protocol.ts';
import { isSame, membersOf, toggled } from '../../../lib/several.ts';
import type { Store } from '../state/store.ts';

export interface Choosing {
  isOn: boolean;
  /** Who is checked, in that order. */
  cards: CopilotCard[];
  turn: () => void;
  /** Checks a copilot, or takes a panel as it is. */
  check: (card: CopilotCard) => void;
  remove: (copilot: string) => void;
  /** What an option's box shows; `isFull`: there is no place for one more. */
  marksOf: (card: CopilotCard) => { isChecked: boolean; isFull: boolean };
  /** From now on they are asked together, then `after`. Nothing happens while they are too few. */
  done: (after: () => void) => void;
}

/** Only where one may choose several: `isOffered`. */
export function useChoosing(store: Store, isOffered: boolean): Choosing {
  const [isOn, setIsOn] = useState(store.several.length > 0);
  const [chosen, setChosen] = useState(() => (store.several.length > 0 ? store.several : [store.current]).flatMap((card) => card?.id ?? []));
  const panels = store.state.link.ready?.panels ?? [];
  return {
    isOn: isOn && isOffered,
    cards: chosen.flatMap((id) => store.copilots.find((card) => card.id === id) ?? []),
    turn: () => setIsOn(!isOn),
    check: (card) => setChosen(membersOf(card, panels) ?? toggled(chosen, card.id)),
    remove: (copilot) => setChosen(chosen.filter((id) => id !== copilot)),
    marksOf: (card) => {
      const members = membersOf(card, panels);
      const isChecked = members ? isSame(chosen, members) : chosen.includes(card.id);
      return { isChecked, isFull: !members && !isChecked && chosen.length >= PANEL_MAX };
    },
    done: (after) => {
      if (chosen.length < PANEL_MIN) return;
      store.chooseSeveral(chosen);
      after();
    },
  };
}
