// What is known about a finished answer: the checks it passed, how it ended, what it cost. Called by Thread.
import type { CheckResult } from '../../lib/connection/protocol.ts';
import { t } from '../../lib/words.ts';
import { Icon } from './Icon.tsx';
import type { Turn } from './state/thread.ts';

export function Facts({ turn }: { turn: Turn }) {
  return (
    <div class="facts">
      {turn.checks.length > 0 && (
        <ul class="checks" aria-label={t('checks')}>
          {turn.checks.map((check) => (
            <Check key={check.name} check={check} />
          ))}
        </ul>
      )}
      {turn.reason === 'length' && <p class="fact">{t('endedByLength')}</p>}
      {turn.reason === 'cancelled' && <p class="fact">{t('endedByYou')}</p>}
      {turn.usage && turn.timings && <p class="fact">{costOf(turn)}</p>}
    </div>
  );
}

function Check({ check }: { check: CheckResult }) {
  const name = check.name.replaceAll('_', ' ');
  return (
    <li class={`check ${check.passed ? 'check-passed' : 'check-failed'}`} title={check.note} tabIndex={0} aria-label={`${name}: ${t(check.passed ? 'passed' : 'failed')}. ${check.note}`}>
      <Icon name={check.passed ? 'check' : 'cross'} />
      {name}
    </li>
  );
}

function costOf({ usage, timings }: Turn): string {
  if (!usage || !timings) return '';
  const seconds = (timings.ttft_ms / 1000).toLocaleString(undefined, { maximumFractionDigits: 2 });
  const count = (n: number): string => n.toLocaleString();
  return usage.cached_tokens > 0
    ? t('costCached', count(usage.cached_tokens), count(usage.prompt_tokens), seconds)
    : t('cost', count(usage.prompt_tokens), seconds);
}
