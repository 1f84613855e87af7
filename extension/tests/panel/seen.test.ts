// A button for what matters: on only while the browser vouches that it is in full sight, for a while.
import { h, render } from 'preact';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SeenButton } from '../../entrypoints/panel/host/SeenButton.tsx';

vi.mock('../../lib/words.ts', () => ({ t: (name: string) => name }));

const box = document.body.appendChild(document.createElement('div'));
const act = vi.fn();
let asked: unknown;
let report: (entries: { isVisible?: boolean }[]) => void;

beforeEach(() => {
  act.mockClear();
  vi.stubGlobal('IntersectionObserver', class {
    constructor(callback: typeof report, options: unknown) {
      [report, asked] = [callback, options];
    }
    observe = (): void => undefined;
    disconnect = (): void => undefined;
  });
});
afterEach(() => {
  render(null, box);
  vi.unstubAllGlobals();
});

async function show(host: 'page' | 'side' | 'tab'): Promise<HTMLButtonElement> {
  report = () => undefined;
  render(h(SeenButton, { host, name: 'train', act }), box);
  await new Promise((resolve) => setTimeout(resolve, 150)); // effects run after the drawing
  return box.querySelector('button') as HTMLButtonElement;
}

test.each(['side', 'tab'] as const)('outside the page it is a plain button: %s', async (host) => {
  (await show(host)).click();
  expect(act).toHaveBeenCalledOnce();
});

test('in a page it comes on after a while in full sight, and goes off at once when it is covered', async () => {
  const button = await show('page');
  expect(asked).toMatchObject({ trackVisibility: true, threshold: [1] });
  report([{ isVisible: true }]);
  await new Promise((resolve) => setTimeout(resolve, 100));
  button.click();
  expect(act).not.toHaveBeenCalled();
  await vi.waitFor(() => expect(button.disabled).toBe(false));
  button.click();
  expect(act).toHaveBeenCalledOnce();
  report([{ isVisible: true }, { isVisible: false }]);
  await vi.waitFor(() => expect(button.disabled).toBe(true));
  button.click();
  expect(act).toHaveBeenCalledOnce();
});

test('where the browser cannot tell, it stays off and says where to go', async () => {
  const button = await show('page');
  report([{}]);
  await vi.waitFor(() => expect(box.textContent).toContain('covered'), 3_000);
  button.click();
  expect(act).not.toHaveBeenCalled();
});
