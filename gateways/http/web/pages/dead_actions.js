// SPDX-License-Identifier: MPL-2.0
/**
 * What can be done about dead letters: send them on their way again, or destroy them. Both ask first;
 * destroying says exactly what and how many.
 */
import {post, API} from "/api.js";
import {plural} from "/format.js";
import {h, name} from "/ui/dom.js";
import {ask} from "/ui/dialog.js";
import {attempt} from "/ui/notice.js";
import {button} from "/ui/parts.js";

/** @param {string} scope @param {string} consumer @param {string[]|null} ids null: all */
async function redrive(scope, consumer, ids) {
    return attempt(() => post(`${API}/dead/redrive`, {scope, consumer, ...(ids ? {message_ids: ids} : {all: true})}),
        answer => `${plural(answer?.count ?? 0, "message")} of ${scope} will be delivered again.`);
}

/** @param {string} scope @param {string} consumer @param {string[]|null} ids */
async function purge(scope, consumer, ids) {
    return attempt(() => post(`${API}/dead/purge`, {scope, consumer, ...(ids ? {message_ids: ids} : {all: true})}),
        answer => `${plural(answer?.count ?? 0, "dead letter")} of ${scope} destroyed.`);
}

/**
 * @param {object} options
 * @param {() => string} options.scope
 * @param {() => string} options.consumer
 * @param {() => number} options.count how many there are in all
 * @param {() => string[]} [options.chosen] ids; none: all of the consumer
 * @param {() => void} options.done
 */
export function deadActions(options) {
    const chosen = () => options.chosen?.() ?? [];
    const many = () => chosen().length || options.count();

    async function again() {
        const ids = chosen();
        const answer = await ask({title: `Deliver ${plural(many(), "message")} again?`, text: [
            h("span", null, ids.length ? "The chosen dead letters of " : "All dead letters of ", name(options.scope()), `, consumer ${options.consumer()}, become ready again with no attempts counted.`),
            "Whoever is attached gets them at once.",
        ], verb: ids.length ? `Redrive ${ids.length}` : "Redrive all", destroys: false});
        if (answer && await redrive(options.scope(), options.consumer(), ids.length ? ids : null))
            options.done();
    }

    async function destroy() {
        const ids = chosen();
        const answer = await ask({title: `Destroy ${plural(many(), "dead letter")}?`, text: [
            h("span", null, ids.length ? "The chosen dead letters of " : "All dead letters of ", name(options.scope()), `, consumer ${options.consumer()}, will never be delivered to it. This cannot be undone.`),
        ], verb: ids.length ? `Destroy ${ids.length}` : `Destroy all ${options.count()}`});
        if (answer && await purge(options.scope(), options.consumer(), ids.length ? ids : null))
            options.done();
    }

    return {el: h("div", {class: "form-buttons"},
        button("Redrive…", () => void again()), button("Purge…", () => void destroy(), {className: "danger"}))};
}
