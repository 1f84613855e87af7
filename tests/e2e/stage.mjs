// Everything on this machine that an end-to-end test plays with: the real server, pages over HTTP, an impostor.
import { execFileSync, spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PAGES = new URL('pages/', import.meta.url);
export const SCREENSHOTS = join(ROOT, 'docs', 'screenshots');
const START_MS = 60_000;
const PYTHON = join(ROOT, '.venv', 'bin', 'python');
// The base that set-up put there; everything else of this user stays out of sight.
const BASES = execFileSync(PYTHON, ['-c', 'from server.settings import load_settings; print(load_settings().bases_dir)'], { cwd: ROOT, encoding: 'utf8' }).trim();

/**
 * `retinue serve` with the default base and folders of its own. `code` is the pairing code that it printed.
 * `trainable` names a copilot that has examples, no adapter, and a stand-in for its training; `finish` lets that end.
 */
export async function startServer({ trainable = null } = {}) {
  const home = await mkdtemp(join(tmpdir(), 'retinue-e2e-'));
  const port = await freePort();
  const folders = { RETINUE_CONFIG_DIR: join(home, 'config'), RETINUE_USER_DIR: join(home, 'data'), RETINUE_BASES_DIR: BASES };
  const env = { ...process.env, ...folders, ...(trainable ? await prepareTraining(home, trainable) : {}), COLUMNS: '200' };
  const child = spawn(join(ROOT, '.venv', 'bin', 'retinue'), ['serve', '--port', String(port)], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const lines = [];
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', (line) => lines.push(line));
  const code = await until(() => /\b([A-Z0-9]{4}-[A-Z0-9]{4})\b/.exec(lines.join('\n'))?.[1], START_MS, () => `no pairing code:\n${lines.join('\n')}`);
  const stop = async () => {
    child.kill('SIGTERM');
    await new Promise((resolve) => (child.exitCode === null ? child.once('exit', resolve) : resolve()));
    await rm(home, { recursive: true, force: true });
  };
  return { port, code, lines, stop, finish: () => writeFile(join(home, 'data', 'go'), '') };
}

/** The copilot with its examples, and the package that the server's child is to find. Returns the environment. */
async function prepareTraining(home, { id, name }) {
  const [copilot, standIn] = [join(home, 'data', 'copilots', id), join(home, 'stand-in', 'training')];
  for (const folder of [copilot, standIn]) await mkdir(folder, { recursive: true });
  const text = await readFile(join(ROOT, 'adapters', 'health', 'evidence-check', 'copilot.toml'), 'utf8');
  await writeFile(join(copilot, 'copilot.toml'), text.replace(/^name = .*$/m, `name = "${name}"`));
  for (const split of ['train', 'heldout']) await writeFile(join(copilot, `${split}.jsonl`), '');
  await writeFile(join(standIn, '__init__.py'), '');
  await copyFile(fileURLToPath(new URL('trainee.py', import.meta.url)), join(standIn, '__main__.py'));
  return { PYTHONPATH: join(home, 'stand-in') };
}

/** Serves tests/e2e/pages; `headers` go with every answer, `extra` adds pages by path. */
export async function startSite({ headers = {}, extra = {} } = {}) {
  const server = createServer(async (request, response) => {
    const path = new URL(request.url, 'http://localhost').pathname;
    const body = extra[path] ?? (await readFile(new URL(`.${path}`, PAGES)).catch(() => null));
    response.writeHead(body === null ? 404 : 200, { 'content-type': 'text/html; charset=utf-8', ...headers });
    response.end(body ?? 'not found');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  return { port, url: (path) => `http://127.0.0.1:${port}/${path}`, stop: () => closeNow(server) };
}

/** A stranger on the server's port: answers hello with a wrong proof and keeps every frame that it is sent. */
export async function startImpostor() {
  const child = spawn(join(ROOT, '.venv', 'bin', 'python'), [fileURLToPath(new URL('impostor.py', import.meta.url))], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  const port = Number(await until(() => lines[0], START_MS, () => 'the impostor did not start'));
  return { port, frames: () => lines.slice(1).map((line) => JSON.parse(line)), stop: () => child.kill() };
}

export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await closeNow(server);
  return port;
}

export async function until(look, ms, complain) {
  const end = Date.now() + ms;
  while (Date.now() < end) {
    const found = await look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(complain());
}

function closeNow(server) {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
}
