// The drafts, one after the other: accept, edit or drop, by pointer or with A, E and D. Called by DocumentsPart.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { PairCard } from '../../../../lib/connection/protocol.ts';
import { t } from '../../../../lib/words.ts';
import type { Documents } from './documents.ts';

export function Review({ documents, pairs }: { documents: Documents; pairs: PairCard[] }) {
  const list = useRef<HTMLUListElement>(null);
  const open = pairs.filter(({ verdict }) => verdict === 'open').length;
  /** The next one that is open, else the next. */
  const goOn = (from: string): void => {
    const place = pairs.findIndex(({ id }) => id === from);
    const later = [...pairs.slice(place + 1), ...pairs.slice(0, place)];
    const next = later.find(({ verdict }) => verdict === 'open') ?? pairs[place + 1];
    if (next) list.current?.querySelector<HTMLElement>(`[data-pair="${next.id}"]`)?.focus();
  };
  return (
    <>
      <h3 class="own-label own-review-title">{t('drafts', open)}</h3>
      <p class="own-hint">{t('draftsKeys')}</p>
      <ul class="own-pairs" ref={list}>
        {pairs.map((pair) => <Row key={pair.id} pair={pair} documents={documents} goOn={() => goOn(pair.id)} />)}
      </ul>
    </>
  );
}

interface RowProps {
  pair: PairCard;
  documents: Documents;
  goOn: () => void;
}

function Row({ pair, documents, goOn }: RowProps) {
  const [isEditing, setEditing] = useState(false);
  const row = useRef<HTMLLIElement>(null);
  const judge = (verdict: PairCard['verdict']): void => void documents.judge(pair, pair.verdict === verdict ? 'open' : verdict).then((isDone) => isDone && pair.verdict !== verdict && goOn());
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.target !== row.current || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = { a: () => judge('accepted'), d: () => judge('dropped'), e: () => setEditing(true), ArrowDown: () => step(row.current, 1), ArrowUp: () => step(row.current, -1) }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  };
  const done = (): void => {
    setEditing(false);
    row.current?.focus();
  };
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- the buttons below do the same
    <li class={`own-pair own-pair-${pair.verdict}`} data-pair={pair.id} tabIndex={0} ref={row} aria-label={pair.question} onKeyDown={onKeyDown}>
      {isEditing ? <Edit pair={pair} documents={documents} done={done} /> : (
        <>
          <p class="own-pair-question">{pair.question}</p>
          <p class="own-pair-answer">{pair.answer}</p>
          <div class="own-pair-acts">
            <button type="button" class="action" aria-pressed={pair.verdict === 'accepted'} onClick={() => judge('accepted')}>{t(pair.verdict === 'accepted' ? 'draftAccepted' : 'draftAccept')}</button>
            <button type="button" class="action" onClick={() => setEditing(true)}>{t('ownEdit')}</button>
            <button type="button" class="action" aria-pressed={pair.verdict === 'dropped'} onClick={() => judge('dropped')}>{t(pair.verdict === 'dropped' ? 'draftDropped' : 'draftDrop')}</button>
          </div>
        </>
      )}
    </li>
  );
}

function step(row: HTMLElement | null, by: number): void {
  const next = by > 0 ? row?.nextElementSibling : row?.previousElementSibling;
  if (next instanceof HTMLElement) next.focus();
}

function Edit({ pair, documents, done }: { pair: PairCard; documents: Documents; done: () => void }) {
  const [question, answer] = [useRef<HTMLInputElement>(null), useRef<HTMLTextAreaElement>(null)];
  useEffect(() => question.current?.focus(), [question]);
  const save = async (): Promise<void> => {
    const words = { question: question.current?.value ?? pair.question, answer: answer.current?.value ?? pair.answer };
    if (await documents.judge(pair, 'accepted', words)) done();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.isComposing || !(event.key === 'Escape' || (event.key === 'Enter' && event.ctrlKey))) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === 'Escape') done();
    else void save();
  };
  return (
    <div class="own-pair-edit" role="group" aria-label={t('ownEdit')}>
      <input ref={question} defaultValue={pair.question} aria-label={t('draftQuestion')} onKeyDown={onKeyDown} />
      <textarea ref={answer} defaultValue={pair.answer} rows={4} aria-label={t('draftAnswer')} onKeyDown={onKeyDown} />
      <div class="own-pair-acts">
        <button type="button" class="action own-new" onClick={() => void save()}>{t('draftTake')}</button>
        <button type="button" class="action" onClick={done}>{t('draftLeave')}</button>
      </div>
    </div>
  );
}
