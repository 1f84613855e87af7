// Every frame of the socket, and its limits. Generated from server/protocol and settings.py by extension/scripts/protocol.py: do not edit by hand.

export const VERSION = 2;
export const EXTENSION_ORIGIN = 'chrome-extension://blogkbmmpnemlllefjjcboblekpiblgh';
export const SERVER_PORT = 8_377;
export const CODE_LETTERS = 8;
export const KEY_BYTES = 32;
export const PBKDF2_ROUNDS = 600_000;
export const TITLE_CHARS_MAX = 2_000;
export const URL_CHARS_MAX = 8_000;
export const RESUMED_RUNS_MAX = 64;
export const PAGE_CHARS_MAX = 400_000;
export const PAGE_BLOCKS_MAX = 20_000;
export const QUESTION_CHARS_MAX = 8_000;

// --- client to server

/** `copilot` is an id such as legal/contract-review, or `generalist`. */
export interface Ask {
  type: 'ask';
  run: string;
  page: string;
  copilot: string;
  question: string;
  history?: EarlierTurn[];
  max_tokens?: number | null;
}

export interface Cancel {
  type: 'cancel';
  run: string;
}

export interface EarlierTurn {
  question: string;
  answer: string;
}

/** `pair` asks for a new key from the code that the terminal shows; `proof` uses the stored key. */
export interface Hello {
  type: 'hello';
  version: number;
  mode: 'pair' | 'proof';
  nonce: string;
}

export interface PageClose {
  type: 'page.close';
  page: string;
}

/** The page's blocks in reading order; block n of an answer is blocks[n - 1]. Settings limit how many. `types`: schema.org types that the page declares. */
export interface PageOpen {
  type: 'page.open';
  page: string;
  title: string;
  url: string;
  blocks: string[];
  types?: string[];
}

export interface Ping {
  type: 'ping';
}

export interface Proof {
  type: 'proof';
  mac: string;
}

/** After a reconnect: take over `session`; `seen` names the last seq received of each run, -1 for none. */
export interface Resume {
  type: 'resume';
  session: string;
  seen: Record<string, number>;
}

/** End this copilot's training, or put its report away so that no new client hears of it. */
export interface TrainCancel {
  type: 'train.cancel';
  copilot: string;
}

/** Make this copilot's adapter for the running base, one at a time. Refused with `error`. */
export interface TrainStart {
  type: 'train.start';
  copilot: string;
}

export type ClientFrame = Hello | Proof | PageOpen | PageClose | Ask | Cancel | Resume | TrainStart | TrainCancel | Ping;

// --- server to client

export interface BaseCard {
  name: string;
  parameters: number;
  context_tokens: number;
}

export interface BeforeAfter {
  before: number;
  after: number;
}

/** `mac` proves that the server knows the key: the client checks it before it sends anything else. */
export interface Challenge {
  type: 'challenge';
  version: number;
  nonce: string;
  mac: string;
}

/** One check of the copilot on the finished answer. `note` is a sentence for people. */
export interface CheckResult {
  name: string;
  passed: boolean;
  note: string;
}

/** `mode`: tuned has an adapter of its own for the running base, domain answers with that of its category, general with the general one, instructed has instructions alone, base has neither. `icon`: of the category. `trainable`: there are examples to make an adapter from. */
export interface CopilotCard {
  id: string;
  name: string;
  category: string;
  category_name: string;
  icon: string;
  promise: string;
  starters: string[];
  mode: 'tuned' | 'domain' | 'general' | 'instructed' | 'base';
  refused: string | null;
  trainable: boolean;
}

/** The copilots as they are now; takes the place of the list in `ready`. */
export interface CopilotList {
  type: 'copilots';
  copilots: CopilotCard[];
}

/** A refusal that belongs to no run. `page` when it is about a page. */
export interface Error {
  type: 'error';
  code: string;
  message: string;
  page: string | null;
  retry_after_ms: number | null;
}

