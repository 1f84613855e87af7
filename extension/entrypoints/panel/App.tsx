// The panel from top to bottom: header, notices, thread or a full-page state, composer. Called by main.
import { useCallback, useEffect, useState } from 'preact/hooks';
import { Composer } from './Composer.tsx';
import { Header } from './Header.tsx';
import { Pairing } from './Pairing.tsx';
import { PageNotice, Standstill, standstillOf } from './states.tsx';
import { Picker, type Picking } from './Picker.tsx';
import type { State } from './state/state.ts';
import type { Store } from './state/store.ts';
import { Thread } from './Thread.tsx';
import { Training } from './Training.tsx';
import { HOST } from './state/wire.ts';

export function useStore(store: Store): State {
  const [state, setState] = useState(store.state);
  useEffect(() => store.subscribe(() => setState(store.state)), [store]);
  return state;
}

export function App({ store }: { store: Store }) {
  const state = useStore(store);
  const [picking, setPicking] = useState<Picking | null>(null);
  const stopPicking = useCallback(() => setPicking(null), []);
  useEscape(store, picking !== null, stopPicking);
  const { status } = state.link;
  const isPairing = status === 'unpaired' || status === 'wrong_code' || status === 'expired' || state.isPairingAgain;
  const standstill = state.untrusted || !isPairing ? standstillOf(state) : null;
  return (
    <div class="panel">
      <Header store={store} state={state} onPick={() => setPicking(picking ? null : 'switch')} isPicking={picking !== null} />
      <Training store={store} state={state} />
      <div class="body">
        {picking && <Picker store={store} state={state} picking={picking} onDone={stopPicking} />}
        <main class="main" inert={picking !== null}>
          {standstill ? <Standstill store={store} standstill={standstill} /> : isPairing ? <Pairing store={store} state={state} /> : <Thread store={store} state={state} onPick={setPicking} />}
        </main>
        {!standstill && !isPairing && (
          <footer class="foot" inert={picking !== null}>
            <PageNotice store={store} state={state} />
            <Composer store={store} state={state} isCovered={picking !== null} />
          </footer>
        )}
      </div>
    </div>
  );
}

/** Escape closes the picker first, then the sidebar. */
function useEscape(store: Store, isPicking: boolean, stopPicking: () => void): void {
  useEffect(() => {
    const aborter = new AbortController();
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape' || event.isComposing) return;
      event.preventDefault();
      if (isPicking) stopPicking();
      else if (HOST === 'page') store.close();
    };
    addEventListener('keydown', onKey, { signal: aborter.signal });
    return () => aborter.abort();
  }, [store, isPicking, stopPicking]);
}
