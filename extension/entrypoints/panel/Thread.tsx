// The conversation: questions, answers and what can be done with each. Loaded by App after the first paint.
import { useEffect, useRef } from 'preact/hooks';
import { t } from '../../lib/words.ts';
import { Action, Copy } from './answer/Actions.tsx';
import { Reply } from './answer/Reply.tsx';
import { useWalkKeys } from './answer/Walker.tsx';
import { useEarlier } from './history/useEarlier.ts';
import { later } from './later.tsx';
import type { Picking } from './picker/Picker.tsx';
import { Question } from './question/Question.tsx';
import { Group } from './several/Group.tsx';
import type { State } from './state/state.ts';
import type { Store } from './state/store.ts';
import { isRunning, type Turn } from './state/thread.ts';

const Rating = later(() => import('./teach/Rating.tsx').then((module) => module.Rating));

interface Props {
  store: Store;
  state: State;
  onPick: (picking: Picking) => void;
}

export function Thread({ store, state, onPick }: Props) {
  const box = useRef<HTMLDivElement>(null);
  useStickToEnd(box, state.turns);
  useWalkKeys(store);
  useEarlier(box, state.thread.earlier, store.history.earlier);
  return (
    <div class="thread" ref={box} tabIndex={0} role="log" aria-label={t('conversation')} aria-live="off">
      <h1 class="sr-only">{t('conversation')}</h1>
      {state.thread.earlier > 0 && <button type="button" class="action earlier" onClick={() => void store.history.earlier()}>{t('earlierTurns', state.thread.earlier)}</button>}
      {state.turns.map((turn) => (
        <TurnView key={turn.run} turn={turn} store={store} state={state} onPick={onPick} />
      ))}
      <p class="sr-only" role="status" aria-live="polite">{announcementOf(state.turns.at(-1))}</p>
    </div>
  );
}

/** Read out once when an answer is complete, not with each token; of several answers when all are. */
function announcementOf(turn: Turn | undefined): string {
  if (!turn || isRunning(turn)) return turn ? t('answering', turn.copilotName) : '';
  if (turn.members.length > 0) return [t('severalDone', turn.copilotName), ...turn.members.flatMap(({ copilotName, error }) => (error ? `${copilotName}: ${error.message}` : []))].join(' ');
  return turn.status === 'done' ? `${turn.copilotName}: ${turn.answer}` : (turn.error?.message ?? '');
}

function TurnView({ turn, store, state, onPick }: Props & { turn: Turn }) {
  return (
    <article class="turn" aria-label={turn.question}>
      <Question turn={turn} store={store} state={state} />
      {turn.members.length > 0 ? (
        <Group turn={turn} store={store} state={state} />
      ) : (
        <div class="answer" data-run={turn.run}>
          <Reply turn={turn} store={store} state={state} />
          <Actions turn={turn} store={store} state={state} onPick={onPick} />
        </div>
      )}
    </article>
  );
}

function Actions({ turn, store, state, onPick }: Props & { turn: Turn }) {
  if (isRunning(turn)) return null; // the composer stops it
  return (
    <div class="actions">
      <Action icon="again" name={turn.status === 'error' ? 'retry' : 'regenerate'} act={() => store.asking.regenerate(turn)} />
      <Copy turn={turn} state={state} />
      <Action icon="others" name="askAnother" act={() => onPick(turn)} />
      {turn.status === 'done' && turn.answer && <Rating turn={turn} store={store} state={state} />}
    </div>
  );
}

/** Follows the answer while it grows, unless the reader has scrolled up. */
function useStickToEnd(box: { current: HTMLDivElement | null }, turns: Turn[]): void {
  const follows = useRef(true);
  const last = useRef('');
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const aborter = new AbortController();
    const onScroll = (): void => void (follows.current = element.scrollHeight - element.scrollTop - element.clientHeight < 48);
    element.addEventListener('scroll', onScroll, { signal: aborter.signal, passive: true });
    return () => aborter.abort();
  }, [box]);
  useEffect(() => {
    const run = turns.at(-1)?.run ?? '';
    if (run !== last.current) follows.current = true; // not when earlier turns were put before
    last.current = run;
    const element = box.current;
    const stick = (): void => void (follows.current && element?.scrollTo({ top: element.scrollHeight }));
    stick();
    const frame = requestAnimationFrame(stick); // turns that come into sight get their real height
    return () => cancelAnimationFrame(frame);
  }, [box, turns]);
}
