// SPDX-License-Identifier: MPL-2.0
/**
 * Native dialogs: showing something, and asking before something is destroyed. The browser keeps the
 * focus inside, closes with Escape and gives the focus back.
 */
import {h, uniqueId} from "/ui/dom.js";
import {icon} from "/ui/icons.js";

/**
 * @param {string} title @param {Node|Node[]} content @param {{className?: string}} [options]
 * @returns {HTMLDialogElement}
 */
export function openDialog(title, content, options = {}) {
    const id = uniqueId("dialog");
    /** @type {HTMLDialogElement} */
    const dialog = h("dialog", {class: `dialog ${options.className ?? ""}`, "aria-labelledby": id},
        h("header", {class: "dialog-head"},
            h("h2", {id}, title),
            h("button", {type: "button", class: "quiet icon-button", "aria-label": "Close",
                on: {click: () => dialog.close()}}, icon("close"))),
        h("div", {class: "dialog-body"}, content));
    return show(dialog);
}

/** @param {HTMLDialogElement} dialog */
function show(dialog) {
    dialog.addEventListener("close", () => dialog.remove());
    dialog.addEventListener("click", event => {
        if (event.target === dialog)
            dialog.close();
    });
    document.body.append(dialog);
    dialog.showModal();
    return dialog;
}

/**
 * Asks; true only when the named button was chosen. Where something is destroyed, the button that
 * destroys is not the one Enter presses.
 * @param {{title: string, text: (string|Node)[], verb: string, destroys?: boolean}} question
 * @returns {Promise<boolean>}
 */
export function ask(question) {
    const id = uniqueId("ask"), described = uniqueId("ask");
    let answer = false;
    const cancel = h("button", {type: "button", autofocus: true, on: {click: () => dialog.close()}}, "Keep as it is");
    const act = h("button", {
        type: "button", class: question.destroys === false ? "primary" : "danger",
        on: {click: () => { answer = true; dialog.close(); }},
    }, question.verb);
    /** @type {HTMLDialogElement} */
    const dialog = h("dialog", {class: "dialog ask", role: "alertdialog", "aria-labelledby": id, "aria-describedby": described},
        h("h2", {id}, question.title),
        h("div", {class: "ask-text", id: described}, question.text.map(text => h("p", null, text))),
        h("footer", {class: "ask-buttons"}, cancel, act));
    return new Promise(resolve => {
        dialog.addEventListener("close", () => resolve(answer));
        show(dialog);
        cancel.focus();
    });
}
