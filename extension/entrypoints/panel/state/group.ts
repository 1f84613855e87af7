// Turns that several copilots answer: gathered from what the server keeps, and when one is complete. Pure: called by store, asking and history.
import { answersOf, type Turn, withMembers } from './thread.ts';

const NO_ANSWER = { answer: '', quotes: [], mode: null, reason: null, error: null };

/** Answers of one panel stand in one turn, where the first of them stood; of two in the same place the later one counts. */
export function gathered(turns: Turn[]): Turn[] {
  return turns.flatMap((turn) => {
    if (turn.group === '') return [turn];
    const answers = turns.filter(({ group }) => group === turn.group);
    return answers[0] === turn ? [withMembers({ ...turn, ...NO_ANSWER, run: `g${turn.run}` }, inPlace(answers))] : [];
  });
}

/** A panel that the server gave in two parts, on both sides of a page's end, stands in one turn: in the later part. */
export function joined(older: Turn[], turns: Turn[]): [older: Turn[], turns: Turn[]] {
  const parts = new Map(older.filter(({ group }) => group !== '').map((turn) => [turn.group, turn.members]));
  const isSplit = ({ group }: Turn): boolean => parts.has(group) && turns.some((turn) => turn.group === group);
  const whole = turns.map((turn) => (isSplit(turn) ? withMembers(turn, inPlace([...(parts.get(turn.group) ?? []), ...turn.members])) : turn));
  return [older.filter((turn) => !isSplit(turn)), whole];
}

/** Whether an answer came to its end: of several, at least one. */
export function isComplete(turn: Turn): boolean {
  return answersOf(turn).some(({ status, reason }) => status === 'done' && reason !== 'cancelled');
}

function inPlace(answers: Turn[]): Turn[] {
  return [...new Map(answers.map((answer) => [answer.place, answer])).values()].toSorted((a, b) => a.place - b.place);
}
