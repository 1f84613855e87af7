// Branches of a thread: another question or answer in the place of one, and the way back.
import { expect, test } from 'vitest';
import { type Branches, branchesOf, chained, grow, nextNumber, pathTo, prepend, show, without } from '../../entrypoints/panel/state/branches.ts';
import { newTurn, type Turn } from '../../entrypoints/panel/state/thread.ts';

const NONE: Branches = { turns: [], hidden: [] };

/** Asks `run` at the end, or in the place of another. */
function asked(branches: Branches, run: string, replaces: string | null = null): Branches {
  const place = branches.turns.find((turn) => turn.run === replaces);
  const before = place ? place.before : (branches.turns.at(-1)?.run ?? null);
  const turn = newTurn({ run, question: run, selection: '', copilot: 'a/b', copilotName: 'B', status: 'done', before, nth: nextNumber(branches) });
  return grow(branches, turn, replaces);
}

const runs = ({ turns }: Branches): string => turns.map(({ run }) => run).join(' ');
const turnOf = ({ turns, hidden }: Branches, run: string): Turn => [...turns, ...hidden].find((turn) => turn.run === run) as Turn;
const places = (branches: Branches, run: string): string => branchesOf(branches, turnOf(branches, run)).map((turn) => turn.run).join(' ');

const line = asked(asked(asked(NONE, 'a'), 'b'), 'c');
const forked = asked(line, 'b2', 'b');

test('a question in the place of another hides that one and all after it', () => {
  expect(runs(forked)).toBe('a b2');
  expect(places(forked, 'b2')).toBe('b b2');
  expect(places(forked, 'a')).toBe('a');
});

test('a branch is shown as far as it went, and the other stays', () => {
  const back = show(forked, turnOf(forked, 'b'));
  expect(runs(back)).toBe('a b c');
  expect(places(back, 'b')).toBe('b b2');
  expect(runs(show(back, turnOf(back, 'b2')))).toBe('a b2');
});

test('a branch inside a branch is where it was left', () => {
  const deep = asked(asked(show(forked, turnOf(forked, 'b')), 'c2', 'c'), 'd');
  expect(runs(deep)).toBe('a b c2 d');
  const away = show(deep, turnOf(deep, 'b2'));
  expect(runs(show(away, turnOf(away, 'b')))).toBe('a b c2 d');
});

test('the first question has branches too', () => {
  const other = asked(line, 'a2', 'a');
  expect(runs(other)).toBe('a2');
  expect(runs(show(other, turnOf(other, 'a')))).toBe('a b c');
});

test('versions are counted in the order in which they were asked, whichever is shown', () => {
  const three = asked(show(forked, turnOf(forked, 'b')), 'b3', 'b');
  expect(places(three, 'b3')).toBe('b b2 b3');
  expect(places(show(three, turnOf(three, 'b2')), 'b2')).toBe('b b2 b3');
});

test('the turns before one are those of its own branch, hidden or not', () => {
  expect(pathTo(forked, turnOf(forked, 'c')).map(({ run }) => run)).toEqual(['a', 'b']);
  expect(pathTo(forked, turnOf(forked, 'b2')).map(({ run }) => run)).toEqual(['a']);
  expect(pathTo(forked, turnOf(forked, 'a'))).toEqual([]);
});

test('a turn that is taken back brings back what stood in its place', () => {
  expect(runs(without(forked, turnOf(forked, 'b2')))).toBe('a b c');
  expect(without(forked, turnOf(forked, 'b2')).hidden).toEqual([]);
  expect(runs(without(line, turnOf(line, 'c')))).toBe('a b');
});

test('kept turns come as a line, and older ones before it leave the branches whole', () => {
  const plain = ['k1', 'k2'].map((run) => newTurn({ run, question: run, selection: '', copilot: 'a/b', copilotName: 'B', status: 'done' }));
  const kept = asked({ turns: chained(plain), hidden: [] }, 'k1b', 'k1');
  const older = newTurn({ run: 'k0', question: 'k0', selection: '', copilot: 'a/b', copilotName: 'B', status: 'done' });
  const whole = prepend(kept, [older]);
  expect(runs(whole)).toBe('k0 k1b');
  expect(runs(show(whole, turnOf(whole, 'k1')))).toBe('k0 k1 k2');
  expect(pathTo(whole, turnOf(whole, 'k2')).map(({ run }) => run)).toEqual(['k0', 'k1']);
});

test('a turn that is on show already, or is in no branch, changes nothing', () => {
  expect(show(forked, turnOf(forked, 'a'))).toEqual(forked);
  expect(runs(asked(line, 'z', 'nobody'))).toBe('a b c z');
});
