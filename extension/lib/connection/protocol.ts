// Every frame of the socket, and its limits. Generated from server/protocol and settings.py by extension/scripts/protocol.py: do not edit by hand.

export const VERSION = 2;
export const EXTENSION_ORIGIN = 'chrome-extension://blogkbmmpnemlllefjjcboblekpiblgh';
export const SERVER_PORT = 8_377;
export const CODE_LETTERS = 8;
export const KEY_BYTES = 32;
export const PBKDF2_ROUNDS = 600_000;
export const TITLE_CHARS_MAX = 2_000;
export const URL_CHARS_MAX = 8_000;
export const THREAD_NAME_CHARS_MAX = 200;
export const THREAD_QUERY_CHARS_MAX = 200;
export const COPILOT_FILE_CHARS_MAX = 65_536;
export const PANEL_MIN = 2;
export const PANEL_MAX = 5;
export const CORRECTED_CHARS_MAX = 4_000;
export const TAUGHT_QUESTION_CHARS_MAX = 2_000;
export const ENGINE_URL_CHARS_MAX = 2_000;
export const ENGINE_MODEL_CHARS_MAX = 200;
export const ENGINE_KEY_CHARS_MAX = 4_096;
export const RESUMED_RUNS_MAX = 64;
export const PAGE_CHARS_MAX = 400_000;
export const PAGE_BLOCKS_MAX = 20_000;
export const QUESTION_CHARS_MAX = 8_000;

// --- client to server

/** Use an earlier version; the one in use becomes an earlier one. `shipped`: the adapter that came with Retinue. */
export interface AdapterRestore {
  type: 'adapter.restore';
  request: string;
  place?: 'page' | 'side' | 'tab';
  copilot: string;
  version: string;
}

/** A copilot's own adapters for the running base: the one in use and the earlier ones, with their reports. */
export interface AdaptersList {
  type: 'adapters.list';
  request: string;
  place?: 'page' | 'side' | 'tab';
  copilot: string;
}

/** `copilot` is an id such as legal/contract-review, or `generalist`. Without `page` the answer comes from the question and what the base knows, and holds no quotations. `thread`: the kept conversation that it goes on, or a new name to begin one; `private`: nothing of it is kept. `attempt` counts earlier answers to the same question: 0 is the likeliest answer, each other number samples one, the same each time. `panel`: it is one of a panel's answers, asked for again. `draft`: answer as this copilot would, which nobody has saved; nothing of it is kept. */
export interface Ask {
  type: 'ask';
  run: string;
  page?: string | null;
  copilot: string;
  question: string;
  history?: EarlierTurn[];
  max_tokens?: number | null;
  thread?: string | null;
  private?: boolean;
  attempt?: number;
  draft?: CopilotDraft | null;
  panel?: PanelPlace | null;
}

/** Stop the download; of one that is stopped already, delete what has come. */
export interface BaseCancel {
  type: 'base.cancel';
  request: string;
  place?: 'page' | 'side' | 'tab';
}

/** What a base would cost: owner/name of the hub, or empty for the default base. Answered by `base.offered`. */
export interface BaseOffer {
  type: 'base.offer';
  request: string;
  place?: 'page' | 'side' | 'tab';
  repo: string;
}

/** Download what was offered, or go on: the user has agreed to exactly this `revision`. One at a time. */
export interface BasePull {
  type: 'base.pull';
  request: string;
  place?: 'page' | 'side' | 'tab';
  repo: string;
  revision: string;
}

export interface Cancel {
  type: 'cancel';
  run: string;
}

/** A check by its name, with its parameters: docs/checks.md lists them. */
export interface CheckChoice {
  check: string;
  parameters: Record<string, boolean | number | string | string[] | Record<string, number>>;
}

/** What would be said of this draft if it were saved. Nothing is written. */
export interface CopilotCheck {
  type: 'copilot.check';
  request: string;
  draft: CopilotDraft;
}

/** Also its examples and its adapter. For some seconds `copilot.restore` brings it back. */
export interface CopilotDelete {
  type: 'copilot.delete';
  request: string;
  copilot: string;
}

