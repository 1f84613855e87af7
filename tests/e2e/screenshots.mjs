// `node tests/e2e/screenshots.mjs [SCENE…]`: takes every state of the panel, light and dark, into docs/screenshots.
// The product is the real one; its answers come from screenshots.json, so that a picture shows the same each time.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ask, configure, lastAnswer, launch, openPanel, pair } from './browser.mjs';
import { freePort, SCREENSHOTS, startScriptedServer, startServer, startSite } from './stage.mjs';

const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 420, height: 800 };
const TRAINABLE = { id: 'legal/lease-review', name: 'Lease Reviewer' };

const [CONTRACT, HEALTH, SHOP] = ['contract.html', 'health.html', 'shop.html'];
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
  history: { path: CONTRACT, act: history },
  floated: { path: HEALTH, act: (scene) => move(scene, 'Float over the page') },
  folded: { path: HEALTH, act: ({ frame }) => frame.getByRole('button', { name: 'Fold to the edge' }).click() },
  tab: { path: CONTRACT, act: tab },
  narrow: { path: CONTRACT, viewport: NARROW, act: (scene) => answered(scene, 'Contract Reviewer', 'Who would own the customer data?') },
  offline: { path: CONTRACT, offline: true, act: ({ frame }) => frame.locator('.command').waitFor({ timeout: 15_000 }) },
  training: { path: CONTRACT, trains: true, act: train },
};

const welcome = ({ frame }) => frame.locator('.welcome').waitFor({ timeout: 30_000 });

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
  await scene.page.locator('.welcome').waitFor({ timeout: 15_000 });
}

async function train(scene) {
  await choose(scene, TRAINABLE.name);
  const [start, progress] = [scene.frame.getByRole('button', { name: 'Train its adapter' }), scene.frame.getByText('42%')];
  await start.or(progress).first().waitFor({ timeout: 30_000 });
  if (await start.isVisible()) await start.click(); // else it goes on since the picture before
  await progress.waitFor({ timeout: 30_000 });
}

/** A server of the kind that the scene needs, started once, with a profile that is paired to it. */
const servers = {};
async function serverFor({ trains = false }) {
  const kind = trains ? 'real' : 'scripted';
  servers[kind] ??= { ...(await (trains ? startServer({ trainable: TRAINABLE }) : startScriptedServer('screenshots.json'))), profile: {} };
  return servers[kind];
}

async function open(name, colorScheme) {
  const { path, viewport = WIDE, unpaired = false, offline = false } = SCENES[name];
  const server = offline ? { port: await freePort(), profile: { key: 'ab'.repeat(32) } } : await serverFor(SCENES[name]);
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
  return { browser, page, frame };
}

async function shoot(name, colorScheme) {
  const scene = await open(name, colorScheme);
  try {
    await SCENES[name].act(scene);
    await scene.page.waitForTimeout(1_200);
    await scene.page.screenshot({ path: join(SCREENSHOTS, `${name}-${colorScheme}.png`) });
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
  for (const server of Object.values(servers)) await server.stop();
}
