// The live belt: draws the snapshots of one line, and moves items between them at belt speed.
"use strict";

const root = document.getElementById("line");
const lineId = root.dataset.line;
const STALE_MS = 2000;
const WORD = { new: "New", lightly_used: "Light", repairable: "Repair", salvage: "Salvage" };

// ---- recent items and counts ---------------------------------------------------------------

async function recent() {
  const query = lineId ? `?line_id=${encodeURIComponent(lineId)}` : "";
  const reply = known !== null && (await ask(`/line/recent${query}`).catch(() => null));
  const html = reply?.ok ? await reply.text().catch(() => null) : null;
  if (html && html !== recent.shown) el("recent").innerHTML = recent.shown = html; // escaped by the server
  setTimeout(recent, 1500);
}

// ---- waiting for the first line ------------------------------------------------------------

const reporting = async () => {
  const reply = known !== null && (await ask("/v1/lines").catch(() => null));
  return reply?.ok ? reply.json() : [];
};

async function awaitLine() {
  if ((await reporting()).length) location.reload();
  else setTimeout(awaitLine, 1500);
}

// ---- the belt ------------------------------------------------------------------------------

let state = null; // newest snapshot
let heardAt = 0; // performance.now() of its arrival
const shown = new Map(); // tid -> {node, item, x}
const lanes = new Map(); // name -> {card, count, path}

let told = null; // whether the snapshot was stale when others were last told
function tell(stale) {
  told = stale;
  document.dispatchEvent(new CustomEvent("line", { detail: { state, stale } }));
}

function connect() {
  const source = new EventSource(`/v1/lines/${encodeURIComponent(lineId)}/events`);
  source.onmessage = (event) => {
    const next = JSON.parse(event.data);
    if (!state || layoutKey(state) !== layoutKey(next)) build(next);
    state = next;
    heardAt = performance.now();
    update();
    tell(false);
  };
  source.onerror = () => {
    source.close(); // the browser would ask again for ever, also where nobody is logged in any more
    setTimeout(reconnect, 1500);
  };
}

async function reconnect() {
  if ((await reporting()).some((each) => each.line_id === lineId)) connect();
  else setTimeout(reconnect, 1500);
}

const layoutKey = (s) => JSON.stringify([s.belt_mm, s.lanes.map((l) => [l.number, l.name, l.divert_mm])]);
const laneOf = (s, name) => s.lanes.find((l) => l.name === name || String(l.number) === name);
const status = (lane) => {
  const off = lane.enabled ? "" : " · disabled";
  return lane.fault ? ["fault", `Fault${off}`, "warn"]
    : lane.jammed ? ["jam", `Jammed${off}`, "warn"]
    : lane.full ? ["full", `Full${off}`, "stack"]
    : off ? ["off", "Disabled", "off"]
    : ["open", "Open", "ok"];
};

function build(s) {
  lanes.clear();
  el("lanes").replaceChildren(
    ...s.lanes.map((lane) => {
      const card = make("div", "lane");
      const head = make("p", "lane-name");
      head.append(make("span", "number", lane.number), make("span", "", lane.name));
      const count = make("p", "lane-count", lane.count);
      const state = make("p", "lane-state");
      const note = make("p", "lane-note");
      const toggle = make("button", "lane-switch");
      toggle.type = "button";
      card.append(head, count, state, note, toggle);
      lanes.set(lane.number, { card, count, state, note, toggle, path: null, last: lane.count });
      return card;
    }),
  );
  layout(s);
}

