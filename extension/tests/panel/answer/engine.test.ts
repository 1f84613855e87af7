// The line that tells of an engine elsewhere.
import { h, render } from 'preact';
import { afterEach, expect, test, vi } from 'vitest';
import { EngineNote } from '../../../entrypoints/panel/EngineNote.tsx';
import { READY } from '../../connection/sockets.ts';

vi.mock('wxt/browser', async () => ({ browser: (await import('../../browser.ts')).fakeBrowser }));

const box = document.body.appendChild(document.createElement('div'));
afterEach(() => render(null, box));

test('a host that gets the page is named, as text', () => {
  render(h(EngineNote, { engine: { ...READY.engine, adapters: 'none', quotes: 'checked', shares_page: false, host: '<b>models.example</b>' } }), box);
  expect(box.querySelector('b')).toBeNull();
  expect(box.querySelector('.engine-host')?.textContent).toContain('<b>models.example</b>');
  expect(box.querySelector('.engine-fact')?.getAttribute('title')).not.toBe('');
});

test('an engine on this machine names no host', () => {
  render(h(EngineNote, { engine: { ...READY.engine, quotes: 'checked' } }), box);
  expect(box.querySelector('.engine-host')).toBeNull();
  expect(box.textContent).not.toBe('');
});
