// One kept conversation in the list: open it, and behind a button rename, pin, export, delete. Called by History.
import { useEffect, useRef, useState } from 'preact/hooks';
import { THREAD_NAME_CHARS_MAX, type ThreadCard } from '../../../lib/connection/protocol.ts';
import { t } from '../../../lib/words.ts';
import { Icon } from '../Icon.tsx';
import type { State } from '../state/state.ts';
import type { Store } from '../state/store.ts';
import { save } from './export.ts';
import { nameOf, siteName, timeOf } from './groups.ts';

const UNDO_MS = 8_000;

interface Props {
  store: Store;
  state: State;
  card: ThreadCard;
  /** What a search found in it; every second piece is a word that was searched for. */
  excerpt: string[];
  /** The row whose button gets the focus when it is drawn elsewhere: pinning moves a row. */
  focused: { current: string };
}

export function Row({ store, state, card, excerpt, focused }: Props) {
  const [mode, setMode] = useState<'closed' | 'open' | 'renaming'>('closed');
  const resume = (): void => void store.history.resume(card.id).then((isOpen) => isOpen && store.history.close());
  const more = useRef<HTMLButtonElement>(null);
  const rename = (name: string | null): void => {
    if (name !== null) store.history.rename(card.id, name);
    focused.current = card.id;
    setMode('open');
  };
  useEffect(() => {
    if (focused.current !== card.id || !more.current) return;
    focused.current = '';
    more.current.focus();
  }, [mode, focused, card.id]);
  const pin = (): void => {
    focused.current = card.id;
    store.history.pin(card.id, !card.pinned);
  };
  return (
    <li class={`history-row${card.id === state.thread.id ? ' history-current' : ''}`}>
      {mode === 'renaming' ? <Rename name={nameOf(card)} done={rename} /> : (
        <div class="history-line">
          <button type="button" class="history-open" onClick={resume}>
            <span class="history-name">{nameOf(card)}</span>
            <span class="history-about"><bdi>{siteName(card.address)}</bdi> · <bdi>{store.nameOf(card.copilot)}</bdi> · <bdi>{timeOf(card.updated_ms)}</bdi></span>
            {excerpt.length > 0 && <Excerpt pieces={excerpt} />}
          </button>
          <button type="button" class="tool" ref={more} aria-expanded={mode === 'open'} aria-label={t('historyActions', nameOf(card))} title={t('historyActions', nameOf(card))} onClick={() => setMode(mode === 'open' ? 'closed' : 'open')}>
            <Icon name="more" />
          </button>
        </div>
      )}
      {mode === 'open' && <Actions store={store} card={card} pin={pin} startRename={() => setMode('renaming')} />}
    </li>
  );
}

function Excerpt({ pieces }: { pieces: string[] }) {
  const parts = pieces.map((words, at) => ({ at, words }));
  return <span class="history-excerpt" dir="auto">{parts.map(({ at, words }) => (at % 2 ? <mark key={at}>{words}</mark> : words))}</span>;
}

function Actions({ store, card, pin, startRename }: { store: Store; card: ThreadCard; pin: () => void; startRename: () => void }) {
  const download = (format: 'markdown' | 'json') => (): void => void store.history.exported(card.id, format).then((file) => file && save(file));
  return (
    <div class="history-actions">
      <button type="button" class="action" onClick={startRename}>{t('historyRename')}</button>
      <button type="button" class="action" aria-pressed={card.pinned} onClick={pin}>{t(card.pinned ? 'historyUnpin' : 'historyPin')}</button>
      <button type="button" class="action" onClick={download('markdown')}>{t('historyMarkdown')}</button>
      <button type="button" class="action" onClick={download('json')}>{t('historyJson')}</button>
      <button type="button" class="action history-danger" onClick={() => void store.history.remove(card, UNDO_MS)}>{t('historyDelete')}</button>
    </div>
  );
}

/** Enter takes the new name, Escape leaves the old one. */
function Rename({ name, done }: { name: string; done: (name: string | null) => void }) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.select(), []);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.isComposing || (event.key !== 'Enter' && event.key !== 'Escape')) return;
    event.preventDefault();
    event.stopPropagation();
    done(event.key === 'Enter' ? (field.current?.value ?? '') : null);
  };
  return <input ref={field} class="history-rename" dir="auto" aria-label={t('historyRename')} maxLength={THREAD_NAME_CHARS_MAX} defaultValue={name} onKeyDown={onKeyDown} onBlur={() => done(null)} />;
}
