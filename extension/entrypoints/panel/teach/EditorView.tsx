// An answer as it should have been: the words, what the page says to them, and passages to quote. Called by Teach.
import { useEffect, useRef } from 'preact/hooks';
import { CORRECTED_CHARS_MAX, type CorrectionChecked, type PassageCard } from '../../../lib/connection/protocol.ts';
import { t } from '../../../lib/words.ts';
import { Icon } from '../Icon.tsx';
import type { State } from '../state/state.ts';
import type { Editor, Teaching } from './teaching.ts';

const PASSAGES_MAX = 8;

export function EditorView({ teaching, editor, state }: { teaching: Teaching; editor: Editor; state: State }) {
  const box = useRef<HTMLTextAreaElement>(null);
  useEffect(() => box.current?.focus(), []);
  const { question, title, corrected, checked, isBusy, trouble, isPrivate, correction } = editor;
  const isUnchanged = correction === null && corrected.trim() === editor.answer.trim();
  const isReady = corrected.trim() !== '' && checked?.fits !== false && !isBusy;
  const quote = (words: string): void => insert(box.current, words, teaching.type);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey) || !isReady) return;
    event.preventDefault();
    void teaching.save();
  };
  return (
    <div class="editor">
      <p class="correction-label">{title}</p>
      <p class="correction-question" dir="auto">{question}</p>
      <label class="correction-label" for="teach-words">{t('correctionShould')}</label>
      <textarea id="teach-words" class="editor-words" ref={box} dir="auto" rows={7} maxLength={CORRECTED_CHARS_MAX} aria-describedby="teach-checked" value={corrected} onInput={(event) => teaching.type(event.currentTarget.value)} onKeyDown={onKeyDown} />
      <div id="teach-checked" role="status"><Checked checked={checked} trouble={trouble} /></div>
      <Quotable passages={editor.passages} selection={correction === null ? state.selection : ''} quote={quote} />
      {isPrivate && <p class="teach-note"><Icon name="mask" /> {t('correctionPrivate')}</p>}
      <div class="editor-foot">
        <button type="button" class="primary" disabled={!isReady} onClick={() => void teaching.save()}>{t(isPrivate ? 'correctionSavePrivate' : 'correctionSave')}</button>
        <button type="button" class="action" onClick={teaching.putAway}>{t('correctionDiscard')}</button>
      </div>
      <p class="teach-note">{t(isUnchanged ? 'correctionSame' : 'correctionKeeps')}</p>
    </div>
  );
}

/** A quotation that is not there keeps it from being saved; a check that does not pass is a hint. */
function Checked({ checked, trouble }: { checked: CorrectionChecked | null; trouble: string }) {
  if (trouble) return <p class="notice-bad">{trouble}</p>;
  if (!checked) return null;
  const missing = checked.quotes.filter((quote) => !quote.verified);
  const failed = checked.checks.filter((check) => !check.passed);
  return (
    <ul class="editor-checks">
      {missing.map((quote) => <li key={quote.at} class="notice-bad"><Icon name="cross" />{t('correctionNotThere', quote.text)}</li>)}
      {missing.length === 0 && checked.quotes.length > 0 && <li class="editor-good"><Icon name="check" />{t('correctionAllThere', checked.quotes.length)}</li>}
      {failed.map((check) => <li key={check.name}><Icon name="cross" />{check.note}</li>)}
      {failed.length === 0 && checked.checks.length > 0 && <li class="editor-good"><Icon name="check" />{t('correctionChecksPass')}</li>}
    </ul>
  );
}

function Quotable({ passages, selection, quote }: { passages: PassageCard[]; selection: string; quote: (words: string) => void }) {
  if (passages.length === 0 && selection === '') return null;
  const plain = (words: string): string => words.replace(/\s+/g, ' ').replaceAll('"', '”').trim();
  return (
    <details class="quotable">
      <summary class="action">{t('correctionQuote')}</summary>
      {selection && <button type="button" class="quotable-one" dir="auto" onClick={() => quote(`"${plain(selection)}"`)}>{t('correctionSelection')} “{selection}”</button>}
      {passages.slice(0, PASSAGES_MAX).map(({ block, text }) => (
        <button key={`${block} ${text}`} type="button" class="quotable-one" dir="auto" onClick={() => quote(`"${plain(text)}" [${block}]`)}>“{text}” <span class="quotable-block">{block}</span></button>
      ))}
    </details>
  );
}

/** Puts words where the caret is, with a space before them where one is missing. */
function insert(box: HTMLTextAreaElement | null, words: string, type: (whole: string) => void): void {
  if (!box) return;
  const { value, selectionStart: from, selectionEnd: to } = box;
  const gap = from > 0 && !/\s$/.test(value.slice(0, from)) ? ' ' : '';
  box.setRangeText(gap + words, from, to, 'end');
  type(box.value.slice(0, CORRECTED_CHARS_MAX));
  box.focus();
}