function layout(s) {
  const chutes = el("chutes");
  const width = chutes.clientWidth, height = chutes.clientHeight;
  const ways = s.lanes.map((lane) => {
    const { card } = lanes.get(lane.number);
    return {
      lane,
      from: Math.min(width - 14, (lane.divert_mm / s.belt_mm) * width),
      to: card.offsetLeft + card.offsetWidth / 2,
    };
  });
  // At heights in this order no two ways cross: those to the left from above, the others from below.
  const left = ways.filter((way) => way.to < way.from);
  const right = ways.filter((way) => way.to >= way.from).reverse();
  for (const group of [left, right])
    group.forEach((way, rank) => (way.turn = (height * (rank + 1)) / (group.length + 1)));
  chutes.replaceChildren();
  for (const way of ways) {
    const path = svg("path", { class: "chute", d: wayPath(way, height) });
    const gate = svg("rect", { class: "gate", x: way.from - 13, y: -6, width: 26, height: 7 });
    const arm = svg("line", { class: "arm", x1: way.from, x2: way.from, y1: -88, y2: -8 });
    chutes.append(path, gate, arm);
    Object.assign(lanes.get(way.lane.number), { path, gate });
  }
}

function wayPath({ from, to, turn }, height) {
  const side = Math.sign(to - from);
  const bend = Math.min(14, Math.abs(to - from) / 2, turn, height - turn);
  return (
    `M${from} 0 V${turn - bend} Q${from} ${turn} ${from + side * bend} ${turn} ` +
    `H${to - side * bend} Q${to} ${turn} ${to} ${turn + bend} V${height}`
  );
}

function update() {
  const s = state;
  for (const lane of s.lanes) {
    const { card, count, state: label, path, gate } = lanes.get(lane.number);
    const [key, text, glyph] = status(lane);
    if (label.dataset.text !== text) {
      label.dataset.text = text;
      card.dataset.status = key;
      label.replaceChildren(icon(glyph), text);
    }
    count.textContent = lane.count.toLocaleString("en");
    notes(lane);
    for (const part of [path, gate]) part.dataset.status = key;
  }
  readings(s);
  const alive = new Set(s.items.map((item) => item.tid));
  for (const [tid, entry] of shown) if (!alive.has(tid)) leave(tid, entry);
  for (const item of s.items) place(item);
  el("belt-empty").hidden = s.items.length > 0;
}

function notes(lane) {
  const { note, toggle } = lanes.get(lane.number);
  const parts = [];
  const by = lane.closed;
  if (!lane.enabled) parts.push(by ? `${by.operator}, ${clockTime(by.at)}: ${by.note}` : "Disabled at the PLC");
  const off = lane.unrecorded;
  if (off) parts.push(`The PLC counts ${Math.abs(off)} ${off > 0 ? "more" : "fewer"} than the record`);
  const text = parts.join(" · ");
  if (note.textContent !== text) note.textContent = text;
  note.classList.toggle("differs", Boolean(off));
  note.hidden = !text;
  toggle.hidden = lane.is_default || state.allowed === null;
  if (toggle.dataset.enabled === String(lane.enabled)) return;
  toggle.dataset.enabled = lane.enabled;
  toggle.dataset.lane = lane.number;
  toggle.replaceChildren(lane.enabled ? "Disable" : "Enable");
  toggle.setAttribute("aria-label", `${lane.enabled ? "Disable" : "Enable"} lane ${lane.number} ${lane.name}`);
  if (lane.enabled) delete toggle.dataset.press;
  else {
    toggle.dataset.press = "";
    toggle.append(make("small", "", "press and hold"));
  }
}

const SIGN = {
  execute: "play", held: "pause", suspended: "pause", stopped: "halt", idle: "halt", completed: "halt",
  aborted: "warn", aborting: "warn",
};

function readings(s) {
  const pill = el("state"), name = s.packml_state.toLowerCase();
  pill.hidden = el("speed").hidden = el("plc").hidden = false;
  if (pill.dataset.state !== name) {
    pill.dataset.state = name;
    el("packml").textContent = name;
    el("state-sign").replaceChildren(icon(SIGN[name] ?? "clock"));
  }
  el("speed").textContent = `${(s.speed_mm_s / 1000).toFixed(2)} m/s`;
  el("plc").textContent = s.plc_connected ? "PLC connected" : "PLC lost";
  el("plc").classList.toggle("bad", !s.plc_connected);
}

