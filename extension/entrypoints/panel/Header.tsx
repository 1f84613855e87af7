// The panel's head: who answers, which page, whether the server is there, and close. Called by App.
import type { CopilotCard } from '../../lib/connection/protocol.ts';
import { t } from '../../lib/words.ts';
import { HistoryTools } from './history/Tools.tsx';
import { HostTools } from './host/HostTools.tsx';
import { Icon } from './Icon.tsx';
import { PageChip } from './page/PageChip.tsx';
import { Tool } from './Tool.tsx';
import type { State } from './state/state.ts';
import type { Store } from './state/store.ts';

interface Props {
  store: Store;
  state: State;
  isPicking: boolean;
  onPick: () => void;
}

export function Header({ store, state, isPicking, onPick }: Props) {
  const card = store.current;
  const several = store.several.map(({ name }) => name);
  return (
    <header class="head">
      <div class="head-row">
        <Status state={state} />
        <PageChip store={store} state={state} />
        <HistoryTools store={store} state={state} />
        {state.turns.length > 0 && <Tool name="newThread" icon="plus" act={store.clearThread} />}
        {state.tab !== null && <HostTools store={store} state={state} />}
      </div>
      {card && state.link.status === 'ready' && (
        <button class="who" type="button" onClick={onPick} aria-haspopup="dialog" aria-expanded={isPicking} aria-label={t('pickerOpen', several.join(', ') || card.name)}>
          {several.length > 0 ? (
            <span class="who-text">
              <span class="who-name"><span class="who-names" dir="auto">{several.join(', ')}</span></span>
              <span class="who-promise">{t('severalPromise', several.length)}</span>
            </span>
          ) : (
            <span class="who-text">
              <span class="who-name">
                <bdi>{card.name}</bdi> <Badge mode={card.mode} category={card.category_name} refused={card.refused} />
              </span>
              <span class="who-promise" dir="auto">{card.promise}</span>
            </span>
          )}
          <Icon name="chevron" />
        </button>
      )}
    </header>
  );
}

/** Tuned: an adapter of its own. Domain: that of its category. General: the general one. Instructed: its instructions alone. The base answers plainly and needs no badge. */
export function Badge({ mode, category, refused }: { mode: CopilotCard['mode']; category: string; refused?: string | null }) {
  if (mode === 'base') return null;
  return (
    <span class={`badge badge-${mode}`} title={refused ?? t(`${mode}Title`)}>
      {mode === 'domain' ? t('domain', category) : t(mode)}
    </span>
  );
}

function Status({ state }: { state: State }) {
  const { status, ready } = state.link;
  const kind = status === 'ready' ? 'good' : status === 'connecting' ? 'busy' : 'bad';
  const words = ready && status === 'ready' ? t('statusReady', ready.base.name) : t(`status_${kind}`);
  return <span class={`dot dot-${kind}`} role="img" aria-label={words} title={words} />;
}
