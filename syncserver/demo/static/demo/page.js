/** Daybook: notes and todos in `localStorage`. An ordinary page; it has never heard of a server. */

import { all, newId, read, write } from "./shelf.js";
import { fill, fillALot } from "./sample.js";

const SHOWN = 60;
const $ = (id) => document.getElementById(id);
let settings = {};

function show() {
  settings = { theme: "auto", showDone: true, ...read("settings") };
  const notes = all("note:");
  const todos = all("todo:");
  showSettings();
  showNotes(notes);
  showTodos(todos);
  const open = todos.filter((todo) => !todo.done).length;
  $("summary").textContent = `${notes.length} notes · ${open} of ${todos.length} todos open`;
  $("avatar").src = localStorage.getItem("profile:avatar") ?? $("avatar").src;
}

function showSettings() {
  document.documentElement.dataset.theme = settings.theme;
  $("theme").value = settings.theme;
  $("show-done").checked = settings.showDone;
}

function showNotes(notes) {
  notes.sort((a, b) => Number(b.pinned ?? false) - Number(a.pinned ?? false));
  $("notes").replaceChildren(...notes.slice(0, SHOWN).map(noteCard));
  $("no-notes").hidden = notes.length > 0;
}

function noteCard(note) {
  const card = element("li", "card note");
  card.append(
    element("h3", "", note.title || "Untitled"),
    element("p", "", note.body ?? ""),
    element("time", "hint", day(note.created)),
    button(note.pinned ? "Unpin" : "Pin", `${note.pinned ? "Unpin" : "Pin"} ${note.title}`, () =>
      change("note:", note, { pinned: !note.pinned }),
    ),
    button("Delete", `Delete ${note.title}`, () => remove(`note:${note.id}`)),
  );
  card.classList.toggle("pinned", Boolean(note.pinned));
  return card;
}

function showTodos(todos) {
  const wanted = todos.filter((todo) => settings.showDone || !todo.done);
  wanted.sort((a, b) => Number(a.done) - Number(b.done));
  $("todos").replaceChildren(...wanted.slice(0, SHOWN).map(todoRow));
  $("no-todos").hidden = wanted.length > 0;
}

function todoRow(todo) {
  const row = element("li", todo.done ? "done" : "");
  const label = element("label", "");
  const box = element("input", "");
  box.type = "checkbox";
  box.checked = Boolean(todo.done);
  box.addEventListener("change", () => change("todo:", todo, { done: box.checked }));
  label.append(box, element("span", "", todo.text ?? ""));
  row.append(label, button("×", `Delete ${todo.text}`, () => remove(`todo:${todo.id}`)));
  return row;
}

function change(prefix, item, changes) {
  const { id, ...kept } = item;
  write(`${prefix}${id}`, { ...kept, ...changes });
  show();
}

function remove(key) {
  localStorage.removeItem(key);
  show();
}

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

function button(text, label, act) {
  const made = element("button", "plain", text);
  made.type = "button";
  made.setAttribute("aria-label", label);
  made.addEventListener("click", act);
  return made;
}

function day(iso) {
  const date = new Date(iso ?? NaN);
  return Number.isNaN(date.getTime()) ? "" : date.toLocaleDateString(undefined, { day: "numeric", month: "short" });
}

function listen() {
  $("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    const body = $("draft").value.trim();
    const title = $("note-title").value.trim();
    if (!body && !title) return;
    write(`note:${newId()}`, { title, body, created: new Date().toISOString() });
    localStorage.removeItem("draft");
    event.target.reset();
    $("draft-hint").textContent = "";
    show();
  });
  // A draft is plain text under one key, rewritten with every stroke.
  $("draft").addEventListener("input", () => {
    localStorage.setItem("draft", $("draft").value);
    $("draft-hint").textContent = "Draft saved";
  });
  $("todo-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = $("todo-text").value.trim();
    if (text) write(`todo:${newId()}`, { text, done: false, created: new Date().toISOString() });
    event.target.reset();
    show();
  });
  $("theme").addEventListener("change", () => {
    write("settings", { ...settings, theme: $("theme").value });
    show();
  });
  $("show-done").addEventListener("change", () => {
    write("settings", { ...settings, showDone: $("show-done").checked });
    show();
  });
  $("fill").addEventListener("click", () => {
    fill();
    show();
  });
  $("fill-a-lot").addEventListener("click", () => {
    fillALot();
    show();
  });
  $("empty").addEventListener("click", () => {
    localStorage.clear();
    show();
  });
  // Another tab wrote.
  window.addEventListener("storage", show);
}

listen();
show();
$("draft").value = localStorage.getItem("draft") ?? "";
