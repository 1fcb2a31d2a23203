// SPDX-License-Identifier: MPL-2.0
/**
 * What is shown where there is nothing to show: loading, empty, failed, not allowed. Every failure
 * says what to do about it.
 */
import {h} from "/ui/dom.js";
import {icon} from "/ui/icons.js";
import {link} from "/router.js";

/** @param {string} [label] */
export function loading(label = "Loading") {
    return h("div", {class: "state is-loading", role: "status"}, h("span", {class: "shimmer", "aria-hidden": "true"}), `${label}…`);
}

/** @param {string} title @param {any} [text] @param {any} [action] */
export function empty(title, text = null, action = null) {
    return h("div", {class: "state is-empty"}, h("p", {class: "state-title"}, title), text && h("p", null, text), action);
}

/** What helps, by the group of the error. @param {import("/api.js").ApiError} error */
function advice(error) {
    if (error.status === 0)
        return "Is roostd running? This page tries again by itself as soon as it answers.";
    if (error.status === 401)
        return "Sign in, or choose a name without an account.";
    if (error.status === 403)
        return "This is for administrators. Sign in with an administrator's account, or add this name to security.admins.";
    if (error.status === 404 && error.code === 0)
        return "This broker does not offer that; it may be older than this page.";
    if (error.retryable || error.status >= 500)
        return "The broker is busy or short of something. Trying again in a moment usually helps; the log says more.";
    return "";
}

/** @param {any} error @param {(() => void)|null} [again] */
export function failure(error, again = null) {
    const words = advice(error);
    const signIn = error.status === 401 || error.status === 403;
    return h("div", {class: `state is-failure ${error.status === 403 ? "is-forbidden" : ""}`, role: "alert"},
        icon(signIn ? "shield" : "bad"),
        h("p", {class: "state-title", dir: "auto"}, error.message),
        words && h("p", null, words),
        error.code > 0 && h("p", {class: "state-code"}, `${error.code} ${error.name}`),
        h("p", {class: "state-actions"},
            again && h("button", {type: "button", on: {click: again}}, "Try again"),
            signIn && h("a", {class: "button", href: link("signin")}, "Sign in")));
}
