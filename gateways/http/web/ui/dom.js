// SPDX-License-Identifier: MPL-2.0
/**
 * The whole "framework": making elements and changing them as little as possible.
 *
 * Text reaches the page only as text nodes and attributes, never as markup, so a name or a body can
 * hold anything. What is written here changes nothing that is already right: selection, focus and a
 * screen reader's place survive every update.
 */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @typedef {Node|string|number|null|undefined|false|Array<any>} Child
 */

/** @param {Element} element @param {Record<string, any>} props */
function setProps(element, props) {
    for (const [name, value] of Object.entries(props)) {
        if (value === null || value === undefined || value === false)
            continue;
        if (name === "on") {
            for (const [type, listener] of Object.entries(value))
                element.addEventListener(type, listener);
        } else if (name === "data") {
            Object.assign(/** @type {HTMLElement} */ (element).dataset, value);
        } else if (name === "style") {
            for (const [property, text] of Object.entries(value))
                /** @type {HTMLElement} */ (element).style.setProperty(property, String(text));
        } else if (name === "value" || name === "checked" || name === "selected") {
            /** @type {any} */ (element)[name] = value;
        } else {
            element.setAttribute(name, value === true ? "" : String(value));
        }
    }
}

/** @param {Element} element @param {Child[]} children */
function append(element, children) {
    for (const child of children) {
        if (child === null || child === undefined || child === false)
            continue;
        if (Array.isArray(child))
            append(element, child);
        else
            element.append(child instanceof Node ? child : String(child));
    }
}

/**
 * An HTML element: h("p", {class: "note"}, "text", node, [more]).
 * @param {string} tag @param {Record<string, any>|null} [props] @param {...Child} children
 * @returns {any}
 */
export function h(tag, props, ...children) {
    const element = document.createElement(tag);
    if (props)
        setProps(element, props);
    append(element, children);
    return element;
}

/**
 * An SVG element.
 * @param {string} tag @param {Record<string, any>|null} [props] @param {...Child} children
 * @returns {any}
 */
export function svg(tag, props, ...children) {
    const element = document.createElementNS(SVG, tag);
    if (props)
        setProps(element, props);
    append(element, children);
    return element;
}

/** Writes text only where it differs. @param {Node} node @param {string|number} value */
export function setText(node, value) {
    const text = String(value);
    if (node.textContent !== text)
        node.textContent = text;
}

/** @param {Element} element @param {string} name @param {string|number|boolean|null} value */
export function setAttr(element, name, value) {
    if (value === null || value === false) {
        if (element.hasAttribute(name))
            element.removeAttribute(name);
        return;
    }
    const text = value === true ? "" : String(value);
    if (element.getAttribute(name) !== text)
        element.setAttribute(name, text);
}

/** @param {Element} element @param {...Child} children */
export function replace(element, ...children) {
    element.replaceChildren();
    append(element, children);
}

/**
 * Keeps the children of a list right, one node per item, made once and then updated.
 * @template T
 * @param {Element} parent @param {T[]} items @param {(item: T) => string} idOf
 * @param {(item: T) => any} make @param {(node: any, item: T) => void} [update]
 */
export function keep(parent, items, idOf, make, update) {
    /** @type {Map<string, Element>} */
    const known = /** @type {any} */ (parent).kept ?? new Map();
    /** @type {Map<string, Element>} */
    const next = new Map();
    let at = parent.firstElementChild;
    for (const item of items) {
        const id = idOf(item);
        if (next.has(id))
            continue;
        const node = known.get(id) ?? make(item);
        if (update)
            update(node, item);
        next.set(id, node);
        if (node === at)
            at = at.nextElementSibling;
        else
            parent.insertBefore(node, at);
    }
    for (const [id, node] of known) {
        if (!next.has(id))
            node.remove();
    }
    /** @type {any} */ (parent).kept = next;
}

/** A name of somebody, isolated so that right-to-left letters disturb nothing beside them. */
export function name(text, className = "") {
    return h("bdi", {class: `name ${className}`.trim(), dir: "auto"}, text);
}

/**
 * However often it is asked for, it is done once per frame.
 * @param {() => void} draw @param {AbortSignal} signal
 */
export function oncePerFrame(draw, signal) {
    let isAsked = false;
    return () => {
        if (isAsked)
            return;
        isAsked = true;
        requestAnimationFrame(() => {
            isAsked = false;
            if (!signal.aborted)
                draw();
        });
    };
}

/** An id that no other element of the page has. */
let last = 0;
export function uniqueId(prefix = "u") {
    last += 1;
    return `${prefix}${last}`;
}