function place(item) {
  let entry = shown.get(item.tid);
  if (!entry) {
    const node = make("a", "parcel"); // a link once the plate is read
    const grade = make("span", "parcel-grade");
    const picture = make("span", "parcel-picture");
    const lane = make("span", "parcel-lane");
    node.append(grade, lane, picture);
    el("surface").append(node);
    entry = { node, grade, picture, lane, key: "" };
    shown.set(item.tid, entry);
  }
  entry.item = item;
  const key = [item.item_id, item.grade, item.lane, item.needs_review, item.image].join();
  if (key !== entry.key) {
    entry.key = key;
    dress(entry, item);
  }
}

function dress({ node, grade, picture, lane }, item) {
  node.className = `parcel grade-${item.grade || "none"}`;
  node.classList.toggle("asks", item.needs_review);
  if (item.item_id) node.href = `/items/${encodeURIComponent(item.item_id)}`;
  node.title = `${item.item_id || "plate not read"}${item.needs_review ? ": waits for a person" : ""}`;
  grade.replaceChildren(icon(`grade-${item.grade || "none"}`), item.grade ? WORD[item.grade] : "…");
  picture.replaceChildren();
  picture.append(icon(`grade-${item.grade || "none"}`)); // until the picture is there
  if (item.image) {
    const image = make("img");
    image.src = `/v1/images/${item.image}/thumbnail`;
    image.alt = "";
    picture.append(image);
  }
  if (item.needs_review) picture.append(icon("person"));
  const target = item.lane && laneOf(state, item.lane);
  lane.replaceChildren();
  if (target) lane.append(`→ ${target.number} `, make("span", "", target.name));
  else if (item.lane) lane.append(`→ ${item.lane}`);
}

function leave(tid, entry) {
  shown.delete(tid);
  const lane = entry.item.lane && laneOf(state, entry.item.lane);
  const way = lane && lanes.get(lane.number)?.path;
  const near = lane && Math.abs(entry.item.position_mm - lane.divert_mm) < 1500;
  if (!way || !near || matchMedia("(prefers-reduced-motion: reduce)").matches) return entry.node.remove();
  entry.node.classList.add("leaving");
  const length = way.getTotalLength();
  const base = el("chutes").offsetTop - el("belt").offsetTop;
  const began = performance.now();
  const slide = (now) => {
    const part = Math.min(1, (now - began) / 900);
    const point = way.getPointAtLength(length * part * part);
    const half = entry.node.offsetWidth / 2;
    entry.node.style.transform = `translate(${point.x - half}px, ${base * part ** 0.5 + point.y - 34 * part}px) scale(${1 - 0.45 * part})`;
    entry.node.style.opacity = String(1 - Math.max(0, part - 0.75) * 4);
    if (part < 1) requestAnimationFrame(slide);
    else entry.node.remove();
  };
  requestAnimationFrame(slide);
}

function draw(now) {
  requestAnimationFrame(draw);
  if (!state) return;
  const silent = now - heardAt;
  const stale = silent > STALE_MS;
  root.classList.toggle("is-stale", stale);
  if (stale && !told) tell(true);
  el("stale").hidden = !stale;
  if (stale)
    el("stale").querySelector("span").textContent =
      `No report for ${(silent / 1000).toFixed(0)} s: what you see is old. Is regrade sort running?`;
  const width = el("belt").clientWidth;
  const ahead = (Math.min(silent, STALE_MS) / 1000) * (state.plc_connected ? state.speed_mm_s : 0);
  for (const { node, item } of shown.values()) {
    const middle = item.position_mm - item.length_mm / 2 + ahead;
    const half = node.offsetWidth / 2;
    const x = Math.min((middle / state.belt_mm) * width, width - half); // whole to the end of the belt
    node.style.transform = `translate(${x - half}px, 0)`;
  }
  const mm = (draw.mm = (draw.mm || 0) + ((now - (draw.last || now)) / 1000) * (stale ? 0 : state.speed_mm_s));
  el("surface").style.backgroundPositionX = `${(mm / state.belt_mm) * width}px`;
  draw.last = now;
}

recent();
if (lineId) {
  connect();
  requestAnimationFrame(draw);
  addEventListener("resize", () => state && layout(state) & update());
} else awaitLine();
