// The user's own copilots, laid over the conversation: the list, or the one that is being written. Called by App.
import { useEffect, useState } from 'preact/hooks';
import { t } from '../../../lib/words.ts';
import type { State } from '../state/state.ts';
import type { Store } from '../state/store.ts';
import { DocumentsPart } from './documents/DocumentsPart.tsx';
import { Editor } from './Editor.tsx';
import { List } from './List.tsx';
import { Own, type OwnView } from './own.ts';

const kept = new WeakMap<Store, Own>(); // closing the view loses no word

export function View({ store, state }: { store: Store; state: State }) {
  const own = ownOf(store);
  const view = useOwn(own);
  const isLost = state.link.status !== 'ready';
  useEffect(() => {
    if (isLost) own.interrupted();
  }, [own, isLost]);
  return (
    <section class="picker own" role="dialog" aria-label={t('own')}>
      <Part own={own} view={view} store={store} state={state} />
    </section>
  );
}

function Part({ own, view, store, state }: { own: Own; view: OwnView; store: Store; state: State }) {
  if (view.editing) return <Editor own={own} editing={view.editing} store={store} state={state} />;
  if (view.documents) return <DocumentsPart documents={view.documents} state={state} leave={own.leaveDocuments} />;
  return <List own={own} view={view} store={store} state={state} />;
}

function ownOf(store: Store): Own {
  const own = kept.get(store) ?? new Own(store);
  kept.set(store, own);
  return own;
}

function useOwn(own: Own): OwnView {
  const [view, setView] = useState(own.view);
  useEffect(() => {
    setView(own.view);
    return own.subscribe(() => setView(own.view));
  }, [own]);
  return view;
}
