// The corrections of one copilot: what was asked, what it should have answered, and whether it has learnt that. Called by Teach.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { CorrectionCard } from '../../../lib/connection/protocol.ts';
import { t } from '../../../lib/words.ts';
import { siteName, timeOf } from '../history/groups.ts';
import { Icon } from '../Icon.tsx';
import type { Taught, Teaching } from './teaching.ts';

export function Corrections({ teaching, taught, train }: { teaching: Teaching; taught: Taught; train: () => void }) {
  const { corrections, next, total, unused, trouble } = taught;
  if (corrections === null) return trouble ? null : <p class="none" role="status">{t('teachLoading')}</p>;
  if (corrections.length === 0) return <Empty />;
  return (
    <>
      <p class="teach-note">{unused > 0 ? t('correctionsUnused', unused, total) : t('correctionsAllUsed', total)}{' '}
        {unused > 0 && <button type="button" class="link" onClick={train}>{t('teachTrain')}</button>}
      </p>
      <ul class="history-list" aria-label={t('correctionsTabTitle')}>
        {corrections.map((card) => <Row key={card.id} card={card} teaching={teaching} />)}
      </ul>
      {next !== null && <button type="button" class="action" onClick={() => void teaching.more()}>{t('historyMore')}</button>}
    </>
  );
}

function Empty() {
  return (
    <div class="teach-empty">
      <p class="state-title">{t('correctionsNoneTitle')}</p>
      <p class="state-text">{t('correctionsNoneText')}</p>
    </div>
  );
}

function Row({ card, teaching }: { card: CorrectionCard; teaching: Teaching }) {
  const [mode, setMode] = useState<'closed' | 'open' | 'asking'>('closed');
  const isOpen = mode !== 'closed';
  return (
    <li class="correction">
      <button type="button" class="correction-open" aria-expanded={isOpen} onClick={() => setMode(isOpen ? 'closed' : 'open')}>
        <span class="correction-question">{card.question}</span>
        <span class="history-about">{[card.title || siteName(card.address), timeOf(card.changed_ms)].filter(Boolean).join(' · ')}</span>
        <span class={`correction-used correction-${card.used}`}>{card.used !== 'no' && <Icon name="check" />}{t(`${card.used}UsedText`)}</span>
      </button>
      {isOpen && (
        <div class="correction-more">
          <Words name={t('correctionWas')} words={card.answer} isFormer />
          <Words name={t('correctionShould')} words={card.corrected} />
          {mode === 'asking' ? <Confirm confirm={() => void teaching.remove(card)} cancel={() => setMode('open')} /> : (
            <div class="history-actions">
              <button type="button" class="action" onClick={() => teaching.change(card)}><Icon name="edit" />{t('correctionEdit')}</button>
              <button type="button" class="action history-danger" onClick={() => setMode('asking')}>{t('correctionDelete')}</button>
            </div>
          )}
        </div>
      )}
    </li>
  );
}

function Words({ name, words, isFormer = false }: { name: string; words: string; isFormer?: boolean }) {
  return (
    <>
      <p class="correction-label">{name}</p>
      <p class={`correction-words${isFormer ? ' correction-former' : ''}`} dir="auto">{words}</p>
    </>
  );
}

function Confirm({ confirm, cancel }: { confirm: () => void; cancel: () => void }) {
  const stay = useRef<HTMLButtonElement>(null);
  useEffect(() => stay.current?.focus(), []);
  return (
    <div class="history-actions" role="alertdialog" aria-label={t('correctionConfirm')}>
      <p class="correction-ask">{t('correctionConfirm')}</p>
      <button type="button" class="action" ref={stay} onClick={cancel}>{t('historyKeepThem')}</button>
      <button type="button" class="action history-danger" onClick={confirm}>{t('correctionDelete')}</button>
    </div>
  );
}
