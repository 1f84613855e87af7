// Unit tests: `npm test`. jsdom for what touches a document; nothing here starts a browser.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { environment: 'jsdom', include: ['tests/**/*.test.ts'] },
});
