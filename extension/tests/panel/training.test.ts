// The strip under the copilot's line: what it offers, how far a training is, and what came of it.
import { h, render } from 'preact';
import { beforeEach, expect, test, vi } from 'vitest';
import { Training } from '../../entrypoints/panel/Training.tsx';
import { remainingOf, type TrainingFrame, viewOf } from '../../entrypoints/panel/state/training.ts';
import type { CopilotCard } from '../../lib/connection/protocol.ts';

vi.mock('wxt/browser', async () => ({ browser: (await import('../browser.ts')).fakeBrowser }));

const CARD: CopilotCard = {
  id: 'a/b', name: 'B', category: 'a', category_name: 'A', icon: '', promise: '', starters: [], mode: 'instructed', refused: null, trainable: true, own: false,
};
const PROGRESS = { type: 'train.progress' as const, copilot: 'a/b', phase: 'training' as const, percent: 42, remaining_s: 200, steps: 200, trained: [], heldout: [] };
const REPORT = {
  type: 'train.report' as const, copilot: 'a/b', activated: true, why: 'It is better.', code: null,
  figures: { loss: { before: 2.9458, after: 1.4316 }, checks: { before: 0.1923, after: 0.625 }, general_rise: -0.0969 },
  report: null, trained: [], heldout: [],
};
const failed = (code: string): TrainingFrame => ({ ...REPORT, activated: false, code, figures: null, why: 'Why.' });
let box: HTMLElement;
let calls: string[];

beforeEach(() => {
  calls = [];
  box = document.body.appendChild(document.createElement('div'));
  return () => box.remove();
});

function show(training: TrainingFrame | null, { card = CARD, status = 'ready', parameters = 15_000_000, host = 'side' } = {}): HTMLElement {
  const store = {
    current: card, nameOf: (id: string) => (id === card.id ? card.name : id),
    train: (id: string) => calls.push(`train ${id}`), endTraining: (id: string) => calls.push(`end ${id}`),
    showTeach: ({ section }: { section: string }) => calls.push(`show ${section}`), hosting: { move: (to: string) => calls.push(`move ${to}`) },
  };
  const state = { training, host, link: { status, ready: { base: { name: 'x', parameters, context_tokens: 1 } } } };
  render(h(Training, { store, state } as never), box);
  return box;
}

const words = (): string => box.textContent ?? '';
const status = (): string => box.querySelector('[role=status]')?.textContent?.trim() ?? '';
const press = (name: string): void => [...box.querySelectorAll('button')].find((button) => `${button.textContent} ${button.ariaLabel ?? ''}`.includes(name))?.click();

test('only a copilot that has examples and no adapter is offered training', () => {
  expect(viewOf(null, CARD, 1)).toEqual({ kind: 'offer', isSmallBase: true });
  expect(viewOf(null, { ...CARD, trainable: false }, 1)).toEqual({ kind: 'none' });
  expect(viewOf(null, { ...CARD, mode: 'tuned' }, 1)).toEqual({ kind: 'none' });
  expect(viewOf(null, { ...CARD, mode: 'base' }, 1)).toEqual({ kind: 'none' });
  expect(viewOf(null, undefined, 1)).toEqual({ kind: 'none' });
});

test('the offer says what it costs, by the size of the base, and starts the training', () => {
  expect(show(null).querySelector('button')?.getAttribute('aria-describedby')).toBe('training-cost');
  expect(box.querySelector('#training-cost')?.textContent).toBe('trainMinutes');
  show(null, { parameters: 600_000_000 });
  expect(box.querySelector('#training-cost')?.textContent).toBe('trainHours');
  press('train');
  expect(calls).toEqual(['train a/b']);
  expect(box.contains(document.activeElement)).toBe(true);
});

test('progress is a bar with percent and time left; only the phase is read out', () => {
  const bar = show(PROGRESS).querySelector('progress');
  expect([bar?.value, bar?.max, bar?.ariaLabel ?? bar?.getAttribute('aria-label')]).toEqual([42, 100, 'trainingText B']);
  expect(words()).toContain('42% · minutesLeftText 3');
  expect(status()).toBe('trainingText B');
  press('trainCancel');
  expect(calls).toEqual(['end a/b']);
});

test('a phase of unknown length has a bar without a value, and another copilot keeps its own name', () => {
  const bar = show({ ...PROGRESS, copilot: 'c/d', phase: 'measuring', percent: null, remaining_s: null }).querySelector('progress');
  expect(bar?.hasAttribute('value')).toBe(false);
  expect(status()).toBe('measuringText c/d');
  expect(box.querySelector('.training-distance')?.textContent).toBe('');
});

test('the report is one line of figures before and after', () => {
  show(REPORT);
  expect(status()).toBe('trained B 19% 63% 2.95 1.43 -9.7%');
  press('trainPutAway');
  expect(calls).toEqual(['end a/b']);
});

test('an adapter that gained nothing says why and is not tried again', () => {
  show({ ...REPORT, activated: false, why: 'It forgets.' });
  expect(status()).toBe('trainUnused B It forgets.');
  press('retry');
  expect(calls).toEqual([]);
});

test.each([['train_cancelled', false], ['train_failed', true], ['train_broken', true]])('after %s the reason stands there and it can be tried again', (code, isBad) => {
  show(failed(code));
  expect(status()).toBe('B: Why.');
  expect(box.querySelector('.notice-bad') !== null).toBe(isBad);
  press('retry');
  expect(calls).toEqual(['train a/b']);
});

test('a training that the server ended in the middle goes on, or is put away', () => {
  show({ ...PROGRESS, phase: 'paused' });
  expect(status()).toBe('pausedText B');
  expect(box.querySelector('progress')).toBeNull();
  press('trainGoOn');
  press('trainPutAway');
  expect(calls).toEqual(['train a/b', 'end a/b']);
});

test('inside a web page nothing can be started, stopped or put away', () => {
  for (const training of [null, PROGRESS, { ...PROGRESS, phase: 'paused' as const }, REPORT, failed('train_failed')]) {
    show(training, { host: 'page' });
    expect([...box.querySelectorAll('button')].map((button) => button.textContent)).toEqual(['teachBeside']);
    press('teachBeside');
  }
  expect(new Set(calls)).toEqual(new Set(['move side']));
});

test('without a server nothing is offered or shown', () => {
  for (const training of [null, PROGRESS, REPORT]) {
    show(training, { status: 'offline' });
    expect(words()).toBe('');
  }
});

test('the time that is left is rounded to what a reader needs', () => {
  expect([59, 60, 89, 90, 5_399, 5_400, 12_000].map((seconds) => remainingOf(seconds).join(' '))).toEqual([
    'secondsLeftText', 'minutesLeftText 1', 'minutesLeftText 1', 'minutesLeftText 2', 'minutesLeftText 90', 'hoursLeftText 2', 'hoursLeftText 3',
  ]);
});
