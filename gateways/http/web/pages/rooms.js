// SPDX-License-Identifier: MPL-2.0
/**
 * The rooms, and one room live: what was said, what is being said, who is a member.
 */
import {get, post, API} from "/api.js";
import {count} from "/format.js";
import {go, link} from "/router.js";
import {ask} from "/ui/dialog.js";
import {h, name} from "/ui/dom.js";
import {pagedList} from "/ui/list.js";
import {attempt} from "/ui/notice.js";
import {badge, button, card, field, pageHead, select, timeAgo} from "/ui/parts.js";
import {empty} from "/ui/states.js";
import {dataTable} from "/ui/table.js";
import {mountRoom} from "/pages/room.js";

export const title = "Rooms";

/** @param {string} text */
const bare = text => text.replace(/^room:/, "");

function roomTable() {
    return dataTable({
        caption: "Rooms", id: room => room.name,
        columns: [
            {label: "Room", head: true, className: "name-cell", cell: room => [room.name + room.display_name, () => h("a", {href: link("rooms", [bare(room.name)])}, name(room.display_name || bare(room.name)))]},
            {label: "Topic", rank: 2, className: "body-cell", cell: room => [room.topic ?? "", () => h("span", {dir: "auto"}, room.topic ?? "")]},
            {label: "Privacy", cell: room => [room.privacy + room.is_archived, () => h("span", null, badge(room.privacy, room.privacy === "private" ? "warn" : "none"), room.is_archived ? [" ", badge("archived")] : null)]},
            {label: "Members", align: "end", cell: room => count(room.members)},
            {label: "Your role", rank: 3, cell: room => room.my_role && room.my_role !== "room_role_none" && room.my_role !== "none" ? room.my_role : ""},
            {label: "Created by", rank: 3, className: "name-cell", cell: room => room.creator ?? ""},
            {label: "Created", rank: 2, cell: room => [String(room.created_ms), () => timeAgo(room.created_ms)]},
        ],
    });
}

async function create() {
    const input = h("input", {type: "text", maxlength: "255", required: true});
    const topic = h("input", {type: "text", maxlength: "1024"});
    const privacy = select([["public", "public: everybody may join"], ["private", "private: by invitation"], ["open", "open: no joining needed"]], "public");
    const form = h("div", {class: "form"}, field("Name", input), field("Topic", topic), field("Who may come in", privacy));
    const answer = await ask({title: "New room", text: [form], verb: "Create", destroys: false});
    const wanted = input.value.trim();
    if (answer && wanted && await attempt(() => post(`${API}/rooms`, {name: wanted, topic: topic.value, privacy: privacy.value}).then(() => true), () => `The room ${wanted} exists now.`))
        go(link("rooms", [wanted]));
}

/** @param {Element} root @param {any} ctx */
export function mount(root, ctx) {
    if (ctx.route.parts[0]) {
        mountRoom(root, ctx, ctx.route.parts[0]);
        return;
    }
    const list = pagedList({
        signal: ctx.signal, what: "room", table: roomTable(), fetch: page => get(`${API}/rooms`, page, ctx.signal),
        empty: () => empty("No rooms yet", "A room keeps what is said in it for each of its members, also those who are away."),
    });
    root.append(pageHead("Rooms", "Those you may see.", [button("New room…", () => void create())]),
        card("All rooms", list.el, {className: "is-flush"}));
    ctx.poll(list.refresh, 3000);
}
