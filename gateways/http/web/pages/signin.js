// SPDX-License-Identifier: MPL-2.0
/**
 * Who is asking: an account with its password, or a name without an account where the broker allows it.
 * What comes back is a token, kept in this tab only.
 */
import {get, signIn, usePeer, who, API} from "/api.js";
import {span} from "/format.js";
import {link} from "/router.js";
import {h, setText} from "/ui/dom.js";
import {card, field, pageHead} from "/ui/parts.js";

export const title = "Sign in";

/** What to do about it. @param {any} error */
function advice(error) {
    if (error.name === "LOCKED_OUT")
        return `${error.message}${error.retry_after_ms ? ` Next try in ${span(error.retry_after_ms)}.` : ""}`;
    if (error.status === 0)
        return "The broker does not answer. Is roostd running?";
    return error.message;
}

/** @param {Element} root @param {any} ctx */
export function mount(root, ctx) {
    const user = h("input", {type: "text", autocomplete: "username", required: true, maxlength: "255", dir: "auto"});
    const password = h("input", {type: "password", autocomplete: "current-password", required: true, maxlength: "1024"});
    const peer = h("input", {type: "text", value: who.peer, maxlength: "255", required: true, dir: "auto", autocomplete: "off"});
    const problem = h("p", {class: "hint", role: "alert"});
    const nobody = h("p", {class: "hint", role: "alert"});
    const submit = h("button", {type: "submit", class: "primary"}, "Sign in");

    function enter() {
        const {then} = ctx.route.query;
        window.dispatchEvent(new CustomEvent("roost:entered", {detail: {then: then && !then.startsWith("#/signin") ? then : link("overview")}}));
    }

    /** @param {Event} event */
    async function withAccount(event) {
        event.preventDefault();
        submit.disabled = true;
        setText(problem, "");
        try {
            await signIn(user.value.trim(), password.value);
            enter();
        } catch (error) {
            setText(problem, advice(error));
            password.select();
        } finally {
            submit.disabled = false;
        }
    }

    /** @param {Event} event */
    async function without(event) {
        event.preventDefault();
        setText(nobody, "");
        usePeer(peer.value.trim());
        try {
            await get(`${API}/me`);
            enter();
        } catch (/** @type {any} */ error) {
            setText(nobody, error.status === 401 || error.status === 403 ? `${error.message} Here this name needs its account.` : advice(error));
        }
    }

    root.append(h("div", {class: "signin"}, pageHead("Sign in"),
        card("With an account", h("form", {class: "form", on: {submit: withAccount}}, field("Name", user), field("Password", password), problem, h("div", {class: "form-buttons"}, submit))),
        h("p", {class: "rule-or", "aria-hidden": "true"}, "or"),
        card("Without an account", h("form", {class: "form", on: {submit: without}}, field("Name", peer, "Allowed where every listener of the broker is on this machine. Others see you as unverified."), nobody,
            h("div", {class: "form-buttons"}, h("button", {type: "submit"}, "Use without an account"))))));
    queueMicrotask(() => user.focus());
}

