// Who works at this page: the one place that knows the name which goes with what they do.
"use strict";

const operatorName = () => localStorage.operator || "";

function askName() {
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
nameGiven();
