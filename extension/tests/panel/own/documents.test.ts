// A copilot's documents: what cannot be undone is not inside a web page, which could have placed the click.
import { h, render } from 'preact';
import { afterEach, expect, test, vi } from 'vitest';
import { DocumentsPart } from '../../../entrypoints/panel/own/documents/DocumentsPart.tsx';

vi.mock('../../../lib/words.ts', async () => (await import('../../fakes/words.ts')).fakeWords);

const box = document.body.appendChild(document.createElement('div'));
afterEach(() => render(null, box));

test.each([['page', 0], ['side', 1], ['tab', 1]] as const)('in the place %s a document has %i buttons that remove it', (host, count) => {
  const known = { documents: [{ id: 'd', name: 'ferry.md', pages: 1 }], pairs: [], drafting: false, waiting: 0 };
  const documents = { view: { name: 'Lease', state: known, sending: '', notice: '' }, remove: vi.fn<() => void>() };
  render(h(DocumentsPart, { documents, state: { host, training: null }, leave: () => undefined } as never), box);
  const buttons = [...box.querySelectorAll('button')].filter((button) => button.title.startsWith('documentRemove'));
  expect(buttons).toHaveLength(count);
  for (const button of buttons) button.click();
  expect(documents.remove).toHaveBeenCalledTimes(count);
});
