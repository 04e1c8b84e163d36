// Commands to the line and its alarms: sent once with an id, followed until the line says how they ended.
"use strict";

const LIFE_MS = 5000; // after that the server, the controller and the PLC let a command be
const PRESS_MS = 1000; // what sets the belt in motion is pressed for so long
const NAMES = {
  reset: "Reset", start: "Start", stop: "Stop", hold: "Hold", unhold: "Release hold", suspend: "Suspend",
  unsuspend: "Go on", abort: "Abort", clear: "Clear", lane_enable: "Enable lane", lane_disable: "Disable lane",
  acknowledge: "Acknowledge",
};
const NEXT = {
  aborted: "Aborted. When the machine is safe: Clear, then Reset, then Start.",
  stopped: "Stopped. Next: Reset, then Start.",
  idle: "Ready. Press and hold Start.",
  held: "Held. When what stopped it is put right: press and hold Continue.",
  suspended: "Suspended: it waits for room or for items, and goes on by itself, or with Continue.",
  execute: "Running.",
};
const PRIORITY = { critical: "Critical", high: "High", medium: "Medium", low: "Low" };
const ALARM_STATE = {
  unacknowledged_active: "active, not acknowledged",
  acknowledged_active: "active, acknowledged",
  unacknowledged_returned_to_normal: "over, not acknowledged",
};
const address = `/v1/lines/${encodeURIComponent(lineId)}`;
const own = new Map(); // commands of this page that are under way: id -> what the page says of it
let newest = null; // the newest command to the line that the server knows, whoever gave it
let said = null; // {text, tone}: of the newest command of this page, for a while
let saidUntil = 0;

// ---- sending -------------------------------------------------------------------------------

async function command(kind, about = {}) {
  if (nameIsTyped() && !operatorName()) return askName();
  const id = randomId("web");
  const name = NAMES[kind] + (about.lane ? ` ${about.lane}` : "");
  const tapped = performance.now();
  own.set(id, name);
  say(`${name}: sent…`, "sent");
  show();
  const left = () => LIFE_MS - (performance.now() - tapped);
  for (;;) {
    const body = { command_id: id, kind, ...signature(), expires_s: Math.max(1, left() / 1000), ...about };
    const reply = await post(`${address}/commands`, body, AbortSignal.timeout(1500)).catch(() => null);
    if (reply?.ok) return follow();
    if (reply && reply.status < 500) {
      own.delete(id);
      if (reply.status === 401) return say(`${name}: refused. Nobody is logged in any more: log in, then give it again.`, "refused");
      const error = (await reply.json().catch(() => null))?.error;
      return say(`${name}: refused. ${error?.message ?? `The server answers ${reply.status}`}`, "refused");
    }
    if (left() < 1500) break;
    await new Promise((again) => setTimeout(again, 400)); // the same id: it is stored once
  }
  own.delete(id);
  say(`${name}: the server does not answer. It was not sent again: look at the line.`, "refused");
}

let followTimer = 0;
async function follow() {
  clearTimeout(followTimer);
  try {
    const reply = known !== null && (await ask(`${address}/commands?limit=20`, { signal: AbortSignal.timeout(3000) }));
    if (reply.ok) heard(await reply.json());
  } catch {
    // the belt says by itself that it is old
  }
  clearTimeout(followTimer);
  followTimer = setTimeout(follow, own.size ? 200 : 2000);
}

function heard(records) {
  for (const { command, result, is_open: open } of records) {
    if (!own.has(command.command_id) || open) continue;
    const name = own.get(command.command_id);
    own.delete(command.command_id);
    if (!result) say(`${name}: no answer from the line's controller; it does not act any more.`, "refused");
    else say(`${name}: ${result.status}. ${result.reason}`, result.status === "done" ? "done" : "refused");
  }
  newest = records[0] ?? null;
  show();
}

function say(text, tone) {
  said = { text, tone };
  saidUntil = performance.now() + (tone === "refused" ? 15000 : 6000);
  show();
}

// ---- what is offered -----------------------------------------------------------------------

let line = null; // newest snapshot
let silent = true;
let drawn = "";

document.addEventListener("line", (event) => {
  ({ state: line, stale: silent } = event.detail);
  show();
});

function why() {
  if (!line) return "Waiting for the line…";
  if (silent) return "No commands: the line's controller is silent. Use the buttons at the machine.";
  if (line.allowed === null) return "This line's controller takes no commands.";
  if (!line.plc_connected) return "No commands: the PLC does not answer. Use the buttons at the machine.";
  return null;
}

const kindOf = (button) =>
  button !== "continue" ? button : line?.packml_state.toUpperCase() === "SUSPENDED" ? "unsuspend" : "unhold";

function show() {
  const objection = why();
  for (const button of document.querySelectorAll("[data-command]")) {
    const off = objection !== null || !line.allowed.includes(kindOf(button.dataset.command));
    if (button.disabled !== off) button.disabled = off;
  }
  for (const button of document.querySelectorAll("[data-lane]")) button.disabled = objection !== null;
  telling(objection);
  showAlarms(objection !== null);
}

