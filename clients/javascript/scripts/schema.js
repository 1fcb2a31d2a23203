// SPDX-License-Identifier: MPL-2.0
// Puts a copy of the repository's schema into the package while it is packed, and takes it away
// again: it is not kept twice. usage: node scripts/schema.js copy|remove
import { copyFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const path = (place) => fileURLToPath(new URL(place, import.meta.url));
const COPY = path('../broker.proto');
const ACTIONS = {
    copy: () => copyFileSync(path('../../../proto/wire/broker.proto'), COPY),
    remove: () => rmSync(COPY, { force: true }),
};

const action = ACTIONS[process.argv[2]];
if (action === undefined) {
    console.error('usage: node scripts/schema.js copy|remove');
    process.exit(2);
}
action();
