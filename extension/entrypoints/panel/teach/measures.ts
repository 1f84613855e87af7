// The figures of a report in words: what changed, by how much, and whether that can be chance. Pure. Called by Report.
import type { Measure } from '../../../lib/connection/protocol.ts';
import { number, t } from '../../../lib/words.ts';

const SHARES: ReadonlySet<Measure['name']> = new Set(['checks', 'block', 'abstention']);

export function figureOf({ name }: Pick<Measure, 'name'>, value: number): string {
  return SHARES.has(name) ? number(value, { style: 'percent', maximumFractionDigits: 0 }) : number(value, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}

/** One sentence, without a word of statistics that a user would have to look up. */
export function verdictOf(measure: Measure): string {
  const { name, verdict, examples } = measure;
  if (verdict === 'none') return t('noneVerdictText');
  const range = rangeOf(measure);
  if (verdict === 'unclear') return range ? t('unclearVerdictText', range, examples) : t('unknownVerdictText', examples);
  if (name === 'forgetting') return t(verdict === 'worse' ? 'forgotVerdictText' : 'keptVerdictText', range, examples);
  return t(`${verdict}VerdictText`, range, examples);
}

/** The interval of the change: points of a percentage, or loss. */
function rangeOf({ name, low, high }: Measure): string {
  if (low === null || high === null) return '';
  return SHARES.has(name) ? t('pointsText', signed(low * 100, 0), signed(high * 100, 0)) : t('lossesText', signed(low, 2), signed(high, 2));
}

function signed(value: number, digits: number): string {
  return number(value, { minimumFractionDigits: digits, maximumFractionDigits: digits, signDisplay: 'exceptZero' });
}
