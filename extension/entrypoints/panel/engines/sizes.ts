// Bytes and parameters in words. Called by the parts of the view.
import { number } from '../../../lib/words.ts';

const GIGABYTE = 1e9;

export function bytes(count: number): string {
  const isLarge = count >= GIGABYTE;
  return number(isLarge ? count / GIGABYTE : count / 1e6, { style: 'unit', unit: isLarge ? 'gigabyte' : 'megabyte', maximumFractionDigits: isLarge || count < 1e7 ? 1 : 0 });
}

export function inShort(count: number): string {
  return number(count, { notation: 'compact', maximumSignificantDigits: 3 });
}
