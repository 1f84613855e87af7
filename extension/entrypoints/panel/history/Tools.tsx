// The header's buttons for kept conversations: open the list, and keep nothing of this one. Called by Header.
import { t } from '../../../lib/words.ts';
import { Icon } from '../Icon.tsx';
import type { State } from '../state/state.ts';
import type { Store } from '../state/store.ts';

export function HistoryTools({ store, state }: { store: Store; state: State }) {
  const { link, history, isPrivate, isPrivateWindow } = state;
  if (link.status !== 'ready' || !link.ready?.history) return null;
  const words = t(isPrivateWindow ? 'privateWindow' : isPrivate ? 'privateOn' : 'privateOff');
  return (
    <>
      <button class="tool" type="button" title={words} aria-label={t('privateSwitch')} aria-pressed={isPrivate || isPrivateWindow} disabled={isPrivateWindow} onClick={() => store.setPrivate(!isPrivate)}>
        <Icon name="mask" />
      </button>
      <button class="tool" type="button" title={t('history')} aria-label={t('history')} aria-expanded={history.isOpen} onClick={history.isOpen ? store.history.close : store.history.open}>
        <Icon name="clock" />
      </button>
    </>
  );
}
