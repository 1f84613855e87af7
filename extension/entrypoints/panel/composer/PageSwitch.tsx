// Says whether the next question is about the page, and switches that. Called by Composer.
import { t } from '../../../lib/words.ts';
import { Icon } from '../Icon.tsx';
import type { State } from '../state/state.ts';
import type { Store } from '../state/store.ts';

export function PageSwitch({ store, state }: { store: Store; state: State }) {
  const isOn = !state.withoutPage;
  return (
    <button type="button" role="switch" class={`page-switch${isOn ? '' : ' page-switch-off'}`} aria-checked={isOn} title={t(isOn ? 'pageOnTitle' : 'pageOffTitle')} onClick={() => store.setWithoutPage(isOn)}>
      <Icon name="page" />
      <span class="page-switch-words">{t('pageOn')}</span>
    </button>
  );
}
