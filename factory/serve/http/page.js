"use strict";
const KEPT = "factory-token";
const asked = new URLSearchParams(location.search).get("token");
if (asked) {
  sessionStorage.setItem(KEPT, asked);
  history.replaceState(null, "", location.pathname);
}
const token = sessionStorage.getItem(KEPT);
const allowed = token ? { Authorization: "Bearer " + token } : {};
const note = document.getElementById("note");
if (token && document.body.dataset.act) document.body.classList.add("may-act");

async function refresh() {
  const answer = await fetch("/", { headers: allowed });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
  const shown = document.querySelector("main");
  if (shown.querySelector("details[open]")) {
    note.textContent = "Something has moved; it is shown once the form is closed.";
    return;
  }
  shown.replaceWith(document.adoptNode(fresh));
}

function filled(form, button) {
  const values = button.dataset;
  const body = {};
  if (values.lever) body.lever = values.lever;
  if (values.decision) {
    body.decision = values.decision;
    body.seat = form.dataset.seat;
    body.subject = form.dataset.subject;
    const notes = form.querySelector("textarea").value.trim();
    if (notes) body.notes = notes;
    body.accept = [...form.querySelectorAll("input[data-criterion]:checked")].map((each) => each.dataset.criterion);
    const left = [...form.querySelectorAll("input[data-left]")].filter((each) => each.value.trim());
    body.handoff = Object.fromEntries(left.map((each) => [each.dataset.left, each.value.trim()]));
  }
  if (values.door === "answers") {
    const said = [...form.querySelectorAll("input[data-question]")];
    body.decisions = Object.fromEntries(said.map((each) => [each.dataset.question, each.value]));
  }
  return body;
}

async function act(button) {
  const form = button.closest("[data-item]");
  const where = "/api/v1/" + encodeURIComponent(form.dataset.item) + "/" + button.dataset.door;
  const headers = { ...allowed, "Content-Type": "application/json" };
  const body = JSON.stringify(filled(form, button));
  button.disabled = true;
  try {
    const answer = await fetch(where, { method: "POST", headers, body });
    const told = await answer.json();
    note.textContent = answer.ok ? told.said : told.error.message;
    if (answer.ok) form.closest("details")?.removeAttribute("open");
  } catch (error) {
    note.textContent = "The factory did not answer: " + error.message;
  }
  button.disabled = false;
  refresh();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-door]");
  if (button) act(button);
  const link = event.target.closest("a[href]");
  if (link && token) link.search = "?token=" + encodeURIComponent(token);
});

const events = new EventSource("/api/v1/events" + (token ? "?token=" + encodeURIComponent(token) : ""));
let first = true;
for (const kind of ["moved", "live"]) {
  events.addEventListener(kind, () => {
    if (!first) refresh();
    first = false;
  });
}
events.addEventListener("error", () => { note.textContent = "The factory does not answer; trying again."; });
events.addEventListener("open", () => { note.textContent = ""; });
