// Shows one view of an item at a time, with or without the marks: thumbnails, arrow keys and M.
"use strict";

function showView(root, number) {
  const figures = [...root.querySelectorAll(".photo")];
  if (!figures.length) return;
  const wanted = ((number - 1 + figures.length) % figures.length) + 1;
  for (const figure of figures) figure.hidden = Number(figure.dataset.view) !== wanted;
  for (const button of root.querySelectorAll("[data-show]"))
    button.setAttribute("aria-pressed", String(Number(button.dataset.show) === wanted));
}

function shownView(root) {
  const shown = root.querySelector(".photo:not([hidden])");
  return shown ? Number(shown.dataset.view) : 1;
}

// Boxes are placed in fractions of the picture, so its frame takes the picture's shape.
function fitFrame(image) {
  if (image.naturalWidth && image.parentElement?.matches(".frame"))
    image.parentElement.style.setProperty("--ratio", image.naturalWidth / image.naturalHeight);
}
document.addEventListener("load", (event) => fitFrame(event.target), true);
document.querySelectorAll(".frame img").forEach(fitFrame);

// What somebody chose holds for the items to come.
function showMarks(shown) {
  document.body.classList.toggle("unmarked", !shown);
  for (const button of document.querySelectorAll("[data-marks]"))
    button.setAttribute("aria-pressed", String(shown));
}

const toggleMarks = () => showMarks(document.body.classList.contains("unmarked"));

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-show]");
  if (button) showView(button.closest(".gallery"), Number(button.dataset.show));
  else if (event.target.closest("[data-marks]")) toggleMarks();
});

document.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const gallery = document.querySelector(".gallery");
  if (!gallery || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea")) return;
  if (event.key === "m" && !event.repeat) toggleMarks();
  if (!step) return;
  event.preventDefault();
  showView(gallery, shownView(gallery) + step);
});
