// SPDX-License-Identifier: MPL-2.0
/**
 * Which page is shown: #/page/part/part?key=value. Pure but for location.hash.
 */

/** @typedef {{page: string, parts: string[], query: Record<string, string>}} Route */

/** @param {string} hash @returns {Route} */
export function parseRoute(hash) {
    const [path, search = ""] = hash.replace(/^#\/?/, "").split("?");
    const parts = path.split("/").map(part => {
        try {
            return decodeURIComponent(part);
        } catch {
            return part;
        }
    });
    return {
        page: parts[0] || "overview",
        parts: parts.slice(1).filter(Boolean),
        query: Object.fromEntries(new URLSearchParams(search)),
    };
}

/** @param {string} page @param {string[]} [parts] @param {Record<string, any>} [query] */
export function link(page, parts = [], query = {}) {
    const path = [page, ...parts].map(encodeURIComponent).join("/");
    const search = new URLSearchParams();
    for (const [key, value] of Object.entries(query)) {
        if (value !== undefined && value !== null && value !== "" && value !== false)
            search.set(key, String(value));
    }
    const text = search.toString();
    return `#/${path}${text ? `?${text}` : ""}`;
}

/** Where a scope has its page. @param {string} scope */
export function scopeLink(scope) {
    const colon = scope.indexOf(":");
    const kind = scope.slice(0, colon), name = scope.slice(colon + 1);
    if (kind === "peer")
        return link("peers", [name]);
    return kind === "room" ? link("rooms", [name]) : link("waiting", [scope]);
}

/** @param {string} hash */
export function go(hash) {
    location.hash = hash;
}

/** Changes the query of the page shown without a new entry in the history. @param {Record<string, any>} query */
export function setQuery(query) {
    const route = parseRoute(location.hash);
    history.replaceState(null, "", link(route.page, route.parts, {...route.query, ...query}));
}
