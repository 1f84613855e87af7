// What a person should know of the page besides how much of it was read. Called by the line above the composer and by the page's chip.
// The frames of other sites, which nobody may look into, and blocks that give orders to programs.
import { counted, t } from '../../../lib/words.ts';
import { blockPassage } from '../answer/evidence.ts';
import type { PageState } from '../state/state.ts';
import type { Store } from '../state/store.ts';

/** Frames that take less of the window are named in the chip's list only. */
const SHARE_MIN = 0.25;

export function Warnings({ store, page }: { store: Store; page: PageState }) {
  const [first] = page.ordering;
  const isFramed = (page.text?.frames.share ?? 0) >= SHARE_MIN;
  return (
    <>
      {isFramed && <p class="notice" role="status">{framesNotRead(page)}</p>}
      {first !== undefined && (
        <div class="notice" role="status">
          <span>{counted('orders', page.ordering.length, first)}</span>
          <button type="button" class="action" onClick={() => void store.show(blockPassage(first))}>{t('ordersShow')}</button>
        </div>
      )}
    </>
  );
}

/** Empty when there are none. */
export function framesNotRead({ text }: PageState): string {
  const { hosts = [] } = text?.frames ?? {};
  const named = hosts.filter((host) => host !== '');
  if (hosts.length === 0) return '';
  return named.length > 0 ? t('framesUnread', named.join(', ')) : t('framesUnreadUnnamed');
}
