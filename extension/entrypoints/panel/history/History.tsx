// The kept conversations, laid over the open one: search, list, undo, delete all. Called by App. What it does stands in state/history.
import { useEffect, useRef, useState } from 'preact/hooks';
import { counted, t } from '../../../lib/words.ts';
import type { State } from '../state/state.ts';
import type { Store } from '../state/store.ts';
import { grouped, nameOf } from './groups.ts';
import { Row } from './Row.tsx';

interface Props {
  store: Store;
  state: State;
}

export function History({ store, state }: Props) {
  const { found, threads, query, next } = state.history;
  const focused = useRef('');
  const isEmpty = found === null ? threads.length === 0 : found.length === 0;
  return (
    <div class="picker history" role="dialog" aria-label={t('history')}>
      <Search query={query} search={store.history.search} />
      <div class="options">
        {isEmpty && <p class="none" role="status">{t(found === null ? 'historyNone' : 'historyNotFound')}</p>}
        {found === null && <Groups store={store} state={state} focused={focused} />}
        {found !== null && (
          <ul class="history-list" aria-label={t('historyFound')}>
            {found.map((hit) => <Row key={hit.thread.id} store={store} state={state} card={hit.thread} excerpt={hit.excerpt} focused={focused} />)}
          </ul>
        )}
        {found === null && next !== null && <button type="button" class="action" onClick={() => void store.history.more()}>{t('historyMore')}</button>}
      </div>
      <Foot store={store} state={state} />
    </div>
  );
}

function Search({ query, search }: { query: string; search: (words: string) => Promise<void> }) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  return (
    <input
      ref={field}
      class="search"
      dir="auto"
      type="search"
      aria-label={t('historySearch')}
      placeholder={t('historySearch')}
      autocomplete="off"
      spellcheck={false}
      value={query}
      onInput={(event) => void search(event.currentTarget.value)}
    />
  );
}

function Groups({ store, state, focused }: Props & { focused: { current: string } }) {
  return (
    <>
      {grouped(state.history.threads).map(({ name, threads }) => (
        <section key={name} aria-label={t(`section_${name}`)}>
          <h2 class="group-name">{t(`section_${name}`)}</h2>
          <ul class="history-list">
            {threads.map((card) => <Row key={card.id} store={store} state={state} card={card} excerpt={[]} focused={focused} />)}
          </ul>
        </section>
      ))}
    </>
  );
}

/** Undo for as long as there is something to undo; else how long conversations are kept, and the way to delete them all. */
function Foot({ store, state }: Props) {
  const [isAsking, setIsAsking] = useState(false);
  const undo = useRef<HTMLButtonElement>(null);
  const { deleted, total, keepDays } = state.history;
  useEffect(() => undo.current?.focus(), [deleted]); // the row that had the focus is gone
  const removeAll = (): void => {
    store.history.removeAll();
    setIsAsking(false);
  };
  if (isAsking) return <Confirm total={total} confirm={removeAll} cancel={() => setIsAsking(false)} />;
  return (
    <div class="history-foot">
      <p role="status">{deleted ? t('historyDeleted', nameOf(deleted)) : keepDays > 0 ? counted('historyKeptDays', keepDays) : t('historyKept')}</p>
      {deleted && <button type="button" class="action" ref={undo} onClick={store.history.bringBack}>{t('historyUndo')}</button>}
      {!deleted && total > 0 && <button type="button" class="action" onClick={() => setIsAsking(true)}>{t('historyDeleteAll')}</button>}
    </div>
  );
}

function Confirm({ total, confirm, cancel }: { total: number; confirm: () => void; cancel: () => void }) {
  const stay = useRef<HTMLButtonElement>(null);
  useEffect(() => stay.current?.focus(), []);
  return (
    <div class="history-foot history-confirm" role="alertdialog" aria-labelledby="history-confirm">
      <p id="history-confirm">{counted('historyConfirm', total)}</p>
      <button type="button" class="action" ref={stay} onClick={cancel}>{t('historyKeepThem')}</button>
      <button type="button" class="action history-danger" onClick={confirm}>{counted('historyConfirmed', total)}</button>
    </div>
  );
}
