// The review desk: one key or tap for each answer, and the next item at once.
"use strict";

const KEYS = ["new", "lightly_used", "repairable", "salvage"];
const HOLD_MS = 300; // an answer so soon after a new item appeared was meant for the one before
const POLL_MS = 2000;
const SLOW_MS = 5000; // an answer that is under way for so long is shown

const viewer = sessionStorage.viewer || (sessionStorage.viewer = randomId("tab"));
let current = null; // the item on show: {id, seen, element, shownAt}
let ahead = null; // the next one, already here
let fetching = false;
const passed = []; // skipped in this tab
const history = []; // answers of this tab, for undo: {made, sent: what was recorded, or its promise}

// ---- items ---------------------------------------------------------------------------------

function parse(html) {
  const element = new DOMParser().parseFromString(html, "text/html").querySelector(".case");
  const image = element.querySelector("img");
  if (image) new Image().src = image.src; // in the cache before it is shown
  return {
    id: element.dataset.item,
    seen: Number(element.dataset.seen),
    steerableUntil: Date.now() + 1000 * Number(element.dataset.left),
    element: localised(document.importNode(element, true)),
  };
}

function localised(element) {
  localise(element);
  return element;
}

async function get(url) {
  const reply = await ask(url);
  if (reply.status === 204) return null;
  if (!reply.ok) throw new Error(`${reply.status}`);
  return reply;
}

async function fetchNext() {
  const query = new URLSearchParams({ viewer });
  const busy = [current?.id, ahead?.id, ...mine().map((a) => a.item), ...passed.slice(-50)];
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
      if (!current && known !== null) hush(`The server does not answer (${error.message}); trying again.`);
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

const mine = () => kept().filter((given) => given.operator === operatorName());

function answer(grade) {
  if (!current || el("stage").dataset.state !== "ready") return;
  if (!operatorName()) return askName();
  const made = given(current.id, grade, current.seen);
  remember(made, send(made));
  advance();
}

function remember(made, sent) {
  history.push({ made, sent });
  el("undo").disabled = false;
}

const given = (item, grade, seen) => ({ id: randomId("web"), item, grade, operator: operatorName(), seen, at: Date.now() });

async function send(answer) {
  const said = await deliver(answer);
  if (said) recorded(answer);
  showFailures();
  poll();
  return said;
}

function recorded(answer) {
  const what = answer.grade ? `recorded as ${words(answer.grade)}` : "answer withdrawn";
  toast(answer.item, what, Boolean(answer.grade));
}

let undoing = false;
async function undo() {
  const last = !undoing && history.pop();
  if (!last) return;
  undoing = el("undo").disabled = true;
  const id = last.made.item;
  const said = await last.sent; // the last answer is meant, also while it is on its way
  if (!said) drop(last.made); // it may have arrived all the same: the withdrawal goes out
  await send(given(id, null, said?.seq ?? null));
  const item = await fetchItem(id).catch(() => null);
  undoing = false;
  el("undo").disabled = !history.length;
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

let failuresShown = "";
function showFailures() {
  const slow = (each) => Date.now() - each.at > SLOW_MS;
  const failed = kept().filter((each) => each.left || slow(each));
  const key = JSON.stringify([operatorName(), failed]);
  if (key === failuresShown) return; // a finger may be on one of the buttons
  failuresShown = key;
  const retry = (each) => send({ ...each, left: undefined, fault: undefined });
  el("failures").replaceChildren(...failed.map((each) => failureRow(each, { retry, changed: showFailures })));
}

function somebodyElse() {
  history.length = 0; // nobody withdraws another one's answer
  el("undo").disabled = el("toast").hidden = true;
  showFailures();
  poll();
}

// ---- toast, clock --------------------------------------------------------------------------

const words = (grade) =>
  document.querySelector(`[data-grade="${grade}"] span`).textContent.trim();
let toastTimer = 0;
function toast(item, what, undoable) {
  const box = el("toast");
  const text = make("p");
  text.append(make("strong", "", item), ` ${what}`);
  box.replaceChildren(text);
  if (undoable) box.append(makeButton("", "Undo", undo));
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
  if (known === null) return; // until somebody logs in
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
    await deliverWaiting(operatorName(), (answer, said) => {
      const made = history.find((each) => each.made.id === answer.id);
      if (made) made.sent = said;
      else if (answer.grade) remember(answer, said);
      recorded(answer);
    });
  } catch {
    el("waiting").textContent = "?";
  }
  showFailures();
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
  if (document.querySelector("dialog[open]") || event.target.matches("input, textarea")) return;
  const grade = KEYS[Number(event.key) - 1];
  if (grade) answer(grade);
  else if (event.key === "u") undo();
  else if (event.key === "s") skip();
});

async function start() {
  await me.catch(() => null);
  if (!operatorName()) askName();
  document.addEventListener("me", somebodyElse);
  showFailures();
  const wanted = new URLSearchParams(location.search).get("item");
  if (wanted) show(await fetchItem(wanted).catch(() => null));
  await poll();
  setInterval(poll, POLL_MS);
  setInterval(tick, 250);
}
start();
