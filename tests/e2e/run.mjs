// Runs every test file in a process of its own. A file that fails, or hangs, is run once more: a browser on a busy machine may miss a deadline.
// What passed only then is named at the end, so that it is looked at. Usage: node tests/e2e/run.mjs [FILE ...]
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const FLAGS = ['--test', '--test-force-exit', '--test-reporter=spec'];
const FILE_MS = 400_000; // the longest takes half of it on a machine with other work

const passes = (file) => spawnSync(process.execPath, [...FLAGS, file], { stdio: 'inherit', timeout: FILE_MS, killSignal: 'SIGKILL' }).status === 0;

const named = process.argv.slice(2);
const files = named.length > 0 ? named : readdirSync(HERE).filter((name) => name.endsWith('.test.mjs')).sort().map((name) => join(HERE, name));
const failed = files.filter((file) => !passes(file));
const broken = failed.filter((file) => !passes(file));
const names = (list) => list.map((file) => basename(file)).join(', ');
if (failed.length > 0) console.log(`failed the first time: ${names(failed)}`);
if (broken.length > 0) console.log(`failed twice: ${names(broken)}`);
else console.log(`${files.length} files of browser tests passed`);
process.exitCode = broken.length > 0 ? 1 : 0;
