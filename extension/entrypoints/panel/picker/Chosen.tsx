// The foot of the picker while several copilots are chosen: who they are, each can be taken out, and the button that ends it. Called by Picker.
import { type CopilotCard, PANEL_MAX, PANEL_MIN } from '../../../lib/connection/protocol.ts';
import { t } from '../../../lib/words.ts';
import { Icon } from '../Icon.tsx';

interface Props {
  cards: CopilotCard[];
  remove: (copilot: string) => void;
  done: () => void;
}

export function Chosen({ cards, remove, done }: Props) {
  const isEnough = cards.length >= PANEL_MIN;
  return (
    <div class="chosen">
      {cards.length > 0 && (
        <ul class="chosen-list" aria-label={t('chosen')}>
          {cards.map(({ id, name }) => (
            <li key={id}>
              <button type="button" class="chosen-one" aria-label={t('chosenRemove', name)} onClick={() => remove(id)}>
                {name} <Icon name="close" />
              </button>
            </li>
          ))}
        </ul>
      )}
      <div class="chosen-row">
        <span role="status">{isEnough ? t('chosenCount', cards.length, PANEL_MAX) : t('chosenFew', PANEL_MIN, PANEL_MAX)}</span>
        <button type="button" class="primary" disabled={!isEnough} aria-keyshortcuts="Control+Enter" title="Ctrl+Enter" onClick={done}>{isEnough ? t('chosenDone', cards.length) : t('chosenNotYet')}</button>
      </div>
    </div>
  );
}
