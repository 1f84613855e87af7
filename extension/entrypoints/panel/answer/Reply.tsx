// One copilot's answer: who answers, the text, what stands below it. Called by Thread and several/Group.
import type { ComponentChildren } from 'preact';
import { t } from '../../../lib/words.ts';
import { Badge } from '../Header.tsx';
import type { State } from '../state/state.ts';
import type { Store } from '../state/store.ts';
import { isRunning, type Turn } from '../state/thread.ts';
import { Answer } from './Answer.tsx';
import { Foot } from './Foot.tsx';

interface Props {
  turn: Turn;
  store: Store;
  state: State;
  /** Beside the name. */
  tool?: ComponentChildren;
}

export function Reply({ turn, store, state, tool }: Props) {
  return (
    <>
      <div class="answer-head">
        <bdi class="answer-name">{turn.copilotName}</bdi>
        {turn.mode && <Badge mode={turn.mode} category={store.categoryOf(turn.copilot)} />}
        {tool}
      </div>
      {turn.answer && <Answer turn={turn} store={store} state={state} />}
      {isRunning(turn) && <Waiting turn={turn} />}
      {turn.status === 'error' && <p class="turn-error" role={turn.group ? undefined : 'alert'}>{turn.error?.message}</p>}
      {turn.status === 'done' && <Foot turn={turn} store={store} state={state} />}
    </>
  );
}

function Waiting({ turn }: { turn: Turn }) {
  if (turn.status === 'streaming') return null;
  return (
    <p class="waiting">
      <span class="pulse" aria-hidden="true" />
      {t(turn.status === 'held' ? 'held' : 'thinking')}
    </p>
  );
}
