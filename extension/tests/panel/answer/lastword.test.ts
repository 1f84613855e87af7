// What may not break across lines in a quotation: the last word with its tick, never more.
import { h, render } from 'preact';
import { expect, test, vi } from 'vitest';
import { QuoteMark } from '../../../entrypoints/panel/answer/Card.tsx';

vi.mock('wxt/browser', async () => ({ browser: (await import('../../browser.ts')).fakeBrowser }));

function draw(text: string): { whole: string; together: string } {
  const quote = { text, verified: true, at: 0, block: 1, start: 0, end: text.length };
  const host = document.createElement('div');
  render(h(QuoteMark, { quote }), host);
  const words = (part: string): string => [...host.querySelectorAll(part)].map((node) => node.textContent).join('');
  return { whole: words('.words'), together: words('.together .words') };
}

test('the last word stays with its tick', () => {
  expect(draw('Rent is due in March')).toEqual({ whole: '“Rent is due in March”', together: 'March”' });
});

test.each([
  ['Japanese', '港の事務所は6時に開きますので船の料金はその時に受付で支払い鍵も必ず同じ受付に預けてください。'],
  ['Thai', 'สำนักงานท่าเรือเปิดเวลาหกโมงเช้าและปิดเวลาสองทุ่มทุกวันยกเว้นวันอาทิตย์'],
  ['an address without spaces', `https://example.org/${'a'.repeat(200)}`],
])('a quotation breaks across lines: %s', (_name, text) => {
  const { whole, together } = draw(text);
  expect(whole).toBe(`“${text}”`);
  expect(together.length).toBeLessThanOrEqual(17);
});

test('no sign is torn apart', () => {
  expect(draw(`all good ${'😀'.repeat(20)}!`).together).not.toMatch(/^[\udc00-\udfff]/);
});
