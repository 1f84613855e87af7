// One piece of evidence: a card below what it proves, a quote within a sentence, or a block's number. Called by views and Markdown.
import { useContext } from 'preact/hooks';
import type { Quote } from '../../../lib/connection/protocol.ts';
import { t } from '../../../lib/words.ts';
import { Icon } from '../Icon.tsx';
import { blockPassage, passageOf } from './evidence.ts';
import type { Quotation } from './form.ts';
import { ShowingContext, useShowing } from './showing.ts';

/** `quote` is what the server found of it; undefined until it has looked. */
export function Card({ quotation, quote, isCompact = false }: { quotation: Quotation; quote: Quote | undefined; isCompact?: boolean }) {
  const size = isCompact ? ' card-compact' : '';
  if (quote?.verified) return <VerifiedCard quote={quote} size={size} />;
  const isAbsent = quote !== undefined;
  return (
    <div class={`card card-unproven${size}`}>
      <span class={`quote${isAbsent ? ' quote-absent' : ''}`} dir="auto" title={isAbsent ? t('quoteAbsentTitle') : undefined}>
        “{quotation.text}{quotation.isOpen ? '' : '”'}
      </span>
      {isAbsent && <span class="card-note"><Icon name="cross" />{t('quoteAbsent')}</span>}
    </div>
  );
}

function VerifiedCard({ quote, size }: { quote: Quote; size: string }) {
  const shown = useShowing<HTMLButtonElement>(quote.at, passageOf(quote));
  const { missing, sourceOf } = useContext(ShowingContext);
  const isMissing = missing === quote.text;
  const source = sourceOf(quote.block);
  return (
    <div class={`card${size}${shown['aria-current'] ? ' card-lit' : ''}`}>
      <button type="button" class="quote" dir="auto" title={t(isMissing ? 'quoteGone' : 'quoteTitle')} {...shown}>
        “{quote.text}”
      </button>
      <span class="card-note">{isMissing ? t('quoteGone') : <><Icon name="check" /><span title={t('blockNumber', quote.block ?? 0)}>{quote.block}</span></>}{source && <span class="card-source" dir="auto">{source}</span>}</span>
    </div>
  );
}

/** A block's number in a sentence. */
export function Cite({ n, at }: { n: number; at: number }) {
  const shown = useShowing<HTMLButtonElement>(at, blockPassage(n));
  const source = useContext(ShowingContext).sourceOf(n);
  const words = source === null ? t('citeTitle', n) : t('citeTitleIn', n, source);
  return (
    <button type="button" class="cite" aria-label={words} title={words} {...shown}>
      {n}
    </button>
  );
}

/** A quote in a sentence or a table: with a tick when it is on the page, else marked and without a passage to show. */
export function QuoteMark({ quote }: { quote: Quote }) {
  if (quote.verified) return <VerifiedMark quote={quote} />;
  return (
    <span class="quote quote-absent" dir="auto" title={t('quoteAbsentTitle')}>
      <span class="words">“{quote.text}”</span> <small>{t('quoteAbsent')}</small>
    </span>
  );
}

function VerifiedMark({ quote }: { quote: Quote }) {
  const shown = useShowing<HTMLSpanElement>(quote.at, passageOf(quote));
  const { missing, sourceOf } = useContext(ShowingContext);
  const isMissing = missing === quote.text;
  const source = sourceOf(quote.block);
  const lastWord = lastWordAt(quote.text); // keeps the tick on the line of the last word
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    shown.onClick();
  };
  // A span, because a <button> cannot break across lines as a sentence does.
  return (
    <span role="button" tabIndex={0} class="quote" dir="auto" title={isMissing || source === null ? t(isMissing ? 'quoteGone' : 'quoteTitle') : t('citeTitleIn', quote.block ?? 0, source)} onKeyDown={onKeyDown} {...shown}>
      <span class="words">“{quote.text.slice(0, lastWord)}</span>
      <span class="together">
        <span class="words">{quote.text.slice(lastWord)}”</span>
        {isMissing ? <small>{t('quoteGone')}</small> : <Icon name="check" />}
      </span>
    </span>
  );
}

const LAST_WORD_CHARS_MAX = 16;

/** Where the last word begins, in scripts without spaces too. It may not break, so it is never long. */
function lastWordAt(text: string): number {
  const tail = text.slice(-LAST_WORD_CHARS_MAX).replace(/^[\udc00-\udfff]/, ''); // never from the middle of a pair
  const words = [...new Intl.Segmenter(undefined, { granularity: 'word' }).segment(tail)].filter((segment) => segment.isWordLike);
  return text.length - tail.length + (words.at(-1)?.index ?? 0);
}
