// A thin bar of the whole page: read, only searched, left out, cited. A click shows the place. Called by Foot.
import { useContext, useRef, useState } from 'preact/hooks';
import { counted, direction, t } from '../../../lib/words.ts';
import { type Extent, type Reach, type Stretch, stretchesOf } from './coverage.ts';
import { blockPassage } from './evidence.ts';
import { ShowingContext } from './showing.ts';

const NAMES: Record<Reach, string> = { read: 'stretchRead', searched: 'stretchSearched', unsent: 'stretchUnsent' };

export function Coverage({ extent, cited }: { extent: Extent; cited: ReadonlySet<number> }) {
  const { show } = useContext(ShowingContext);
  const [focused, setFocused] = useState(0);
  const box = useRef<HTMLDivElement>(null);
  const stretches = stretchesOf(extent, cited);
  // One stop for the Tab key: the arrows go on from there.
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(stretches.length - 1, focused + (direction() === 'rtl' ? -step : step)));
    setFocused(next);
    (box.current?.children[next] as HTMLElement | undefined)?.focus();
  };
  return (
    <div class="coverage" role="toolbar" tabIndex={-1} aria-label={`${t('coverage')}. ${coverageWords(extent, cited)}`} ref={box} onKeyDown={onKeyDown}>
      {stretches.map((stretch, i) => (
        <button
          key={stretch.first} type="button" tabIndex={i === focused ? 0 : -1} aria-label={nameOf(stretch)} title={nameOf(stretch)}
          class={`stretch stretch-${stretch.reach}${stretch.isCited ? ' stretch-cited' : ''}`} aria-disabled={stretch.reach === 'unsent'}
          onFocus={() => setFocused(i)} onClick={() => stretch.reach !== 'unsent' && show(-1, blockPassage(placeIn(stretch, cited)))}
        />
      ))}
    </div>
  );
}

/** The first block of the stretch that is cited, else its first. */
function placeIn({ first, last }: Stretch, cited: ReadonlySet<number>): number {
  return [...cited].find((block) => block >= first && block <= last) ?? first;
}

function nameOf({ first, last, reach, isCited }: Stretch): string {
  const blocks = first === last ? t('blockNumber', first) : t('blockNumbers', first, last);
  return `${blocks}: ${t(NAMES[reach])}${isCited ? `, ${t('stretchCited')}` : ''}`;
}

/** The bar in words. */
export function coverageWords({ read, sent, unsent }: Extent, cited: ReadonlySet<number>): string {
  const total = sent + unsent;
  const words = [read === sent ? counted('coverageWhole', sent) : read === 0 ? t('coverageBeginning', sent) : t('coveragePart', read, sent)];
  if (unsent > 0) words.push(t('coverageUnsent', unsent, total));
  if (cited.size > 0) words.push(t('coverageCited', [...cited].join(', ')));
  return words.join(' ');
}
