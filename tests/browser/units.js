// SPDX-License-Identifier: MPL-2.0
// The pure parts of the dashboard, asked in the browser: formats, the arithmetic of charts, routes, the
// parser of the stream, the bounds of what is kept. runUnits() gives the names of all and what failed.

function same(got, wanted) {
    const a = JSON.stringify(got), b = JSON.stringify(wanted);
    if (a !== b)
        throw new Error(`got ${a}, wanted ${b}`);
}

const units = {
    async "counts"() {
        const {count, compact, plural} = await import("/format.js");
        same([count(1234567), count(NaN), count(0)], ["1,234,567", "–", "0"]);
        same([compact(999), compact(9999), compact(10_000), compact(1_250_000), compact(0.25), compact(3e9)], ["999", "9,999", "10k", "1.25M", "0.25", "3G"]);
        same([plural(1, "entry", "entries"), plural(2000, "peer")], ["1 entry", "2,000 peers"]);
    },
    async "sizes and times"() {
        const {bytes, micros, span, relative, percent} = await import("/format.js");
        same([bytes(0), bytes(1023), bytes(1536), bytes(8 * 1024 ** 3)], ["0 B", "1023 B", "1.5 KiB", "8 GiB"]);
        same([micros(0), micros(950), micros(1250), micros(2_500_000)], ["0 µs", "950 µs", "1.25 ms", "2.5 s"]);
        same([span(12), span(1500), span(61_000), span(3_600_000), span(90_061_000)], ["12 ms", "1.5 s", "1 min 1 s", "1 h", "1 d 1 h"]);
        const now = 1_700_000_000_000;
        same([relative(now, now), relative(now - 65_000, now), relative(now + 7_200_000, now), relative(0, now)], ["now", "1 min ago", "in 2 h", "–"]);
        same([percent(0.004), percent(0.5), percent(1), percent(NaN)], ["0.4 %", "50 %", "100 %", "–"]);
    },
    async "bytes of bodies"() {
        const {hexDump, parseHex, toBase64, fromBase64, excerpt, messageId, shortId} = await import("/format.js");
        const data = Uint8Array.from({length: 300}, (_, at) => at & 255);
        same([...fromBase64(toBase64(data))], [...data]);
        same([...parseHex("00 ff:1A")], [0, 255, 26]);
        same([parseHex("0"), parseHex("zz")], [null, null]);
        same(hexDump(new TextEncoder().encode("roost\n")).includes("72 6f 6f 73 74 0a"), true);
        same(hexDump(data, 32).split("\n").pop(), "… 268 more bytes");
        same(excerpt("a\n\n b 👍🏽".repeat(2), 4), "a b …");
        same(messageId(" 0190AAAA-bbbb-7000-8000-0123456789ab "), "0190aaaa-bbbb-7000-8000-0123456789ab");
        same([messageId("soup"), messageId("0190aaaabbbb700080000123456789ab")], [null, "0190aaaa-bbbb-7000-8000-0123456789ab"]);
        same(shortId("0190aaaa-bbbb-7000-8000-0123456789ab"), "0190aaaa…89ab");
    },
    async "ticks"() {
        const {niceTicks, wholeTicks, nearest, thin, summary, timeTicks, heatShare, windowOf} = await import("/charts/scale.js");
        same(niceTicks(0), [0, 1]);
        same(niceTicks(NaN), [0, 1]);
        same(niceTicks(9, 3), [0, 5, 10]);
        same(niceTicks(1400, 3), [0, 500, 1000, 1500]);
        same(niceTicks(3000, 3, 1024), [0, 1024, 2048, 3072]);
        for (const max of [0.001, 0.7, 1, 7, 99, 100, 101, 12345, 9e9]) {
            const ticks = niceTicks(max);
            if (ticks[ticks.length - 1] < max || ticks.length > 6 || ticks.some(tick => !Number.isFinite(tick)))
                throw new Error(`ticks of ${max}: ${ticks}`);
        }
        same(wholeTicks(niceTicks(1, 3)).every(Number.isInteger), true);
        same([nearest([0, 10, 20], 4), nearest([0, 10, 20], 6), nearest([0, 10, 20], 99), nearest([], 5)], [0, 1, 2, 0]);
        same(thin([1, 2, 3, 4, 5], 2), [5, 3, 1]);
        same(summary([NaN, 2, 4]), {last: 4, max: 4, mean: 3, count: 2});
        same([windowOf([]), windowOf([0, 59_000]), windowOf([0, 61_000]), windowOf([0, 599_000])], [60_000, 60_000, 120_000, 600_000]);
        same(timeTicks(600_000, 500).map(tick => tick.label).slice(0, 2), ["now", "−2 min"]);
        same([heatShare(0, 9), heatShare(9, 9)], [0, 1]);
    },
    async "lines"() {
        const {linePath, areaPath} = await import("/charts/scale.js");
        const place = value => 100 - value;
        same(linePath([0, 10, 20], [1, 2, 3], place), "M0 99L10 98L20 97");
        same(linePath([0, 10, 20], [1, NaN, 3], place), "M0 99h0.1M20 97h0.1");
        same(areaPath("M0 99h0.1", 100), "M0 100L0 99h0.1L0 100Z");
        same(linePath([0, 10, 90], [1, 2, 3], place, {gap: 20}), "M0 99L10 98M90 97h0.1");
        same(linePath([0, 10], [1, 2], place, {step: true}), "M0 99H10V98");
        same(areaPath("M0 99L10 98", 100), "M0 100L0 99L10 98L10 100Z");
        same(areaPath("M0 99H10V98", 100), "M0 100L0 99H10V98L10 100Z");
        same(areaPath("", 100), "");
    },
    async "routes"() {
        const {parseRoute, link, scopeLink} = await import("/router.js");
        same(parseRoute(""), {page: "overview", parts: [], query: {}});
        const names = ["lan:小明@PC/1", "a?b=c&d", "100%", "#x", "مريم"];
        for (const name of names)
            same(parseRoute(link("peers", [name], {state: "dead", none: ""})), {page: "peers", parts: [name], query: {state: "dead"}});
        same(parseRoute("#/peers/%zz").parts, ["%zz"]);
        same(scopeLink("peer:lan:zhang@PC"), "#/peers/lan%3Azhang%40PC");
        same(scopeLink("queue:a/b"), "#/waiting/queue%3Aa%2Fb");
    },
    async "the parser of events"() {
        const {sseParser} = await import("/sse.js");
        const text = ": hello\n\nevent: sample\nid: b.1\ndata: {\"a\":1}\n\ndata: one\r\ndata: two\r\n\r\nid: b.2\nevent: log\ndata:x\n\n";
        for (const size of [1, 2, 3, 7, 1000]) {
            const seen = [];
            const feed = sseParser(event => seen.push(event));
            for (let at = 0; at < text.length; at += size)
                feed(text.slice(at, at + size));
            same(seen, [{type: "sample", data: "{\"a\":1}", id: "b.1"}, {type: "message", data: "one\ntwo", id: "b.1"}, {type: "log", data: "x", id: "b.2"}]);
        }
    },
    async "lists are kept in order and reused"() {
        const {h, keep} = await import("/ui/dom.js");
        const list = h("ul");
        const make = item => h("li", null, item);
        keep(list, ["a", "b", "c"], one => one, make);
        const b = list.children[1];
        keep(list, ["c", "b", "d", "b"], one => one, make);
        same([...list.children].map(one => one.textContent), ["c", "b", "d"]);
        same(list.children[1] === b, true);
    },
    async "text is never markup"() {
        const {h, name} = await import("/ui/dom.js");
        const evil = "<img src=x onerror=alert(1)>";
        const element = h("p", {title: evil}, evil, name(evil));
        same(element.querySelector("img"), null);
        same(element.textContent, evil + evil);
    },
    async "cells are written only when they change"() {
        const {dataTable} = await import("/ui/table.js");
        const table = dataTable({caption: "t", id: row => row.id, columns: [{label: "a", head: true, cell: row => row.id}, {label: "b", cell: row => String(row.b)}]});
        table.update([{id: "x", b: 1}, {id: "y", b: 2}]);
        const cells = [...table.el.querySelectorAll("tbody td")], texts = cells.map(cell => cell.firstChild);
        table.update([{id: "y", b: 3}, {id: "x", b: 1}]);
        const after = [...table.el.querySelectorAll("tbody td")];
        same(after.map(cell => cell.textContent), ["3", "1"]);
        same([after[1] === cells[0], after[1].firstChild === texts[0]], [true, true]);
    },
    async "what is kept has an end"() {
        const {state, takeOverview, takeSample, SAMPLES_MAX} = await import("/state.js");
        const before = {overview: state.overview, samples: state.samples, heat: state.heat};
        const at = Array.from({length: SAMPLES_MAX + 50}, (_, n) => n + 1);
        takeOverview({now_ms: Date.now(), totals: {}, alarms: [], health: {state: "ok", sentence: ""}, samples: {interval_ms: 1000, at_ms: at, stored: at}, commit_heat: {bounds_us: [1], rows: at.map(() => [0])}});
        for (let n = 0; n < 30; n++)
            takeSample({at_ms: 10_000 + n, stored: n});
        takeSample({at_ms: 5, stored: 1});
        same([state.samples.at.length, state.samples.values.stored.length, state.heat.rows.length], [SAMPLES_MAX, SAMPLES_MAX, SAMPLES_MAX]);
        same(state.samples.values.stored[SAMPLES_MAX - 1], 29);
        Object.assign(state, before);
    },
};

async function runUnits() {
    const failed = [];
    for (const [name, unit] of Object.entries(units)) {
        try {
            await unit();
        } catch (error) {
            failed.push(`${name}: ${error.message}`);
        }
    }
    return {names: Object.keys(units), failed};
}
