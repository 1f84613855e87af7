// `node tests/e2e/screenshots.mjs [SCENE…]`: takes every state of the panel, light and dark, into docs/screenshots; docs/screenshots.md shows them.
// The product is the real one; its answers come from screenshots.json, so that a picture shows the same each time.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ask, configure, lastAnswer, launch, openPanel, pair } from './browser.mjs';
import { freePort, SCREENSHOTS, SOON_MS, startScriptedServer, startSite, until } from './stage.mjs';

const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 420, height: 800 };
const COLUMN = { width: 460, height: 820 };
const TRAINABLE = { id: 'health/boatman', name: 'Boatman' };

const [CONTRACT, HEALTH, SHOP, FERRY] = ['contract.html', 'health.html', 'shop.html', 'ferry.html'];
const SCENES = {
  pairing: { path: CONTRACT, unpaired: true, act: ({ frame }) => frame.locator('.code').waitFor() },
  start: { path: SHOP, act: (scene) => choose(scene, 'Ad Copywriter') },
  picker: { path: CONTRACT, act: pick },
  fact: { path: CONTRACT, act: (scene) => answered(scene, 'Contract Reviewer', 'Who would own the customer data?') },
  list: { path: CONTRACT, act: (scene) => answered(scene, 'Contract Reviewer', 'Which deadlines do I have to keep?') },
  table: { path: CONTRACT, act: (scene) => answered(scene, 'Generalist', 'Which availability is promised?') },
  verdict: { path: HEALTH, act: (scene) => answered(scene, 'Health Evidence Checker', 'How strong is the evidence?') },
  draft: { path: SHOP, act: (scene) => answered(scene, 'Ad Copywriter', 'Write a caption for Instagram') },
  summary: { path: HEALTH, act: (scene) => answered(scene, 'Generalist', 'In short?') },
  abstention: { path: HEALTH, act: (scene) => answered(scene, 'Generalist', 'Which dose for children?') },
  evidence: { path: HEALTH, act: evidence },
  panel: { path: FERRY, act: several },
  seen: { path: CONTRACT, act: seen },
  error: { path: SHOP, act: failed },
  keys: { path: SHOP, act: (scene) => move(scene, 'Keyboard shortcuts') },
  own: { path: SHOP, act: own },
  history: { path: CONTRACT, act: history },
  floated: { path: HEALTH, act: (scene) => move(scene, 'Float over the page') },
  folded: { path: HEALTH, act: ({ frame }) => frame.getByRole('button', { name: 'Fold to the edge' }).click() },
  tab: { path: CONTRACT, act: tab },
  narrow: { path: CONTRACT, viewport: NARROW, act: (scene) => answered(scene, 'Contract Reviewer', 'Who would own the customer data?') },
  offline: { path: CONTRACT, offline: true, act: ({ frame }) => frame.locator('.command').waitFor({ timeout: SOON_MS }) },
  correction: { path: FERRY, act: correct },
  training: { path: FERRY, act: train },
  engines: { path: SHOP, act: engines },
};

const welcome = ({ frame }) => frame.locator('.welcome').waitFor({ timeout: SOON_MS });

async function pick(scene) {
  await welcome(scene);
  await scene.frame.locator('.who').click();
  await scene.frame.locator('.search').waitFor();
}

async function choose(scene, name) {
  await pick(scene);
  await scene.frame.locator('.search').fill(name);
  await scene.frame.locator('.search').press('Enter');
}

/** Asked and answered, its first piece of evidence lit. */
async function answered(scene, copilot, question) {
  const { frame } = scene;
  await choose(scene, copilot);
  await ask(frame, question);
  await lastAnswer(frame);
  await frame.locator('.turn').last().locator('.quote:not(.quote-absent), .cite').first().click();
}

async function evidence(scene) {
  await answered(scene, 'Health Evidence Checker', 'How strong is the evidence?');
  for (const below of ['.considered', '.checked']) await scene.frame.locator(`.turn ${below} summary`).last().click();
  await scene.frame.locator('.turn .checked').last().evaluate((facts) => facts.scrollIntoView({ block: 'end' }));
}

async function history(scene) {
  await answered(scene, 'Contract Reviewer', 'Which deadlines do I have to keep?');
  await scene.frame.getByRole('button', { name: 'Earlier conversations' }).click();
  await scene.frame.locator('.history-row').first().waitFor();
}

async function move({ frame, ...scene }, item) {
  await welcome({ frame, ...scene });
  await frame.locator('#host-menu').click();
  await frame.getByRole('menuitem', { name: item }).click();
}

