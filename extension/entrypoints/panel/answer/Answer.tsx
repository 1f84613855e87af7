// One answer as it is written, drawn by its form: what it says first, its evidence as cards that light up the page. Called by Thread.
import { useMemo } from 'preact/hooks';
import { directionOf, t } from '../../../lib/words.ts';
import type { Inlines } from '../../../lib/markdown.ts';
import { partOf } from '../../../lib/tabs/joined.ts';
import { isForeign } from '../state/history.ts';
import type { State } from '../state/state.ts';
import type { Store } from '../state/store.ts';
import type { Turn } from '../state/thread.ts';
import { Cite, QuoteMark } from './Card.tsx';
import { litIn } from './evidence.ts';
import { formOf } from './form.ts';
import { type Showing, ShowingContext } from './showing.ts';
import { View } from './views.tsx';

export function Answer({ turn, store, state }: { turn: Turn; store: Store; state: State }) {
  const isLive = turn.status === 'streaming';
  const blocks = isForeign(state) || turn.withoutPage ? 0 : (state.page.text?.blocks.length ?? 0);
  const showing = useShowingOf(turn, store, state);
  const view = useMemo(() => {
    const inlines: Inlines = {
      quotes: turn.quotes, blocks, tableLabel: t('table'), codeLabel: t('code'),
      cite: (n, at) => <Cite n={n} at={at} />,
      quote: (quote) => <QuoteMark quote={quote} />,
    };
    return <View form={formOf(turn.answer, isLive)} inlines={inlines} isLive={isLive} />;
  }, [turn.answer, turn.quotes, blocks, isLive]);
  return (
    <ShowingContext.Provider value={showing}>
      <div class={`prose${isLive ? ' prose-live' : ''}`} dir={directionOf(turn.answer)}>{view}</div>
    </ShowingContext.Provider>
  );
}

/** What the evidence of one answer needs: which is lit, and how to show another. */
export function useShowingOf({ run }: Turn, store: Store, state: State): Showing {
  const lit = litIn(run, state.lit);
  const { missing, page: { parts } } = state;
  return useMemo(
    () => ({ lit, missing, preview: store.preview, sourceOf: (block) => partOf(block, parts)?.title ?? null, show: (at, passage) => void store.show(passage, { run, at }) }),
    [lit, missing, parts, run, store],
  );
}
