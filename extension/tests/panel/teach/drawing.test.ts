// A loss curve's points, ticks and words, and what a report's figures are called.
import { expect, test, vi } from 'vitest';
import { drawingOf, HEIGHT, WIDTH, wordsOfCurve } from '../../../entrypoints/panel/teach/curve.ts';
import { figureOf, verdictOf } from '../../../entrypoints/panel/teach/measures.ts';
import type { Measure } from '../../../lib/connection/protocol.ts';

vi.mock('../../../lib/words.ts', async () => (await import('../../fakes/words.ts')).fakeWords);

const TRAINED = [{ step: 10, loss: 2 }, { step: 50, loss: 1.5 }, { step: 100, loss: 1 }];
const HELD = [{ step: 0, loss: 1.9 }, { step: 100, loss: 1.2 }];
const MEASURE: Measure = { name: 'checks', before: 0.4, after: 0.8, low: 0.21, high: 0.55, examples: 48, verdict: 'better' };

test('every point lies in the drawing, falling losses fall, and the steps go to the end that there can be', () => {
  const drawing = drawingOf(TRAINED, HELD, 200);
  const points = (drawing?.trained ?? '').split(' ').map((pair) => pair.split(',').map(Number));
  expect(points.every(([x = -1, y = -1]) => x >= 0 && x <= WIDTH && y >= 0 && y <= HEIGHT)).toBe(true);
  expect(points.map(([, y]) => y)).toEqual(points.map(([, y]) => y).toSorted((a = 0, b = 0) => a - b));
  expect(drawing?.steps.map(({ label }) => label)).toEqual(['0', '100', '200']);
  expect(drawing?.losses).toHaveLength(3);
});

test('nothing, one point and equal losses are drawn without a division by zero', () => {
  expect(drawingOf([], [], 100)).toBeNull();
  for (const points of [[{ step: 0, loss: 0 }], [{ step: 1, loss: 1 }, { step: 2, loss: 1 }]]) {
    expect(JSON.stringify(drawingOf(points, [], 0))).not.toMatch(/null|NaN|Infinity/);
  }
});

test('who does not see the drawing hears where both lines begin and end', () => {
  expect(wordsOfCurve(TRAINED, HELD)).toBe('curveTrainedText 2.00 1.00 curveHeldoutText 1.90 1.20');
  expect(wordsOfCurve([], HELD)).toBe('curveHeldoutText 1.90 1.20');
});

test('a figure is a share or a loss, and its verdict says what can be chance', () => {
  expect([figureOf(MEASURE, 0.804), figureOf({ name: 'loss' }, 1.234)]).toEqual(['80%', '1.23']);
  expect(verdictOf(MEASURE)).toBe('betterVerdictText pointsText +21 +55 48');
  expect(verdictOf({ ...MEASURE, verdict: 'unclear', low: -0.04 })).toBe('unclearVerdictText pointsText -4 +55 48');
  expect(verdictOf({ ...MEASURE, verdict: 'unclear', low: null, high: null })).toBe('unknownVerdictText 48');
  expect(verdictOf({ ...MEASURE, verdict: 'none' })).toBe('noneVerdictText');
  expect(verdictOf({ ...MEASURE, name: 'forgetting', verdict: 'worse', low: 0.05, high: 0.15 })).toBe('forgotVerdictText lossesText +0.05 +0.15 48');
});
