// Who works at this page: who is logged in or, where access is open, the name that is typed.
"use strict";

let operator = null; // {name, means, ...} of /v1/me
const nameIsTyped = () => operator?.means === "open";
const operatorName = () => (nameIsTyped() ? localStorage.operator || "" : operator?.name || "");

// What goes with a change: who is logged in is known to the server, and may be another person by now.
const signature = () => (nameIsTyped() ? { operator: operatorName() } : {});

function askName() {
  if (!operator) return identify();
  if (!nameIsTyped()) return;
  document.getElementById("name").value = operatorName();
  document.getElementById("name-dialog").showModal();
  document.getElementById("name").select();
}

function nameGiven() {
  const name = document.getElementById("name").value.trim();
  if (name) localStorage.operator = name;
  document.getElementById("operator").textContent = operatorName() || "Your name";
}

document.getElementById("who").addEventListener("click", askName);
document.getElementById("name-dialog").addEventListener("close", nameGiven);

async function identify() {
  operator = await me.catch(() => null);
  if (!operator) me = askMe(); // for the next time
  document.getElementById("who").hidden = !nameIsTyped();
  nameGiven();
}

const operatorKnown = identify();
