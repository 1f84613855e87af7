// The answers of several copilots to one question, one below the other or in columns, and where they differ. Called by Thread.
import { t } from '../../../lib/words.ts';
import { Action, Copy } from '../answer/Actions.tsx';
import { Reply } from '../answer/Reply.tsx';
import { Icon } from '../Icon.tsx';
import { later } from '../later.tsx';
import type { State } from '../state/state.ts';
import type { Store } from '../state/store.ts';
import { isRunning, type Turn } from '../state/thread.ts';
import { Differences } from './Differences.tsx';

const Rating = later(() => import('../teach/Rating.tsx').then((module) => module.Rating));

interface Props {
  turn: Turn;
  store: Store;
  state: State;
}

export function Group(props: Props) {
  const { turn } = props;
  return (
    <div class="several">
      <div class={`several-answers several-${turn.members.length}`}>
        {turn.members.map((answer) => (
          <div key={answer.place} role="group" class="answer" data-run={answer.run} aria-label={answer.copilotName} aria-busy={isRunning(answer)}>
            <Reply {...props} turn={answer} tool={<Stop {...props} turn={answer} />} />
            {!isRunning(answer) && <Actions {...props} answer={answer} />}
          </div>
        ))}
      </div>
      {!isRunning(turn) && <Differences {...props} />}
    </div>
  );
}

/** This answer alone; the composer stops them all. */
function Stop({ turn, store }: Props) {
  if (turn.status !== 'waiting' && turn.status !== 'streaming') return null;
  const words = t('stopOne', turn.copilotName);
  return <button type="button" class="tool" aria-label={words} title={words} onClick={() => store.asking.stop(turn)}><Icon name="stop" /></button>;
}

function Actions({ turn, answer, store, state }: Props & { answer: Turn }) {
  const isTeachable = answer.status === 'done' && answer.answer !== '' && state.host !== 'page'; // the way out of a page once is enough
  const isBusy = [...state.turns, ...state.hidden].some(isRunning);
  return (
    <div class="actions">
      <Action icon="again" name={answer.status === 'error' ? 'retry' : 'regenerate'} isOff={isBusy} act={() => store.asking.regenerateOne(turn, answer)} />
      <Copy turn={answer} state={state} />
      {isTeachable && <Rating turn={answer} store={store} state={state} />}
    </div>
  );
}