async function tab(scene) {
  const opened = scene.browser.context.waitForEvent('page');
  await move(scene, 'Open in a tab');
  scene.page = await opened;
  await scene.page.emulateMedia({ colorScheme: scene.colorScheme });
  await scene.page.setViewportSize(COLUMN);
  await scene.page.locator('.welcome').waitFor({ timeout: SOON_MS });
}

/** In a tab of its own, one of its menu's parts open. */
async function tabAt(scene, item) {
  await tab(scene);
  await scene.page.locator('#host-menu').click();
  await scene.page.getByRole('menuitem', { name: item }).click();
}

async function several(scene) {
  await pick(scene);
  await scene.frame.getByRole('button', { name: 'Ask several' }).click();
  await scene.frame.locator('.search').fill('Legal');
  await scene.frame.locator('.search').press('Enter');
  await scene.frame.locator('.search').press('Control+Enter');
  await ask(scene.frame, 'What if my boat is late?');
  await until(async () => (await scene.frame.locator('.facts').count()) === 3, SOON_MS, () => 'three answers did not come');
}

async function seen(scene) {
  await welcome(scene);
  await scene.frame.locator('.page-chip').click();
  await scene.frame.getByRole('dialog').waitFor();
}

async function failed(scene) {
  await welcome(scene);
  await ask(scene.frame, 'Which sizes are there?');
  await scene.frame.locator('.turn-error').waitFor();
}

async function own(scene) {
  await pick(scene);
  await scene.frame.locator('.picker-own').click();
  await scene.frame.getByRole('button', { name: 'New copilot' }).first().click();
  await scene.frame.getByLabel('Name', { exact: true }).fill('Size Adviser');
}

async function correct(scene) {
  await tab(scene);
  await ask(scene.page, 'What if my boat is late?');
  await lastAnswer(scene.page);
  await scene.page.getByRole('button', { name: 'Correct', exact: true }).click();
  await scene.page.locator('.editor-words').waitFor();
}

async function train(scene) {
  await choose(scene, TRAINABLE.name);
  await tabAt(scene, 'Teach');
  const view = scene.page.locator('.teach');
  await view.getByRole('tab', { name: 'Training' }).click();
  const [start, progress] = [view.getByRole('button', { name: 'Train its adapter' }), view.getByText('42 %')];
  await start.or(progress).first().waitFor({ timeout: SOON_MS });
  if (await start.isVisible()) await start.click(); // else it goes on since the picture before
  await progress.waitFor({ timeout: SOON_MS });
}

async function engines(scene) {
  await tabAt(scene, 'Engine and base');
  await scene.page.locator('.engines-name').first().waitFor();
}

/** The server over a scripted engine, started once, with a profile that is paired to it. */
let running;
async function serverFor() {
  running ??= { ...(await startScriptedServer('screenshots.json', { trainable: TRAINABLE })), profile: {} };
  return running;
}

async function open(name, colorScheme) {
  const { path, viewport = WIDE, unpaired = false, offline = false } = SCENES[name];
  const server = offline ? { port: await freePort(), profile: { key: 'ab'.repeat(32) } } : await serverFor();
  const browser = await launch({ viewport, colorScheme });
  await configure(browser, { port: server.port, ...(unpaired ? {} : server.profile) });
  const page = await browser.context.newPage();
  await page.emulateMedia({ colorScheme });
  await page.goto(site.url(`${path}?${name}=${colorScheme}`)); // an address of its own: no scene finds another's conversation
  const frame = await openPanel(browser, page);
  if (!unpaired && !server.profile.key) {
    await pair(frame, server.code);
    await welcome({ frame });
    server.profile = await browser.worker.evaluate(() => chrome.storage.local.get(['key', 'client']));
  }
  return { browser, page, frame, colorScheme };
}

async function shoot(name, colorScheme) {
  const scene = await open(name, colorScheme);
  try {
    await SCENES[name].act(scene);
    await scene.page.waitForTimeout(1_200);
    await scene.page.screenshot({ path: join(SCREENSHOTS, `${name}-${colorScheme}.jpg`), type: 'jpeg', quality: 82 });
    console.log(`${name}, ${colorScheme}`);
  } finally {
    await scene.browser.close();
  }
}

const wanted = process.argv.slice(2);
const site = await startSite();
await mkdir(SCREENSHOTS, { recursive: true });
try {
  for (const name of wanted.length > 0 ? wanted : Object.keys(SCENES)) {
    for (const colorScheme of ['light', 'dark']) await shoot(name, colorScheme);
  }
} finally {
  await site.stop();
  await running?.stop();
}
