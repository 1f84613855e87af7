// The panel's head: who answers, which page, whether the server is there, and close. Called by App.
import type { CopilotCard } from '../../lib/connection/protocol.ts';
import { t } from '../../lib/words.ts';
import { Icon } from './Icon.tsx';
import type { State } from './state/state.ts';
import type { Store } from './state/store.ts';
import { HOST } from './state/wire.ts';

interface Props {
  store: Store;
  state: State;
  isPicking: boolean;
  onPick: () => void;
}

export function Header({ store, state, isPicking, onPick }: Props) {
  const card = store.current;
  return (
    <header class="head">
      <div class="head-row">
        <span class="page-title" title={state.page.text?.url ?? ''}>
          <Status state={state} />
          {state.page.text?.title || t('name')}
        </span>
        {state.turns.length > 0 && <Tool name="newThread" icon="plus" act={store.clearThread} />}
        {HOST === 'page' && <Tool name="flip" icon="flip" act={store.flip} />}
        {HOST === 'page' && <Tool name="close" icon="close" act={store.close} />}
      </div>
      {card && state.link.status === 'ready' && (
        <button class="who" type="button" onClick={onPick} aria-haspopup="listbox" aria-expanded={isPicking} aria-label={t('pickerOpen', card.name)}>
          <span class="who-text">
            <span class="who-name">
              {card.name} <Badge mode={card.mode} category={card.category_name} refused={card.refused} />
            </span>
            <span class="who-promise">{card.promise}</span>
          </span>
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

function Tool({ name, icon, act }: { name: string; icon: 'plus' | 'flip' | 'close'; act: () => void }) {
  return (
    <button class="tool" type="button" title={t(name)} aria-label={t(name)} onClick={act}>
      <Icon name={icon} />
    </button>
  );
}
