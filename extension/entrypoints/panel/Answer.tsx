// One answer as it is written: Markdown, citations that show their block, quotes that show their words. Called by Thread.
import { useMemo } from 'preact/hooks';
import { renderMarkdown } from '../../lib/markdown.ts';
import type { Passage } from '../../lib/connection/messages.ts';
import type { Quote } from '../../lib/connection/protocol.ts';
import { t } from '../../lib/words.ts';
import { Icon } from './Icon.tsx';
import type { Turn } from './state/thread.ts';

interface Props {
  turn: Turn;
  blocks: number;
  missing: string;
  show: (passage: Passage) => Promise<void>;
}

export function Answer({ turn, blocks, missing, show }: Props) {
  const body = useMemo(
    () =>
      renderMarkdown(turn.answer, turn.quotes, blocks, {
        cite: (n) => <Cite n={n} show={show} />,
        quote: (quote) => <QuoteMark quote={quote} isMissing={missing === quote.text} show={show} />,
      }),
    [turn.answer, turn.quotes, blocks, missing, show],
  );
  return <div class={`prose${turn.status === 'streaming' ? ' prose-live' : ''}`}>{body}</div>;
}

function Cite({ n, show }: { n: number; show: Props['show'] }) {
  const passage: Passage = { block: n, start: null, end: null, text: '' };
  return (
    <button type="button" class="cite" aria-label={t('citeTitle', n)} title={t('citeTitle', n)} onClick={() => void show(passage)}>
      {n}
    </button>
  );
}

/** A verified quote is a button with a tick; any other is marked as not on the page and cannot be clicked. */
function QuoteMark({ quote, isMissing, show }: { quote: Quote; isMissing: boolean; show: Props['show'] }) {
  if (!quote.verified) {
    return (
      <span class="quote quote-absent" title={t('quoteAbsentTitle')}>
        <span class="words">“{quote.text}”</span> <small>{t('quoteAbsent')}</small>
      </span>
    );
  }
  const { block, start, end, text } = quote;
  const lastWord = text.lastIndexOf(' ') + 1; // keeps the tick on the line of the last word
  const act = (): void => void show({ block, start, end, text });
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    act();
  };
  // A span, because a <button> cannot break across lines as a sentence does.
  return (
    <span role="button" tabIndex={0} class="quote" title={t(isMissing ? 'quoteGone' : 'quoteTitle')} onClick={act} onKeyDown={onKeyDown}>
      <span class="words">“{text.slice(0, lastWord)}</span>
      <span class="together">
        <span class="words">{text.slice(lastWord)}”</span>
        {isMissing ? <small>{t('quoteGone')}</small> : <Icon name="check" />}
      </span>
    </span>
  );
}
