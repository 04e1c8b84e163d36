// The review desk: one key or tap for each answer, and the next item at once.
"use strict";

const KEYS = ["new", "lightly_used", "repairable", "salvage"];
const HOLD_MS = 300; // an answer so soon after a new item appeared was meant for the one before
const POLL_MS = 2000;
const el = (id) => document.getElementById(id);

const viewer = sessionStorage.viewer || (sessionStorage.viewer = randomId("tab"));
let current = null; // the item on show: {id, seen, element, shownAt}
let ahead = null; // the next one, already here
let fetching = false;
const passed = []; // skipped in this tab
const history = []; // answers of this tab, for undo
let unsent = JSON.parse(sessionStorage.unsent || "[]"); // answers that the server has not confirmed

function randomId(prefix) {
  const bytes = crypto.getRandomValues(new Uint8Array(12)); // randomUUID needs https
  return `${prefix}-${[...bytes].map((b) => b.toString(16).padStart(2, "0")).join("")}`;
}

// ---- items ---------------------------------------------------------------------------------

function parse(html) {
  const element = new DOMParser().parseFromString(html, "text/html").querySelector(".case");
  const image = element.querySelector("img");
  if (image) new Image().src = image.src; // in the cache before it is shown
  return {
    id: element.dataset.item,
    seen: Number(element.dataset.seen),
    steerableUntil: Date.now() + 1000 * Number(element.dataset.left),
    element: document.importNode(element, true),
  };
}

async function get(url) {
  const reply = await fetch(url);
  if (reply.status === 204) return null;
  if (!reply.ok) throw new Error(`${reply.status}`);
  return reply;
}

async function fetchNext() {
  const query = new URLSearchParams({ viewer });
  const busy = [current?.id, ahead?.id, ...unsent.map((a) => a.item), ...passed.slice(-50)];
  for (const id of new Set(busy)) if (id) query.append("passed", id);
  const reply = await get(`/review/next?${query}`);
  return reply && parse(await reply.text());
}

async function fetchItem(id) {
  const reply = await get(`/review/items/${encodeURIComponent(id)}?viewer=${viewer}`);
  return reply && parse(await reply.text());
}

async function refresh(id) { // its line reported it after it was shown
  const item = await fetchItem(id);
  if (item && current?.id === id) show(item);
}

function show(item) {
  current = item;
  stageIs("settling");
  clearTimeout(settling);
  if (item) settling = setTimeout(() => stageIs("ready"), HOLD_MS);
  el("stage").replaceChildren(...(item ? [item.element] : []));
  showMarks(!document.body.classList.contains("unmarked"));
  el("stage").hidden = !item;
  el("empty").hidden = Boolean(item);
  for (const button of document.querySelectorAll("[data-grade], #skip")) button.disabled = !item;
  tick();
}

let settling = 0;
function stageIs(state) {
  el("stage").dataset.state = state; // answers count from "ready" on
}

let again = false;
async function fill() {
  again = true;
  if (fetching) return;
  fetching = true;
  while (again) {
    again = false;
    try {
      await fillOnce();
    } catch (error) {
      if (!current) hush(`The server does not answer (${error.message}); trying again.`);
    }
  }
  fetching = false;
}

async function fillOnce() {
  if (!current && ahead) {
    show(ahead);
    ahead = null;
  }
  if (!current) {
    let item = await fetchNext();
    if (!item && passed.length) {
      passed.length = 0; // all that is left was skipped: begin again
      item = await fetchNext();
    }
    place(item);
  }
  if (current && !ahead) place(await fetchNext());
}

function place(item) {
  // an undo may have put an item on show, this one even, while it was fetched
  if (!current) show(item);
  else if (item && item.id !== current.id) ahead ||= item;
}

function hush(text) {
  el("empty").hidden = true;
  el("stage").hidden = false;
  el("stage").textContent = text;
}

function advance() {
  show(ahead);
  ahead = null;
  if (!current) hush("Looking for the next item…");
  fill();
}

// ---- answers -------------------------------------------------------------------------------

function answer(grade) {
  if (!current || el("stage").dataset.state !== "ready") return;
  if (!operatorName()) return askName();
  const given = { id: randomId("web"), item: current.id, grade, operator: operatorName(), seen: current.seen };
  send(given);
  advance();
}

async function send(given) {
  if (!unsent.some((a) => a.id === given.id)) unsent.push(given);
  keepUnsent();
  const body = { override_id: given.id, grade: given.grade, operator: given.operator, seen_seq: given.seen };
  try {
    const reply = await fetch(`/v1/items/${encodeURIComponent(given.item)}/overrides`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...(await csrfHeaders()) },
      body: JSON.stringify(body),
    });
    const said = await reply.json();
    if (!reply.ok) throw Object.assign(new Error(said.error.message), { code: said.error.code });
    unsent = unsent.filter((a) => a.id !== given.id);
    recorded(given, said);
  } catch (error) {
    given.fault = error.code ? error.message : "The server did not take it";
    given.taken = error.code === "answered_already";
  }
  keepUnsent();
  poll();
}

