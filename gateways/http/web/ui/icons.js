// SPDX-License-Identifier: MPL-2.0
/**
 * The icons: strokes on a 16 by 16 grid, in the colour of the text beside them. They never carry a
 * meaning alone, so screen readers skip them.
 */
import {svg} from "/ui/dom.js";

/** @type {Record<string, string>} */
const PATHS = {
    overview: "M2 13.5h12M3.5 11V7.5M6.5 11V3.5M9.5 11V6M12.5 11V2.5",
    peers: "M6 7.5a2.25 2.25 0 1 0 0-4.5 2.25 2.25 0 0 0 0 4.5ZM1.8 13c.2-2.3 1.9-3.6 4.2-3.6S10 10.7 10.2 13M10.8 7.3a2 2 0 1 0-.6-3.9M12 9.6c1.4.4 2.2 1.6 2.3 3.4",
    waiting: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 4.8V8l2.2 1.6",
    dead: "M2.5 4.5h11l-1 9h-9zM6 4.5V3h4v1.5M6.3 7.5l3.4 3.5M9.7 7.5 6.3 11",
    message: "M2 4h12v8.5H2zM2 4.5l6 4.5 6-4.5",
    rooms: "M2 3h9v6.5H6L3.5 12V9.5H2zM12.5 6H14v6h-1.5v2L10 12H7.5",
    actors: "M3 3h4v4H3zM9 9h4v4H9zM7 5h4v4M5 7v4h4",
    store: "M2.5 4c0-1.2 2.5-2 5.5-2s5.5.8 5.5 2-2.5 2-5.5 2-5.5-.8-5.5-2ZM2.5 4v8c0 1.2 2.5 2 5.5 2s5.5-.8 5.5-2V4M2.5 8c0 1.2 2.5 2 5.5 2s5.5-.8 5.5-2",
    discovery: "M8 9.2a1.2 1.2 0 1 0 0-2.4 1.2 1.2 0 0 0 0 2.4ZM5.2 10.8a4 4 0 0 1 0-5.6M10.8 5.2a4 4 0 0 1 0 5.6M3.3 12.7a6.6 6.6 0 0 1 0-9.4M12.7 3.3a6.6 6.6 0 0 1 0 9.4",
    tryit: "M2 8.2 14 2.5 9.5 14 7.3 9.2z",
    log: "M2.5 3.5h11M2.5 6.5h7.5M2.5 9.5h11M2.5 12.5h5",
    account: "M8 8a2.75 2.75 0 1 0 0-5.5A2.75 2.75 0 0 0 8 8ZM2.8 14c.3-2.7 2.4-4.2 5.2-4.2s4.9 1.5 5.2 4.2",
    close: "M4 4l8 8M12 4l-8 8",
    ok: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM5.3 8.2l1.9 1.9 3.5-4",
    warn: "M8 2.2 14.5 13.5h-13zM8 6.5v3.2M8 11.6v.2",
    bad: "M5.5 2h5L14 5.5v5L10.5 14h-5L2 10.5v-5zM6 6l4 4M10 6l-4 4",
    info: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 7.3v3.7M8 5v.2",
    pause: "M5.5 3.5v9M10.5 3.5v9",
    play: "M5 3.2v9.6L12.5 8z",
    sun: "M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6ZM8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9",
    moon: "M13.5 9.7A5.8 5.8 0 0 1 6.3 2.5a5.8 5.8 0 1 0 7.2 7.2Z",
    auto: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 2v12M8 5h4.8M8 8h6M8 11h4.8",
    keys: "M1.5 4.5h13v7.5h-13zM4 7h.1M6.7 7h.1M9.3 7h.1M12 7h.1M5 9.7h6",
    table: "M2 3h12v10H2zM2 6.3h12M2 9.7h12M6.5 6.3V13",
    search: "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM10.3 10.3l3.7 3.7",
    arrow: "M6 3.5 10.5 8 6 12.5",
    signout: "M6.5 2.5H3v11h3.5M10 5l3 3-3 3M13 8H6.5",
    shield: "M8 1.8 13.3 3.6v4c0 3.3-2.2 5.5-5.3 6.6-3.1-1.1-5.3-3.3-5.3-6.6v-4z",
};

/** @param {string} name */
export function icon(name) {
    return svg("svg", {class: "icon", viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true", focusable: "false"},
        svg("path", {d: PATHS[name] ?? PATHS.info}));
}
