// SPDX-License-Identifier: MPL-2.0
/**
 * Server-sent events out of a text stream: pure, fed with whatever pieces the network delivers.
 * EventSource is not used because it cannot carry an Authorization header.
 */

/**
 * @typedef {{type: string, data: string, id: string}} SseEvent
 * @param {(event: SseEvent) => void} onEvent
 * @returns {(piece: string) => void}
 */
export function sseParser(onEvent) {
    let rest = "", type = "", id = "";
    /** @type {string[]} */
    let data = [];

    function line(text) {
        if (text === "") {
            if (data.length)
                onEvent({type: type || "message", data: data.join("\n"), id});
            type = "";
            data = [];
            return;
        }
        const colon = text.indexOf(":");
        const field = colon < 0 ? text : text.slice(0, colon);
        const value = colon < 0 ? "" : text.slice(colon + 1).replace(/^ /, "");
        if (field === "data")
            data.push(value);
        else if (field === "event")
            type = value;
        else if (field === "id")
            id = value;
    }

    return piece => {
        rest += piece;
        const lines = rest.split(/\r\n|\n|\r(?!$)/);
        rest = lines.pop() ?? "";
        for (const text of lines)
            line(text);
    };
}
