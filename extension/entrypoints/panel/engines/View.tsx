// Engines and bases, laid over the conversation: what answers, other bases, a server elsewhere. Called by App, loaded later.
// Never in a panel inside a web page: the page could place the clicks. The background and the server see to that too.
import { useEffect, useRef, useState } from 'preact/hooks';
import { t } from '../../../lib/words.ts';
import { Icon } from '../Icon.tsx';
import type { State } from '../state/state.ts';
import type { Store } from '../state/store.ts';
import { Bases } from './Bases.tsx';
import { Elsewhere } from './Elsewhere.tsx';
import { type Engines, type EnginesView, enginesOf } from './engines.ts';
import { Now } from './Now.tsx';

const LOOK_EVERY_MS = 5_000; // memory changes by itself

export function View({ store, state }: { store: Store; state: State }) {
  const engines = enginesOf(store);
  const view = useView(engines);
  const title = useRef<HTMLHeadingElement>(null);
  const isLinked = state.link.status === 'ready';
  useEffect(() => title.current?.focus(), []);
  useEffect(() => {
    if (!isLinked) return;
    void engines.look();
    const timer = setInterval(() => void engines.look(), LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }, [engines, isLinked]);
  const now = view.state;
  return (
    <section class="picker engines" role="dialog" aria-label={t('engines')}>
      <div class="own-head">
        <h2 class="own-title" tabIndex={-1} ref={title}>{t('engines')}</h2>
        <button type="button" class="tool" title={t('enginesClose')} aria-label={t('enginesClose')} onClick={() => store.hosting.setChoosingEngine(false)}><Icon name="close" /></button>
      </div>
      <div class="engines-body" tabIndex={0} role="group" aria-label={t('engines')}>
        {!now && <p class="none" role="status">{isLinked ? view.trouble?.words ?? t('enginesLooking') : t('enginesNoAnswer')}</p>}
        {now && (
          <>
            <Now engines={engines} view={view} now={now} />
            {now.pinned ? <p class="engines-note">{t('enginesPinned')}</p> : (
              <>
                <Bases engines={engines} view={view} now={now} />
                <Elsewhere engines={engines} view={view} now={now} />
              </>
            )}
          </>
        )}
      </div>
    </section>
  );
}

function useView(engines: Engines): EnginesView {
  const [view, setView] = useState(engines.view);
  useEffect(() => {
    setView(engines.view);
    return engines.subscribe(() => setView(engines.view));
  }, [engines]);
  return view;
}