function telling(objection) {
  const box = el("telling");
  let text = objection, tone = "refused";
  if (!objection && said && performance.now() < saidUntil) ({ text, tone } = said);
  else if (!objection) {
    text = NEXT[line.packml_state.toLowerCase()] ?? `${line.packml_state[0]}${line.packml_state.slice(1).toLowerCase()}…`;
    tone = "plain";
    if (newest?.result) {
      const { command, result } = newest;
      const at = clockTime(command.created_at);
      text += ` Last command: ${NAMES[command.kind]}${command.lane ? ` ${command.lane}` : ""} by ${command.operator} at ${at}, ${result.status}.`;
    }
  }
  if (box.textContent !== text) box.textContent = text;
  box.dataset.tone = tone;
}

// ---- alarms --------------------------------------------------------------------------------

function showAlarms(off) {
  const alarms = line?.annunciated ?? [];
  const older = alarms.length ? [] : (line?.alarms ?? []); // of a controller without alarms to acknowledge
  const key = JSON.stringify([alarms, older, off]);
  if (key === drawn) return;
  drawn = key;
  el("alarms").hidden = !alarms.length && !older.length;
  el("alarms").replaceChildren(...alarms.map((alarm) => alarmRow(alarm, off)), ...older.map(plainRow));
}

function alarmRow(alarm, off) {
  const row = make("div", `alarm-row ${alarm.priority}`);
  row.dataset.state = alarm.state;
  const words = make("p", "alarm-words");
  words.append(make("strong", "", alarm.text), " ", make("span", "alarm-action", alarm.action));
  const since = make("p", "alarm-since");
  const times = alarm.times > 1 ? `, ${alarm.times} times` : "";
  const by = alarm.acknowledged_by && alarm.state === "acknowledged_active" ? ` by ${alarm.acknowledged_by}` : "";
  since.textContent = `${clockTime(alarm.began_at)}${times} · ${ALARM_STATE[alarm.state]}${by}`;
  const level = make("p", "alarm-level");
  level.append(icon(alarm.state === "unacknowledged_active" ? "bell" : "warn"), PRIORITY[alarm.priority]);
  row.append(level, words, since);
  if (alarm.state !== "acknowledged_active") {
    const button = makeButton("", "Acknowledge", () => command("acknowledge", { alarm_id: alarm.alarm_id }));
    button.disabled = off;
    row.append(button);
  }
  return row;
}

function plainRow(text) {
  const row = make("div", "alarm-row high");
  const words = make("p", "alarm-words");
  words.append(make("strong", "", text));
  row.append(icon("warn"), words);
  return row;
}

// ---- buttons -------------------------------------------------------------------------------

let press = null;

function began(button) {
  if (press || button.disabled) return;
  button.classList.add("pressed");
  press = { button, timer: setTimeout(() => finish(button), PRESS_MS) };
}

function finish(button) {
  ended();
  if (!button.disabled) pressed(button);
}

function ended() {
  if (!press) return;
  clearTimeout(press.timer);
  press.button.classList.remove("pressed");
  press = null;
}

function pressed(button) {
  if (button.dataset.lane) command("lane_enable", { lane: Number(button.dataset.lane) });
  else command(kindOf(button.dataset.command));
}

const target = (event) => event.target.closest?.("[data-press]");
document.addEventListener("pointerdown", (event) => {
  if (event.button === 0 && target(event)) began(target(event));
});
for (const name of ["pointerup", "pointercancel", "blur"]) addEventListener(name, ended);
document.addEventListener("pointerout", (event) => {
  if (press && event.target.closest?.("[data-press]") === press.button && !press.button.contains(event.relatedTarget)) ended();
});
document.addEventListener("contextmenu", (event) => target(event) && event.preventDefault());
document.addEventListener("keydown", (event) => {
  if ((event.key === "Enter" || event.key === " ") && target(event)) {
    event.preventDefault();
    if (!event.repeat) began(target(event));
  }
});
addEventListener("keyup", ended);

let closing = 0; // lane that the dialog asks about
document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button || button.disabled || "press" in button.dataset) return;
  if (button.dataset.lane) {
    closing = Number(button.dataset.lane);
    el("why-title").textContent = `Disable lane ${closing}: why?`;
    el("why").value = "";
    el("why-dialog").showModal();
  } else if (button.dataset.why) {
    el("why").value = button.dataset.why;
    el("why-dialog").close();
  } else if (button.dataset.command) command(kindOf(button.dataset.command));
});
el("why-cancel").addEventListener("click", () => {
  closing = 0;
  el("why-dialog").close();
});
el("why-dialog").addEventListener("cancel", () => (closing = 0));
el("why-dialog").addEventListener("close", () => {
  const note = el("why").value.trim();
  if (closing && note) command("lane_disable", { lane: closing, note });
  closing = 0;
});
el("log-open").addEventListener("click", async () => {
  const reply = await ask(`/line/log?line_id=${encodeURIComponent(lineId)}`).catch(() => null);
  if (reply?.status === 401) return;
  if (reply?.ok) {
    el("log").innerHTML = await reply.text(); // escaped by the server
    localise(el("log"));
  } else el("log").textContent = "The server does not answer.";
  el("log-dialog").showModal();
});

follow();
setInterval(show, 500);
