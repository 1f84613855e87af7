// An answer as a reader meets it: what it says first, cards that show their passage, what lies one click deeper.
import { h, render } from 'preact';
import { act } from 'preact/test-utils';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Answer } from '../../../entrypoints/panel/answer/Answer.tsx';
import { Foot } from '../../../entrypoints/panel/answer/Foot.tsx';
import { useWalkKeys } from '../../../entrypoints/panel/answer/Walker.tsx';
import { FIRST_STATE, type State } from '../../../entrypoints/panel/state/state.ts';
import type { Store } from '../../../entrypoints/panel/state/store.ts';
import { newTurn, type Turn } from '../../../entrypoints/panel/state/thread.ts';

vi.mock('wxt/browser', async () => ({ browser: (await import('../../browser.ts')).fakeBrowser }));

const TEXT = 'The last boat leaves at 19.10.';
const ANSWER = `In the evening. "${TEXT}" [2] "Nobody swims." [3]`;
const TURN: Turn = {
  ...newTurn({ run: 'r1', question: 'When?', selection: '', copilot: 'a/b', copilotName: 'B', status: 'done' }),
  answer: ANSWER, reading: 'x', reason: 'stop',
  quotes: [
    { text: TEXT, verified: true, at: 16, block: 2, start: 0, end: TEXT.length },
    { text: 'Nobody swims.', verified: false, at: ANSWER.indexOf('"Nobody'), block: null, start: null, end: null },
  ],
  passages: [{ block: 2, text: TEXT, score: 1 }, { block: 4, text: 'Dogs travel free.', score: 0.4 }],
  considered: [{ block: 5, text: 'Boats are blue.', score: 0.3 }],
  checks: [{ name: 'quotes_verbatim', passed: true, note: 'Every quote is on the page.' }, { name: 'cites_block', passed: false, note: 'A point cites nothing.' }],
  usage: { page_tokens: 1, cached_tokens: 1, prompt_tokens: 2, answer_tokens: 1 }, timings: { ttft_ms: 170, total_ms: 200 },
};
const PAGE = { ...FIRST_STATE.page, status: 'ready' as const, reading: 'x', blocksRead: 4, blocksTotal: 9, text: { title: 'T', url: 'u', blocks: Array.from({ length: 9 }, String), types: [], blocksLeftOut: 0, frames: { hosts: [], share: 0 }, selection: '' } };

const box = document.body.appendChild(document.createElement('div'));
const store = { show: vi.fn(), preview: vi.fn(), again: vi.fn(), state: FIRST_STATE };

beforeEach(() => {
  vi.clearAllMocks();
  Element.prototype.scrollIntoView = vi.fn();
});
afterEach(() => render(null, box));

function draw(turn: Turn = TURN, part: Partial<State> = {}): void {
  const state: State = { ...FIRST_STATE, page: PAGE, turns: [turn], ...part };
  store.state = state;
  const Both = () => {
    useWalkKeys(store as unknown as Store);
    return h('div', null, h(Answer, { turn, store: store as unknown as Store, state }), h(Foot, { turn, store: store as unknown as Store, state }));
  };
  void act(() => render(h(Both, null), box));
}

const find = (selector: string): HTMLElement => box.querySelector<HTMLElement>(selector) as HTMLElement;
const click = (selector: string): void => void act(() => find(selector).click());

test('the conclusion stands first, evidence below it, and what is not on the page says so and cannot be clicked', () => {
  draw();
  expect(find('.form').firstElementChild?.textContent).toBe('In the evening.');
  const [proven, unproven] = box.querySelectorAll('.card');
  expect(proven?.querySelector('button.quote')?.textContent).toBe(`“${TEXT}”`);
  expect(unproven?.querySelector('button')).toBeNull();
  expect(unproven?.textContent).toContain('quoteAbsent');
});

