// The words module of a test: a message is its name and its values, numbers are plain. Imported by vi.mock.
const said = (...parts: unknown[]): string => parts.join(' ');

export const fakeWords = {
  t: said,
  counted: said,
  wordsFor: (): string => '',
  errorWords: (_code: string, sentence: string): string => sentence,
  language: (): string => 'en',
  direction: (): string => 'ltr',
  directionOf: (): string => 'ltr',
  number: (value: number, options: Intl.NumberFormatOptions = {}): string => new Intl.NumberFormat('en', { ...options, useGrouping: false }).format(value),
  date: (value: Date): string => value.toISOString(),
};
