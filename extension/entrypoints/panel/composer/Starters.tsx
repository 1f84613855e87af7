// The chosen copilot's questions to start with, or one of each of several, as chips. Called by Thread's welcome; offered only for a page that can be read.
import { t } from '../../../lib/words.ts';
import type { State } from '../state/state.ts';
import type { Store } from '../state/store.ts';

export function Starters({ store, state }: { store: Store; state: State }) {
  const { several, current } = store;
  const starters = several.length > 0 ? [...new Set(several.flatMap((card) => card.starters.slice(0, 1)))] : (current?.starters ?? []);
  if (starters.length === 0 || !isReadable(state)) return null;
  return (
    <ul class="starters" aria-label={t('starters')}>
      {starters.map((starter) => (
        <li key={starter}>
          <button type="button" class="starter" dir="auto" onClick={() => store.ask(starter, false)}>
            {starter}
          </button>
        </li>
      ))}
    </ul>
  );
}

function isReadable({ page, withoutPage }: State): boolean {
  return !withoutPage && (page.text?.blocks.length ?? 0) > 0 && (page.status === 'ready' || page.status === 'opening');
}
