// What toolbar and menu put into the box reaches the panel of its tab, open or not yet.
import { beforeEach, expect, test, vi } from 'vitest';
import type { ToPanel } from '../lib/connection/messages.ts';
import { Fills } from '../lib/fills.ts';

const FILL = { words: 'Why?', selection: 'A passage.', copilot: null, isToChoose: false, isToSend: false };
let fills: Fills;
let got: ToPanel[];
const open = vi.fn(() => Promise.resolve());
const panel = (message: ToPanel): void => void got.push(message);

beforeEach(() => {
  vi.useFakeTimers();
  open.mockClear();
  got = [];
  fills = new Fills(open);
  return () => vi.useRealTimers();
});

test('the panel of the tab gets it, in the page with the focus', () => {
  fills.attach(panel, 3, { isInPage: true });
  fills.put({ id: 3 }, FILL);
  fills.put({ id: 4 }, { ...FILL, words: 'Other' });
  expect(got).toEqual([{ kind: 'fill', fill: FILL }]);
  expect(open).toHaveBeenCalledWith({ id: 3 });
});

test('a panel beside the page gets it, and no second one opens', () => {
  fills.attach(panel, 3, { isInPage: false });
  fills.put({ id: 3 }, FILL);
  expect(got).toHaveLength(1);
  expect(open).not.toHaveBeenCalled();
});

test('without a panel one opens and gets it once', () => {
  fills.put({ id: 3 }, FILL);
  expect(open).toHaveBeenCalledOnce();
  fills.attach(panel, 3, { isInPage: true });
  fills.attach(panel, 3, { isInPage: true });
  expect(got).toEqual([{ kind: 'fill', fill: FILL }]);
});

test('a panel that opens much later, or in another tab, gets nothing', () => {
  fills.put({ id: 3 }, FILL);
  fills.attach(panel, 4, { isInPage: true });
  vi.advanceTimersByTime(15_001);
  fills.attach(panel, 3, { isInPage: true });
  expect(got).toEqual([]);
});

test('a panel that is gone gets nothing', () => {
  fills.attach(panel, 3, { isInPage: true });
  fills.detach(panel);
  fills.put({ id: 3 }, FILL);
  expect(got).toEqual([]);
});
