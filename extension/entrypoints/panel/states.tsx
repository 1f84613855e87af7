// What the panel says when it cannot answer yet: a sentence and one action for each state. Called by App.
import { t } from '../../lib/words.ts';
import { framesNotRead, Warnings } from './page/Warnings.tsx';
import type { State } from './state/state.ts';
import type { Store } from './state/store.ts';

/** A state that fills the panel. `action` names what the button does. */
export interface StandstillView {
  name: string;
  action: 'retry' | 'read' | 'allow' | null;
  command?: string;
  detail?: string;
}

/** The state that fills the panel, or null when the conversation can be shown. */
export function standstillOf({ untrusted, link, page, turns, withoutPage, host, site }: State): StandstillView | null {
  if (untrusted) return { name: 'untrusted', action: null };
  if (link.status === 'offline' && turns.length === 0) return { name: 'offline', action: 'retry', command: 'make serve' };
  if (link.status === 'impostor') return { name: 'impostor', action: 'retry' };
  if (link.status === 'refused' && turns.length === 0) return { name: 'refused', action: 'retry', detail: link.message };
  if (link.status === 'connecting' && !link.ready) return { name: 'connecting', action: null };
  if (withoutPage) return null;
  if (page.status === 'empty') return { name: 'empty', action: 'read', detail: framesNotRead(page) };
  if (page.status === 'unreadable') return { name: 'unreadable', action: host === 'page' || site === null ? 'read' : 'allow' };
  return null;
}

export function Standstill({ store, standstill }: { store: Store; standstill: StandstillView }) {
  const { name, action, command, detail } = standstill;
  const act = { retry: store.retryLink, read: () => void store.readPage(), allow: store.allowPage };
  return (
    <section class="state" aria-live="polite">
      {name === 'connecting' && <span class="pulse pulse-big" aria-hidden="true" />}
      <h1 class="state-title">{t(`${name}Title`)}</h1>
      <p class="state-text">{detail || t(`${name}Text`)}</p>
      {command && <pre class="command"><code>{command}</code></pre>}
      {action && <button type="button" class="primary" onClick={act[action]}>{t(`${action}Button`)}</button>}
      {(name === 'empty' || name === 'unreadable') && <button type="button" class="action" onClick={() => store.setWithoutPage(true)}>{t('withoutPageButton')}</button>}
      {name !== 'connecting' && name !== 'untrusted' && <button type="button" class="action" onClick={() => store.hosting.setTesting(true)}>{t('selftestButton')}</button>}
      {name === 'impostor' && <button type="button" class="action" onClick={store.pairAgain}>{t('pairAgainButton')}</button>}
    </section>
  );
}

/** The line above the composer: reading, read in part, moved on, or refused. */
export function PageNotice({ store, state }: { store: Store; state: State }) {
  const { page, link, notice } = state;
  if (link.status === 'connecting') return <p class="notice" role="status">{t('reconnecting')}</p>;
  if (link.status !== 'ready') return <Notice words={link.message || t('offlineTitle')} action={t('retryButton')} act={store.retryLink} />;
  if (state.withoutPage) return notice ? <p class="notice notice-bad" role="alert">{notice}</p> : null;
  if (page.moved) return <Notice words={t('movedText')} action={t('readButton')} act={() => void store.readPage()} />;
  if (page.status === 'error') return <Notice words={page.message} action={t('readButton')} act={() => void store.readPage()} />;
  if (notice) return <p class="notice notice-bad" role="alert">{notice}</p>;
  if (page.status === 'opening' || page.status === 'looking') return <Reading done={page.tokensDone} total={page.tokensTotal} />;
  const part = partOf(page.blocksRead, page.blocksTotal, page.text?.blocksLeftOut ?? 0);
  return <>{part && <p class="notice" role="status">{part}</p>}<Warnings store={store} page={page} /></>;
}

/** Empty when all was read. */
function partOf(read: number, sent: number, unsent: number): string {
  const total = sent + unsent;
  if (sent && !read) return t('readBeginning');
  if (read >= total) return '';
  return unsent > 0 ? t('readPartUnsent', read, total, unsent) : t('readPart', read, total);
}

function Notice({ words, action, act }: { words: string; action: string; act: () => void }) {
  return (
    <div class="notice" role="status">
      <span>{words}</span>
      <button type="button" class="action" onClick={act}>{action}</button>
    </div>
  );
}

function Reading({ done, total }: { done: number; total: number }) {
  const percent = total > 0 ? Math.round((100 * done) / total) : 0;
  return (
    <div class="notice reading">
      <label for="reading">{t('reading')}</label>
      <progress id="reading" max={100} value={total > 0 ? percent : undefined} />
    </div>
  );
}
