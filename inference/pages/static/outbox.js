// Answers that the server has not confirmed. This browser keeps them until it does, whatever becomes of the page.
"use strict";

// An answer: {id, item, grade, operator, seen} and, where it was not taken, the fault and what is left to do:
// "wait" for the server, or "decide" by a person, because it was refused or somebody else answered ("taken").
const PREFIX = "unsent:";
const sending = new Set(); // ids under way from this tab

function kept() {
  const keys = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX)).sort();
  return keys.map((key) => JSON.parse(localStorage[key])).sort((a, b) => a.at - b.at);
}

function keep(given) {
  localStorage[PREFIX + given.id] = JSON.stringify(given);
}

function drop(given) {
  localStorage.removeItem(PREFIX + given.id);
}

// Resolves to what was recorded; null where it was not, and is kept.
async function deliver(given) {
  if (sending.has(given.id)) return null;
  sending.add(given.id);
  keep(given);
  try {
    return await attempt(given);
  } finally {
    sending.delete(given.id);
  }
}

async function attempt(given) {
  const body = { override_id: given.id, grade: given.grade, operator: given.operator, seen_seq: given.seen };
  const address = `/v1/items/${encodeURIComponent(given.item)}/overrides`;
  const reply = await post(address, body).catch(() => null);
  const said = await reply?.json().catch(() => null);
  if (reply?.ok && said) {
    drop(given);
    return said;
  }
  const decided = reply && reply.status < 500 && ![401, 408, 429].includes(reply.status);
  keep({
    ...given,
    left: !decided ? "wait" : said?.error?.code === "answered_already" ? "taken" : "decide",
    fault: said?.error?.message ?? (reply ? "The server did not take it" : "The server does not answer"),
  });
  return null;
}

// What waits for the server is sent again, under the name of who gave it and no other.
async function deliverWaiting(name, recorded) {
  for (const given of kept()) {
    if (given.operator !== name || (given.left && given.left !== "wait") || sending.has(given.id)) continue;
    const said = await deliver(given);
    if (!said) return;
    recorded(given, said);
  }
}

// ---- what the page shows of them -----------------------------------------------------------

function failureRow(given, { retry, changed }) {
  const row = make("div", "failure");
  const text = make("p");
  const what = given.grade ? words(given.grade) : "withdrawn";
  text.append(make("strong", "", `${given.item} is not recorded as ${what}. `));
  row.append(text);
  const act = (label, run) => row.append(makeButton("", label, run));
  const discard = () => {
    drop(given);
    changed();
  };
  if (given.operator !== operatorName()) {
    text.append(`It is the answer of ${given.operator}, and is sent once ${given.operator} is here again.`);
    act("Discard", discard);
  } else if (given.left === "taken") {
    text.append(given.fault.split(";")[0], "."); // what follows is for programs
    act("Keep theirs", discard);
    act("Record mine", () => retry({ ...given, seen: null }));
  } else {
    const fault = given.fault ?? "The server has not confirmed it yet";
    text.append(given.left === "decide" ? fault : `${fault}; it is kept, and tried again by itself.`);
    act("Try again", () => retry(given));
    act("Discard", discard);
  }
  return row;
}
