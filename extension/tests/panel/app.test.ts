// How the components follow the store.
import { h, render } from 'preact';
import { afterEach, expect, test, vi } from 'vitest';
import { useStore } from '../../entrypoints/panel/App.tsx';

vi.mock('wxt/browser', async () => ({ browser: (await import('../browser.ts')).fakeBrowser }));

const box = document.body.appendChild(document.createElement('div'));
afterEach(() => render(null, box));

test('what comes in between the first drawing and the subscription is drawn', async () => {
  const store = { state: 'connecting', subscribe: () => () => undefined };
  render(h(() => useStore(store as never) as never, {}), box);
  store.state = 'untrusted'; // a background that answers at once
  await vi.waitFor(() => expect(box.textContent).toBe('untrusted'));
});