/** A copilot as its user writes it. `copilot` is `category/name`: lower-case letters, digits and dashes. */
export interface CopilotDraft {
  copilot: string;
  name: string;
  promise: string;
  instructions: string;
  starters: string[];
  hints: string[];
  checks: CheckChoice[];
}

export interface CopilotExport {
  type: 'copilot.export';
  request: string;
  copilot: string;
}

/** The definition of a copilot, the user's own or one that ships. */
export interface CopilotGet {
  type: 'copilot.get';
  request: string;
  copilot: string;
}

/** Reads an exported file. The answer is `copilot.got`; saving is another step. */
export interface CopilotImport {
  type: 'copilot.import';
  request: string;
  text: string;
}

export interface CopilotRestore {
  type: 'copilot.restore';
  request: string;
  copilot: string;
}

/** `seen`: the token of the version that was edited, null for a new one. Where another is there now, the answer is the error `copilot_edited`, and nothing is written. */
export interface CopilotSave {
  type: 'copilot.save';
  request: string;
  draft: CopilotDraft;
  seen?: string | null;
}

export interface CorrectionChange {
  type: 'correction.change';
  request: string;
  place?: 'page' | 'side' | 'tab';
  copilot: string;
  correction: string;
  corrected: string;
}

/** Whether `corrected` could be kept: of an answer about the open `page`, or of the kept `correction`. */
export interface CorrectionCheck {
  type: 'correction.check';
  request: string;
  place?: 'page' | 'side' | 'tab';
  copilot: string;
  page?: string | null;
  correction?: string | null;
  question?: string;
  corrected: string;
}

/** At once and for good, with the page's text when no other correction needs it. */
export interface CorrectionDelete {
  type: 'correction.delete';
  request: string;
  place?: 'page' | 'side' | 'tab';
  copilot: string;
  correction: string;
}

/** Keep what the copilot should have answered, with the text of the open `page`. A private page's is kept with `although_private` alone. An earlier correction of the same question on the same page is replaced. */
export interface CorrectionKeep {
  type: 'correction.keep';
  request: string;
  place?: 'page' | 'side' | 'tab';
  copilot: string;
  page: string;
  question: string;
  answer: string;
  corrected: string;
  although_private?: boolean;
}

/** The corrections of a copilot, the newest first. */
export interface CorrectionsList {
  type: 'corrections.list';
  request: string;
  place?: 'page' | 'side' | 'tab';
  copilot: string;
  skip?: number;
}

/** Ask what is in order on the server's machine. Answered by `doctor.report`. */
export interface Doctor {
  type: 'doctor';
}

/** A file in parts, one after the other; each is answered by `documents.done`. With the last one it is read. */
export interface DocumentPut {
  type: 'document.put';
  request: string;
  copilot: string;
  name: string;
  part: number;
  parts: number;
  data: string;
}

/** A document, its pages and the drafts from them. */
export interface DocumentRemove {
  type: 'document.remove';
  request: string;
  copilot: string;
  document: string;
}

/** Draft questions and answers from all pages, while nobody else asks; `on` false ends that. */
export interface DocumentsDraft {
  type: 'documents.draft';
  request: string;
  copilot: string;
  on: boolean;
}

/** The documents of a copilot and what was drafted from them. */
export interface DocumentsOpen {
  type: 'documents.open';
  request: string;
  copilot: string;
}

/** Make the copilot's examples of what was accepted, some pages held out. Then `train.start` may name it. */
export interface DocumentsTeach {
  type: 'documents.teach';
  request: string;
  copilot: string;
}

export interface EarlierTurn {
  question: string;
  answer: string;
}

/** Answer with this server in OpenAI's form from now on. `key` is kept by the server and never sent back; without one the stored key is used, if it was stored for this address. `may_leave`: pages may go to that machine. */
export interface EngineConnect {
  type: 'engine.connect';
  request: string;
  place?: 'page' | 'side' | 'tab';
  url: string;
  model: string;
  key?: string | null;
  may_leave?: boolean;
}

/** What runs, what it takes, which bases there are. Answered by `engine.state`. */
export interface EngineShow {
  type: 'engine.show';
  request: string;
  place?: 'page' | 'side' | 'tab';
}

