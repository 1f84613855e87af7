// What the self-test shows: a line for each thing that must be in order before a question can be answered. Pure: called by SelfTest.
import type { State } from '../state/state.ts';

/** `code`: `ok`, `unknown` while an earlier line stands in the way, else what is wrong. `fix`: the server's sentence, where it has one. */
export interface Line {
  what: string;
  code: string;
  fix: string;
}

type Known = Pick<State, 'link' | 'page' | 'untrusted' | 'doctor'>;

/** Of no use to somebody who sees them here: shown when something is wrong with them alone. */
const UNASKED = new Set(['engine', 'python', 'torch', 'weights', 'port', 'extension', 'autostart']);
const PAIRING_TROUBLE = new Set(['unpaired', 'wrong_code', 'expired']);

export function linesOf(state: Known): Line[] {
  const { status, code } = state.link;
  const isSameVersion = status === 'ready' || PAIRING_TROUBLE.has(status);
  return [
    line('server', serverCode(state)),
    line('version', code === 'version_unsupported' ? code : isSameVersion ? 'ok' : 'unknown'),
    line('pairing', status === 'ready' ? 'ok' : PAIRING_TROUBLE.has(status) ? 'unpaired' : 'unknown'),
    line('engine', status === 'ready' ? 'ok' : 'unknown'),
    line('page', pageCode(state)),
    ...(status === 'ready' ? (state.doctor ?? []) : []).filter(({ what, code: found }) => found !== 'ok' || !UNASKED.has(what)),
  ];
}

function serverCode({ link: { status, code } }: Known): string {
  if (status === 'connecting') return 'unknown';
  if (status === 'offline' || status === 'impostor') return status;
  return status === 'refused' && code !== 'version_unsupported' ? code || 'refused' : 'ok';
}

function pageCode({ untrusted, page }: Known): string {
  if (untrusted) return 'untrusted';
  if (page.status === 'looking') return 'unknown';
  return page.status === 'empty' || page.status === 'unreadable' || page.status === 'error' ? page.status : 'ok';
}

function line(what: string, code: string): Line {
  return { what, code, fix: '' };
}

/** For a bug report: names and codes, nothing of a page, a key or a folder. */
export function reportOf(lines: Line[], versions: string): string {
  return [versions, ...lines.map(({ what, code }) => `${what}: ${code}`)].join('\n');
}
