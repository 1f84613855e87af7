// Numbers as the page shows them: lists, clauses, letters, Roman numerals, digits of other scripts.
import { expect, test } from 'vitest';
import { Counters, format } from '../../lib/page/rendered/counters.ts';

const style = (values: Partial<Record<'counterReset' | 'counterIncrement' | 'counterSet', string>>): CSSStyleDeclaration =>
  ({ counterReset: 'none', counterIncrement: 'none', counterSet: 'none', ...values }) as CSSStyleDeclaration;

function list(html: string): Element {
  const box = document.createElement('div');
  box.append(document.createRange().createContextualFragment(html));
  return box.firstElementChild as Element;
}

test.each([
  [1, 'decimal', '1'], [7, 'decimal-leading-zero', '07'], [28, 'lower-alpha', 'ab'], [26, 'upper-latin', 'Z'], [1994, 'upper-roman', 'MCMXCIV'],
  [12, 'arabic-indic', '١٢'], [30, 'devanagari', '३०'], [0, 'lower-roman', '0'], [4_000, 'upper-roman', '4000'], [5, 'no-such-style', '5'],
])('%i in %s is %s', (value, name, text) => {
  expect(format(value, name)).toBe(text);
});

test('an inner list counts for itself and the outer one goes on', () => {
  const counters = new Counters();
  const outer = list('<ol start="4"><li>a<ol><li>b</li></ol></li><li>c</li></ol>');
  const [a, b, c] = outer.querySelectorAll('li');
  counters.enterList(outer);
  counters.enterItem(a as Element);
  expect(counters.marker('decimal')).toBe('4. ');
  counters.enterList(a?.querySelector('ol') as Element);
  counters.enterItem(b as Element);
  expect(counters.marker('lower-alpha')).toBe('a. ');
  counters.leave(a as Element);
  counters.enterItem(c as Element);
  expect(counters.marker('decimal')).toBe('5. ');
});

test('a list may run backwards, and an item may set its number', () => {
  const counters = new Counters();
  const back = list('<ol reversed><li>a</li><li value="9">b</li><li>c</li></ol>');
  counters.enterList(back);
  const numbers = [...back.children].map((item) => {
    counters.enterItem(item);
    return counters.marker('decimal');
  });
  expect(numbers).toEqual(['3. ', '9. ', '8. ']);
});

test('bullets are no numbers', () => {
  const counters = new Counters();
  expect(['disc', 'none', ''].map((name) => counters.marker(name))).toEqual(['', '', '']);
  expect(counters.marker('"§ "')).toBe('§ ');
});

test('a counter of the style sheet nests with the elements that reset it', () => {
  const counters = new Counters();
  const [outer, inner] = [document.createElement('div'), document.createElement('div')];
  counters.enter(document.body, style({ counterReset: 'c' }));
  counters.enter(outer, style({ counterIncrement: 'c' }));
  counters.enter(outer, style({ counterReset: 'c' }));
  counters.enter(inner, style({ counterIncrement: 'c 2' }));
  expect(counters.values('c')).toEqual([1, 2]);
  counters.leave(outer);
  counters.enter(outer, style({ counterIncrement: 'c' }));
  expect(counters.values('c')).toEqual([2]);
});

test('a counter that nobody reset begins where it is first counted', () => {
  const counters = new Counters();
  counters.enter(document.body, style({ counterIncrement: 'c' }));
  counters.enter(document.body, style({ counterSet: 'c 5' }));
  expect(counters.values('c')).toEqual([5]);
  expect(counters.values('never')).toEqual([]);
});
