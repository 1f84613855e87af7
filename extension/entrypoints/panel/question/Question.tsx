// The question side of a turn: its words, what it is about, edit, and the way to the other branches. Called by Thread.
import { t } from '../../../lib/words.ts';
import { Icon } from '../Icon.tsx';
import { branchesOf } from '../state/branches.ts';
import type { State } from '../state/state.ts';
import type { Store } from '../state/store.ts';
import { isRunning, type Turn } from '../state/thread.ts';

interface Props {
  turn: Turn;
  store: Store;
  state: State;
}

export function Question({ turn, store, state }: Props) {
  return (
    <div class="asked">
      <div class={`question${state.editing === turn.run ? ' question-edited' : ''}`}>
        {turn.selection && <q class="about" dir="auto">{turn.selection}</q>}
        <div class="question-words" dir="auto">{turn.question}</div>
      </div>
      <div class="question-tools">
        {turn.withoutPage && <span class="question-note">{t('askedWithoutPage')}</span>}
        <Branches turn={turn} store={store} state={state} />
        <button type="button" class="tool question-edit" title={t('edit')} aria-label={`${t('edit')}: ${turn.question}`} disabled={isRunning(turn)} onClick={() => store.asking.edit(turn)}>
          <Icon name="edit" />
        </button>
      </div>
    </div>
  );
}

/** ‹ 2/3 ›: the questions and answers that stood in this place before. */
function Branches({ turn, store, state }: Props) {
  const branches = branchesOf(state, turn);
  if (branches.length < 2) return null;
  const at = branches.findIndex(({ run }) => run === turn.run);
  const step = (icon: 'previous' | 'next', words: string, other: Turn | undefined) => (
    <button type="button" class="tool" aria-label={words} title={words} disabled={!other} onClick={() => other && store.asking.showBranch(other)}>
      <Icon name={icon} />
    </button>
  );
  return (
    <span class="branches" role="group" aria-label={t('branches')}>
      {step('previous', t('previousBranch'), branches[at - 1])}
      <span class="branches-place" role="status" aria-label={t('branchOf', at + 1, branches.length)}>{`${at + 1}/${branches.length}`}</span>
      {step('next', t('nextBranch'), branches[at + 1])}
    </span>
  );
}