test('a click on a card shows its passage, and the card of what is shown is marked', () => {
  draw();
  click('.card button.quote');
  expect(store.show).toHaveBeenCalledWith({ block: 2, start: 0, end: TEXT.length, text: TEXT }, { run: 'r1', at: 16 });
  draw(TURN, { lit: { run: 'r1', at: 16 } });
  expect(find('.card-lit [aria-current=true]').textContent).toBe(`“${TEXT}”`);
});

test('a mouse that rests on a card, or the focus, marks its passage until it leaves', () => {
  vi.useFakeTimers();
  draw();
  const card = find('.card button.quote');
  const fire = (type: string, pointerType = 'mouse'): boolean => card.dispatchEvent(Object.assign(new Event(type), { pointerType }));
  fire('pointerenter');
  fire('pointerleave');
  vi.runAllTimers();
  expect(store.preview.mock.calls).toEqual([[null]]);
  fire('pointerenter', 'touch');
  vi.runAllTimers();
  expect(store.preview).toHaveBeenCalledTimes(1);
  fire('focus');
  vi.runAllTimers();
  expect(store.preview).toHaveBeenLastCalledWith({ block: 2, start: 0, end: TEXT.length, text: TEXT });
  fire('blur');
  expect(store.preview).toHaveBeenLastCalledWith(null);
  vi.useRealTimers();
});

test('Alt with an arrow walks the evidence, but leaves the caret of a question alone', () => {
  draw({ ...TURN, answer: `${ANSWER} [7]` });
  const press = (target: EventTarget, altKey = true): boolean => target.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowDown', altKey, bubbles: true, cancelable: true }));
  const field = box.appendChild(document.createElement('textarea'));
  field.value = 'a question';
  press(field);
  press(window, false);
  expect(store.show).not.toHaveBeenCalled();
  field.value = '';
  press(field);
  expect(store.show).toHaveBeenLastCalledWith(expect.objectContaining({ block: 2 }), { run: 'r1', at: 16 });
  field.remove();
});

test('what was also considered can be shown, and chosen instead', () => {
  draw();
  expect([...box.querySelectorAll('.passage')].map((passage) => passage.textContent)).toEqual(['Dogs travel free.', 'Boats are blue.']);
  click('.passage');
  expect(store.show).toHaveBeenCalledWith({ block: 4, start: null, end: null, text: 'Dogs travel free.' }, { run: 'r1', at: -1 });
  click('.passages .action');
  expect(store.again).toHaveBeenCalledWith(expect.objectContaining({ question: 'When?', selection: 'Dogs travel free.' }), 'a/b');
});

test('the bar shows what was read and cited, says it in words, and is one stop of the Tab key', () => {
  draw();
  expect([...box.querySelectorAll('.stretch')].map(({ className }) => className)).toEqual([
    'stretch stretch-read', 'stretch stretch-read stretch-cited', ...Array<string>(2).fill('stretch stretch-read'), ...Array<string>(5).fill('stretch stretch-searched'),
  ]);
  expect(find('.coverage').getAttribute('aria-label')).toBe('coverage. coveragePart 4 9 coverageCited 2');
  void act(() => void find('.coverage').dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true })));
  expect(document.activeElement?.getAttribute('aria-label')).toBe('blockNumber 2: stretchRead, stretchCited');
  expect(box.querySelectorAll('.stretch[tabindex="0"]')).toHaveLength(1);
  click('.stretch:nth-child(7)');
  expect(store.show).toHaveBeenCalledWith({ block: 7, start: null, end: null, text: '' }, { run: 'r1', at: -1 });
});

test("the machine's facts are folded away, but a failed check is named outside", () => {
  draw();
  expect(find('.checked').hasAttribute('open')).toBe(false);
  expect(find('.checked summary').textContent).toBe('checked checksFailed 1 2');
  expect(find('.checked .more-body').textContent).toContain('A point cites nothing.');
});

test('an answer about an earlier text of the page says so and shows no bar', () => {
  draw({ ...TURN, reading: 'y' });
  expect(find('.outdated').textContent).toBe('outdated');
  expect(box.querySelector('.coverage')).toBeNull();
  expect(box.querySelector('.considered')).toBeNull();
});
