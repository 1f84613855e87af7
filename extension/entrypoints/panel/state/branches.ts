// A thread with branches: the turns on show, and those of the other branches. Pure: called by asking, tested without a browser.
// A turn knows the one before it (`before`); turns with the same one are branches of each other.
import type { Turn } from './thread.ts';

export interface Branches {
  /** From the first to the last: the branch on show. */
  turns: Turn[];
  /** Of the other branches; those that were shown last stand last. */
  hidden: Turn[];
}

/** Puts a turn at the end, or in the place of `replaces`: that one and all after it become another branch. */
export function grow({ turns, hidden }: Branches, turn: Turn, replaces: string | null): Branches {
  const at = turns.findIndex((other) => other.run === replaces);
  if (at < 0) return { turns: [...turns, turn], hidden };
  return { turns: [...turns.slice(0, at), turn], hidden: [...hidden, ...turns.slice(at)] };
}

/** A turn on show and those that stand in its place in other branches, oldest first. */
export function branchesOf({ hidden }: Branches, turn: Turn): Turn[] {
  return [turn, ...hidden.filter((other) => other.before === turn.before)].toSorted((a, b) => a.nth - b.nth);
}

/** Shows the branch of a turn that is hidden, as far as it was followed when it was last on show. */
export function show({ turns, hidden }: Branches, turn: Turn): Branches {
  const at = turns.findIndex(({ before }) => before === turn.before);
  if (at < 0 || !hidden.includes(turn)) return { turns, hidden };
  const shown = follow(hidden, turn);
  return { turns: [...turns.slice(0, at), ...shown], hidden: [...hidden.filter((other) => !shown.includes(other)), ...turns.slice(at)] };
}

/** The turns before this one, from the first on, whether it is on show or not. */
export function pathTo({ turns, hidden }: Branches, { before }: Turn): Turn[] {
  const byRun = new Map([...turns, ...hidden].map((turn) => [turn.run, turn]));
  const path: Turn[] = [];
  for (let turn = byRun.get(before ?? ''); turn; turn = byRun.get(turn.before ?? '')) path.unshift(turn);
  return path;
}

/** Without a turn that was never sent; the branch whose place it took is on show again. */
export function without({ turns, hidden }: Branches, turn: Turn): Branches {
  const kept = turns.filter(({ run }) => run !== turn.run);
  const other = kept.length < turns.length ? hidden.findLast(({ before }) => before === turn.before) : undefined;
  if (!other) return { turns: kept, hidden: hidden.filter(({ run }) => run !== turn.run) };
  const shown = follow(hidden, other);
  return { turns: [...kept, ...shown], hidden: hidden.filter((one) => !shown.includes(one)) };
}

/** Turns that come as a plain list, each after the one before it. */
export function chained(turns: Turn[], before: string | null = null): Turn[] {
  return turns.map((turn, at) => follower(turn, turns[at - 1]?.run ?? before));
}

/** With older turns before the first. */
export function prepend({ turns, hidden }: Branches, older: Turn[]): Branches {
  const last = older.at(-1)?.run ?? null;
  const moved = (turn: Turn): Turn => (turn.before === null ? follower(turn, last) : turn);
  return { turns: [...chained(older), ...turns.map(moved)], hidden: hidden.map(moved) };
}

export function nextNumber({ turns, hidden }: Branches): number {
  return Math.max(0, ...[...turns, ...hidden].map(({ nth }) => nth)) + 1;
}

/** A hidden turn and those after it; where branches part, the one that was shown last. */
function follow(hidden: Turn[], turn: Turn): Turn[] {
  const next = hidden.findLast(({ before }) => before === turn.run);
  return next ? [turn, ...follow(hidden, next)] : [turn];
}

function follower(turn: Turn, before: string | null): Turn {
  return { ...turn, before };
}
