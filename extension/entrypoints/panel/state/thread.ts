// The turns of one conversation and how frames change them. Pure: called by store, tested without a browser.
import { type CheckResult, type CopilotCard, type EarlierTurn, type PassageCard, QUESTION_CHARS_MAX, type Quote, type ServerFrame, type Timings, type Usage } from '../../../lib/connection/protocol.ts';

const HISTORY_TURNS = 4;
const SELECTION_CHARS = 1_500;
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
  seq: number;
  reason: 'stop' | 'length' | 'cancelled' | null;
  checks: CheckResult[];
  usage: Usage | null;
  timings: Timings | null;
  error: { code: string; message: string } | null;
}

export function newTurn(asked: Pick<Turn, 'run' | 'question' | 'selection' | 'copilot' | 'copilotName' | 'status'>): Turn {
  return { ...asked, mode: null, answer: '', quotes: [], passages: [], seq: -1, reason: null, checks: [], usage: null, timings: null, error: null };
}

export function isRunning(turn: Turn): boolean {
  return turn.status === 'held' || turn.status === 'waiting' || turn.status === 'streaming';
}

/** The turns after one frame; frames that were seen before change nothing. */
export function applyFrame(turns: Turn[], frame: ServerFrame): Turn[] {
  if (!('run' in frame)) return turns;
  return turns.map((turn) => (turn.run === frame.run && frame.seq > turn.seq && isRunning(turn) ? advance(turn, frame) : turn));
}

function advance(turn: Turn, frame: Extract<ServerFrame, { run: string }>): Turn {
  const { seq } = frame;
  switch (frame.type) {
    case 'run.start':
      return { ...turn, seq, mode: frame.mode };
    case 'run.passages':
      return { ...turn, seq, passages: frame.passages };
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

/** What was running when the connection was lost for good. */
export function interrupt(turns: Turn[], message: string): Turn[] {
  return turns.map((turn) => (isRunning(turn) ? { ...turn, status: 'error', error: { code: 'interrupted', message } } : turn));
}

export function earlierTurns(turns: Turn[]): EarlierTurn[] {
  const done = turns.filter((turn) => turn.status === 'done' && turn.answer !== '');
  return done.slice(-HISTORY_TURNS).map(({ question, answer }) => ({ question, answer }));
}

/** The words that go to the server: the question, and the selected passage when it is about one. */
export function wordsOf(question: string, selection: string): string {
  return selection === '' ? question : `About this passage of the page: “${selection.slice(0, SELECTION_CHARS)}”\n\n${question}`;
}
