// What stands before the first question: who answers, what for, and questions to start with. Called by App.
import { language, t } from '../../lib/words.ts';
import { Starters } from './composer/Starters.tsx';
import type { State } from './state/state.ts';
import type { Store } from './state/store.ts';

export function Welcome({ store, state }: { store: Store; state: State }) {
  const card = store.current;
  const names = store.several.map(({ name }) => name);
  return (
    <div class="welcome">
      <h1 class="welcome-title">{names.length > 0 ? t('severalWelcome', names.length) : card ? <bdi>{card.name}</bdi> : t('name')}</h1>
      <p class="welcome-promise"><bdi>{names.length > 0 ? names.join(', ') : card?.promise}</bdi></p>
      <Starters store={store} state={state} />
      <p class="welcome-foot">{t('private')}{language() !== 'en' && ` ${t('baseReadsEnglish')}`}</p>
    </div>
  );
}
