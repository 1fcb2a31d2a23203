// SPDX-License-Identifier: MPL-2.0
// Looks for barriers in the page as it is now: names, labels, headings, landmarks, tables, contrast,
// sideways scrolling. findBarriers() gives a list of sentences, empty when there are none.

function isShown(element) {
    return element.checkVisibility({opacityProperty: false, visibilityProperty: true}) &&
        !element.closest(".unseen, [aria-hidden='true']");
}

function nameOf(element) {
    const labelled = element.getAttribute("aria-labelledby");
    if (labelled)
        return labelled.split(" ").map(id => document.getElementById(id)?.textContent ?? "").join(" ").trim();
    return (element.getAttribute("aria-label") || element.labels?.[0]?.textContent || element.textContent ||
        element.getAttribute("title") || "").trim();
}

function tell(element) {
    const text = element.textContent.trim().slice(0, 40);
    return `<${element.tagName.toLowerCase()} class="${element.getAttribute("class") ?? ""}"> ${text}`;
}

// ---------------------------------------------------------------- names, structure

function unnamed() {
    const controls = document.querySelectorAll("a[href], button, input, select, textarea, [role='img'], [role='region'], [role='log'], dialog, nav, section");
    return [...controls].filter(one => isShown(one) && !nameOf(one)).map(one => `without a name: ${tell(one)}`);
}

function headings() {
    const found = [], all = [...document.querySelectorAll("main h1, main h2, main h3, main h4")].filter(isShown);
    const tops = all.filter(one => one.tagName === "H1").length;
    if (tops !== 1)
        found.push(`${tops} first headings`);
    let before = 0;
    for (const one of all) {
        const level = Number(one.tagName[1]);
        if (before && level > before + 1 && !one.closest("figure"))
            found.push(`heading jumps from ${before} to ${level}: ${tell(one)}`);
        before = level;
    }
    return found;
}

function landmarks() {
    const found = [];
    for (const [selector, name] of [["body > header", "header"], ["nav[aria-label]", "navigation"], ["main#main", "main"], ["[role='status']", "live region"], [".skip", "skip link"]]) {
        if (!document.querySelector(selector))
            found.push(`no ${name}`);
    }
    if (!document.documentElement.lang)
        found.push("no language");
    if (!document.title)
        found.push("no title");
    return found;
}

function tables() {
    const found = [];
    for (const table of document.querySelectorAll("table")) {
        if (!table.caption?.textContent.trim())
            found.push(`table without a caption: ${tell(table)}`);
        for (const head of table.querySelectorAll("th")) {
            if (!head.getAttribute("scope"))
                found.push(`head without a scope: ${tell(head)}`);
        }
        for (const row of table.querySelectorAll("tbody tr")) {
            if (!row.querySelector("th[scope='row']"))
                found.push(`row that nothing names: ${tell(row)}`);
        }
    }
    return found;
}

function references() {
    const found = [], ids = new Map();
    for (const one of document.querySelectorAll("[id]"))
        ids.set(one.id, (ids.get(one.id) ?? 0) + 1);
    for (const [id, times] of ids) {
        if (times > 1)
            found.push(`id ${id} is there ${times} times`);
    }
    for (const name of ["aria-labelledby", "aria-describedby", "aria-controls", "for", "list"]) {
        for (const one of document.querySelectorAll(`[${name}]`)) {
            for (const id of one.getAttribute(name).split(" ")) {
                if (!ids.has(id))
                    found.push(`${name} leads nowhere: ${tell(one)}`);
            }
        }
    }
    for (const one of document.querySelectorAll("[tabindex]")) {
        if (one.tabIndex > 0)
            found.push(`order of the keyboard is forced: ${tell(one)}`);
    }
    return found;
}

// ---------------------------------------------------------------- contrast

function parts(colour) {
    const numbers = colour.match(/-?[\d.]+(e-?\d+)?%?/g)?.map(Number) ?? [0, 0, 0, 0];
    const scale = colour.startsWith("color(") ? 255 : 1;
    return {rgb: numbers.slice(0, 3).map(value => value * scale), alpha: numbers[3] ?? 1};
}

function over(front, back) {
    return {rgb: front.rgb.map((value, at) => value * front.alpha + back.rgb[at] * (1 - front.alpha)), alpha: 1};
}

function ground(element) {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
        const layer = parts(getComputedStyle(at).backgroundColor);
        layers.push(layer);
        if (layer.alpha === 1)
            break;
    }
    return layers.reverse().reduce((below, layer) => over(layer, below), {rgb: [255, 255, 255], alpha: 1});
}

function luminance({rgb}) {
    const [r, g, b] = rgb.map(value => {
        const share = value / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast() {
    const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const done = new Set();
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        if (!walker.currentNode.textContent.trim() || done.has(element) || !isShown(element) || element.closest("noscript, [disabled], option"))
            continue;
        done.add(element);
        const style = getComputedStyle(element), back = ground(element);
        const isSvg = element instanceof SVGElement;
        const front = over(parts(isSvg ? style.fill : style.color), back);
        const light = [luminance(front), luminance(back)].sort((a, b) => b - a);
        const ratio = (light[0] + 0.05) / (light[1] + 0.05);
        const size = parseFloat(style.fontSize), isLarge = size >= 24 || (size >= 18.5 && Number(style.fontWeight) >= 700);
        if (ratio < (isLarge ? 3 : 4.5))
            found.push(`contrast ${ratio.toFixed(2)}: ${tell(element)}`);
    }
    return found;
}

// ---------------------------------------------------------------- room

function overflow() {
    const wide = document.documentElement.scrollWidth - innerWidth;
    return wide > 1 ? [`the page scrolls sideways by ${wide} pixels at ${innerWidth}`] : [];
}

function findBarriers() {
    return [unnamed, headings, landmarks, tables, references, contrast, overflow].flatMap(check => check());
}
