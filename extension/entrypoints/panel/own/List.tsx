// The list of one's own copilots: open, export, delete with undo, begin a new one, read a file. Called by View.
import { useEffect, useRef, useState } from 'preact/hooks';
import { COPILOT_FILE_CHARS_MAX, type CopilotCard } from '../../../lib/connection/protocol.ts';
import { t } from '../../../lib/words.ts';
import { SeenButton } from '../host/SeenButton.tsx';
import { CategoryIcon, Icon } from '../Icon.tsx';
import type { State } from '../state/state.ts';
import type { Store } from '../state/store.ts';
import type { Own, OwnView } from './own.ts';

interface Props {
  own: Own;
  view: OwnView;
  store: Store;
  state: State;
}

export function List({ own, view, store, state }: Props) {
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => title.current?.focus(), []);
  const { cards } = own;
  return (
    <>
      <div class="own-head">
        <h2 class="own-title" tabIndex={-1} ref={title}>{t('own')}</h2>
        <button type="button" class="tool" title={t('ownClose')} aria-label={t('ownClose')} onClick={() => store.showOwn(false)}><Icon name="close" /></button>
      </div>
      <div class="options">
        {cards.length === 0 && <p class="none own-none">{t('ownNone')}</p>}
        <ul class="history-list">
          {cards.map((card) => <Row key={card.id} card={card} own={own} state={state} />)}
        </ul>
        <Beginnings own={own} store={store} />
      </div>
      <Foot own={own} view={view} />
    </>
  );
}

function Row({ card, own, state }: { card: CopilotCard; own: Own; state: State }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <li class="history-row">
      <div class="history-line">
        <button type="button" class="history-open" onClick={() => void own.open(card)}>
          <span class="history-name own-name"><CategoryIcon name={card.icon} />{card.name}</span>
          <span class="history-about">{card.refused ?? card.promise}</span>
        </button>
        <button type="button" class="tool" aria-expanded={isOpen} title={t('ownActions', card.name)} aria-label={t('ownActions', card.name)} onClick={() => setOpen(!isOpen)}>
          <Icon name="more" />
        </button>
      </div>
      {isOpen && (
        <div class="history-actions">
          <button type="button" class="action" onClick={() => void own.open(card)}>{t('ownEdit')}</button>
          <button type="button" class="action" onClick={() => own.learn(card)}>{t('documentsLearn')}</button>
          <button type="button" class="action" onClick={() => void own.export(card)}>{t('ownExport')}</button>
          <SeenButton host={state.host} name="ownDelete" act={() => void own.remove(card)} />
        </div>
      )}
    </li>
  );
}

/** A blank one, a copy of the one that is chosen, a file. */
function Beginnings({ own, store }: { own: Own; store: Store }) {
  const input = useRef<HTMLInputElement>(null);
  const card = store.current;
  const isCopied = card !== undefined && !card.own && card.category !== 'general';
  const take = (file: File | undefined): void => {
    if (file) void own.readFile(file, COPILOT_FILE_CHARS_MAX);
    if (input.current) input.current.value = ''; // the same file may be chosen again
  };
  return (
    <div class="own-begin">
      <button type="button" class="action own-new" onClick={own.begin}><Icon name="plus" />{t('ownNew')}</button>
      {isCopied && <button type="button" class="action" onClick={() => void own.open(card)}><Icon name="copy" />{t('ownCopy', card.name)}</button>}
      <button type="button" class="action" onClick={() => input.current?.click()}><Icon name="page" />{t('ownImport')}</button>
      <input type="file" class="sr-only" accept=".toml" tabIndex={-1} aria-hidden="true" ref={input} onChange={(event) => take(event.currentTarget.files?.[0])} />
    </div>
  );
}

function Foot({ own, view: { deleted, notice } }: { own: Own; view: OwnView }) {
  const undo = useRef<HTMLButtonElement>(null);
  useEffect(() => undo.current?.focus(), [deleted]); // the row that had the focus is gone
  return (
    <div class="history-foot">
      <p role="status">{notice || (deleted ? t('ownDeleted', deleted.name) : t('ownFoot'))}</p>
      {deleted && <button type="button" class="action" ref={undo} onClick={() => void own.bringBack()}>{t('historyUndo')}</button>}
    </div>
  );
}
