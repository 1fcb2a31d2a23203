// SPDX-License-Identifier: MPL-2.0
// index.d.ts: a program that uses all of it compiles, wrong ones do not, and every name that the
// package exports, and every method of its classes, is declared.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { load } from './load.mjs';

const PACKAGE = process.env.ROOST_JAVASCRIPT;
const HERE = dirname(fileURLToPath(import.meta.url));
const TSC = join(PACKAGE, 'node_modules', 'typescript', 'bin', 'tsc');
const folder = mkdtempSync(join(tmpdir(), 'roost-types-'));
after(() => rmSync(folder, { recursive: true }));

/** What the compiler says of these files, by name. */
function compile(texts) {
    const compilerOptions = { noEmit: true, strict: true, target: 'es2022', module: 'node16',
        lib: ['es2022'], types: [] };
    for (const [name, text] of Object.entries(texts))
        writeFileSync(join(folder, name), text);
    writeFileSync(join(folder, 'tsconfig.json'),
        JSON.stringify({ compilerOptions, files: Object.keys(texts) }));
    return spawnSync(process.execPath, [TSC, '-p', folder], { cwd: folder, encoding: 'utf8' }).stdout;
}

test('index.d.ts', { skip: !existsSync(TSC) && 'typescript is not installed' }, () => {
    writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
    execFileSync('mkdir', ['-p', join(folder, 'node_modules')]);
    symlinkSync(PACKAGE, join(folder, 'node_modules', 'roost-client'));
    const wrong = [
        "await connect({ url: 'tcp://x' });", "await client.send('bob');",
        "await client.send('bob', 5);", "(await client.peers()).items[0].nmae;",
        "await client.createRoom('x', { privacy: 'secret' });", "client.on('presense', () => {});",
        "await client.aclAdd('bob', 'send', 'queue:jobs');",
        "for await (const message of await client.attach()) message.akc();",
    ];
    const numbered = ["import { connect } from 'roost-client';", "const client = await connect({ peer: 'a' });",
        ...wrong].join('\n');
    const said = compile({ 'wrong.ts': numbered,
        'right.ts': readFileSync(join(HERE, 'types_program.ts'), 'utf8') });
    assert.doesNotMatch(said, /^(?!wrong|\s|$)/m, 'only what is wrong');
    const lines = new Set([...said.matchAll(/^wrong\.ts\((\d+),/gm)].map(([, line]) => Number(line)));
    assert.deepEqual([...lines].sort((a, b) => a - b), wrong.map((_, index) => index + 3));
});

test('every exported name and method is declared, and in the README', async () => {
    const readme = readFileSync(join(process.env.ROOST_SOURCE, 'clients', 'javascript', 'README.md'), 'utf8');
    const text = readFileSync(join(PACKAGE, 'index.d.ts'), 'utf8');
    const declared = new Set([...text.matchAll(/export declare (?:const|class|function) (\w+)/g)]
        .map(([, name]) => name));
    const package_ = await load('index.js');
    assert.deepEqual([...declared].sort(), Object.keys(package_).sort());
    const INTERNAL = new Set(['constructor', 'wake', 'detach', 'ask', 'onItem']);
    for (const name of ['Client', 'Inbox', 'Received']) {
        const body = text.split(new RegExp(`export declare class ${name}\\b`))[1].split('\n}')[0];
        for (let level = package_[name].prototype; level.constructor.name !== 'EventEmitter' &&
            level !== Object.prototype; level = Object.getPrototypeOf(level)) {
            for (const method of Object.getOwnPropertyNames(level)) {
                if (INTERNAL.has(method))
                    continue;
                assert.match(readme, new RegExp(`\\b${method}\\b`), `README.md: ${method}`);
                if (method !== 'text')
                    assert.match(body, new RegExp(`\\b${method}\\b`), `${name}.${method}`);
            }
        }
    }
});

test('the package packs with the schema, and leaves no copy behind', { skip: !hasNpm() && 'no npm' }, () => {
    cpSync(join(process.env.ROOST_SOURCE, 'clients', 'javascript'), join(folder, 'a', 'b', 'javascript'),
        { recursive: true, filter: (path) => !path.includes('node_modules') });
    cpSync(join(process.env.ROOST_SOURCE, 'proto', 'wire', 'broker.proto'),
        join(folder, 'a', 'proto', 'wire', 'broker.proto'));
    const packed = execFileSync('npm', ['pack', '--json', '--offline'],
        { cwd: join(folder, 'a', 'b', 'javascript'), encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    const [{ files, filename }] = JSON.parse(packed.slice(packed.indexOf('[')));
    const names = files.map(({ path }) => path);
    for (const name of ['broker.proto', 'README.md', 'index.d.ts', 'src/index.js', 'examples/chat.js'])
        assert.ok(names.includes(name), `${filename} has ${name}`);
    assert.ok(names.every((name) => !name.includes('node_modules')), names.join());
    assert.ok(!existsSync(join(folder, 'a', 'b', 'javascript', 'broker.proto')));
});

function hasNpm() {
    return spawnSync('npm', ['--version']).status === 0;
}
