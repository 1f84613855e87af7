// What must be known of the conversation on screen: that nothing of it is kept, or that it is about another page. Called by App.
import { t } from '../../../lib/words.ts';
import { Icon } from '../Icon.tsx';
import { isForeign } from '../state/history.ts';
import type { State } from '../state/state.ts';
import { linkTo, siteName } from './groups.ts';

export function Banner({ state }: { state: State }) {
  const { isPrivate, isPrivateWindow, thread } = state;
  if (isPrivate || isPrivateWindow) {
    return (
      <p class="banner" role="status">
        <Icon name="mask" />
        {t(isPrivateWindow ? 'privateWindow' : 'privateOn')}
      </p>
    );
  }
  if (!thread.card || !isForeign(state)) return null;
  const { title, address } = thread.card;
  const link = linkTo(address);
  return (
    <p class="banner" role="status">
      <span>{t('foreignText', title || siteName(address))}</span>
      {link && <a class="action" href={link} target="_blank" rel="noreferrer">{t('foreignOpen')}</a>}
    </p>
  );
}
