// The turns of one conversation and how frames change them. Pure: called by store, tested without a browser.
import { type CheckResult, type CopilotCard, type EarlierTurn, type KeptTurn, type PassageCard, QUESTION_CHARS_MAX, type Quote, type ServerFrame, type Timings, type Usage } from '../../../lib/connection/protocol.ts';

const HISTORY_TURNS = 4;
const SELECTION_CHARS = 1_500;
const ABOUT = ['About this passage of the page: “', '”\n\n'] as const;
/** So long a question still fits together with a selected passage. */
export const OWN_WORDS_MAX = QUESTION_CHARS_MAX - wordsOf('', 'x'.repeat(SELECTION_CHARS)).length;

export interface Turn {
  run: string;
  question: string;
  selection: string;
  copilot: string;
  copilotName: string;
  mode: CopilotCard['mode'] | null;
  /** held: the page is still being read; waiting: asked, no token yet. */
  status: 'held' | 'waiting' | 'streaming' | 'done' | 'error';
  answer: string;
  quotes: Quote[];
  passages: PassageCard[];
  /** What the finder ranked next. */
  considered: PassageCard[];
  /** The reading of the page that it was asked about, as in PageState. */
  reading: string;
  seq: number;
  reason: 'stop' | 'length' | 'cancelled' | null;
  checks: CheckResult[];
  usage: Usage | null;
  timings: Timings | null;
  error: { code: string; message: string } | null;
  /** Run of the turn before it; null for the first. Turns with the same one are branches of each other. */
  before: string | null;
  /** Counts the turns of a thread in the order in which they were asked. */
  nth: number;
  /** 0, or for another answer to the same question how many there were. */
  attempt: number;
  /** Asked about no page. */
  withoutPage: boolean;
  /** Asked of several copilots: their answers, in order. Empty when one was asked, and for each of those answers. */
  members: Turn[];
  /** The panel's name at the server, and the answer's place in it; empty and 0 when one was asked. */
  group: string;
  place: number;
  /** What the run is called in the kept conversation. */
  keptRun: string;
  thumb: KeptTurn['thumb'];
}

export function newTurn(asked: Pick<Turn, 'run' | 'question' | 'selection' | 'copilot' | 'copilotName' | 'status'> & Partial<Turn>): Turn {
  return { members: [], group: '', place: 0, before: null, nth: 0, attempt: 0, withoutPage: false, mode: null, answer: '', quotes: [], passages: [], considered: [], reading: '', seq: -1, reason: null, checks: [], usage: null, timings: null, error: null, keptRun: asked.run, thumb: null, ...asked };
}

export function isRunning(turn: Turn): boolean {
  return turn.status === 'held' || turn.status === 'waiting' || turn.status === 'streaming';
}

/** The answers of a turn: those of its copilots, or itself where one alone was asked. */
export function answersOf(turn: Turn): Turn[] {
  return turn.members.length > 0 ? turn.members : [turn];
}

/** The turn with each of its answers changed; the same one where no answer was. */
export function withEach(turn: Turn, change: (answer: Turn) => Turn): Turn {
  if (turn.members.length === 0) return change(turn);
  const members = turn.members.map(change);
  return members.every((member, at) => member === turn.members[at]) ? turn : withMembers(turn, members);
}

/** The same question with these answers. */
export function withMembers(turn: Turn, members: Turn[]): Turn {
  return { ...turn, members, status: statusOf(members), copilotName: members.map(({ copilotName }) => copilotName).join(', ') };
}

/** Under way while one of them is; failed when all of them have. */
function statusOf(members: Turn[]): Turn['status'] {
  return (['streaming', 'waiting', 'held', 'done'] as const).find((status) => members.some((member) => member.status === status)) ?? 'error';
}

/** The turns after one frame; frames that were seen before change nothing. */
export function applyFrame(turns: Turn[], frame: ServerFrame): Turn[] {
  if (!('run' in frame)) return turns;
  return turns.map((turn) => withEach(turn, (answer) => (answer.run === frame.run && frame.seq > answer.seq && isRunning(answer) ? advance(answer, frame) : answer)));
}

function advance(turn: Turn, frame: Extract<ServerFrame, { run: string }>): Turn {
  const { seq } = frame;
  switch (frame.type) {
    case 'run.start':
      return { ...turn, seq, mode: frame.mode };
    case 'run.passages':
      return { ...turn, seq, passages: frame.passages, considered: frame.considered ?? [] };
    case 'run.delta':
      return { ...turn, seq, status: 'streaming', answer: turn.answer + frame.text };
    case 'run.quote':
      return { ...turn, seq, quotes: [...turn.quotes, frame.quote] };
    case 'run.done': {
      const { answer, quotes, checks, usage, timings, reason } = frame;
      return { ...turn, seq, status: 'done', answer, quotes, checks, usage, timings, reason };
    }
    case 'run.error':
      return { ...turn, seq, status: 'error', error: { code: frame.code, message: frame.message } };
  }
}

/** What was running when the connection was lost for good, or its page was closed. */
export function interrupt(turns: Turn[], message: string, isLost = isRunning): Turn[] {
  return turns.map((turn) => withEach(turn, (answer) => (isLost(answer) ? { ...answer, status: 'error', error: { code: 'interrupted', message } } : answer)));
}

/** What was said before, as this copilot is to see it: of a turn with several answers its own, else the first. */
export function earlierTurns(turns: Turn[], copilot: string): EarlierTurn[] {
  const done = turns.flatMap((turn) => {
    const answers = answersOf(turn).filter(({ status, answer }) => status === 'done' && answer !== '');
    return answers.find((answer) => answer.copilot === copilot) ?? answers[0] ?? [];
  });
  return done.slice(-HISTORY_TURNS).map(({ question, answer }) => ({ question, answer }));
}

/** The words that go to the server: the question, and the selected passage when it is about one. */
export function wordsOf(question: string, selection: string): string {
  return selection === '' ? question : `${ABOUT[0]}${selection.slice(0, SELECTION_CHARS)}${ABOUT[1]}${question}`;
}

/** The same words taken apart again. */
export function apart(words: string): { question: string; selection: string } {
  const end = words.startsWith(ABOUT[0]) ? words.lastIndexOf(ABOUT[1]) : -1;
  if (end < 0) return { question: words, selection: '' };
  return { question: words.slice(end + ABOUT[1].length), selection: words.slice(ABOUT[0].length, end) };
}

/** A held question has not been sent, and one without a page does not end with its page. */
export function isCutOff(turn: Turn): boolean {
  return isRunning(turn) && turn.status !== 'held' && !turn.withoutPage;
}