/** Ask a server in OpenAI's form for its models; no page goes there. `url` and `key` as in `engine.connect`. */
export interface EngineTest {
  type: 'engine.test';
  request: string;
  place?: 'page' | 'side' | 'tab';
  url: string;
  key?: string | null;
}

/** Answer with this base of this machine from now on. Answered by `engine.done` once it is begun; `engine.state` tells the rest. While it loads the one before goes on answering; when it cannot be loaded, that stays. */
export interface EngineUse {
  type: 'engine.use';
  request: string;
  place?: 'page' | 'side' | 'tab';
  base: string;
}

/** `pair` asks for a new key from the code that the terminal shows; `proof` uses the stored key. Each browser profile has its own key by `client`, an id that it made at random once. */
export interface Hello {
  type: 'hello';
  version: number;
  mode: 'pair' | 'proof';
  nonce: string;
  client?: string | null;
  name?: string | null;
}

export interface PageClose {
  type: 'page.close';
  page: string;
}

/** The page's blocks in reading order; block n of an answer is blocks[n - 1]. Settings limit how many. `types`: schema.org types that the page declares. `private`: nothing that is asked about it is kept. */
export interface PageOpen {
  type: 'page.open';
  page: string;
  title: string;
  url: string;
  blocks: string[];
  types?: string[];
  private?: boolean;
}

/** What the user says of a draft. `question` and `answer` replace its own; an answer keeps its quotation. */
export interface PairJudge {
  type: 'pair.judge';
  request: string;
  copilot: string;
  pair: string;
  verdict: 'open' | 'accepted' | 'dropped';
  question?: string | null;
  answer?: string | null;
}

/** One question to several copilots at once, each its own run: events, `cancel` and `resume` as after `ask`. All of them are taken or refused together, save one whose copilot is not there: the others answer. `group` names them. */
export interface PanelAsk {
  type: 'panel.ask';
  group: string;
  members: PanelMember[];
  page?: string | null;
  question: string;
  max_tokens?: number | null;
  thread?: string | null;
  private?: boolean;
}

/** One of a panel: its answer is a run of its own. `history` has what this copilot said itself, where it did. */
export interface PanelMember {
  run: string;
  copilot: string;
  history?: EarlierTurn[];
}

