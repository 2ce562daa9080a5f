// @ts-check
// Licensed under the Apache License, Version 2.0; see LICENSE.

// Builds the evaluator once for each mutant and runs the unit tests of src/policy against it: a mutant that they let pass shows what
// no test holds. Run from anywhere: node tests/decide/mutate.mjs [PART OF A FILE NAME OR MUTANT]. Ends with 1 where one lives.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mutants } from './mutants.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const [compiler, ...first] = (process.env.CC ?? 'cc').trim().split(/\s+/); // CC may be "ccache gcc"
const cflags = ['-std=c11', '-O1', '-w', '-Iinclude', '-iquote', 'src/policy', '-iquote', 'tests/unit',
    ...execFileSync('pkg-config', ['--cflags', 'apr-1'], { encoding: 'utf8' }).trim().split(/\s+/)];
const libraries = ['-laprutil-1', '-lapr-1', '-lcurl', '-ljansson', '-lcrypto', '-lcmocka', '-lpthread', '-lm'];
const longestRun = 120_000;

/** @param {string} folder @param {RegExp} pattern */
const list = (folder, pattern) => readdirSync(join(root, folder)).filter((name) => pattern.test(name)).sort().map((name) => `${folder}/${name}`);

/** Runs the compiler. @param {string[]} args */
function compile(args) {
    execFileSync(compiler, [...first, ...cflags, ...args], { cwd: root, stdio: ['ignore', 'ignore', 'pipe'] });
}

/** The test that fails, or '' where all pass. @param {string} work @param {string[]} tests @param {Map<string, string>} objects */
function firstFailure(work, tests, objects) {
    for (const test of tests) {
        const program = join(work, 'program');
        compile([join(work, `${basename(test)}.o`), ...objects.values(), '-o', program, ...libraries]);
        const run = spawnSync(program, { stdio: 'ignore', timeout: longestRun, killSignal: 'SIGKILL' });
        if (run.status !== 0) {
            return basename(test, '.c');
        }
    }
    return '';
}

/** The source with the mistake. @param {import('./mutants.mjs').Mutant} mutant */
function mutate({ file, find, replace }) {
    const parts = readFileSync(join(root, file), 'utf8').split(find);
    if (parts.length !== 2) {
        throw new Error(`${file}: "${find}" stands there ${parts.length - 1} times, not once`);
    }
    return parts.join(replace);
}

/** @param {import('./mutants.mjs').Mutant} mutant @param {string} work @param {string[]} tests @param {Map<string, string>} objects */
function tryMutant(mutant, work, tests, objects) {
    const mutated = join(work, 'mutated.c');
    writeFileSync(mutated, mutate(mutant));
    compile(['-c', mutated, '-o', join(work, 'mutated.o')]);
    return firstFailure(work, tests, new Map(objects).set(mutant.file, join(work, 'mutated.o')));
}

mutants.forEach(mutate);
const work = mkdtempSync(join(tmpdir(), 'amlaps-mutate-'));
let alive = 0;
try {
    // The random cases last: they take longest, and what fails before them fails with a name.
    const tests = list('tests/unit', /^test_policy_\w+\.c$/).sort((a, b) => Number(/property/.test(a)) - Number(/property/.test(b)));
    /** @type {Map<string, string>} */
    const objects = new Map();
    for (const source of [...list('src/base', /\.c$/), ...list('src/policy', /\.c$/)]) {
        objects.set(source, join(work, `${source.replaceAll('/', '_')}.o`));
        compile(['-c', source, '-o', join(work, `${source.replaceAll('/', '_')}.o`)]);
    }
    for (const test of tests) {
        compile(['-c', test, '-o', join(work, `${basename(test)}.o`)]);
    }
    const broken = firstFailure(work, tests, objects);
    if (broken) {
        throw new Error(`${broken} fails without any mutant`);
    }
    const chosen = mutants.filter((mutant) => `${mutant.file} ${mutant.find}`.includes(process.argv[2] ?? ''));
    for (const mutant of chosen) {
        const killer = tryMutant(mutant, work, tests, objects);
        alive += killer ? 0 : 1;
        console.log(`${killer ? 'killed' : 'ALIVE '}  ${mutant.file}: ${mutant.find.replace(/\s+/g, ' ')}  ->  ${mutant.replace || '(nothing)'}`
            + `${killer ? `  [${killer}]` : ''}`);
    }
    console.log(`${chosen.length - alive} of ${chosen.length} mutants killed`);
} finally {
    rmSync(work, { recursive: true, force: true });
}
process.exitCode = alive ? 1 : 0;
