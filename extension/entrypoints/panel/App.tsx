// The panel from top to bottom: header, notices, thread or a full-page state, composer. Called by main.
import { useCallback, useEffect, useState } from 'preact/hooks';
import { Composer } from './composer/Composer.tsx';
import { Header } from './Header.tsx';
import { Banner } from './history/Banner.tsx';
import { PageNotice, Standstill, standstillOf } from './states.tsx';
import type { Picking } from './picker/Picker.tsx';
import type { State } from './state/state.ts';
import type { Store } from './state/store.ts';
import { later } from './later.tsx';
import { Welcome } from './Welcome.tsx';

const Pairing = later(() => import('./Pairing.tsx').then((module) => module.Pairing));
const Training = later(() => import('./Training.tsx').then((module) => module.Training));
const SelfTest = later(() => import('./selftest/SelfTest.tsx').then((module) => module.SelfTest));
const Tour = later(() => import('./tour/Tour.tsx').then((module) => module.Tour));
const Teach = later(() => import('./teach/Teach.tsx').then((module) => module.Teach));
const EngineNote = later(() => import('./EngineNote.tsx').then((module) => module.EngineNote));
const Own = later(() => import('./own/View.tsx').then((module) => module.View));
const Engines = later(() => import('./engines/View.tsx').then((module) => module.View));
const History = later(() => import('./history/History.tsx').then((module) => module.History));
const Picker = later(() => import('./picker/Picker.tsx').then((module) => module.Picker));
const Thread = later(() => import('./Thread.tsx').then((module) => module.Thread));

/** What the first click or question needs, fetched when nothing else is to be done. */
export function loadAhead(): void {
  requestIdleCallback(() => void Promise.all([Thread.load(), Picker.load(), History.load()]));
}

export function useStore(store: Store): State {
  const [state, setState] = useState(store.state);
  useEffect(() => {
    setState(store.state); // what came in since the first drawing
    return store.subscribe(() => setState(store.state));
  }, [store]);
  return state;
}

export function App({ store }: { store: Store }) {
  const state = useStore(store);
  const [picking, setPicking] = useState<Picking | null>(null);
  useEffect(() => void (state.filling?.isToChoose && setPicking('switch')), [state.filling]);
  const stopPicking = useCallback(() => setPicking(null), []);
  const isCovered = picking !== null || state.history.isOpen || state.teach !== null || state.isOwnOpen || state.isEngineOpen || state.isTesting;
  const uncover = useUncover(store, stopPicking);
  useEscape(store, isCovered, uncover);
  const { status, ready } = state.link;
  const elsewhere = ready && (ready.engine.host || ready.engine.quotes !== 'guard') ? ready.engine : null;
  const isPairing = status === 'unpaired' || status === 'wrong_code' || status === 'expired' || state.isPairingAgain;
  const standstill = state.untrusted || !isPairing ? standstillOf(state) : null;
  return (
    <div class="panel">
      <Header store={store} state={state} onPick={() => setPicking(picking ? null : 'switch')} isPicking={picking !== null} />
      {!state.teach && <Training store={store} state={state} />}
      <div class="body">
        {picking && <Picker store={store} state={state} picking={picking} onDone={stopPicking} />}
        {state.history.isOpen && <History store={store} state={state} />}
        {state.isTesting && <SelfTest store={store} state={state} />}
        {state.teach && !picking && !state.history.isOpen && <Teach store={store} state={state} teach={state.teach} />}
        {state.isEngineOpen && <Engines store={store} state={state} />}
        {state.isOwnOpen && <Own store={store} state={state} />}
        <main class="main" inert={isCovered}>
          {!standstill && !isPairing && <Banner state={state} />}
          {standstill ? <Standstill store={store} standstill={standstill} /> : isPairing ? <Pairing store={store} state={state} /> : state.turns.length === 0 ? <Welcome store={store} state={state} /> : <Thread store={store} state={state} onPick={setPicking} />}
        </main>
        {!standstill && !isPairing && (
          <footer class="foot" inert={isCovered}>
            <PageNotice store={store} state={state} />
            {elsewhere && <EngineNote engine={elsewhere} />}
            {state.isNew && <Tour store={store} state={state} onPick={() => setPicking('switch')} />}
            <Composer store={store} state={state} isCovered={isCovered} />
          </footer>
        )}
      </div>
    </div>
  );
}

/** Closes all that can lie over the conversation. */
function useUncover(store: Store, stopPicking: () => void): () => void {
  return useCallback(() => {
    stopPicking();
    store.history.close();
    store.showTeach(null);
    store.showOwn(false);
    store.hosting.setChoosingEngine(false);
    store.hosting.setTesting(false);
  }, [store, stopPicking]);
}

/** Escape closes what lies over the conversation first, then takes the highlight from the page, then closes the sidebar. */
function useEscape(store: Store, isCovered: boolean, uncover: () => void): void {
  useEffect(() => {
    const aborter = new AbortController();
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape' || event.isComposing) return;
      event.preventDefault();
      if (isCovered) uncover();
      else if (store.state.lit) store.unlight();
      else store.hosting.close();
    };
    addEventListener('keydown', onKey, { signal: aborter.signal });
    return () => aborter.abort();
  }, [store, isCovered, uncover]);
}