export interface GoingAway {
  type: 'going_away';
}

export interface PageReading {
  type: 'page.reading';
  page: string;
  tokens_done: number;
  tokens_total: number;
}

/** `blocks_read` < `blocks_total`: the page is longer than the base model's context; 0 when the first block is. */
export interface PageReady {
  type: 'page.ready';
  page: string;
  tokens: number;
  cached_tokens: number;
  blocks_read: number;
  blocks_total: number;
  ms: number;
}

/** The copilots that fit the page, best first. Nothing is switched by it. */
export interface PageSuggested {
  type: 'page.suggested';
  page: string;
  copilots: SuggestedCopilot[];
}

/** A sentence, line or row that the finder took for likely; `score` is at best about 1.5. */
export interface PassageCard {
  block: number;
  text: string;
  score: number;
}

/** Answer to ping, and sent unasked as a heartbeat. */
export interface Pong {
  type: 'pong';
}

/** `at`: offset of the opening mark in the answer, in UTF-16 units. `block` is 1-based, `start` and `end` are UTF-16 offsets into that block as the client sent it; all three null when the quote is not on the page. */
export interface Quote {
  text: string;
  verified: boolean;
  at: number;
  block: number | null;
  start: number | null;
  end: number | null;
}

export interface Ready {
  type: 'ready';
  session: string;
  server: string;
  base: BaseCard;
  copilots: CopilotCard[];
}

export interface RunDelta {
  type: 'run.delta';
  run: string;
  seq: number;
  text: string;
}

export interface RunDone {
  type: 'run.done';
  run: string;
  seq: number;
  reason: 'stop' | 'length' | 'cancelled';
  answer: string;
  quotes: Quote[];
  checks: CheckResult[];
  usage: Usage;
  timings: Timings;
}

export interface RunError {
  type: 'run.error';
  run: string;
  seq: number;
  code: string;
  message: string;
  retry_after_ms: number | null;
}

/** What the answer was asked to look at, best first. Comes once, before the first text. */
export interface RunPassages {
  type: 'run.passages';
  run: string;
  seq: number;
  passages: PassageCard[];
}

export interface RunQuote {
  type: 'run.quote';
  run: string;
  seq: number;
  quote: Quote;
}

export interface RunStart {
  type: 'run.start';
  run: string;
  seq: number;
  copilot: string;
  mode: 'tuned' | 'domain' | 'general' | 'instructed' | 'base';
}

/** `why`: words of the page for which it is suggested; empty when only the meaning is near. */
export interface SuggestedCopilot {
  copilot: string;
  why: string[];
}

export interface Timings {
  ttft_ms: number;
  total_ms: number;
}

/** On held-out pages: loss per answer token, share of the copilot's own checks that answers pass, and the share by which the loss on general questions rose (negative: it fell). */
export interface TrainFigures {
  loss: BeforeAfter;
  checks: BeforeAfter;
  general_rise: number;
}

/** How far the one training is. `percent` and `remaining_s` are of the phase `training`, null where not known. */
export interface TrainProgress {
  type: 'train.progress';
  copilot: string;
  phase: 'preparing' | 'training' | 'measuring';
  percent: number | null;
  remaining_s: number | null;
}

/** How a training ended, `why` in a sentence. `code` is null when it was measured: then there are figures, and `activated` says whether the adapter is used from now on. */
export interface TrainReport {
  type: 'train.report';
  copilot: string;
  activated: boolean;
  why: string;
  code: string | null;
  figures: TrainFigures | null;
}

export interface Usage {
  page_tokens: number;
  cached_tokens: number;
  prompt_tokens: number;
  answer_tokens: number;
}

export type ServerFrame = Challenge | Ready | Error | PageSuggested | PageReading | PageReady | RunStart | RunPassages | RunDelta | RunQuote | RunDone | RunError | TrainProgress | TrainReport | CopilotList | Pong | GoingAway;
