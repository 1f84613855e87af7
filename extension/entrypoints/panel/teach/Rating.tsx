// Below an answer: thumbs, and the way to correct it. Inside a web page only the way out of it. Called by Thread, loaded later.
import { t } from '../../../lib/words.ts';
import { Icon } from '../Icon.tsx';
import type { State } from '../state/state.ts';
import type { Store } from '../state/store.ts';
import type { Turn } from '../state/thread.ts';
import { hindranceTo, teachingOf } from './teaching.ts';

interface Props {
  turn: Turn;
  store: Store;
  state: State;
}

export function Rating({ turn, store, state }: Props) {
  if (state.host === 'page') return <button type="button" class="action" onClick={() => void store.hosting.move('side')}><Icon name="edit" />{t('teachBeside')}</button>;
  const hindrance = hindranceTo(turn, state);
  return (
    <span class="rating">
      {store.history.keeps && state.thread.id !== null && <Thumb turn={turn} store={store} thumb="up" />}
      {store.history.keeps && state.thread.id !== null && <Thumb turn={turn} store={store} thumb="down" />}
      <button type="button" class="action" disabled={hindrance !== ''} title={hindrance || undefined} onClick={() => store.showTeach({ section: 'corrections', correct: turn })}>
        <Icon name="edit" />
        {t('correct')}
      </button>
    </span>
  );
}

function Thumb({ turn, store, thumb }: { turn: Turn; store: Store; thumb: 'up' | 'down' }) {
  const name = t(thumb === 'up' ? 'thumbUp' : 'thumbDown');
  return (
    <button type="button" class="action thumb" aria-label={name} title={name} aria-pressed={turn.thumb === thumb} onClick={() => void teachingOf(store).rate(turn, thumb)}>
      <Icon name={thumb === 'up' ? 'thumbUp' : 'thumbDown'} />
    </button>
  );
}
