// Changes which model does what: shows what would change, asks why, and follows it until it is known what came of it.
"use strict";

const DRAFT = "model-change"; // {by, verb, kind, model, seen, note, share, sent}: outlives a log-in and a reload of this tab
const TOLD = "model-told";
const LOOK_AGAIN_MS = 2000;
const dialog = el("change");
const changers = dialog.dataset.changers.split(" ");
const acts = [...document.querySelectorAll(".act")];
const modelOf = (change) => (change.model ? `${change.model.name}/${change.model.version}` : "");
const isOf = (change, { by, kind, model, seen }) =>
  change?.seq > seen && change.kind === kind && change.actor === by && modelOf(change) === model;

let offer = null; // the data of the button whose dialog is open
let who = ""; // under whose name it goes on record
let seen = Number(dialog.dataset.seen); // seq of the newest change that the reader knows
let busy = false;
let stale = ""; // what failed and is in the history by now, which the page does not show yet
let looking = 0; // timer while it is not known what came of a change
let clock = 0;

// ---- what is kept of it --------------------------------------------------------------------

const draft = () => JSON.parse(sessionStorage[DRAFT] || "null");

function keep(sent) {
  const { verb, kind, model } = offer;
  const typed = { note: el("reason").value, share: el("share").value };
  sessionStorage[DRAFT] = JSON.stringify({ by: who, verb, kind, model, seen, ...typed, sent });
}

// After a log-in, or a reload in the middle of it: where it was left.
function resume() {
  const may = known === null || known === undefined || changers.includes(known.role);
  for (const button of acts) button.hidden = !may;
  if (!known) return;
  const left = draft();
  if (dialog.open && left && left.by !== operatorName()) dialog.close("kept"); // of somebody else
  if (!left || dialog.open || left.by !== operatorName() || !may) return;
  const newest = JSON.parse(dialog.dataset.newest);
  if (left.sent && isOf(newest, left) && !newest.problem) {
    delete sessionStorage[DRAFT];
    return tell(doneText(left.verb, left.model), "done");
  }
  const button = acts.find(({ dataset }) => dataset.verb === left.verb && dataset.model === left.model);
  if (button) return offerChange(button, left);
  delete sessionStorage[DRAFT];
  tell("What was about to be changed is so already, or possible no more: see the history below.", "bad");
}

// ---- the dialog ----------------------------------------------------------------------------

function offerChange(button, left) {
  if (!known) return void askMe().catch(() => tell("The server does not say who works here: try again.", "bad"));
  if (nameIsTyped() && !operatorName()) return askName();
  offer = button.dataset;
  el("change-title").textContent = `${button.ariaLabel}?`;
  el("change-hint").textContent = offer.hint;
  el("change-rows").replaceChildren(...JSON.parse(offer.changes).map(changeRow));
  el("change-go").textContent = offer.label;
  el("change-share").hidden = !offer.share;
  el("share").value = left?.share || offer.share || "";
  el("share").disabled = !offer.share;
  el("reason").value = left?.note ?? "";
  el("change-who").textContent = who = operatorName();
  el("change-look").hidden = true;
  problem("");
  showShare();
  dialog.returnValue = "";
  dialog.showModal();
  el("reason").focus();
  if (left?.sent) lost("It was sent before the page was loaded anew.");
}

function changeRow([role, before, after]) {
  const row = make("tr");
  const name = make("th", "", role);
  name.scope = "row";
  row.append(name, make("td", "", before), make("td", "", after));
  return row;
}

function showShare() {
  if (offer.share) el("change-rows").querySelector("td:last-child").textContent = `${offer.model} for ${el("share").value || "–"} %`;
}

function problem(text) {
  el("change-problem").hidden = !text;
  el("change-problem").querySelector("span").textContent = text;
}

// What is typed stays; only once something is sent nothing can be changed.
function showBusy(text) {
  busy = Boolean(text);
  clearInterval(clock);
  for (const id of ["reason", "change-go", "change-leave"]) el(id).disabled = busy;
  el("share").disabled = busy || !offer.share;
  el("change-doing").textContent = text;
  const progress = el("change-progress");
  progress.hidden = !busy;
  if (!busy) return;
  const since = performance.now();
  const tick = () => (progress.querySelector(".fine").textContent = `${Math.round((performance.now() - since) / 1000)} s`);
  tick();
  clock = setInterval(tick, 1000);
}

function tell(text, tone) {
  const told = el("told");
  told.textContent = text;
  told.className = `banner ${tone}`;
  told.hidden = false;
  told.focus();
}

