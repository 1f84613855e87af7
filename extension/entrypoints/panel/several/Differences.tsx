// Below several answers: which blocks of the page they share, which one of them cites alone, their verdicts side by side. Called by Group.
import { t } from '../../../lib/words.ts';
import { useShowingOf } from '../answer/Answer.tsx';
import { Cite } from '../answer/Card.tsx';
import { ShowingContext } from '../answer/showing.ts';
import { isForeign } from '../state/history.ts';
import { isOutdated } from '../state/reading.ts';
import type { State } from '../state/state.ts';
import type { Store } from '../state/store.ts';
import type { Turn } from '../state/thread.ts';
import { compare, type Comparison } from './compare.ts';

const ROWS_MAX = 5;
const WORDS_CHARS_MAX = 160;

export function Differences({ turn, store, state }: { turn: Turn; store: Store; state: State }) {
  const showing = useShowingOf(turn, store, state);
  const texts = isForeign(state) || turn.withoutPage ? [] : (state.page.text?.blocks ?? []);
  const found = compare(turn.members, texts.length);
  const { cited, verdicts, silent, total } = found;
  if (total < 2 || cited.length + silent.length + verdicts.length === 0) return null;
  const summary = summaryOf(found);
  const words = turn.members.some((member) => isOutdated(member, state.page)) ? [] : texts;
  const row = (one: Comparison['cited'][number]) => <Block key={one.block} {...one} total={total} words={words[one.block - 1] ?? ''} />;
  return (
    <ShowingContext.Provider value={showing}>
      <div role="group" class="differ" aria-label={t('differ')}>
        <h2 class="differ-title">{t('differ')}</h2>
        {verdicts.length > 1 && <Verdicts verdicts={verdicts} />}
        {summary && <p class="differ-all">{summary}</p>}
        {cited.length > 0 && <ul class="differ-blocks" aria-label={t('differBlocks')}>{cited.slice(0, ROWS_MAX).map(row)}</ul>}
        {cited.length > ROWS_MAX && (
          <details class="more">
            <summary>{t('differMore', cited.length - ROWS_MAX)}</summary>
            <ul class="differ-blocks" aria-label={t('differBlocks')}>{cited.slice(ROWS_MAX).map(row)}</ul>
          </details>
        )}
        {silent.length > 0 && <p class="differ-all">{t('differSilent', silent.join(', '))}</p>}
      </div>
    </ShowingContext.Provider>
  );
}

function Verdicts({ verdicts }: Pick<Comparison, 'verdicts'>) {
  return (
    <dl class="differ-verdicts">
      {verdicts.map(({ name, word }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{word}</dd>
        </div>
      ))}
    </dl>
  );
}

function Block({ block, by, total, words }: Comparison['cited'][number] & { total: number; words: string }) {
  const isAll = by.length === total;
  return (
    <li class="differ-block">
      <Cite n={block} at={block} />
      <span class={`differ-by${isAll ? ' differ-shared' : ''}`}>{isAll ? t('differAll', total) : by.length === 1 ? t('differOne', by[0] ?? '') : by.join(', ')}</span>
      {words && <span class="differ-words" dir="auto">{words.slice(0, WORDS_CHARS_MAX)}</span>}
    </li>
  );
}

function summaryOf({ cited, total }: Comparison): string {
  if (cited.length === 0) return '';
  if (cited.every(({ by }) => by.length === total)) return t('differNot');
  return cited.every(({ by }) => by.length === 1) ? t('differApart') : '';
}
