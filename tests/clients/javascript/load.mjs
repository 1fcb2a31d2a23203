// SPDX-License-Identifier: MPL-2.0
// Modules of the package under test. Environment: ROOST_JAVASCRIPT (the folder of the package),
// ROOST_SOURCE (the repository), ROOST_TEST_ALL=1 (more random games).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export const load = (name) => import(pathToFileURL(join(process.env.ROOST_JAVASCRIPT, 'src', name)));
export const source = (...path) => readFileSync(join(process.env.ROOST_SOURCE, ...path), 'utf8');
export const GAMES = process.env.ROOST_TEST_ALL === '1' ? 20_000 : 500;

/** Numbers from a seed (mulberry32): a game that went wrong can be played again. */
export function randomOf(seed) {
    let state = seed >>> 0;
    return (below) => {
        state = (state + 0x6d2b79f5) >>> 0;
        let value = Math.imul(state ^ (state >>> 15), state | 1);
        value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
        return ((value ^ (value >>> 14)) >>> 0) % below;
    };
}

/** A deferred that counts its answers: a second one is an error. */
export class Answer {
    results = [];

    settle(result) {
        if (this.results.length)
            throw new Error('answered twice');
        this.results.push(result);
    }

    get isDone() {
        return this.results.length > 0;
    }

    get result() {
        return this.results[0];
    }
}
