// @vitest-environment node
// What a person agrees to by installing: nothing that shows a warning, in either browser, and no way in for a website.
import { expect, test } from 'vitest';
import config from '../wxt.config.ts';

type Manifest = Record<string, unknown> & { permissions: string[]; web_accessible_resources: { resources: string[]; use_dynamic_url?: boolean }[] };

const WITHOUT_WARNING = new Set(['activeTab', 'contextMenus', 'scripting', 'sidePanel', 'storage']);
const manifestFor = (browser: string): Manifest => (config.manifest as unknown as (env: { browser: string }) => Manifest)({ browser });

test.each(['chrome', 'firefox'])('%s asks for no permission that shows a warning, and opens to no website', (browser) => {
  const manifest = manifestFor(browser);
  expect(manifest.permissions.filter((name) => !WITHOUT_WARNING.has(name))).toEqual([]);
  for (const name of ['host_permissions', 'content_scripts', 'externally_connectable']) expect(manifest).not.toHaveProperty(name);
  expect(manifest).toMatchObject({ optional_permissions: ['tabs'], optional_host_permissions: ['*://*/*'] }); // asked for in a click, each by itself
  expect(manifest.web_accessible_resources.flatMap(({ resources }) => resources)).toEqual(['panel.html']);
});

test('the address of the panel passes in Chromium; Firefox gives each profile one of its own and refuses the key', () => {
  expect(manifestFor('chrome').web_accessible_resources[0]?.use_dynamic_url).toBe(true);
  expect(manifestFor('firefox').web_accessible_resources[0]).not.toHaveProperty('use_dynamic_url');
});

test('Firefox is told what leaves the browser, and knows none of the keys of Chromium', () => {
  const manifest = manifestFor('firefox');
  expect(manifest['browser_specific_settings']).toMatchObject({ gecko: { strict_min_version: '142.0', data_collection_permissions: { required: ['websiteContent'] } } });
  expect(manifest['sidebar_action']).toMatchObject({ default_panel: 'panel.html', open_at_install: false });
  for (const name of ['key', 'minimum_chrome_version']) expect(manifest).not.toHaveProperty(name);
  expect(manifest.permissions).not.toContain('sidePanel');
});
