// A page that becomes another one without being loaded: told at once of another address, and of another text behind the same one.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { watchMoves } from '../../lib/page/moves.ts';

let changed: boolean;
let moved: ReturnType<typeof vi.fn<() => void>>;
let open: AbortController;

beforeEach(() => {
  vi.useFakeTimers();
  history.replaceState(null, '', '/a#one');
  Object.assign(globalThis, { navigation: new EventTarget() });
  changed = false;
  moved = vi.fn<() => void>();
  open = new AbortController();
  watchMoves(() => Promise.resolve(changed), moved, open.signal);
});
afterEach(() => {
  open.abort();
  vi.useRealTimers();
});

function go(address: string): void {
  history.pushState(null, '', address);
  (globalThis as unknown as { navigation: EventTarget }).navigation.dispatchEvent(new Event('navigatesuccess'));
  dispatchEvent(new Event('hashchange'));
}

test('another path is told at once, and once', () => {
  go('/b#one');
  expect(moved).toHaveBeenCalledOnce();
});

test('a jump within the same text is not told', async () => {
  go('/a#two');
  await vi.runAllTimersAsync();
  expect(moved).not.toHaveBeenCalled();
});

test('another text behind the same path is told once, also when it is drawn late', async () => {
  go('/a#two');
  await vi.advanceTimersByTimeAsync(300);
  changed = true;
  await vi.runAllTimersAsync();
  expect(moved).toHaveBeenCalledOnce();
});

test('nothing is told once the sidebar is closed', async () => {
  go('/a#two');
  changed = true;
  open.abort();
  await vi.runAllTimersAsync();
  expect(moved).not.toHaveBeenCalled();
});