/** Which of a panel's answers one is: `group` names the panel, `place` counts its copilots from 0. */
export interface PanelPlace {
  group: string;
  place: number;
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

/** For some seconds `thread.restore` brings it back; then it is overwritten on the disk. */
export interface ThreadDelete {
  type: 'thread.delete';
  request: string;
  thread: string;
}

export interface ThreadExport {
  type: 'thread.export';
  request: string;
  thread: string;
  format: 'markdown' | 'json';
}

/** The last turns of a thread, or the last ones before turn `before`. */
export interface ThreadOpen {
  type: 'thread.open';
  request: string;
  thread: string;
  before?: number | null;
}

export interface ThreadPin {
  type: 'thread.pin';
  request: string;
  thread: string;
  pinned: boolean;
}

/** An empty `name` gives it the page's title again. */
export interface ThreadRename {
  type: 'thread.rename';
  request: string;
  thread: string;
  name: string;
}

export interface ThreadRestore {
  type: 'thread.restore';
  request: string;
  thread: string;
}

/** Every thread, at once and for good. */
export interface ThreadsDelete {
  type: 'threads.delete';
  request: string;
}

/** The threads, pinned ones first, then the newest. `address`: only those of this page. */
export interface ThreadsList {
  type: 'threads.list';
  request: string;
  skip?: number;
  address?: string | null;
}

/** Threads whose names, page titles, questions or answers have every word of `query`, the best first. */
export interface ThreadsSearch {
  type: 'threads.search';
  request: string;
  query: string;
}

/** End this copilot's training, or put its report away so that no new client hears of it. */
export interface TrainCancel {
  type: 'train.cancel';
  copilot: string;
  place?: 'page' | 'side' | 'tab';
}

/** Make this copilot's adapter for the running base, with the corrections that are kept for it; one at a time, or go on with one that is paused. Refused with `error`. */
export interface TrainStart {
  type: 'train.start';
  copilot: string;
  place?: 'page' | 'side' | 'tab';
}

/** A thumb for the answer `run` of a kept thread; null takes it away. It is kept and exported with the turn. */
export interface TurnRate {
  type: 'turn.rate';
  request: string;
  place?: 'page' | 'side' | 'tab';
  thread: string;
  run: string;
  thumb: 'up' | 'down' | null;
}

export type ClientFrame = Hello | Proof | PageOpen | PageClose | Ask | PanelAsk | Cancel | Resume | TrainStart | TrainCancel | ThreadsList | ThreadsSearch | ThreadOpen | ThreadRename | ThreadPin | ThreadDelete | ThreadRestore | ThreadsDelete | ThreadExport | TurnRate | CorrectionsList | CorrectionCheck | CorrectionKeep | CorrectionChange | CorrectionDelete | AdaptersList | AdapterRestore | CopilotGet | CopilotCheck | CopilotSave | CopilotDelete | CopilotRestore | CopilotExport | CopilotImport | DocumentsOpen | DocumentPut | DocumentRemove | DocumentsDraft | PairJudge | DocumentsTeach | EngineShow | EngineUse | EngineTest | EngineConnect | BaseOffer | BasePull | BaseCancel | Doctor | Ping;

// --- server to client

/** What an adapter gained and lost. `active`: its own report lets it be used; `reason` says why or why not. */
export interface AdapterReport {
  active: boolean;
  reason: string;
  examples: number;
  pages: number;
  corrections: number;
  measures: Measure[];
  samples: Sample[];
}

/** `id`: a number, or `shipped` for what answers without one of the user's own. */
export interface AdapterVersion {
  id: string;
  in_use: boolean;
  made_ms: number | null;
  report: AdapterReport | null;
}

/** The one in use first, then the earlier ones, the newest first. */
export interface AdaptersListed {
  type: 'adapters.listed';
  request: string;
  copilot: string;
  versions: AdapterVersion[];
}

export interface BaseCard {
  name: string;
  parameters: number;
  context_tokens: number;
}

/** A base on this machine. `source` and `licence`: empty where nobody wrote them down. */
export interface BaseHere {
  name: string;
  bytes: number;
  licence: string;
  source: string;
}

/** `bytes`: still to be downloaded. */
export interface BaseOffered {
  type: 'base.offered';
  request: string;
  repo: string;
  revision: string;
  name: string;
  licence: string;
  source: string;
  bytes: number;
}

/** The one download. `stopped`: `base.pull` goes on with it; `code` and `message` say why, if nobody stopped it. */
export interface BasePulled {
  repo: string;
  revision: string;
  name: string;
  licence: string;
  source: string;
  phase: 'downloading' | 'converting' | 'stopped';
  bytes_done: number;
  bytes_total: number;
  code: string | null;
  message: string | null;
}

/** How far the download is. */
export interface BasePulling {
  type: 'base.pulling';
  phase: 'downloading' | 'converting';
  bytes_done: number;
  bytes_total: number;
}

/** A base that can be had. `bytes` is about what it takes; the hub is only asked when the user wants it. */
export interface BaseSuggestion {
  repo: string;
  name: string;
  parameters: number;
  bytes: number;
  licence: string;
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

/** `mode`: tuned has an adapter of its own for the running base, domain answers with that of its category, general with the general one, instructed has instructions alone, base has neither. `icon`: of the category. `trainable`: there are examples to make an adapter from. `own`: the user wrote it. */
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
  own: boolean;
}

/** What `copilot.check` found. */
export interface CopilotChecked {
  type: 'copilot.checked';
  request: string;
  state: DraftState;
}

/** It is deleted, or back. */
export interface CopilotDone {
  type: 'copilot.done';
  request: string;
  copilot: string;
}

/** A file to save. */
export interface CopilotExported {
  type: 'copilot.exported';
  request: string;
  name: string;
  text: string;
}

/** `seen` is the token of the user's own version, null where there is none. */
export interface CopilotGot {
  type: 'copilot.got';
  request: string;
  draft: CopilotDraft;
  seen: string | null;
  state: DraftState;
}

/** The copilots and panels as they are now; takes the place of those in `ready`. */
export interface CopilotList {
  type: 'copilots';
  copilots: CopilotCard[];
  panels: PanelPreset[];
}

/** It is on the disk, and answers from now on. */
export interface CopilotSaved {
  type: 'copilot.saved';
  request: string;
  copilot: string;
  seen: string;
  shadows: boolean;
}

/** `used`: what the adapter in use did with it: learnt from it, was measured on it, or nothing yet. */
export interface CorrectionCard {
  id: string;
  copilot: string;
  title: string;
  address: string;
  question: string;
  answer: string;
  corrected: string;
  made_ms: number;
  changed_ms: number;
  used: 'no' | 'train' | 'heldout';
}

/** `fits`: every quotation stands in the page, so it can be kept. `checks`: the copilot's own, its form among them; one that does not pass is a hint. */
export interface CorrectionChecked {
  type: 'correction.checked';
  request: string;
  fits: boolean;
  quotes: Quote[];
  checks: CheckResult[];
}

export interface CorrectionKept {
  type: 'correction.kept';
  request: string;
  correction: CorrectionCard;
}

/** To every client: a copilot's corrections or versions are others now. */
export interface CorrectionsChanged {
  type: 'corrections.changed';
  copilot: string;
}

/** `next`: `skip` of the next page, null at the end. `unused`: how many the adapter in use has not learnt from. */
export interface CorrectionsListed {
  type: 'corrections.listed';
  request: string;
  copilot: string;
  corrections: CorrectionCard[];
  next: number | null;
  total: number;
  unused: number;
}

/** One thing that was looked at, as a line of `retinue doctor --json`. */
export interface DoctorLine {
  what: string;
  code: string;
  fix: string;
}

/** What is in order on the server's machine, the same checks as `retinue doctor`. */
export interface DoctorReport {
  type: 'doctor.report';
  lines: DoctorLine[];
}

/** One file, made into pages. */
export interface DocumentCard {
  id: string;
  name: string;
  pages: number;
}

/** What was asked is done. `train` and `heldout` count the examples after `documents.teach`. */
export interface DocumentsDone {
  type: 'documents.done';
  request: string;
  train: number;
  heldout: number;
}

/** `done` of `total` sentences were looked at; `drafting` while more are. `request` is null where it comes unasked. */
export interface DocumentsState {
  type: 'documents.state';
  request: string | null;
  copilot: string;
  documents: DocumentCard[];
  pairs: PairCard[];
  drafting: boolean;
  done: number;
  total: number;
}

/** `field`: of the draft, with the place in a list: `starters.2`, `checks.0.text`. */
export interface DraftFault {
  field: string;
  code: string;
  message: string;
}

/** What the server says of a draft. `tokens`: of all instructions, those of the category included. `shadows`: a copilot that ships has this id, and the user's own takes its place. `exists`: the user has one of this id. */
export interface DraftState {
  faults: DraftFault[];
  tokens: number;
  tokens_max: number;
  shadows: boolean;
  exists: boolean;
  inherited_instructions: string;
  inherited_checks: string[];
}

/** What runs the base model, and how. `adapters`: activated acts from the question on, plain on the page too, none answers by instructions alone. `quotes`: chosen from the page by a guard, held to its words by a grammar, or checked afterwards. */
export interface EngineCard {
  adapters: 'activated' | 'plain' | 'none';
  quotes: 'guard' | 'grammar' | 'checked';
  shares_page: boolean;
  counts_cached: boolean;
  changes_adapters: boolean;
  host: string;
}

/** To every client: another engine answers; `base` and `engine` take the place of those in `ready`. */
export interface EngineChanged {
  type: 'engine.changed';
  base: BaseCard;
  engine: EngineCard;
}

/** What was asked is done, or begun. */
export interface EngineDone {
  type: 'engine.done';
  request: string;
}

/** Bytes. `weight_bits`: in how many bits a weight is read while one answer is written. Null where the model runs elsewhere. */
export interface EngineMemory {
  process: number;
  weights: number | null;
  weight_bits: number | null;
  pages: number | null;
  pages_max: number | null;
  adapters: number | null;
  threads: number | null;
}

/** `request` is null where it comes unasked. `here`: the base runs on this machine. `url`, `model`, `has_key`: of the server elsewhere that answers, or that did last. `local_base`: the base to come back to. `pinned`: nothing can be changed from here. */
export interface EngineState {
  type: 'engine.state';
  request: string | null;
  base: BaseCard;
  engine: EngineCard;
  here: boolean;
  local_base: string;
  url: string;
  model: string;
  has_key: boolean;
  pinned: boolean;
  memory: EngineMemory;
  bases: BaseHere[];
  suggestions: BaseSuggestion[];
  pulled: BasePulled | null;
  switching: Switching | null;
  trouble: EngineTrouble | null;
}

/** The server answers. `models`: what it has; empty where it does not say. `host`: the other machine, empty for this one. */
export interface EngineTested {
  type: 'engine.tested';
  request: string;
  models: string[];
  host: string;
}

/** Why the last switch came to nothing. */
export interface EngineTrouble {
  code: string;
  message: string;
}

/** A refusal that belongs to no run. `page` when it is about a page, `request` when it answers one, `field` when one field of what was sent is to blame. */
export interface Error {
  type: 'error';
  code: string;
  message: string;
  page: string | null;
  request: string | null;
  field: string | null;
  retry_after_ms: number | null;
}

/** `excerpt`: pieces of the best turn; the 2nd, 4th … are the words that were found. */
export interface FoundThread {
  thread: ThreadCard;
  position: number;
  excerpt: string[];
}

export interface GoingAway {
  type: 'going_away';
}

/** `reason` is null when the answer failed; `code` and `message` say why then. Turns of one `panel` were asked together; of two in the same place the later one counts. */
export interface KeptTurn {
  position: number;
  run: string;
  copilot: string;
  mode: 'tuned' | 'domain' | 'general' | 'instructed' | 'base';
  question: string;
  answer: string;
  quotes: Quote[];
  reason: 'stop' | 'length' | 'cancelled' | null;
  code: string | null;
  message: string | null;
  asked_ms: number;
  ended_ms: number;
  panel: PanelPlace | null;
  thumb: 'up' | 'down' | null;
}

/** Loss per answer token, in nats, after so many steps. */
export interface LossPoint {
  step: number;
  loss: number;
}

/** One figure before and after, on `examples` held-out examples. `low`, `high`: the 95 % interval of the change, null where it was not measured. `verdict`: `unclear` when the interval holds zero, `none` without examples. */
export interface Measure {
  name: 'checks' | 'block' | 'abstention' | 'loss' | 'forgetting';
  before: number;
  after: number;
  low: number | null;
  high: number | null;
  examples: number;
  verdict: 'better' | 'worse' | 'unclear' | 'none';
}

export interface PageReading {
  type: 'page.reading';
  page: string;
  tokens_done: number;
  tokens_total: number;
}

/** `blocks_read` < `blocks_total`: the page is longer than the base model's context; 0 when the first block is. `ordering`: numbers of blocks that give orders to whatever program reads the page. */
export interface PageReady {
  type: 'page.ready';
  page: string;
  tokens: number;
  cached_tokens: number;
  blocks_read: number;
  blocks_total: number;
  ms: number;
  ordering: number[];
}

/** The copilots that fit the page, best first. Nothing is switched by it. */
export interface PageSuggested {
  type: 'page.suggested';
  page: string;
  copilots: SuggestedCopilot[];
}

/** A question and its answer, drafted from a sentence of a page. */
export interface PairCard {
  id: string;
  document: string;
  question: string;
  answer: string;
  verdict: 'open' | 'accepted' | 'dropped';
}

/** Copilots that go well together on pages of a category, in the order in which they answer. */
export interface PanelPreset {
  category: string;
  category_name: string;
  icon: string;
  copilots: string[];
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
  engine: EngineCard;
  copilots: CopilotCard[];
  panels: PanelPreset[];
  history: boolean;
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

/** What the answer was asked to look at, and what the finder `considered` beyond it, each best first. Comes once, before the first text. */
export interface RunPassages {
  type: 'run.passages';
  run: string;
  seq: number;
  passages: PassageCard[];
  considered: PassageCard[];
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

export interface Sample {
  question: string;
  before: string;
  after: string;
}

/** `why`: words of the page for which it is suggested; empty when only the meaning is near. */
export interface SuggestedCopilot {
  copilot: string;
  why: string[];
}

/** Another engine comes. `loading`: the one before answers; `ending`: answers under way may end, new ones wait. */
export interface Switching {
  to: string;
  phase: 'loading' | 'ending';
}

/** What was asked is done. */
export interface TeachDone {
  type: 'teach.done';
  request: string;
}

/** `address` has no fragment and no tracking parameters. `name` is the user's, empty until it is renamed. */
export interface ThreadCard {
  id: string;
  name: string;
  title: string;
  address: string;
  copilot: string;
  turns: number;
  pinned: boolean;
  created_ms: number;
  updated_ms: number;
}

/** What was asked is done. */
export interface ThreadDone {
  type: 'thread.done';
  request: string;
}

/** A file to save. */
export interface ThreadExported {
  type: 'thread.exported';
  request: string;
  name: string;
  text: string;
}

/** Turns in the order in which they were asked; `earlier` is how many stand before the first of them. */
export interface ThreadOpened {
  type: 'thread.opened';
  request: string;
  thread: ThreadCard;
  turns: KeptTurn[];
  earlier: number;
}

/** To every client, about one thread, or all of them where `thread` is null. `kept_run`: the answer that was kept; `expired`: threads were removed because they are old. */
export interface ThreadsChanged {
  type: 'threads.changed';
  what: 'kept' | 'renamed' | 'pinned' | 'rated' | 'deleted' | 'restored' | 'expired';
  thread: string | null;
  kept_run: string | null;
}

/** What `threads.search` found. */
export interface ThreadsFound {
  type: 'threads.found';
  request: string;
  found: FoundThread[];
}

/** `next`: `skip` of the next page, null at the end. `keep_days`: after so many days an unpinned thread is removed, 0 for never. */
export interface ThreadsListed {
  type: 'threads.listed';
  request: string;
  threads: ThreadCard[];
  next: number | null;
  total: number;
  address: string | null;
  keep_days: number;
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

/** How far the one training is. `percent` is of its steps, `remaining_s` to its report; null where not known. `paused`: the server ended meanwhile, and `train.start` goes on. Each frame has all losses so far, thinned. */
export interface TrainProgress {
  type: 'train.progress';
  copilot: string;
  phase: 'preparing' | 'training' | 'measuring' | 'paused';
  percent: number | null;
  remaining_s: number | null;
  steps: number | null;
  trained: LossPoint[];
  heldout: LossPoint[];
}

/** How a training ended, `why` in a sentence. `code` is null when it was measured: then there are figures, and `activated` says whether the adapter is used from now on. `report` has what it gained and forgot, and the losses are those of the last progress. */
export interface TrainReport {
  type: 'train.report';
  copilot: string;
  activated: boolean;
  why: string;
  code: string | null;
  figures: TrainFigures | null;
  report: AdapterReport | null;
  trained: LossPoint[];
  heldout: LossPoint[];
}

export interface Usage {
  page_tokens: number;
  cached_tokens: number;
  prompt_tokens: number;
  answer_tokens: number;
}

export type ServerFrame = Challenge | Ready | Error | PageSuggested | PageReading | PageReady | RunStart | RunPassages | RunDelta | RunQuote | RunDone | RunError | TrainProgress | TrainReport | ThreadsListed | ThreadsFound | ThreadOpened | ThreadExported | ThreadDone | ThreadsChanged | CorrectionsListed | CorrectionChecked | CorrectionKept | AdaptersListed | TeachDone | CorrectionsChanged | CopilotGot | CopilotChecked | CopilotSaved | CopilotExported | CopilotDone | DocumentsState | DocumentsDone | EngineState | EngineChanged | EngineTested | BaseOffered | BasePulling | EngineDone | CopilotList | DoctorReport | Pong | GoingAway;