function reloadWith(text, tone) {
  sessionStorage[TOLD] = JSON.stringify({ text, tone });
  location.reload();
}

const doneText = (verb, model) =>
  ({
    promote: `Done: ${model} is the champion.`,
    rollback: `Done: ${model} is the champion again.`,
    challenge: model ? `Done: ${model} is the challenger.` : "Done: there is no challenger any more.",
    shadow: model ? `Done: ${model} grades along.` : "Done: there is no shadow any more.",
  })[verb];

// ---- sending -------------------------------------------------------------------------------

async function send() {
  clearTimeout(looking);
  el("change-look").hidden = true;
  problem("");
  keep(true);
  const body = { ...JSON.parse(offer.body), note: el("reason").value.trim(), seen_seq: seen };
  if (offer.share) body.challenger.share = Number(el("share").value) / 100;
  showBusy(offer.model ? `${offer.model} is loaded beside what serves, and proved. Meanwhile all goes on as it is.` : "Under way.");
  // Who confirmed it, so that it is not done in the name of who logged in meanwhile.
  const headers = { "X-Actor": encodeURIComponent(who) };
  const reply = await post(`/v1/models/${offer.verb}`, body, undefined, headers).catch(() => null);
  if (reply?.ok) return finished();
  const error = (await reply?.json().catch(() => null))?.error;
  if (error?.code === "bundle_refused") heard(await newestChange()); // it is in the history
  showBusy("");
  if (!dialog.open) dialog.showModal(); // a second Escape closes it whatever is under way
  if (!error || reply.status >= 500) return lost(error ? `${error.message}.` : "The server does not answer.");
  keep(false);
  if (reply.status === 401) return problem("Nobody is logged in any more. Log in: what you typed is kept, and asked for again.");
  if (error.code === "models_changed") return look();
  if (error.field === "X-Actor") return problem("Somebody else is logged in here by now. Nothing was changed.");
  problem(`Not done: ${error.message}`);
}

function finished() {
  delete sessionStorage[DRAFT];
  reloadWith(doneText(offer.verb, offer.model), "done");
}

function lost(why) {
  problem(`${why} What came of it is not known yet; it is looked up here again and again. To confirm it once more does no harm: it is done once.`);
  looking = setTimeout(look, LOOK_AGAIN_MS);
}

async function newestChange() {
  const reply = await ask("/v1/models/history?limit=1").catch(() => null);
  return reply?.ok ? (await reply.json())[0] : null;
}

// A row of the history: whether it is of this change, which is known with all that came of it from now on.
function heard(newest) {
  if (!isOf(newest, { by: who, kind: offer.kind, model: offer.model, seen })) return false;
  seen = newest.seq;
  if (newest.problem) stale = `Not done: ${newest.problem}`;
  return true;
}

// What the history says since the page was loaded: of this change, or of somebody else's.
async function look() {
  clearTimeout(looking);
  const newest = await newestChange();
  if (!dialog.open || busy) return;
  if (!newest || newest.seq <= seen) {
    if (draft()?.sent && known) looking = setTimeout(look, LOOK_AGAIN_MS);
    return;
  }
  const ours = heard(newest);
  if (ours && !newest.problem) return finished();
  keep(false);
  if (ours) return problem(stale);
  problem(`${newest.actor} changed the models at ${clockTime(newest.at)}, after this page was loaded. Look at it, then decide; what you typed is kept.`);
  el("change-look").hidden = false;
  el("change-look").focus();
}

// ---- buttons -------------------------------------------------------------------------------

for (const button of acts) button.addEventListener("click", () => offerChange(button));
dialog.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!busy) send();
});
el("reason").addEventListener("input", ({ target }) =>
  target.setCustomValidity(target.value && !target.value.trim() ? "Say why, in a few words." : ""),
);
dialog.addEventListener("input", () => {
  showShare();
  keep(false);
});
dialog.addEventListener("cancel", (event) => busy && event.preventDefault());
el("change-leave").addEventListener("click", () => dialog.close());
el("change-look").addEventListener("click", () => location.reload());
dialog.addEventListener("close", () => {
  clearTimeout(looking);
  if (busy || dialog.returnValue === "kept") return;
  delete sessionStorage[DRAFT];
  if (stale) reloadWith(stale, "bad");
});

document.addEventListener("me", resume);
if (sessionStorage[TOLD]) {
  const { text, tone } = JSON.parse(sessionStorage[TOLD]);
  delete sessionStorage[TOLD];
  tell(text, tone);
}
resume(); // it may be known already who works here
