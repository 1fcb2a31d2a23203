// SPDX-License-Identifier: MPL-2.0
/**
 * Everybody the broker has met: who is there, since when, from where; by name or by IP address. With a
 * name in the address it is the page of that peer.
 */
import {get, path, API} from "/api.js";
import {count, percent} from "/format.js";
import {link, setQuery} from "/router.js";
import {h, name, setText} from "/ui/dom.js";
import {pagedList} from "/ui/list.js";
import {card, pageHead, presence, select, timeAgo, unverified} from "/ui/parts.js";
import {empty} from "/ui/states.js";
import {dataTable} from "/ui/table.js";
import {mountPeer} from "/pages/peer.js";

export const title = "Peers";

/** @type {Record<string, string>} */
const KINDS = {zmq: "ZeroMQ", tcp: "Lair Chat", ipmsg: "local network", http: "HTTP"};

/** @param {any} peer */
export function peerName(peer) {
    return h("a", {href: link("peers", [peer.name]), class: "name", dir: "auto", title: peer.name}, peer.label || peer.display_name || peer.name);
}

function peerTable() {
    return dataTable({
        caption: "Peers", id: peer => peer.name,
        columns: [
            {label: "Peer", head: true, className: "name-cell", cell: peer => [peer.name + peer.label + peer.is_verified, () => h("span", null, peerName(peer),
                peer.is_verified ? null : [" ", unverified()])]},
            {label: "State", cell: peer => [String(peer.is_online), () => presence(peer.is_online)]},
            {label: "Last seen", cell: peer => [String(peer.last_seen_ms), () => timeAgo(peer.last_seen_ms)]},
            {label: "By", rank: 2, cell: peer => KINDS[peer.kind] ?? peer.kind ?? ""},
            {label: "Address", rank: 2, cell: peer => peer.addresses?.[0]?.address ?? "", title: peer => (peer.addresses ?? []).map((/** @type {any} */ one) => one.address).join("\n")},
            {label: "Host", rank: 3, cell: peer => peer.host_name ?? ""},
            {label: "Connections", align: "end", rank: 3, cell: peer => count(peer.connections)},
            {label: "Reliability", align: "end", rank: 3, cell: peer => percent((peer.reliability_ppm ?? 0) / 1e6)},
        ],
    });
}

/** @param {Element} root @param {any} ctx */
export function mount(root, ctx) {
    if (ctx.route.parts[0]) {
        mountPeer(root, ctx, ctx.route.parts[0]);
        return;
    }
    const {query} = ctx.route;
    const filter = {who: query.who ?? "all", find: query.find ?? ""};
    const said = h("p", {class: "card-note", role: "status"});
    const search = h("input", {type: "search", value: filter.find, placeholder: "Name or IP address", "aria-label": "Find a peer by its name or IP address", autocomplete: "off", spellcheck: "false"});
    const online = select([["all", "Everybody"], ["online", "Online"]], filter.who, {"aria-label": "Who is shown"});

    const list = pagedList({
        signal: ctx.signal, what: "peer", table: peerTable(),
        fetch: page => find(filter, page, ctx.signal),
        empty: () => filter.find || filter.who !== "all"
            ? empty("Nobody like that", "Names are looked up in full; addresses are IPv4 or IPv6 without a port.")
            : empty("The broker has met nobody yet", "Whoever says HELLO appears here. A first message can be sent from this page.", h("a", {class: "button", href: link("tryit")}, "Try it")),
    });

    function change() {
        filter.who = online.value;
        filter.find = search.value.trim();
        setQuery({who: filter.who === "all" ? "" : filter.who, find: filter.find});
        void list.reset();
    }
    online.addEventListener("change", change);
    search.addEventListener("change", change);
    search.addEventListener("search", change);

    root.append(pageHead("Peers", "Everybody the broker has met. An unverified one has proved nothing."),
        card("Directory", [h("div", {class: "filters"}, search, online), list.el], {className: "is-flush", note: said}));

    ctx.poll(list.refresh, 5000);
    ctx.poll(async () => setText(said, statistics(await get(`${API}/peers/statistics`, {}, ctx.signal))), 5000);
    ctx.on("presence", () => void list.refresh());
}

/** @param {any} answer GET /peers/statistics */
function statistics(answer) {
    const numbers = answer.items ? Object.fromEntries(answer.items.map((/** @type {any} */ one) => [one.name, one.value])) : answer;
    return `${count(numbers.online)} of ${count(numbers.total)} online, ${count(numbers.unverified)} unverified, ${count(numbers.lan)} on the local network`;
}

/** @param {{who: string, find: string}} filter @param {any} page @param {AbortSignal} signal */
async function find(filter, page, signal) {
    const isAddress = /^[0-9a-f:.]*[.:][0-9a-f:.]+$/i.test(filter.find);
    if (filter.find && !isAddress) {
        const peer = await get(path`/peers/${filter.find}`, {}, signal).catch(error => {
            if (error.status === 404)
                return null;
            throw error;
        });
        return {items: peer ? [peer] : [], next: null};
    }
    return get(`${API}/peers`, {...page, online: filter.who === "online" ? "true" : "", address: filter.find}, signal);
}

