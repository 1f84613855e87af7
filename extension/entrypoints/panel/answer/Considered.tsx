// What else the finder took for likely: each passage can be shown in the page, and chosen instead. Called by Foot.
import type { PassageCard } from '../../../lib/connection/protocol.ts';
import { t } from '../../../lib/words.ts';
import { useShowing } from './showing.ts';

interface Props {
  cards: PassageCard[];
  isBusy: boolean;
  /** Asks the same question again about this passage. */
  choose: (text: string) => void;
}

export function Considered({ cards, ...rest }: Props) {
  if (cards.length === 0) return null;
  return (
    <details class="more considered">
      <summary>{t('considered', cards.length)}</summary>
      <ul class="more-body passages" aria-label={t('consideredTitle')}>
        {cards.map((card) => <Passage key={`${card.block} ${card.text}`} card={card} {...rest} />)}
      </ul>
    </details>
  );
}

function Passage({ card, isBusy, choose }: { card: PassageCard } & Omit<Props, 'cards'>) {
  const { block, text } = card;
  const shown = useShowing<HTMLButtonElement>(-1, { block, start: null, end: null, text });
  return (
    <li class="card card-compact">
      <button type="button" class="passage" dir="auto" title={t('citeTitle', block)} {...shown}>{text}</button>
      <span class="card-note">{block}</span>
      <button type="button" class="action" disabled={isBusy} onClick={() => choose(text)}>{t('answerFromThis')}</button>
    </li>
  );
}
