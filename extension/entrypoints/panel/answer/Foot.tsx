// What stands below a finished answer: how it ended, a way through its evidence, and what lies one click deeper. Called by Thread.
import { useMemo } from 'preact/hooks';
import { t } from '../../../lib/words.ts';
import { isForeign } from '../state/history.ts';
import { isOutdated } from '../state/reading.ts';
import type { State } from '../state/state.ts';
import type { Store } from '../state/store.ts';
import { isRunning, type Turn } from '../state/thread.ts';
import { useShowingOf } from './Answer.tsx';
import { Checked } from './Checked.tsx';
import { Considered } from './Considered.tsx';
import { Coverage, coverageWords } from './Coverage.tsx';
import { citedBlocks, type Extent } from './coverage.ts';
import { alsoConsidered, evidenceOf } from './evidence.ts';
import { ShowingContext } from './showing.ts';
import { Walker } from './Walker.tsx';

export function Foot({ turn, store, state }: { turn: Turn; store: Store; state: State }) {
  const { page, turns } = state;
  const outdated = isOutdated(turn, page);
  const isOfThisPage = !isForeign(state) && !outdated && !turn.withoutPage;
  const blocks = isForeign(state) || turn.withoutPage ? 0 : (page.text?.blocks.length ?? 0);
  const evidence = useMemo(() => evidenceOf(turn, blocks), [turn, blocks]);
  const considered = useMemo(() => alsoConsidered(turn), [turn]);
  const cited = useMemo(() => citedBlocks(evidence), [evidence]);
  const extent: Extent = { read: page.blocksRead, sent: page.blocksTotal, unsent: page.text?.blocksLeftOut ?? 0 };
  const isCovered = page.status === 'ready' && page.blocksTotal > 0 && isOfThisPage && turn.reason !== 'cancelled';
  const choose = (selection: string): void => store.again({ ...turn, selection }, turn.copilot);
  const showing = useShowingOf(turn, store, state);
  return (
    <ShowingContext.Provider value={showing}>
      <div class="facts">
        {turn.reason === 'length' && <p class="fact">{t('endedByLength')}</p>}
        {turn.reason === 'cancelled' && <p class="fact">{t('endedByYou')}</p>}
        {outdated && <p class="fact outdated">{t('outdated')}</p>}
        {(isCovered || evidence.length > 1) && (
          <div class="facts-row">
            {isCovered && <Coverage extent={extent} cited={cited} />}
            {evidence.length > 1 && <Walker evidence={evidence} />}
          </div>
        )}
        <div class="facts-more">
          <Checked turn={turn} quotes={state.link.ready?.engine.quotes} coverage={isCovered ? coverageWords(extent, cited) : ''} />
          {isOfThisPage && <Considered cards={considered} isBusy={turns.some(isRunning)} choose={choose} />}
        </div>
      </div>
    </ShowingContext.Provider>
  );
}
