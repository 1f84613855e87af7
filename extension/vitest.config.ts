// Unit tests: `npm test`. jsdom for what touches a document; nothing here starts a browser.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    environment: 'jsdom',
    testTimeout: 30_000, // the key of a pairing takes seconds on a busy machine
    include: ['tests/**/*.test.ts'],
    // The end-to-end tests exercise what stands at 0 here: components, the page script, opening.
    coverage: { include: ['{entrypoints,lib}/**/*.{ts,tsx}'], reporter: ['text'], skipFull: true },
  },
});
