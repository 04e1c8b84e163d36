// Who works at this page: who is logged in or, where access is open, the name that is typed.
"use strict";

const nameIsTyped = () => known?.means === "open";
const operatorName = () => (nameIsTyped() ? localStorage.operator || "" : known?.name || "");

// What goes with a change: who is logged in is known to the server, and may be another person by now.
const signature = () => (nameIsTyped() ? { operator: operatorName() } : {});

function askName() {
  if (!known) return askMe();
  if (!nameIsTyped()) return;
  el("name").value = operatorName();
  el("name-dialog").showModal();
  el("name").select();
}

function showName() {
  el("who").hidden = !nameIsTyped();
  el("operator").textContent = operatorName() || "Your name";
}

el("who").addEventListener("click", askName);
el("name-dialog").addEventListener("close", () => {
  const name = el("name").value.trim();
  if (name) localStorage.operator = name;
  showName();
});
addEventListener("storage", (event) => event.key === "operator" && showName());
document.addEventListener("me", showName);
showName(); // the answer may have been here before this script
