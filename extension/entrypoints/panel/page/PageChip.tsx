// What the copilot sees: the page's title and how many blocks, and one click below them the blocks themselves. Called by Header.
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { counted, t } from '../../../lib/words.ts';
import { coverageWords } from '../answer/Coverage.tsx';
import { blockPassage } from '../answer/evidence.ts';
import { Icon } from '../Icon.tsx';
import { later } from '../later.tsx';
import { framesNotRead } from './Warnings.tsx';
import type { PageState, State } from '../state/state.ts';
import type { Store } from '../state/store.ts';

const TabsPart = later(() => import('../tabs/TabsPart.tsx').then((module) => module.TabsPart));

const BLOCKS_AT_ONCE = 100;
const NOTHING_CITED: ReadonlySet<number> = new Set();

export function PageChip({ store, state }: { store: Store; state: State }) {
  const [isOpen, setOpen] = useState(false);
  const chip = useRef<HTMLButtonElement>(null);
  const id = useId();
  const { text } = state.page;
  const close = (): void => {
    setOpen(false);
    chip.current?.focus();
  };
  if (!text || text.blocks.length === 0) return <span class="page-title">{text?.title || t('name')}</span>;
  return (
    <>
      <button type="button" class="page-chip" ref={chip} aria-expanded={isOpen} aria-controls={id} title={t('pageChipTitle')} onClick={() => setOpen(!isOpen)}>
        <span class="page-title" dir="auto">{text.title || t('name')}</span>
        <span class="page-count">{counted('blocks', text.blocks.length)}{state.others.length > 0 && ` ${counted('otherTabs', state.others.length)}`}</span>
        <Icon name="chevron" />
      </button>
      {isOpen && <Preview id={id} store={store} state={state} close={close} />}
    </>
  );
}

function Preview({ id, store, state, close }: { id: string; store: Store; state: State; close: () => void }) {
  const { page } = state;
  const [count, setCount] = useState(BLOCKS_AT_ONCE);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => box.current?.focus(), []);
  useEscape(box, close);
  const blocks = (page.text?.blocks ?? []).map((text, i) => ({ n: i + 1, text }));
  return (
    <div class="page-preview" id={id} role="dialog" aria-label={t('pageChipTitle')} tabIndex={-1} ref={box}>
      <div class="page-preview-head">
        <p>{[seenOf(page), framesNotRead(page)].filter(Boolean).join(' ')}</p>
        <button type="button" class="action" onClick={() => void store.readPage()}><Icon name="again" />{t('readButton')}</button>
        <button type="button" class="tool" aria-label={t('closePreview')} title={t('closePreview')} onClick={close}><Icon name="close" /></button>
      </div>
      <TabsPart store={store} state={state} />
      <ol class="page-blocks">
        {blocks.slice(0, count).map(({ n, text }) => (
          <li key={n} class={n <= page.blocksRead || page.status !== 'ready' ? '' : 'page-block-searched'}>
            <button type="button" class="page-block" title={t('citeTitle', n)} onClick={() => void store.show(blockPassage(n))}>
              <span class="page-block-number">{n}</span>
              <span dir="auto">{text}</span>
            </button>
          </li>
        ))}
      </ol>
      {count < blocks.length && <button type="button" class="action" onClick={() => setCount(count + BLOCKS_AT_ONCE)}>{counted('moreBlocks', blocks.length - count)}</button>}
    </div>
  );
}

/** Inside the box Escape closes it alone; what it does elsewhere in the panel, App says. */
function useEscape(box: { current: HTMLElement | null }, close: () => void): void {
  useEffect(() => {
    const element = box.current;
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape' || event.isComposing) return;
      event.preventDefault();
      event.stopPropagation();
      close();
    };
    element?.addEventListener('keydown', onKey);
    return () => element?.removeEventListener('keydown', onKey);
  }, [box, close]);
}

function seenOf({ status, blocksRead, blocksTotal, text }: PageState): string {
  if (status !== 'ready') return t('reading');
  return coverageWords({ read: blocksRead, sent: blocksTotal, unsent: text?.blocksLeftOut ?? 0 }, NOTHING_CITED);
}
