// Choosing several copilots: by keyboard and mouse, whole panels, never more than five.
import { h, render } from 'preact';
import { act } from 'preact/test-utils';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Picker } from '../../../entrypoints/panel/picker/Picker.tsx';
import { FIRST_STATE, type State } from '../../../entrypoints/panel/state/state.ts';
import type { Store } from '../../../entrypoints/panel/state/store.ts';
import type { CopilotCard, PanelPreset } from '../../../lib/connection/protocol.ts';
import { presetCards, toggled } from '../../../lib/several.ts';
import { READY } from '../../connection/sockets.ts';

vi.mock('wxt/browser', async () => ({ browser: (await import('../../browser.ts')).fakeBrowser }));
vi.mock('../../../lib/words.ts', async () => (await import('../../fakes/words.ts')).fakeWords);

const card = (id: string): CopilotCard => ({ id, name: id.toUpperCase(), category: id.split('/')[0] ?? '', category_name: 'C', icon: '', promise: '', starters: [], mode: 'tuned', refused: null, trainable: false, own: false });
const CARDS = ['law/a', 'law/b', 'law/c', 'shop/a', 'shop/b', 'shop/c'].map(card);
const preset = (category: string, copilots: string[]): PanelPreset => ({ category, category_name: category.toUpperCase(), icon: '', copilots });
const PANELS = [preset('law', ['law/a', 'law/b']), preset('shop', ['shop/b', 'law/c', 'shop/a'])];

const box = document.body.appendChild(document.createElement('div'));
const store = { copilots: CARDS, several: [] as CopilotCard[], current: CARDS[0], choose: vi.fn(), chooseSeveral: vi.fn(), star: vi.fn(), again: vi.fn(), state: FIRST_STATE };
const onDone = vi.fn();

beforeEach(() => {
  vi.clearAllMocks();
  Element.prototype.scrollIntoView = vi.fn();
  Element.prototype.scrollTo = vi.fn() as never;
  store.several = [];
  const state: State = { ...FIRST_STATE, link: { ...FIRST_STATE.link, status: 'ready', ready: { ...READY, copilots: CARDS, panels: PANELS } } };
  store.state = { ...state, page: { ...state.page, suggested: [{ copilot: 'shop/c', why: [] }] } };
});
afterEach(() => render(null, box));

function open(several: CopilotCard[] = []): void {
  store.several = several;
  void act(() => render(h(Picker, { store: store as unknown as Store, state: store.state, picking: 'switch', onDone }), box));
}
const find = (selector: string): HTMLElement => box.querySelector<HTMLElement>(selector) as HTMLElement;
const click = (element: HTMLElement): void => void act(() => element.click());
const key = (name: string, part: KeyboardEventInit = {}): void => void act(() => void find('.search').dispatchEvent(new KeyboardEvent('keydown', { key: name, bubbles: true, cancelable: true, ...part })));
const option = (id: string): HTMLElement => [...box.querySelectorAll<HTMLElement>('[role=option]')].find((element) => element.textContent.startsWith(id)) as HTMLElement;
const chosen = (): (string | null)[] => [...box.querySelectorAll('.chosen-one')].map(({ textContent }) => textContent.trim());

test('one click turns choosing several on, with the one that answers now, and the search keeps the focus', () => {
  open();
  expect(find('[role=listbox]').getAttribute('aria-multiselectable')).toBe('false');
  click(find('.picker-several'));
  expect(chosen()).toEqual(['LAW/A']);
  expect(document.activeElement).toBe(find('.search'));
  expect(find('[role=listbox]').getAttribute('aria-multiselectable')).toBe('true');
  expect(find('.primary').hasAttribute('disabled')).toBe(true);
});

test('panels of the suggested categories stand first, and one press takes all of one', () => {
  open();
  click(find('.picker-several'));
  expect([...box.querySelectorAll('[role=option] .option-words')].slice(0, 2).map(({ textContent }) => textContent)).toEqual(['SHOP', 'LAW']);
  expect(find('.option-promise').textContent).toBe('SHOP/B, LAW/C, SHOP/A');
  key('Enter');
  expect(chosen()).toEqual(['SHOP/B', 'LAW/C', 'SHOP/A']);
  expect(find('#option-0').getAttribute('aria-selected')).toBe('true');
  key('Enter', { ctrlKey: true });
  expect(store.chooseSeveral).toHaveBeenCalledWith(['shop/b', 'law/c', 'shop/a']);
  expect(onDone).toHaveBeenCalledOnce();
});

test('each is checked and unchecked by mouse, and taken out below the list', () => {
  open(CARDS.slice(0, 2));
  click(option('SHOP/C'));
  expect(option('SHOP/C').getAttribute('aria-selected')).toBe('true');
  click(option('LAW/A'));
  expect(chosen()).toEqual(['LAW/B', 'SHOP/C']);
  click(find('.chosen-one'));
  expect(chosen()).toEqual(['SHOP/C']);
  key('Enter', { ctrlKey: true });
  expect(store.chooseSeveral).not.toHaveBeenCalled();
});

test('a sixth has no place', () => {
  open(CARDS.slice(0, 5));
  expect(option('SHOP/C').getAttribute('aria-disabled')).toBe('true');
  click(option('SHOP/C'));
  expect(chosen()).toHaveLength(5);
  expect(toggled(['a', 'b', 'c', 'd', 'e'], 'f')).toHaveLength(5);
});

test('with several switched off again one press chooses one', () => {
  open(CARDS.slice(0, 2));
  click(find('.picker-several'));
  click(option('SHOP/A'));
  expect(store.choose).toHaveBeenCalledWith('shop/a');
});

test('a panel is no favourite', () => {
  open(CARDS.slice(0, 2));
  key('ß', { altKey: true, code: 'KeyS' });
  expect(store.star).not.toHaveBeenCalled();
  expect(find('#option-0').querySelector('.option-star')).toBeNull();
});

test('a copilot of a panel that is not there any more keeps its id for a name', () => {
  expect(presetCards([preset('x', ['gone/one', 'law/a'])], CARDS, [])[0]?.promise).toBe('gone/one, LAW/A');
});
