// Other tabs that are asked about together with this page: which they are, what became of them, and adding one. Called by PageChip.
// In a panel inside a web page it only leads to the side panel.
import { useId, useRef, useState } from 'preact/hooks';
import type { OpenTab } from '../../../lib/connection/messages.ts';
import type { OtherTab } from '../../../lib/tabs/joined.ts';
import { t } from '../../../lib/words.ts';
import { Icon } from '../Icon.tsx';
import type { PageState, State } from '../state/state.ts';
import type { Store } from '../state/store.ts';
import { isRunning } from '../state/thread.ts';

export function TabsPart({ store, state }: { store: Store; state: State }) {
  const id = useId();
  if (state.isPrivateWindow) return null;
  return (
    <section class="tabs-part" aria-labelledby={id}>
      <h2 class="tabs-title" id={id}>{t('tabsTitle')}</h2>
      {state.host === 'page' ? <Elsewhere store={store} /> : <Chosen store={store} state={state} />}
    </section>
  );
}

function Elsewhere({ store }: { store: Store }) {
  return (
    <>
      <p class="tabs-hint">{t('tabsElsewhere')}</p>
      <button type="button" class="action" onClick={() => void store.hosting.move('side')}>{t('move_side')}</button>
    </>
  );
}

function Chosen({ store, state }: { store: Store; state: State }) {
  const [isAdding, setAdding] = useState(false);
  const adder = useRef<HTMLButtonElement>(null); // gets the focus of buttons that go
  const isBusy = [...state.turns, ...state.hidden].some(isRunning);
  const { others, openTabs, page } = state;
  const addable = openTabs?.filter(({ tab }) => !others.some((other) => other.tab === tab));
  const toggle = (): void => {
    if (!isAdding) void store.tabs.list();
    setAdding(!isAdding);
  };
  const add = (tab: OpenTab): void => {
    void store.tabs.add(tab);
    setAdding(false);
    adder.current?.focus();
  };
  const remove = (other: OtherTab): void => {
    store.tabs.remove(other);
    adder.current?.focus();
  };
  return (
    <>
      {others.length > 0 && (
        <ul class="tabs-list">
          {others.map((other) => (
            <Added key={other.tab} other={other} page={page} isBusy={isBusy} again={() => void store.tabs.again(other)} remove={() => remove(other)} />
          ))}
        </ul>
      )}
      <button type="button" class="action" ref={adder} aria-expanded={isAdding} disabled={isBusy} onClick={toggle}><Icon name="plus" />{t('tabsAdd')}</button>
      {isAdding && addable && <Addable tabs={addable} add={add} />}
      <p class="tabs-hint">{t('tabsHint')}</p>
    </>
  );
}

function Added({ other, page, isBusy, again, remove }: { other: OtherTab; page: PageState; isBusy: boolean; again: () => void; remove: () => void }) {
  const { title, url, status } = other;
  return (
    <li class="tabs-row">
      <span class="tabs-words">
        <span class="tabs-name" dir="auto">{title || url}</span>
        <span class={`tabs-status${status === 'read' || status === 'reading' ? '' : ' tabs-status-bad'}`} role="status">{statusOf(other, page)}</span>
      </span>
      {(status === 'moved' || status === 'failed') && <button type="button" class="tool" disabled={isBusy} aria-label={t('tabAgain', title)} title={t('tabAgain', title)} onClick={again}><Icon name="again" /></button>}
      <button type="button" class="tool" disabled={isBusy} aria-label={t('tabRemove', title)} title={t('tabRemove', title)} onClick={remove}><Icon name="close" /></button>
    </li>
  );
}

function Addable({ tabs, add }: { tabs: OpenTab[]; add: (tab: OpenTab) => void }) {
  if (tabs.length === 0) return <p class="tabs-hint" role="status">{t('tabsNone')}</p>;
  return (
    <ul class="tabs-list tabs-open" aria-label={t('tabsAdd')}>
      {tabs.map((tab) => (
        <li key={tab.tab}>
          <button type="button" class="tabs-choice" onClick={() => add(tab)}>
            <span class="tabs-name" dir="auto">{tab.title || tab.url}</span>
            <span class="tabs-status">{new URL(tab.url).host}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

/** What became of the tab; of one that is read, which blocks it has and whether they are in the model's context. */
function statusOf({ tab, status }: OtherTab, { parts, blocksRead, status: pageStatus }: PageState): string {
  if (status !== 'read') return t(`tabStatus_${status}`);
  const part = parts.find((one) => one.tab === tab);
  if (!part) return t('tabTooLong');
  const isRead = pageStatus !== 'ready' || blocksRead >= part.last;
  return t(isRead ? 'tabBlocks' : 'tabSearched', part.heading, part.last);
}
