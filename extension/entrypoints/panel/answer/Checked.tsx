// The machine's facts, one click below the answer: its checks, what was read for it, what it cost. Called by Foot.
import type { CheckResult, EngineCard } from '../../../lib/connection/protocol.ts';
import { number, t } from '../../../lib/words.ts';
import { Icon } from '../Icon.tsx';
import type { Turn } from '../state/thread.ts';

/** `coverage`: what was read of the page, in words. `quotes`: what stands behind a quotation with this engine. */
export function Checked({ turn, coverage, quotes }: { turn: Turn; coverage: string; quotes?: EngineCard['quotes'] }) {
  const failed = turn.checks.filter((check) => !check.passed).length;
  return (
    <details class="more checked">
      <summary>
        {t('checked')}
        {failed > 0 && <span class="check-failed"> {t('checksFailed', failed, turn.checks.length)}</span>}
      </summary>
      <div class="more-body">
        {turn.checks.length > 0 && (
          <ul class="checks" aria-label={t('checks')}>
            {turn.checks.map((check) => <Check key={check.name} check={check} />)}
          </ul>
        )}
        {coverage && <p class="fact">{coverage}</p>}
        {quotes && !turn.withoutPage && <p class="fact">{t(`quotes_${quotes}`)}</p>}
        {turn.usage && turn.timings && <p class="fact">{costOf(turn)}</p>}
      </div>
    </details>
  );
}

function Check({ check }: { check: CheckResult }) {
  return (
    <li class={`check ${check.passed ? 'check-passed' : 'check-failed'}`}>
      <Icon name={check.passed ? 'check' : 'cross'} />
      <span><span class="sr-only">{t(check.passed ? 'passed' : 'failed')}: </span>{check.note || check.name.replaceAll('_', ' ')}</span>
    </li>
  );
}

function costOf({ usage, timings }: Turn): string {
  if (!usage || !timings) return '';
  const seconds = number(timings.ttft_ms / 1000, { maximumFractionDigits: 2 });
  return usage.cached_tokens > 0
    ? t('costCached', usage.cached_tokens, usage.prompt_tokens, seconds)
    : t('cost', usage.prompt_tokens, seconds);
}
