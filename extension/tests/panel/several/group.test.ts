// Several answers as a reader meets them, and where they differ.
import { h, render } from 'preact';
import { act } from 'preact/test-utils';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { compare } from '../../../entrypoints/panel/several/compare.ts';
import { Group } from '../../../entrypoints/panel/several/Group.tsx';
import { FIRST_STATE, type State } from '../../../entrypoints/panel/state/state.ts';
import type { Store } from '../../../entrypoints/panel/state/store.ts';
import { newTurn, type Turn, withMembers } from '../../../entrypoints/panel/state/thread.ts';

vi.mock('wxt/browser', async () => ({ browser: (await import('../../browser.ts')).fakeBrowser }));
vi.mock('../../../lib/words.ts', async () => (await import('../../fakes/words.ts')).fakeWords);

const ASKED = { question: 'Fair?', selection: '', group: 'g', reading: 'x', reason: 'stop' as const };
const PAGE = { ...FIRST_STATE.page, status: 'ready' as const, reading: 'x', text: { title: 'T', url: 'u', blocks: Array.from({ length: 9 }, (_, n) => `Words ${n + 1}`), types: [], blocksLeftOut: 0, frames: { hosts: [], share: 0 }, selection: '' } };
const said = (place: number, answer: string, part: Partial<Turn> = {}): Turn => newTurn({ ...ASKED, run: `r${place}`, place, copilot: `a/${place}`, copilotName: 'ABCDEF'.charAt(place), status: 'done', answer, ...part });
const whole = (...members: Turn[]): Turn => withMembers(newTurn({ ...ASKED, run: 'g', copilot: '', copilotName: '', status: 'done' }), members);

const box = document.body.appendChild(document.createElement('div'));
const store = { history: { keeps: true }, show: vi.fn(), preview: vi.fn(), categoryOf: () => '', asking: { stop: vi.fn(), regenerateOne: vi.fn() } };

beforeEach(() => {
  vi.clearAllMocks();
  Element.prototype.scrollIntoView = vi.fn();
});
afterEach(() => render(null, box));

function draw(turn: Turn, part: Partial<State> = {}): void {
  const state: State = { ...FIRST_STATE, page: PAGE, turns: [turn], ...part };
  void act(() => render(h(Group, { turn, store: store as unknown as Store, state }), box));
}
const texts = (selector: string): (string | null)[] => [...box.querySelectorAll(selector)].map(({ textContent }) => textContent);
const click = (selector: string): void => void act(() => box.querySelector<HTMLElement>(selector)?.click());

test('blocks are told by who cites them, those of most copilots first', () => {
  const { cited, total } = compare([said(0, 'Yes [4] [2].'), said(1, 'No [4].'), said(2, 'Well [4] [7].')], 9);
  expect(total).toBe(3);
  expect(cited).toEqual([{ block: 4, by: ['A', 'B', 'C'] }, { block: 2, by: ['A'] }, { block: 7, by: ['C'] }]);
});

test('verdicts stand side by side, and who does not find it cites nothing', () => {
  const found = compare([said(0, 'Verdict: fair. It is [2].'), said(1, 'Verdict: one-sided. No [3].'), said(2, 'The page does not say.\nClosest: "Words 5" [5]')], 9);
  expect(found.verdicts).toEqual([{ name: 'A', word: 'fair' }, { name: 'B', word: 'one-sided' }]);
  expect([found.silent, found.cited.map(({ block }) => block)]).toEqual([['C'], [2, 3]]);
});

test('what failed, was stopped or runs is not compared, and blocks that the page lacks are not named', () => {
  const answers = [said(0, 'Yes [4] [99].'), said(1, 'No [4].', { reason: 'cancelled' }), said(2, '', { status: 'error' }), said(3, 'Well [4]', { status: 'streaming' })];
  expect(compare(answers, 9)).toMatchObject({ total: 1, cited: [{ block: 4, by: ['A'] }] });
  expect(compare(answers, 0).cited).toEqual([]);
});

