// The conversation: questions, answers and what can be done with each. Called by App.
import { useEffect, useRef, useState } from 'preact/hooks';
import { t } from '../../lib/words.ts';
import { Answer } from './Answer.tsx';
import { Facts } from './Facts.tsx';
import { Badge } from './Header.tsx';
import { Icon, type IconName } from './Icon.tsx';
import type { Picking } from './Picker.tsx';
import type { State } from './state/state.ts';
import type { Store } from './state/store.ts';
import { isRunning, type Turn } from './state/thread.ts';

interface Props {
  store: Store;
  state: State;
  onPick: (picking: Picking) => void;
}

export function Thread({ store, state, onPick }: Props) {
  const box = useRef<HTMLDivElement>(null);
  useStickToEnd(box, state.turns);
  if (state.turns.length === 0) return <Welcome store={store} state={state} />;
  return (
    <div class="thread" ref={box} tabIndex={0} role="log" aria-label={t('conversation')} aria-live="off">
      <h1 class="sr-only">{t('conversation')}</h1>
      {state.turns.map((turn) => (
        <TurnView key={turn.run} turn={turn} store={store} state={state} onPick={onPick} />
      ))}
      <p class="sr-only" role="status" aria-live="polite">{announcementOf(state.turns.at(-1))}</p>
    </div>
  );
}

/** Read out once when an answer is complete, not with each token. */
function announcementOf(turn: Turn | undefined): string {
  if (turn?.status === 'done') return `${turn.copilotName}: ${turn.answer}`;
  if (turn?.status === 'error') return turn.error?.message ?? '';
  return turn ? t('answering', turn.copilotName) : '';
}

function Welcome({ store, state }: { store: Store; state: State }) {
  const card = store.current;
  const starters = card?.starters ?? [];
  return (
    <div class="welcome">
      <h1 class="welcome-title">{card ? card.name : t('name')}</h1>
      <p class="welcome-promise">{card?.promise}</p>
      {starters.length > 0 && (
        <ul class="starters" aria-label={t('starters')}>
          {starters.map((starter) => (
            <li key={starter}>
              <button type="button" class="starter" disabled={state.page.text === null} onClick={() => store.ask(starter, false)}>
                {starter}
              </button>
            </li>
          ))}
        </ul>
      )}
      <p class="welcome-foot">{t('private')}</p>
    </div>
  );
}

function TurnView({ turn, store, state, onPick }: Props & { turn: Turn }) {
  const blocks = state.page.text?.blocks.length ?? 0;
  return (
    <article class="turn" aria-label={turn.question}>
      <div class="question">
        {turn.selection && <q class="about">{turn.selection}</q>}
        {turn.question}
      </div>
      <div class="answer">
        <div class="answer-head">
          <span class="answer-name">{turn.copilotName}</span>
          {turn.mode && <Badge mode={turn.mode} category={store.categoryOf(turn.copilot)} />}
        </div>
        {turn.answer && <Answer turn={turn} blocks={blocks} show={store.show} missing={state.missing} />}
        {isRunning(turn) && <Waiting turn={turn} />}
        {turn.status === 'error' && <p class="turn-error" role="alert">{turn.error?.message}</p>}
        {turn.status === 'done' && <Facts turn={turn} />}
        <Actions turn={turn} store={store} onPick={onPick} />
      </div>
    </article>
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

function Actions({ turn, store, onPick }: { turn: Turn; store: Store; onPick: (picking: Picking) => void }) {
  const [copied, setCopied] = useState(false);
  if (isRunning(turn)) return <div class="actions"><Action icon="stop" name="stop" act={() => store.stop(turn)} /></div>;
  const copy = (): void => void navigator.clipboard.writeText(turn.answer).then(() => setCopied(true));
  return (
    <div class="actions">
      {turn.status === 'error' && <Action icon="again" name="retry" act={() => store.again(turn, turn.copilot)} />}
      {turn.answer && <Action icon={copied ? 'check' : 'copy'} name={copied ? 'copied' : 'copy'} act={copy} />}
      <Action icon="again" name="askAnother" act={() => onPick(turn)} />
    </div>
  );
}

function Action({ icon, name, act }: { icon: IconName; name: string; act: () => void }) {
  return (
    <button type="button" class="action" onClick={act}>
      <Icon name={icon} />
      {t(name)}
    </button>
  );
}

/** Follows the answer while it grows, unless the reader has scrolled up. */
function useStickToEnd(box: { current: HTMLDivElement | null }, turns: Turn[]): void {
  const follows = useRef(true);
  const count = useRef(0);
  const isEmpty = turns.length === 0; // then there is no box yet
  useEffect(() => {
    const element = box.current;
    if (isEmpty || !element) return;
    const aborter = new AbortController();
    const onScroll = (): void => void (follows.current = element.scrollHeight - element.scrollTop - element.clientHeight < 48);
    element.addEventListener('scroll', onScroll, { signal: aborter.signal, passive: true });
    return () => aborter.abort();
  }, [box, isEmpty]);
  useEffect(() => {
    if (turns.length !== count.current) follows.current = true;
    count.current = turns.length;
    const element = box.current;
    if (follows.current) element?.scrollTo({ top: element.scrollHeight });
  }, [box, turns]);
}