function recorded(given, said) {
  if (given.grade) history.push({ item: given.item, grade: given.grade, seq: said.seq });
  el("undo").disabled = !history.length;
  const what = given.grade ? `recorded as ${words(given.grade)}` : "answer withdrawn";
  toast(given.item, what, Boolean(given.grade));
}

async function undo() {
  const last = history.pop();
  el("undo").disabled = !history.length;
  if (!last) return;
  await send({ id: randomId("web"), item: last.item, grade: null, operator: operatorName(), seen: last.seq });
  const item = await fetchItem(last.item).catch(() => null);
  if (!item) return;
  // the queue may have put it on show already, once it waits again
  if (current && current.id !== item.id) ahead = current;
  show(item);
}

function skip() {
  if (!current) return;
  passed.push(current.id);
  advance();
}

function keepUnsent() {
  sessionStorage.unsent = JSON.stringify(unsent);
  const failed = unsent.filter((a) => a.fault);
  el("failures").replaceChildren(...failed.map(failureRow));
}

function failureRow(given) {
  const row = document.createElement("div");
  row.className = "failure";
  const text = document.createElement("p");
  const title = document.createElement("strong");
  title.textContent = `${given.item} is not recorded as ${given.grade ? words(given.grade) : "withdrawn"}. `;
  text.append(title, given.fault);
  row.append(text);
  const act = (label, run) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.addEventListener("click", run);
    row.append(button);
  };
  const drop = () => {
    unsent = unsent.filter((a) => a.id !== given.id);
    keepUnsent();
  };
  if (given.taken) {
    act("Keep theirs", drop);
    act("Record mine", () => {
      given.seen = null;
      retry(given);
    });
  } else {
    act("Try again", () => retry(given));
    act("Discard", drop);
  }
  return row;
}

function retry(given) {
  delete given.fault;
  delete given.taken;
  send(given);
}

// ---- toast, clock --------------------------------------------------------------------------

const words = (grade) =>
  document.querySelector(`[data-grade="${grade}"] span`).textContent.trim();
let toastTimer = 0;
function toast(item, what, undoable) {
  const box = el("toast");
  const text = document.createElement("p");
  const strong = document.createElement("strong");
  strong.textContent = item;
  text.append(strong, ` ${what}`);
  box.replaceChildren(text);
  if (undoable) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Undo";
    button.addEventListener("click", undo);
    box.append(button);
  }
  box.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => (box.hidden = true), 6000);
}

function tick() {
  const clock = current?.element.querySelector("[data-countdown]");
  if (!clock) return;
  const left = (current.steerableUntil - Date.now()) / 1000;
  if (left > 0) clock.querySelector("strong").textContent = `${Math.ceil(left)} s`;
  else {
    clock.removeAttribute("data-countdown");
    clock.textContent = "It has passed its lane: your answer is for the record";
    clock.parentElement.classList.add("over");
  }
}

async function poll() {
  const query = new URLSearchParams({ viewer });
  for (const item of [current, ahead]) if (item) query.append("holding", item.id);
  try {
    const state = await (await get(`/review/state?${query}`)).json();
    el("waiting").textContent = state.in_review;
    const others = state.urgent.filter((u) => u.item_id !== current?.id);
    el("urgent").hidden = !others.length;
    el("urgent").querySelector("span").textContent =
      `${others.length} more on the belt`;
    if (others.length < state.urgent.length && current.steerableUntil <= Date.now()) await refresh(current.id);
    if (others.length && ahead && !state.urgent.some((u) => u.item_id === ahead.id)) ahead = null; // the belt first
  } catch {
    el("waiting").textContent = "?";
  }
  fill();
}

// ---- wiring --------------------------------------------------------------------------------

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-grade]");
  if (button) answer(button.dataset.grade);
});
el("skip").addEventListener("click", skip);
el("undo").addEventListener("click", undo);
document.addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (el("name-dialog").open || event.target.matches("input, textarea")) return;
  const grade = KEYS[Number(event.key) - 1];
  if (grade) answer(grade);
  else if (event.key === "u") undo();
  else if (event.key === "s") skip();
});
addEventListener("beforeunload", (event) => unsent.length && event.preventDefault());

async function start() {
  await operatorKnown;
  if (!operatorName()) askName();
  for (const given of unsent) given.fault ||= "The page was closed before the server confirmed it";
  keepUnsent();
  const wanted = new URLSearchParams(location.search).get("item");
  if (wanted) show(await fetchItem(wanted).catch(() => null));
  await poll();
  setInterval(poll, POLL_MS);
  setInterval(tick, 250);
}
start();