test('each answer has its name and its own actions, and the passages light up the page', () => {
  draw(whole(said(0, 'Yes [4] [2].'), said(1, 'No [4].')));
  expect(texts('.answer-name')).toEqual(['A', 'B']);
  expect(texts('.differ-by')).toEqual(['differAll 2', 'differOne A']);
  expect(texts('.differ-words')).toEqual(['Words 4', 'Words 2']);
  click('.differ .cite');
  expect(store.show).toHaveBeenCalledWith({ block: 4, start: null, end: null, text: '' }, { run: 'g', at: 4 });
  click('[data-run=r1] .actions .action');
  expect(store.asking.regenerateOne).toHaveBeenCalledWith(expect.objectContaining({ run: 'g' }), expect.objectContaining({ run: 'r1' }));
});

test('each answer is rated by itself, but not from inside a page', async () => {
  const turn = whole(said(0, 'Yes [4].'), said(1, 'No [4].'), said(2, '', { status: 'error', error: { code: 'busy', message: 'Later.' } }));
  const part = { thread: { ...FIRST_STATE.thread, id: 't' } };
  draw(turn, { ...part, host: 'side' });
  await vi.waitFor(() => expect(box.querySelectorAll('.thumb')).toHaveLength(4));
  expect(box.querySelectorAll('[data-run=r2] .rating')).toHaveLength(0);
  draw(turn, { ...part, host: 'page' });
  expect(box.querySelectorAll('.thumb, .rating')).toHaveLength(0);
});

test('while they answer each can be stopped, nothing is compared, and nothing is asked again', () => {
  draw(whole(said(0, 'Yes [4].'), said(1, 'No', { status: 'streaming' })));
  expect(box.querySelector('.differ')).toBeNull();
  expect(box.querySelector<HTMLButtonElement>('[data-run=r0] .action')?.disabled).toBe(true);
  expect(box.querySelectorAll('.answer-head .tool')).toHaveLength(1);
  click('[data-run=r1] .answer-head .tool');
  expect(store.asking.stop).toHaveBeenCalledWith(expect.objectContaining({ run: 'r1' }));
});

test('one that failed says why without interrupting, and can be tried again', () => {
  draw(whole(said(0, 'Yes [4].'), said(1, '', { status: 'error', error: { code: 'busy', message: 'Later.' } }), said(2, 'No [3].')));
  expect(texts('.turn-error')).toEqual(['Later.']);
  expect(box.querySelector('[role=alert]')).toBeNull();
  expect(texts('[data-run=r1] .action')).toEqual(['retry']);
  expect(texts('.differ-all')).toEqual(['differApart']);
});

test('about another page, no page, or with nothing cited there is nothing to compare', () => {
  const turn = whole(said(0, 'Yes [4].'), said(1, 'No [4].'));
  draw(turn, { thread: { id: 't', card: { id: 't', name: '', title: '', address: 'other', copilot: '', turns: 1, pinned: false, created_ms: 1, updated_ms: 1 }, earlier: 0 } });
  expect(box.querySelector('.differ')).toBeNull();
  draw({ ...turn, withoutPage: true });
  expect(box.querySelector('.differ')).toBeNull();
  draw(whole(said(0, 'Yes.'), said(1, 'No.')));
  expect(box.querySelector('.differ')).toBeNull();
});

test('what the page says is shown as text, and not when it has changed since', () => {
  const blocks = PAGE.text.blocks.with(3, '<img src=x onerror=alert(1)>');
  const turn = whole(said(0, 'Yes [4].'), said(1, 'No [4].'));
  draw(turn, { page: { ...PAGE, text: { ...PAGE.text, blocks } } });
  expect(texts('.differ-words')).toEqual(['<img src=x onerror=alert(1)>']);
  expect(box.querySelector('img')).toBeNull();
  draw(turn, { page: { ...PAGE, reading: 'y' } });
  expect(texts('.differ-words')).toEqual([]);
});
